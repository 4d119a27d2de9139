"""Diffs of hostile texts: repeated lines and words take bounded time, and no word is lost."""

import random
import time
from collections.abc import Sequence

import pytest

from workers.dedupe.diff import count_changes, diff, diff_paragraphs

MAX_CPU_S = 5.0  # each takes less than 1 s; without the bound more than 60 s
RANDOM = random.Random(1)


def few_words(count: int) -> str:
    return " ".join(RANDOM.choice("ab") for _ in range(count))


TEXTS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "repeated paragraphs": (["x y"] * 2_000, ["x y", "y z"] * 1_000),
    "many paragraphs": (["x"] * 9_000, ["x", "y"] * 4_500),
    "few words": ([few_words(1_900) for _ in range(60)], [few_words(1_900) for _ in range(60)]),
    "few words between equal paragraphs": (
        [text for n in range(60) for text in (f"same {n}", few_words(1_900))],
        [text for n in range(60) for text in (f"same {n}", few_words(1_900))],
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_diff_of_repeated_texts_is_bounded(name: str) -> None:
    before, after = TEXTS[name]
    start_s = time.thread_time()
    operations = diff(before, after)
    paragraphs = diff_paragraphs(before, after)
    count_changes("A", before, "A", after)
    assert time.thread_time() - start_s < 3 * MAX_CPU_S
    for marks, text in (("=-", before), ("=+", after)):
        words = " ".join(text).split()
        assert " ".join(o.text for o in operations if o.op in marks).split() == words
        assert " ".join(o.text for line in paragraphs for o in line if o.op in marks).split() == words


def test_diff_of_long_article_stays_exact() -> None:
    """An article of 19,000 words with one word changed."""
    words = [f"w{RANDOM.randrange(4_000)}" for _ in range(19_000)]
    changed = [*words[:9_000], "corrected", *words[9_001:]]
    changes = count_changes("A", [" ".join(words)], "A", [" ".join(changed)])
    assert (changes.words_added, changes.words_removed) == (1, 1)
