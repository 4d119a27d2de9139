"""Links that begin with `www.` and a host, without a scheme: they lead to that host."""

import json
from datetime import UTC, datetime

import pytest

from tests.support.feed_readers import read_by_both
from workers.intake.pushed_items import source_url, to_item
from workers.urls.web_url import with_host

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
LINK = "www.lock.example/a?b=1"


def link_of(body: str, url: str = "https://mill.example/news/feed") -> str:
    """Return the link of the only item."""
    return read_by_both(body, url)[0].link


def rss(parts: str) -> str:
    return f"<rss version='2.0'><channel><title>Mill</title><item><title>A</title>{parts}</item></channel></rss>"


def atom(parts: str) -> str:
    return (
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>Mill</title><id>f</id><entry><title>A</title>"
        f"<updated>2026-11-27T08:00:00Z</updated>{parts}</entry></feed>"
    )


JSON = json.dumps({
    "version": "https://jsonfeed.org/version/1.1", "title": "Mill", "items": [{"id": "1", "url": LINK, "title": "A"}],
})  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        rss(f"<link>{LINK}</link>"),
        rss(f"<link> {LINK}\n</link>"),
        rss(f"<guid>{LINK}</guid>"),
        atom(f"<id>1</id><link href='{LINK}'/>"),
        JSON,
    ],
)
def test_link_without_scheme_leads_to_its_host(body: str) -> None:
    assert link_of(body) == f"https://{LINK}"
    assert link_of(body, "http://mill.example/feed") == f"http://{LINK}"


def test_pushed_link_without_scheme_is_https() -> None:
    item = to_item({"url": LINK, "title": "A"}, source_url("mill"), NOW)
    assert (item.link, item.identity_key) == (f"https://{LINK}", "lock.example/a?b=1")


@pytest.mark.parametrize(
    ("reference", "link"),
    [
        ("a/1", "https://mill.example/news/a/1"),
        ("www.html", "https://mill.example/news/www.html"),
        ("www.lock.html", "https://mill.example/news/www.lock.html"),
        ("www/lock.example", "https://mill.example/news/www/lock.example"),
        ("lock.example/a", "https://mill.example/news/lock.example/a"),
        ("//www.lock.example/a", "https://www.lock.example/a"),
        ("www.lock.example", "https://www.lock.example"),
        ("WWW.Lock.example/a.html", "https://WWW.Lock.example/a.html"),
    ],
)
def test_other_references_are_relative(reference: str, link: str) -> None:
    assert link_of(rss(f"<link>{reference}</link>")) == link


def test_with_host_needs_a_domain() -> None:
    for reference in ("www.", "www.lock", "www..example", "www.lock.example:80/a", "x.www.lock.example/a", ""):
        assert with_host(reference) == reference
