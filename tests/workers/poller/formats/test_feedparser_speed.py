"""The faster functions for feedparser return its results."""

from pathlib import Path
from typing import Any

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.corpus import EACH_SHARE, sampled
from tests.support.examples import examples
from tests.support.feed_strategies import TEXTS, feeds
from workers.poller.formats import normalise_document
from workers.poller.formats.feedparser_bounds import BoundedMixin, bounded_parsers, run_feedparser
from workers.poller.formats.feedparser_foreign import LooseForeignMixin
from workers.poller.formats.feedparser_speed import is_well_formed

URL = "https://courier.example/feeds/world"
HEADERS = {"content-location": URL, "content-type": "application/xml; charset=utf-8"}
LONGEST = 300_000
_LOOSE: Any = type("LooseFeedParser", (LooseForeignMixin, BoundedMixin, feedparser.api.LooseFeedParser), {})


def loose_result(body: bytes) -> tuple[Any, Any] | str:
    """Return channel and entries of feedparser's loose parser with the rules of copydesk."""
    return _parsed(_LOOSE, body)


def fast_loose_result(body: bytes) -> tuple[Any, Any] | str:
    with bounded_parsers():
        return _parsed(feedparser.api.LooseFeedParser, body)


def _parsed(parser_class: Any, body: bytes) -> tuple[Any, Any] | str:
    parser = parser_class(URL, None, "utf-8", {})
    parser.resolve_relative_uris = parser.sanitize_html = False
    try:
        parser.feed(body.decode("utf-8", "replace"))
    except Exception as exc:  # noqa: BLE001 - both must fail in the same way
        return repr(exc)
    return parser.feeddata, parser.entries


def with_bare_ampersands(body: bytes) -> bytes:
    return body.replace(b"</title>", b" & more &amp; &#8217;&lt;b&gt; &lt </title>").replace(
        b"</p>", b"&nbsp;a&b;c</p>"
    )


@given(feeds(), st.lists(st.sampled_from([*TEXTS, "&", "&lt", "&#60;", "&#X3C;", "&bogus;", "<", "</b>", "<b/>"])))
@examples(200)
def test_fast_loose_parser_equals_feedparser(body: bytes, texts: list[str]) -> None:
    body = body.replace(b"Canal reopens", "".join(texts).encode())
    assert fast_loose_result(body) == loose_result(body)


@pytest.mark.corpus
@pytest.mark.parametrize(*EACH_SHARE)
def test_fast_loose_parser_equals_feedparser_on_corpus(feeds_corpus: Path, share: int) -> None:
    files = sorted(path for path in feeds_corpus.rglob("*") if path.is_file() and path.stat().st_size < LONGEST)
    for path in sampled(files, feeds_corpus, 4 * share):
        body = with_bare_ampersands(normalise_document(path.read_bytes()))
        assert fast_loose_result(body) == loose_result(body), path


XHTML = (
    "<feed xmlns='http://www.w3.org/2005/Atom'><entry><title>A & B</title><content type='xhtml'>"
    "<div xmlns='http://www.w3.org/1999/xhtml'>{}</div></content></entry></feed>"
)


@pytest.mark.parametrize(
    "text", ["a &lt;b&gt; &amp;amp; c", "&lt", "a & b", "&#60;p&#x3e;", "x &nbsp; y", "&#8217;", "&unknown;"]
)
def test_references_in_loose_xhtml_stay_escaped(text: str) -> None:
    body = XHTML.format(text).encode()
    assert fast_loose_result(body) == loose_result(body)


def test_loose_parser_reads_kept_references_with_text() -> None:
    """The time of a large feed with escaped HTML depends on the number of its pieces."""
    pieces: list[str] = []
    with bounded_parsers():

        class Parser(feedparser.api.LooseFeedParser):  # type: ignore[misc]
            def handle_data(self, text: str, escape: int = 1) -> None:
                pieces.append(text)
                super().handle_data(text, escape)

        Parser(URL, None, "utf-8", {}).feed(
            "<rss><channel><title>" + "&lt;b&gt;A&lt;/b&gt; &amp;amp; " * 100 + "</title>"
        )
    assert len(pieces) == 2, "a text and an end tag"


def test_ill_formed_document_is_built_once() -> None:
    """The strict parser would build all items before the error, and feedparser would drop them."""
    built: list[str] = []

    class Counting(BoundedMixin, feedparser.api.StrictFeedParser):  # type: ignore[misc]
        def unknown_starttag(self, tag: str, attrs: Any) -> None:
            built.append(tag)
            super().unknown_starttag(tag, attrs)

    body = b"<rss version='2.0'><channel>%s<item><title>A & B</title></item></channel></rss>" % (b"<item/>" * 9)
    strict, feedparser.api.StrictFeedParser = feedparser.api.StrictFeedParser, Counting
    try:
        result = feedparser.parse(body)
    finally:
        feedparser.api.StrictFeedParser = strict
    assert built == []
    assert len(result.entries) == 10


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<rss><channel>\n<title>A & B</title>", "<unknown>:3:10: not well-formed (invalid token)"),
        (b"<rss><channel>\n<title>A</title>", "<unknown>:3:16: no element found"),
        (b"<rss><x:channel/></rss>", "<unknown>:2:5: unbound prefix"),
    ],
)
def test_error_of_ill_formed_document_has_its_position(body: bytes, message: str) -> None:
    assert not is_well_formed(body)
    assert str(run_feedparser(body, HEADERS)["bozo_exception"]) == message
