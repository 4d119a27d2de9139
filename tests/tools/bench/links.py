"""Links between near-duplicates in the replayed captures: their number, and the correct share of the labelled ones.

The labels are ../shared/corpus/judge/stream_links.jsonl.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from streams.records import Article
from tests.tools.skips import SHARED

LABELS = SHARED / "corpus" / "judge" / "stream_links.jsonl"


def measured(articles: Iterable[Article]) -> dict[str, Any]:
    """Return counts of links and stories of *articles* (first revisions), and of the labelled links."""
    first: dict[str, Article] = {}
    for article in articles:
        first.setdefault(article.id, article)
    links = [a for a in first.values() if a.duplicate_of]
    sizes = Counter(a.story_id for a in first.values())
    return {
        "links": len(links),
        "links_within_a_feed": sum(a.feed == first[a.duplicate_of].feed for a in links if a.duplicate_of in first),
        "largest_story": max(sizes.values(), default=0),
        "labelled": labelled(first.values()),
    }


def labelled(articles: Iterable[Article]) -> dict[str, dict[str, int]]:
    """Return for each label the number of links `kept` (in one story), `apart`, or `missing` in the articles."""
    stories: dict[str, set[str]] = defaultdict(set)
    for article in articles:
        stories[article.url].add(article.story_id)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    with LABELS.open(encoding="utf-8") as file:
        for link in map(json.loads, file):
            one, other = stories.get(link["url"]), stories.get(link["of_url"])
            outcome = "missing" if not one or not other else "kept" if one & other else "apart"
            found[link["label"]][outcome] += 1
    return {label: dict(counts) for label, counts in sorted(found.items())}
