"""Characters beyond U+FFFF as two references to UTF-16 units, as some serialisers write emoji."""

import json
import time

import pytest

from tests.workers.poller.cases import FETCHED_AT, article_of, parse_both
from workers.poller.formats import ParsedFeed, normalise_document, parse_feed
from workers.poller.formats.ill_formed import with_joined_surrogates

URL = "https://courier.example/feed"


def rss(title: str, text: str = "") -> ParsedFeed:
    body = f"<rss version='2.0'><channel><title>T</title><item><title>{title}</title><link>/1</link><description>{text}</description></item></channel></rss>"
    return parse_both(body.encode(), url=URL)


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("&#55357;&#56832;", "😀"),
        ("&#xD83D;&#xde00;", "😀"),
        ("&#055357;&#X00DE00;", "😀"),
        ("&amp;#55357;&amp;#56832;", "😀"),
        ("<![CDATA[&#55357;&#56832;]]>", "😀"),
        ("&#55296;&#56320;&#56319;&#57343;", "\U00010000\U0010ffff"),
        ("&#55357;&#55357;&#56832;", "\ufffd😀"),
        ("&#55357;", "\ufffd"),
        ("&#56832;&#55357;", "\ufffd\ufffd"),
    ],
)
def test_pair_of_surrogate_references_is_one_character(reference: str, text: str) -> None:
    assert rss(f"{reference} One").items[0].title == f"{text} One"


def test_joined_references_leave_no_defect() -> None:
    assert rss("&#55357;&#56832; One").warning == ""


@pytest.mark.parametrize("text", ["<![CDATA[<p>words &#55357;&#56832; more</p>]]>", "&lt;p>words &amp;#55357;&amp;#56832; more&lt;/p>"])  # fmt: skip
def test_surrogate_references_in_text_are_joined(text: str) -> None:
    assert article_of(rss("One", text).items[0]).paragraphs == ("words 😀 more",)


def test_surrogate_references_in_json_feed_are_joined() -> None:
    item = {"id": "1", "url": "https://courier.example/1", "content_html": "<p>words &#55357;&#56832; more</p>"}
    document = {"version": "https://jsonfeed.org/version/1.1", "items": [item]}
    feed = parse_feed(json.dumps(document).encode(), URL, fetched_at=FETCHED_AT)
    assert article_of(feed.items[0]).paragraphs == ("words 😀 more",)


@pytest.mark.parametrize("part", [b"&#55357;", b"&amp;#", b"&#000", b"&#x0000d83d;&#x0000", b"&", b"#"])
def test_joining_surrogates_takes_linear_time(part: bytes) -> None:
    def seconds(count: int) -> float:
        start_s = time.process_time()
        with_joined_surrogates(part * count)
        return time.process_time() - start_s

    assert min(seconds(80_000) for _ in range(3)) < 10 * min(seconds(20_000) for _ in range(3)) + 0.05


def test_document_without_pairs_is_unchanged() -> None:
    assert normalise_document(b"<rss>&#55357; &#128512;</rss>") == b"<rss>&#55357; &#128512;</rss>"
