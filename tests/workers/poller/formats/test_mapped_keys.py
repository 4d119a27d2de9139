"""Elements whose names feedparser maps to other keys: both XML readers give one result."""

from itertools import product

import pytest
from feedparser.util import FeedParserDict

from streams.errors import UnreadableError
from streams.records import Item
from tests.workers.poller.cases import fields, parse_both

URL = "https://courier.example/feed"
KEYS = sorted(FeedParserDict.keymap)
FORMS = ("<{0}>2026-03-09</{0}>", "<{0} x='1'>2026-03-09</{0}>", "<{0}/>", "<{0}><b>2026-03-09</b></{0}>")


def rss(item: str, channel: str = "") -> str:
    return (
        f"<rss version='2.0' xmlns:dc='http://purl.org/dc/elements/1.1/'><channel><title>T</title>{channel}"
        f"<item><title>R</title><link>/1</link>{item}</item></channel></rss>"
    )


def only(item: str) -> Item:
    [read] = parse_both(rss(item).encode(), url=URL).items
    return read


@pytest.mark.parametrize(("key", "form"), list(product(KEYS, FORMS)))
def test_readers_agree_on_mapped_key(key: str, form: str) -> None:
    element = form.format(key)
    for body in (rss(element), rss("", element), rss(element + element)):
        try:
            parse_both(body.encode(), url=URL)
        except UnreadableError:
            pytest.fail("one reader refuses the document")


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ("<date>2026-03-09</date>", "2026-03-09T00:00:00"),
        ("<dc:date>2026-03-08</dc:date><date>2026-03-09</date>", "2026-03-08T00:00:00"),
        ("<date>2026-03-09</date><pubDate>Sat, 07 Mar 2026 10:00:00 GMT</pubDate>", "2026-03-07T10:00:00"),
        ("<date>soon</date>", None),
    ],
)
def test_unqualified_date_is_a_date_of_publication(dates: str, expected: str | None) -> None:
    assert fields(only(dates), "published") == (expected,)
