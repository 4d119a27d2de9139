"""Rare inputs of decisions: dates, routes and partial documents."""

from datetime import UTC, datetime

import pytest

from streams.config.tables import Route
from streams.records import Article, Item
from streams.routing import Router
from workers.poller.new_items import find_new_items
from workers.text.date_lines import parse_date_line
from workers.text.dates import parse_date

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2026年13月40日", None),
        ("1899年1月4日", None),
        ("2026年1月5日", datetime(2026, 1, 5, tzinfo=UTC)),
    ],
)
def test_east_asian_date_line_is_validated(line: str, expected: datetime | None) -> None:
    assert parse_date_line(line) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("03.04.2020", datetime(2020, 4, 3, tzinfo=UTC)),  # day first, as the dot tells
        ("03/04/2020", None),
        ("5 Jan 2026 5 Jan 2026 10:00", datetime(2026, 1, 5, 10, tzinfo=UTC)),
        ("31 Feb 2026 31 Feb 2026", None),
        ("Mon, 7 Jul 1980 10:00 ET", None),  # no table of daylight saving time before 1987
    ],
)
def test_parse_date_of_ambiguous_text(text: str, expected: datetime | None) -> None:
    assert parse_date(text) == expected


def test_routes_with_one_keyword_share_its_search() -> None:
    article = Article(id="1", revision=1, title="Flour", paragraphs=("The weir opens.",), fetched_at=NOW)
    routes = [Route(name=name, keyword=("boat", "weir")) for name in ("a", "b")]
    assert Router(routes).route_names(article) == ["a", "b"]


def test_partial_document_keeps_known_items() -> None:
    def items(*names: int) -> list[Item]:
        return [Item(feed="f", identity_key=f"k{n}", fetched_at=NOW, fingerprint=f"{n % 10:x}" * 16) for n in names]

    known_items = find_new_items(items(1, 2, 3), b"").known_items
    partial = find_new_items(items(14, 11), known_items, is_partial=True)
    assert [item.identity_key for item in partial.items] == ["k14", "k11"]
    assert find_new_items(items(1, 2, 3, 14, 11), partial.known_items).items == ()
