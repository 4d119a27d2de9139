"""Pushed items: JSON objects to Items."""

from datetime import UTC, datetime
from typing import Any

import pytest

from streams.errors import UnreadableError
from streams.topics import MAX_ITEM_CHARS
from workers.intake.pushed_items import decode_rows, source_url, to_item

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SOURCE = source_url("courier")
LINK = "https://courier.example/bridge"


def test_item_takes_fields_of_json_feed() -> None:
    item = to_item(
        {
            "id": "7", "url": f"{LINK}?utm_source=push", "title": "Bridge opens", "content_html": "<p>Open.</p>",
            "authors": [{"name": "Ida Marrow"}], "date_published": "2026-11-26T09:00:00Z", "tags": ["Town"],
            "language": "en", "publisher": "The Courier",
        },
        SOURCE, NOW,
    )  # fmt: skip
    assert (item.feed, item.guid, item.link, item.title) == (
        "source:courier",
        "7",
        f"{LINK}?utm_source=push",
        "Bridge opens",
    )
    assert (item.identity_key, item.canonical_url) == ("courier.example/bridge", LINK)
    assert (item.publisher, item.authors, item.categories) == ("The Courier", ("Ida Marrow",), ("Town",))
    assert item.published == datetime(2026, 11, 26, 9, tzinfo=UTC)
    assert [(c.value, c.type) for c in item.content] == [("<p>Open.</p>", "text/html")]
    assert item.fetched_at == NOW


def test_item_without_link_is_identified_by_id_or_text() -> None:
    assert to_item({"id": "7", "title": "A"}, SOURCE, NOW).identity_key == "source:courier#7"
    keys = {to_item({"page_text": text}, SOURCE, NOW).identity_key for text in ("One\nTwo", "One\nTwo", "Three")}
    assert len(keys) == 2


def test_page_text_becomes_a_text_dump() -> None:
    item = to_item({"page_text": "World\nBridge opens\nIt opened."}, SOURCE, NOW)
    assert (item.text_dump, item.content) == ("World\nBridge opens\nIt opened.", ())


def test_page_html_loses_scripts() -> None:
    item = to_item({"url": LINK, "page_html": "<html><script>x()</script><p>It opened.</p></html>"}, SOURCE, NOW)
    assert item.page is not None
    assert (item.page.url, item.content) == (LINK, ())
    assert "x()" not in item.page.html
    assert "It opened." in item.page.html


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({}, "no title, text or link"),
        ({"url": "javascript:alert(1)"}, "no title, text or link"),
        ({"content_html": "<p>a", "page_text": "a"}, "several bodies: content_html, page_text"),
        ({"content_html": {"a": 1}}, "not a text: content_html"),
        ({"title": ["a"]}, "not a text: title"),
        ({"page_text": "x" * (MAX_ITEM_CHARS + 1)}, "1,000,001 characters"),
    ],
)
def test_invalid_item_names_its_error(row: dict[str, Any], error: str) -> None:
    with pytest.raises(UnreadableError, match=error):
        to_item(row, SOURCE, NOW)


@pytest.mark.parametrize("name", ["", "a b", "../x", "x\n", "-x", "y" * 101, "é"])
def test_invalid_source_is_refused(name: str) -> None:
    with pytest.raises(UnreadableError, match="invalid source"):
        source_url(name)


def test_rows_of_each_form_are_read() -> None:
    assert decode_rows(b'{"id": 7}', one_per_line=False) == [{"id": "7"}]
    assert decode_rows(b'[{"id": "a"}, {"id": "b"}]', one_per_line=False) == [{"id": "a"}, {"id": "b"}]
    assert decode_rows(b'{"id": "a"}\r\n\n{"id": "b"}\n', one_per_line=True) == [{"id": "a"}, {"id": "b"}]


@pytest.mark.parametrize(
    ("body", "one_per_line", "error"),
    [
        (b"", False, "not JSON: request body"),
        (b'{"id": 1}\n{', True, "not JSON: line 2"),
        (b'{"id": 1}\n[]', True, "not a JSON object: line 2"),
        (b'[{"id": 1}, "x"]', False, "not a JSON object: item 2"),
        (b"[" * 100_000, False, "not JSON"),
        (b"\xff\xfe", False, "not JSON"),
    ],
)
def test_unreadable_rows_name_their_place(body: bytes, one_per_line: bool, error: str) -> None:
    with pytest.raises(UnreadableError, match=error):
        decode_rows(body, one_per_line=one_per_line)
