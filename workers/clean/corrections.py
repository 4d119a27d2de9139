"""Correction notes: the publisher's statement that a text was wrong, or unclear, or is retracted. Pure.

A note refers to its own text. "An earlier version of this article misstated the date" is a note, "an earlier version of
the bill" is not. `rules.corrections` has the words of eight languages.

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
FIRST, LAST = 3, 6  # paragraphs at the start and the end of a text that may hold a note


class Signs(NamedTuple):
    """The signs of a note that a text has.

    `own_text`: the text speaks of itself. `earlier_version`: of an earlier form. `earlier_claim`: of the claims of that
    form. `error`: of an error. `was_corrected`, `was_clarified`: it says so of itself. `contrast`: "49, not 94".
    `we_published`: "we reported", "in our article". `editors_error`: the editors made an error. `apology`: they
    apologise for an error. `issue_or_readers`: words for an issue or its readers. `we_corrected`: "we have corrected".
    `was_changed`: weaker verbs, as in "the headline was changed".
    """

    own_text: bool
    earlier_version: bool
    earlier_claim: bool
    error: bool
    was_corrected: bool
    was_clarified: bool
    contrast: bool
    we_published: bool
    editors_error: bool
    apology: bool
    issue_or_readers: bool
    we_corrected: bool
    was_changed: bool


def find_correction(paragraphs: Sequence[str], removed: Sequence[str] = ()) -> Correction | None:
    """Return the first note at the start or end of a text, else in the blocks that the cleaner *removed*."""
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
    signs = Signs(**{name: bool(pattern.search(text)) for name, pattern in words.signs.items()})
    label, note = bool(words.label.match(text)), bool(words.note.match(text))
    is_clear_label = bool(words.clear_label.match(text))
    is_about_itself = (signs.own_text and (signs.earlier_version or label)) or (
        signs.earlier_version and (label or note)
    )
    is_about_clarity = signs.was_clarified and (is_about_itself or (signs.own_text and signs.was_corrected))
    if (is_about_clarity and not signs.error) or (is_clear_label and (is_about_itself or signs.we_published)):
        return "clarification"
    is_own_label = (signs.we_published or is_about_itself) and not UPDATE_LABEL.match(text)
    is_labelled = label and (signs.error or is_own_label or (signs.contrast and not is_clear_label))
    if signs.was_corrected or is_labelled or (is_about_itself and signs.error) or words.strong_label.match(text):
        return "clarification" if is_clear_label else "correction"
    return "correction" if _is_admitted(signs, is_noted=label or note) else ""


def _is_admitted(signs: "Signs", *, is_noted: bool) -> bool:
    """Return whether the publisher admits an error without a label."""
    is_of_a_text = signs.own_text or signs.earlier_version or signs.we_published
    return (
        ((signs.own_text or is_noted) and signs.earlier_version and signs.earlier_claim)
        or (signs.we_published and signs.error)
        or (signs.editors_error and (is_of_a_text or signs.issue_or_readers))
        or (signs.apology and (is_of_a_text or signs.issue_or_readers))
        or (
            signs.we_corrected
            and (signs.earlier_version or signs.we_published or is_noted or (signs.own_text and signs.issue_or_readers))
        )
        or (signs.was_changed and signs.own_text and signs.error)
    )
