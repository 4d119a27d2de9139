"""The expat reader returns the same result as feedparser, for the corpus and for generated feeds."""

from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import UnreadableError
from tests.support.corpus import EACH_SHARE, sampled
from tests.support.examples import examples
from tests.support.feed_strategies import feeds
from workers.poller.formats import ParsedFeed, normalise_document, parse_feed
from workers.poller.formats.expat_xml import parse_fast

NOW = datetime(2026, 11, 23, tzinfo=UTC)
URL = "https://courier.example/feeds/world"
TYPES = ("application/rss+xml; charset=utf-8", "", "text/xml", "application/atom+xml", "text/xml; charset=iso-8859-1")
LONGEST = 3_000_000


def parse_or_message(body: bytes, content_type: str, use_expat: bool) -> Any:
    try:
        return parse_feed(body, URL, content_type=content_type, fetched_at=NOW, use_expat=use_expat)
    except UnreadableError as exc:
        return str(exc)


def difference(case: tuple[str, str, bytes]) -> str:
    """Return the difference of both results, or "". A leading `+` says that the expat reader read the document."""
    name, content_type, body = case
    expat, reference = parse_or_message(body, content_type, True), parse_or_message(body, content_type, False)
    document = normalise_document(body, content_type)
    taken = "+" if parse_fast(document, {"content-location": URL}) is not None else ""
    if expat == reference:
        return taken
    if not (isinstance(expat, ParsedFeed) and isinstance(reference, ParsedFeed)):
        return f"{taken}{name}: {expat!r:.200} {reference!r:.200}"
    fields = [f for f in expat.__struct_fields__ if getattr(expat, f) != getattr(reference, f)]
    return f"{taken}{name} ({content_type}): {fields}"


def file_difference(numbered: tuple[int, Path]) -> str:
    n, path = numbered
    return difference((path.name, TYPES[n % len(TYPES)], path.read_bytes()))


@pytest.mark.corpus
@pytest.mark.parametrize(*EACH_SHARE)
def test_expat_equals_feedparser_on_corpus(feeds_corpus: Path, share: int) -> None:
    files = sorted(path for path in feeds_corpus.rglob("*") if path.is_file() and path.stat().st_size < LONGEST)
    paths = sampled(files, feeds_corpus, share)
    with ProcessPoolExecutor(2) as pool:
        differences = list(pool.map(file_difference, enumerate(paths), chunksize=50))
    assert [difference for difference in differences if difference not in ("", "+")] == []
    assert len(differences) > 8_000 / share
    assert sum(difference == "+" for difference in differences) > 0.7 * len(differences), (
        "most feeds need no feedparser"
    )


@examples(400)
@given(feeds(), st.sampled_from(TYPES))
def test_expat_equals_feedparser_on_generated_feeds(body: bytes, content_type: str) -> None:
    assert difference(("generated", content_type, body)) in ("", "+")


UNSUPPORTED = {
    "a doctype": b"<!DOCTYPE rss><rss version='2.0'><channel><title>T</title></channel></rss>",
    "ill-formed": b"<rss version='2.0'><channel><title>T</channel></rss>",
    "markup in a title": b"<rss version='2.0'><channel><item><title>T<b>x</b></title></item></channel></rss>",
    "XHTML": b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><content type='xhtml'><div>x</div></content></entry></feed>",
    "a base within": b"<rss version='2.0'><channel><item xml:base='/x'><title>T</title></item></channel></rss>",
    "another's prefix": b"<rss version='2.0' xmlns:dc='urn:x'><channel><item><dc:creator>T</dc:creator></item></channel></rss>",
}


@pytest.mark.parametrize("body", UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_fast_path_falls_back_to_feedparser(body: bytes) -> None:
    assert parse_fast(body, {"content-location": URL}) is None
    assert difference(("unsupported", "", body)) == ""
