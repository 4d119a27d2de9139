"""Terms of texts: rare words, names and numbers, and their digests."""

import pytest

from workers.events.terms import (
    Word,
    name_key,
    name_phrases,
    number_form,
    number_keys,
    stem_key,
    terms_of,
    words_of,
)


@pytest.mark.parametrize(
    "latin, other",
    [
        ("Trump", "Трамп"),
        ("Merkel", "Меркель"),
        ("Kessler", "Кесслер"),
        ("Lindqvist", "Линдквист"),
        ("Okonkwo", "Оконкво"),
    ],
)
def test_name_keys_agree_between_scripts(latin: str, other: str) -> None:
    assert name_key(latin) == name_key(other)


def test_stem_key_ignores_case_accents_and_endings() -> None:
    assert stem_key("Élection") == stem_key("elections")
    assert stem_key("election") != stem_key("elephant")
    assert stem_key("the") == 0


@pytest.mark.parametrize(
    "number, form",
    [("1,250", "1250"), ("1.250.000", "1250000"), ("1,5", "1.5"), ("2026", "2026"), ("1250,75", "1250.75")],
)
def test_number_form_has_no_thousands_separators(number: str, form: str) -> None:
    assert number_form(number) == form


def test_number_keys_skip_single_digits_and_repetitions() -> None:
    assert number_keys("4 dead, 128 hurt, 128 houses") == number_keys("128")


def test_words_join_pieces_with_their_scores() -> None:
    pieces = [("\u2581Sko", -5.0), ("berg", -4.0), (".", -1.0), ("\u2581Then", -6.0), ("\u2581Vale", -9.0)]
    assert words_of(pieces) == [Word("Skoberg", 10.0, True), Word("Then", 6.0, True), Word("Vale", 9.0, False)]


def test_words_of_unspaced_script_are_pieces() -> None:
    words = words_of([("\u2581德国", -12.0), ("总理", -14.0)])
    assert [word.text for word in words] == ["德国", "总理"]


def test_terms_prefer_rare_words_and_titles() -> None:
    title = [Word("Skoberg", 15.0, False)]
    body = [Word("house", 10.0, False), Word("house", 10.0, False), Word("this", 5.0, False)]
    assert [term.text for term in terms_of(title, body)] == ["Skoberg", "house"]


def test_name_phrases_end_at_punctuation() -> None:
    assert name_phrases("Then Marta Kessler, Mayor of Skelby Down. Mr Ito") == [
        "Then Marta Kessler",
        "Skelby Down",
        "Mr Ito",
    ]
