"""Vocabulary of the model: the phrases that its text features look up. Frozen: a change requires `make train`.

The trees were trained on these phrases. The model file holds `VOCABULARY_HASH`, and `model.load` rejects another one.
To remove a line by rule, edit `workers/clean/rules` instead.

vocabulary.tsv has three columns: kind, language, phrase.

label   line above a list of links
share   line of a share bar or a comment box
ad      line that marks an advertisement
start   beginning of a line of clutter
word    word or word pair of prompts, legal notices, shops and notices about embedded content
part    part of a word, for scripts without spaces

The following kinds are the tables of `workers/clean/rules` at the time of a training. The rules change without one.

sure_label    line above a list of links
sure_bar      line of a share bar, or that marks an advertisement
lead          words before a separator and a headline
prompt        pattern of a complete prompt
byline        pattern of a complete byline
reading_time  pattern of a complete reading time

Source: news pages of at least one outlet, or published lists of scrapers, in 39 languages. Words and parts: prompts on
news pages. Body text contains these phrases too, so no phrase suffices to remove a line: the model weighs them.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from workers.clean.line_types import lead_pattern
from workers.clean.phrases import Entry, read_entries
from workers.text.normalise import match_key, without_joiners

FILE = Path(__file__).with_name("vocabulary.tsv")
START_KEY_CHARS = 2  # line starts are indexed by their first characters
MAX_START_CHARS = 60
HASH_BYTES = 8
EXACT = frozenset(("word", "part", "lead", "prompt", "byline", "reading_time"))  # looked up as written
EDGE_MARKS = " .!»›>|"  # around a prompt


def normalise(entry: Entry) -> str:
    """Return the form of a phrase that the features look up."""
    if entry.kind in EXACT:
        return entry.phrase
    return without_joiners(entry.phrase).casefold() if entry.kind == "start" else match_key(entry.phrase)


def hash_texts(texts: Iterator[str]) -> str:
    """Return the BLAKE2b hash of *texts* in their order, as 16 hexadecimal digits."""
    return hashlib.blake2b("\n".join(texts).encode(), digest_size=HASH_BYTES).hexdigest()


def hash_entries(entries: tuple[Entry, ...]) -> str:
    """Return the hash of the normalised phrases with their kinds. It depends on neither order nor language."""
    return hash_texts(iter(sorted({f"{entry.kind}\t{normalise(entry)}" for entry in entries})))


def starts_like_clutter(text: str) -> bool:
    """Return whether *text* begins with a line start of the vocabulary, after any bullets."""
    text = text[:MAX_START_CHARS].casefold().lstrip("•·*>»▶►-–— ")
    return text.startswith(LINE_STARTS.get(text[:START_KEY_CHARS], ()))


def is_prompt_line(text: str, key: str) -> bool:
    """Return whether all of *text* is a prompt or a share bar of the vocabulary; *key*: its match key."""
    stripped = text.strip(EDGE_MARKS)
    if PROMPT_LINE.fullmatch(stripped) or (stripped != text and PROMPT_LINE.fullmatch(text)):
        return True
    return key in SURE_BARS


def _any_of(kind: str) -> str:
    """Return the source of a pattern for any of the patterns of a *kind*, in the order of the file."""
    return "|".join(f"(?:{entry.phrase})" for entry in ENTRIES if entry.kind == kind)


def _phrases(*kinds: str) -> frozenset[str]:
    return frozenset(normalise(entry) for entry in ENTRIES if entry.kind in kinds)


def _line_starts() -> dict[str, tuple[str, ...]]:
    index: dict[str, tuple[str, ...]] = {}
    for start in sorted(_phrases("start")):
        key = start[:START_KEY_CHARS]
        index[key] = (*index.get(key, ()), start)
    return index


ENTRIES = read_entries(FILE)
VOCABULARY_HASH = hash_entries(ENTRIES)
WEAK_LABELS, WEAK_BARS = _phrases("label"), _phrases("share", "ad")
LINE_STARTS = _line_starts()
PROMPT_WORDS, PROMPT_WORD_PARTS = _phrases("word"), _phrases("part")
SURE_LABELS, SURE_BARS = _phrases("sure_label"), _phrases("sure_bar")
PROMPT_LINE = re.compile(_any_of("prompt"), re.IGNORECASE)
BYLINE = re.compile(_any_of("byline"), re.IGNORECASE)
READING_TIME = re.compile(_any_of("reading_time"), re.IGNORECASE)
LEAD = re.compile(lead_pattern(_phrases("lead")), re.IGNORECASE)
