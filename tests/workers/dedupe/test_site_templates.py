"""Changes of a site's template: votes of articles, and the alert."""

from collections import Counter
from collections.abc import Iterable

import pytest

from workers.clean.site_facts import SiteFacts
from workers.dedupe.site_templates import CHANGED_ARTICLES, MIN_FITTING, vote

FEED = "https://courier.example/feed"


def changes(fits: Iterable[bool | None], feed: str = FEED) -> list[int]:
    """Return the numbers of the articles at which the template has changed."""
    counts: Counter[bytes] = Counter()
    changed = []
    for n, value in enumerate(fits):
        votes, reset, is_change = vote(SiteFacts(counts=counts), feed, value)
        for key in reset:
            del counts[key]
        counts.update(votes)
        changed += [n] if is_change else []
    return changed


@pytest.mark.parametrize(
    ("fits", "expected"),
    [
        ([True] * MIN_FITTING + [False] * CHANGED_ARTICLES, [MIN_FITTING + CHANGED_ARTICLES - 1]),
        ([True] * MIN_FITTING + [False] * (CHANGED_ARTICLES - 1) + [True] * 9, []),
        ([True] * (MIN_FITTING - 1) + [False] * 20, []),
        ([False] * 40, []),
        ([True, True, False] * 20 + [False] * 9, []),  # a site of two templates
        ([None, True] * MIN_FITTING + [None, False] * CHANGED_ARTICLES, [2 * (MIN_FITTING + CHANGED_ARTICLES) - 1]),
        ([True] * 50 + [False] * 40 + [True] * 50 + [False] * 40, [54, 144]),
    ],
)
def test_template_change_needs_proof_and_row(fits: list[bool | None], expected: list[int]) -> None:
    assert changes(fits) == expected


def test_feeds_of_site_vote_apart() -> None:
    counts: Counter[bytes] = Counter()
    for _ in range(MIN_FITTING):
        counts.update(vote(SiteFacts(counts=counts), FEED, True).votes)
    assert not any(vote(SiteFacts(counts=counts), f"{FEED}/opinion", False).is_change for _ in range(20))
    assert vote(SiteFacts(counts=counts), f"{FEED}/opinion", False).votes == {}
