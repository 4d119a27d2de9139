"""The lexicon of exact lines and line starts that clutter is known by, read from `lexicon.tsv`.

    kind      label: above a list of links · share: a share bar's or comment box's · ad · start: what a line begins with
    rule      sure: a line that is this and nothing else goes; -: the model weighs it

Source: seen on news pages of at least one outlet or in scrapers' published lists, in 39 languages; `sure` only what
stood as clutter on three sites or more and in no story.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from workers.clean.rules.patterns import LINK_LABELS
from workers.text.normalise import match_key, without_joiners

FILE = Path(__file__).with_name("lexicon.tsv")
FIRST_CHARS = 2  # that starts are looked up by


class Entry(NamedTuple):
    """A row of the table."""

    kind: str
    sure: bool
    language: str
    phrase: str


def entries() -> Iterator[Entry]:
    """Yield the table's rows."""
    for line in FILE.read_text(encoding="utf8").splitlines()[1:]:
        kind, rule, language, phrase = line.split("\t")
        yield Entry(kind, rule == "sure", language, phrase)


def _lines(*kinds: str, sure: bool = False) -> frozenset[str]:
    return frozenset(match_key(e.phrase) for e in ENTRIES if e.kind in kinds and (e.sure or not sure))


def _starts() -> dict[str, tuple[str, ...]]:
    out: dict[str, tuple[str, ...]] = {}
    for entry in ENTRIES:
        if entry.kind == "start":
            start = without_joiners(entry.phrase).casefold()
            out[start[:FIRST_CHARS]] = (*out.get(start[:FIRST_CHARS], ()), start)
    return out


ENTRIES = tuple(entries())
LABELS = frozenset(match_key(label) for group in LINK_LABELS.values() for label in group) | _lines("label", sure=True)
SHARE_BARS = _lines("share", "ad", sure=True)
WEAK_LABELS, WEAK_BARS = LABELS | _lines("label"), _lines("share", "ad")
LINE_STARTS = _starts()


def starts_like_clutter(text: str) -> bool:
    """Whether *text* begins as lines do that lead elsewhere or ask for something; stories do too, less often."""
    text = text[:60].casefold().lstrip("•·*>»▶►-–— ")
    return text.startswith(LINE_STARTS.get(text[:FIRST_CHARS], ()))
