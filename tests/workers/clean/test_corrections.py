"""Correction notes in eight languages. The notes and the negatives were written before the rules.

`sealed.tsv` and `more_sealed.tsv` were not read while the rules were made.
"""

from pathlib import Path

import pytest

from workers.clean.corrections import MAX_NOTE_CHARS, correction_kind, find_correction
from workers.clean.rules.corrections import LANGUAGES

FOLDER = Path(__file__).parent / "corrections"
NOTE = "Correction: An earlier version of this article misstated the age of the bridge."
FILLER = [f"The harbour board met for the {n}. time and discussed the bridge." for n in range(20)]


def rows(name: str) -> list[tuple[str, str, str]]:
    lines = (FOLDER / f"{name}.tsv").read_text("utf-8").splitlines()
    return [(language, kind, text) for language, kind, text in (line.split("\t") for line in lines)]


@pytest.mark.parametrize(("name", "recall"), [("dev", 1.0), ("sealed", 0.85)])
def test_notes_are_found_with_high_precision(name: str, recall: float) -> None:
    cases = rows(name)
    results = [(kind, correction_kind(text)) for _, kind, text in cases]
    right = sum(kind == result for kind, result in results if result)
    notes = sum(kind != "-" for kind, _ in results)
    assert notes == len(cases) - notes == 75
    assert {language for language, _, _ in cases} == set(LANGUAGES)
    assert right >= 0.97 * sum(bool(result) for _, result in results)
    assert right >= recall * notes


@pytest.mark.parametrize(("name", "recall"), [("more", 0.95), ("more_sealed", 0.65)])
def test_varied_notes_are_found(name: str, recall: float) -> None:
    """Apologies, errors of editors, labels of agencies, retractions and corrections in the first person."""
    cases = rows(name)
    results = [(kind, correction_kind(text)) for _, kind, text in cases]
    right = sum(kind == result for kind, result in results if result)
    assert {language for language, _, _ in cases} == set(LANGUAGES)
    assert right >= 0.97 * sum(bool(result) for _, result in results)
    assert right >= recall * sum(kind != "-" for kind, _ in results)


@pytest.mark.parametrize("position", [0, 2, 15, 20])
def test_note_at_either_end_is_found(position: int) -> None:
    correction = find_correction([*FILLER[:position], NOTE, *FILLER[position:]])
    assert correction is not None
    assert (correction.kind, correction.note) == ("correction", NOTE)


def test_note_among_removed_blocks_is_found() -> None:
    correction = find_correction(FILLER, ["Advertisement", NOTE])
    assert correction is not None
    assert correction.note == NOTE


def test_middle_and_long_paragraphs_are_left_out() -> None:
    assert find_correction([*FILLER[:10], NOTE, *FILLER[10:]]) is None
    assert find_correction([NOTE + "x" * MAX_NOTE_CHARS]) is None
    assert find_correction([]) is None
