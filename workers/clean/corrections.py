"""Correction notes: the publisher's statement that a text was wrong, or unclear, or is retracted. Pure.

A note says so about its own text. "An earlier version of this article misstated the date" is one, "an earlier version
of the bill" isn't. `rules.corrections` has the words of eight languages.

    strong label ("Errata:")                                        note
    label ("Correction:") or editor's note + reference + error      note
    own text + earlier version + error or correction                note
    own text + was corrected                                        note
    "we reported" + error                                           note
    error of the editors + a text                                   note
    apology for an error + a text                                   note
    "we have corrected" + own text or earlier version               note
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from streams.records import Correction
from workers.clean.rules.corrections import ANY_HINTS, ASCII_HINTS, HINTS, LANGUAGES, UPDATE_LABEL, WIRE_LABEL, Words

MIN_NOTE_CHARS, MAX_NOTE_CHARS = 25, 700
FIRST, LAST = 3, 6  # paragraphs of a text that may hold a note


class Signs(NamedTuple):
    """The parts of a note that a text has.

    `own`: it speaks of itself. `version`: an earlier form of a text. `claim`: verbs of an earlier form. `error`: words
    for a mistake. `fixed`: the text says that it was corrected. `clearer`: it was made clear. `contrast`: "49, not 94".
    `published`: "we reported", "in our article". `slip`: an error of the editors. `apology`: they apologise for an
    error. `issue`: words for an issue or its readers. `edited`: "we have corrected". `changed`: weaker verbs, as in
    "the headline was changed".
    """

    own: bool
    version: bool
    claim: bool
    error: bool
    fixed: bool
    clearer: bool
    contrast: bool
    published: bool
    slip: bool
    apology: bool
    issue: bool
    edited: bool
    changed: bool


def find_correction(paragraphs: Sequence[str], removed: Sequence[str] = ()) -> Correction | None:
    """Return the first note in the ends of a text, else in the blocks that the cleaner *removed*."""
    texts = [*_candidates(paragraphs, removed)]
    has_hint = _has_hint("\n".join(texts))  # one long text takes half the time of its paragraphs
    for text in texts:
        if kind := correction_kind(text) if has_hint else WIRE_LABEL.match(text) and "correction":
            return Correction(kind, text)
    return None


def _has_hint(text: str) -> bool:
    folded = text.casefold()
    return any(map(folded.__contains__, ASCII_HINTS if folded.isascii() else ANY_HINTS))


def _candidates(paragraphs: Sequence[str], removed: Sequence[str]) -> Iterator[str]:
    middle = range(FIRST, len(paragraphs) - LAST)
    ends = [text for number, text in enumerate(paragraphs) if number not in middle]
    for text in (*ends, *removed):
        if MIN_NOTE_CHARS <= len(text) <= MAX_NOTE_CHARS:
            yield text.strip()


def correction_kind(text: str) -> str:
    """Return `correction`, `clarification` or `retraction`; "" for any other text."""
    if WIRE_LABEL.match(text):
        return "correction"
    contained = text.casefold().__contains__
    languages = (words for name, words in LANGUAGES.items() if any(map(contained, HINTS[name])))
    return next(filter(None, (_kind(text, words) for words in languages)), "")


def _kind(text: str, words: Words) -> str:
    if words.retraction.search(text):
        return "retraction"
    seen = Signs(**{name: bool(pattern.search(text)) for name, pattern in words.signs.items()})
    label, note = bool(words.label.match(text)), bool(words.note.match(text))
    is_clear_label = bool(words.clear_label.match(text))
    is_about_itself = (seen.own and (seen.version or label)) or (seen.version and (label or note))
    is_about_clarity = seen.clearer and (is_about_itself or (seen.own and seen.fixed))
    if (is_about_clarity and not seen.error) or (is_clear_label and (is_about_itself or seen.published)):
        return "clarification"
    is_own_label = (seen.published or is_about_itself) and not UPDATE_LABEL.match(text)
    is_labelled = label and (seen.error or is_own_label or (seen.contrast and not is_clear_label))
    if seen.fixed or is_labelled or (is_about_itself and seen.error) or words.strong_label.match(text):
        return "clarification" if is_clear_label else "correction"
    return "correction" if _is_admitted(seen, is_noted=label or note) else ""


def _is_admitted(seen: "Signs", *, is_noted: bool) -> bool:
    """Return whether the publisher admits an error without a label."""
    is_of_a_text = seen.own or seen.version or seen.published
    return (
        ((seen.own or is_noted) and seen.version and seen.claim)
        or (seen.published and seen.error)
        or (seen.slip and (is_of_a_text or seen.issue))
        or (seen.apology and (is_of_a_text or seen.issue))
        or (seen.edited and (seen.version or seen.published or is_noted or (seen.own and seen.issue)))
        or (seen.changed and seen.own and seen.error)
    )
