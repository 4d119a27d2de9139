"""The lexicon: complete lines that are always clutter, read from `lexicon.tsv`.

lexicon.tsv has three columns: kind, language, phrase.

label   line above a list of links
share   line of a share bar or a comment box
ad      line that marks an advertisement

Source: news pages, or published lists of scrapers. Each phrase occurred as clutter on three sites or more and in no
article. Phrases that articles contain too belong to the model's vocabulary.
"""

from pathlib import Path

from workers.clean.phrases import read_entries
from workers.clean.rules.labels import LINK_LABELS, MORE_LABELS, MORE_LEADS
from workers.text.normalise import match_key

FILE = Path(__file__).with_name("lexicon.tsv")


def _match_keys(*kinds: str) -> frozenset[str]:
    return frozenset(match_key(entry.phrase) for entry in ENTRIES if entry.kind in kinds)


ENTRIES = read_entries(FILE)
_TABLES = (LINK_LABELS, MORE_LEADS, MORE_LABELS)
LABELS = frozenset(match_key(label) for table in _TABLES for labels in table.values() for label in labels)
LABELS |= _match_keys("label")
SHARE_BARS = _match_keys("share", "ad")
ADVERTISEMENTS = _match_keys("ad")
