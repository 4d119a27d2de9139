"""Feed lists and pages in public bug reports: OPML attributes, schemes of feed links, links by icon or text."""

from pathlib import Path

import pytest

from workers.poller.feed_links import feed_links
from workers.poller.opml import Outline, read_outlines
from workers.urls.web_url import without_feed_scheme

FEED = "https://mill.example/f"


@pytest.mark.parametrize(
    "outline",
    [
        '<outline text="Mill" type="rss" url="https://mill.example/f"/>',
        '<outline text="Mill" type="rss" xmlUrl="feed://mill.example/f"/>',
        '<outline text="Mill" type="rss" xmlUrl="feed:https://mill.example/f"/>',
        '<outline text="Mill" type="rss" xmlURL="https://mill.example/f"/>',
        '<outline title="Mill" type="RSS1" xmlUrl=" https://mill.example/f "/>',
    ],
)
def test_outline_of_feed_is_imported(tmp_path: Path, outline: str) -> None:
    path = tmp_path / "feeds.opml"
    path.write_text(f'<opml version="2.0"><body>{outline}<outline type="link" text="x" url="/y"/></body></opml>')
    assert read_outlines(path) == [Outline(FEED, "", "Mill")]


@pytest.mark.parametrize(
    "page",
    [
        '<a href="feed://mill.example/f">Subscribe</a>',
        '<a href="feed:https://mill.example/f">RSS</a>',
        '<a href="/f" aria-label="RSS feed"><svg></svg></a>',
        '<a class="icon-rss" href="/f"><i></i></a>',
        '<a href="/f"><i class="fa fa-rss"></i></a>',
        '<a href="/f">Flux RSS</a>',
        '<a href="/f">RSS-Feed abonnieren</a>',
    ],
)
def test_feed_anchor_is_found_by_its_look(page: str) -> None:
    page = page.replace("feed://mill.example/f", "feed://mill.example/rss")
    expected = "https://mill.example/rss" if "/rss" in page else FEED
    assert feed_links(page, "https://mill.example/") == [expected]


@pytest.mark.parametrize(
    "page", ['<a href="/feedback">Feedback</a>', '<a href="/p">Harassment across the press</a>', '<a class="press" href="/p">Press</a>']
)  # fmt: skip
def test_other_anchor_is_no_feed(page: str) -> None:
    assert feed_links(page, "https://mill.example/") == []


def test_feed_scheme_keeps_other_references() -> None:
    references = ("/feed:1", "feeds/a", "https://mill.example/feed:x", "mailto:a@mill.example", "feed:")
    assert [without_feed_scheme(reference) for reference in references] == list(references)
