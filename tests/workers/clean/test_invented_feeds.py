"""Feeds of site builders with expected lines: set t was read while rules were written, set u after its measurement.

A `text` line must stay, a `not_text` line must go; a `text` line with ~ may be joined with its neighbours and is left out here.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from streams.records import Item
from workers.clean.cleaner import clean
from workers.poller.formats import parse_feed

FOLDER = Path(__file__).with_name("invented_feeds")
NOW = datetime(2026, 11, 27, tzinfo=UTC)
MIN_CORRECT = {"t": 35, "u": 29}  # of 41 and 43 items; decision 165
MAX_LOST_LINES = {"t": 2, "u": 1}  # of 219 and 186


class Outcome(NamedTuple):
    """Lost story lines and remaining lines of clutter of an item."""

    lost: set[str]
    extra: set[str]


def one_line(text: str) -> str:
    return " ".join(text.split())


def outcomes(name: str) -> list[Outcome]:
    """Return the outcome of each item of a set."""
    found: list[Outcome] = []
    for path in sorted(FOLDER.glob(f"{name}*.xml")):
        expected = json.loads(path.with_suffix("").with_suffix(".expected.json").read_text("utf-8"))["items"]
        feed = parse_feed(path.read_bytes(), "https://feeds.example/feed", fetched_at=NOW)
        items = {one_line(item.title): item for item in feed.items}
        found += [outcome(items[one_line(row["title"])], row) for row in expected]
    return found


def outcome(item: Item, expected: dict[str, list[str]]) -> Outcome:
    longest = max((content.value for content in item.content), key=len, default="")
    body = longest or (item.summary.value if item.summary is not None else "")
    kept = {one_line(line) for line in clean(body, "html", title=item.title, url=item.link).paragraphs}
    story = {one_line(line) for line in expected["text"] if not line.startswith("~")}
    return Outcome(
        {line for line in story if not any(line in paragraph for paragraph in kept)},
        kept & {one_line(line) for line in expected["not_text"]},
    )


@pytest.mark.parametrize("name", sorted(MIN_CORRECT))
def test_feeds_of_site_builders_are_mostly_exact(name: str) -> None:
    found = outcomes(name)
    assert sum(not row.lost and not row.extra for row in found) >= MIN_CORRECT[name]
    assert sum(len(row.lost) for row in found) <= MAX_LOST_LINES[name]
