"""Correction notes: the publisher's statement that a text was wrong, or unclear, or is retracted. Pure.

A note says so about its own text. "An earlier version of this article misstated the date" is one, "an earlier version
of the bill" isn't. `rules.corrections` has the words of eight languages.

    strong label ("Errata:")                                        note
    label ("Correction:") or editor's note + reference + error      note
    own text + earlier version + error or correction                note
    own text + was corrected                                        note
"""

from collections.abc import Iterator, Sequence

from streams.records import Correction
from workers.clean.rules.corrections import HINTS, LANGUAGES, Words

MAX_NOTE_CHARS = 700
FIRST, LAST = 3, 6  # paragraphs of a text that may hold a note


def find_correction(paragraphs: Sequence[str], removed: Sequence[str] = ()) -> Correction | None:
    """Return the first note in the ends of a text, else in the blocks that the cleaner *removed*."""
    for text in _candidates(paragraphs, removed):
        if kind := correction_kind(text):
            return Correction(kind, text)
    return None


def _candidates(paragraphs: Sequence[str], removed: Sequence[str]) -> Iterator[str]:
    middle = range(FIRST, len(paragraphs) - LAST)
    ends = [text for number, text in enumerate(paragraphs) if number not in middle]
    for text in (*ends, *removed):
        if len(text) <= MAX_NOTE_CHARS and any(map(text.casefold().__contains__, HINTS)):
            yield text.strip()


def correction_kind(text: str) -> str:
    """Return `correction`, `clarification` or `retraction`; "" for any other text."""
    return next(filter(None, (_kind(text, words) for words in LANGUAGES.values())), "")


def _kind(text: str, words: Words) -> str:
    if words.retraction.search(text):
        return "retraction"
    own, version, error, fixed, clear = (
        bool(pattern.search(text))
        for pattern in (words.own_text, words.version, words.error, words.fixed, words.clearer)
    )
    label = bool(words.label.match(text))
    is_about_itself = (own and (version or label)) or (version and (label or bool(words.note.match(text))))
    if clear and (is_about_itself or (own and fixed)) and not error:
        return "clarification"
    is_claim = own and version and bool(words.claim.search(text))
    is_labelled = label and (error or (bool(words.contrast.search(text)) and not words.clear_label.match(text)))
    if fixed or is_claim or is_labelled or (is_about_itself and error) or words.strong_label.match(text):
        return "clarification" if words.clear_label.match(text) else "correction"
    return ""
