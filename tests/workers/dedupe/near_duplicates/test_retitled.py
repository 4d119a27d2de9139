"""Edited copies under another title of one source."""

import random

from tests.support.stories import NOW_S, story
from workers.dedupe.near_duplicates.model import load_default
from workers.dedupe.near_duplicates.signature import signature_of

SEEDS = 12


def edited(text: str, seed: int) -> str:
    """Return the text with three words left out."""
    words, rnd = text.split(), random.Random(seed)
    for _ in range(3):
        del words[rnd.randrange(10, len(words) - 10)]
    return " ".join(words)


def copies(titles: tuple[str, str] | None = None) -> int:
    """Return how many edited texts are copies under *titles*, or under titles of their first and second sentence."""
    count = 0
    for seed in range(SEEDS):
        title, text = story(seed)
        title, other = titles or (title, " ".join(text.split(". ")[1].split()[:9]))
        one = signature_of(title, text, "Tidewire", NOW_S, "f").signature
        again = signature_of(other, edited(text, seed), "Tidewire", NOW_S + 60, "f").signature
        [similarity] = load_default().compare(again, [one])
        count += similarity.probability > load_default().threshold
    return count


def test_edited_copy_under_title_about_it_is_copy() -> None:
    assert copies() >= SEEDS - 2


def test_series_text_about_neither_title_is_separate() -> None:
    """The text of a series describes the series."""
    titles = "Quarterly lantern review of department stores", "Gardening lessons with Professor Wintersmith"
    assert copies(titles) == 0
