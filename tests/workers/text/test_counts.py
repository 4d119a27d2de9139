"""Counts with their nouns."""

import pytest

from workers.text.counts import format_count


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [(0, "poll", "0 polls"), (1, "poll", "1 poll"), (1200, "poll", "1,200 polls"), (2, "entry", "2 entries")],
)
def test_count_has_the_form_of_its_noun(number: int, noun: str, text: str) -> None:
    assert format_count(number, noun) == text
