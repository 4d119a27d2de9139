"""Sources of an article's fields: the feed, the metadata of its page, or the text."""

from datetime import UTC, datetime

from streams.records import Content, FullTextPage, Item
from workers.clean.cleaner import clean
from workers.desk.article import clean_item, to_article

FETCHED = datetime(2025, 3, 4, tzinfo=UTC)
STORY = "The harbour board closed the north pier on Tuesday after a storm moved four of its piles by a hand's width."
PAGE = f"""<html lang="en"><head><title>Pier closed - Saltby Post</title>
<script type="application/ld+json">{{"@type": "NewsArticle", "headline": "Pier closed",
"datePublished": "2025-03-03T08:00:00Z", "articleSection": "Harbour"}}</script></head>
<body><article><h1>Pier closed</h1><p>By Ann Reeve</p><p>{STORY}</p><p>{STORY} It opens in May.</p></article></body></html>"""
DUMP = f"HARBOUR\nPier closed after storm\nBy Ann Reeve\nMarch 3, 2025\n{STORY}\nNobody was hurt, the harbour master said on Tuesday.\nMost read"


def article_sources(item: Item) -> dict[str, str]:
    """Return the field sources of the article that *item* makes."""
    return to_article(item, clean_item(item), id_="a", revision=1, source=None).field_sources


def item(**fields: object) -> Item:
    """Return an item of a feed."""
    return Item(feed="https://saltby.example/f", identity_key="k", fetched_at=FETCHED, fingerprint="f", **fields)  # type: ignore[arg-type]


def test_field_source_of_feed_is_feed() -> None:
    sources = article_sources(item(title="Pier closed", authors=("Ann Reeve",), content=(Content(STORY, "text/html"),)))
    assert sources == {"title": "feed", "byline": "feed"}


def test_field_source_of_page_head_is_page() -> None:
    sources = article_sources(item(title="Pier closed", page=FullTextPage("https://saltby.example/a", PAGE)))
    assert sources["title"] == "feed"
    assert sources["byline"] == "text"
    assert sources["published"] == sources["kicker"] == "page"
    assert "language" not in sources


def test_field_source_of_dump_is_text() -> None:
    content = clean(DUMP, "text")
    assert content.field_sources.keys() >= {"title", "byline", "published"}
    assert set(content.field_sources.values()) == {"text"}


def test_field_source_of_page_title_is_page() -> None:
    assert clean(PAGE, "page").field_sources["title"] == "page"
