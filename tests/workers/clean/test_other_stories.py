"""Pages with more than one story. All of them are invented; see `second_stories`."""

import pytest

from tests.workers.clean.second_stories import SEEN, UNSEEN, Page
from workers.clean.cleaner import clean

MIN_CORRECT = 7  # of the ten pages that were not run before the rules were finished


def is_correct(page: Page) -> bool:
    paragraphs = clean(page.html, "page").paragraphs
    return tuple(line for line in paragraphs if line in page.lines or not page.has_headings) == page.lines


@pytest.mark.parametrize("page", SEEN, ids=lambda page: page.name)
def test_clean_page_returns_only_its_story(page: Page) -> None:
    assert is_correct(page)


def test_clean_unseen_pages_returns_most_stories() -> None:
    assert sum(map(is_correct, UNSEEN)) >= MIN_CORRECT
    assert all(set(page.lines) <= set(clean(page.html, "page").paragraphs) for page in UNSEEN)
