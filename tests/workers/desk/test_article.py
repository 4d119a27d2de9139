"""Item to article: choice of the body, metadata, and content fingerprint."""

from datetime import UTC, datetime

from streams.records import Content, Image, Item, MessageId
from workers.clean.cleaner import clean
from workers.desk.article import clean_item, content_fingerprint, is_publishable, to_article

SOURCE = MessageId("copydesk.items", 0, 1)
SHORT, LONG = Content("<p>Short.</p>"), Content("<p>The longer of the two.</p>")


def make_item(**fields: object) -> Item:
    base: dict[str, object] = {
        "feed": "f",
        "identity_key": "k",
        "title": "T",
        "fetched_at": datetime.now(UTC),
        "fingerprint": "00" * 8,
    }
    return Item(**(base | fields))  # type: ignore[arg-type]


def test_clean_item_prefers_longest_content_over_summary() -> None:
    assert clean_item(make_item(content=(SHORT, LONG), summary=SHORT)).paragraphs == ("The longer of the two.",)
    assert clean_item(make_item(summary=SHORT)).paragraphs == ("Short.",)
    assert clean_item(make_item()).paragraphs == ()


def test_clean_item_detects_html_declared_as_text() -> None:
    assert clean_item(make_item(content=(Content("One line.\nAnother < line.", "text/plain"),))).paragraphs == (
        "One line.",
        "Another < line.",
    )
    assert clean_item(make_item(content=(Content("<p>A &amp; B</p>", "text/plain"),))).paragraphs == ("A & B",)


def test_clean_item_leaves_html_to_the_article() -> None:
    """Duplicates are cleaned, and never rendered."""
    item = make_item(content=(Content("<p>The <b>ferry</b> sank.</p>"),))
    content = clean_item(item)
    assert content.html == ""
    assert content.rendered() == clean(item.content[0].value, "html", title=item.title)
    article = to_article(item, content, id_="id", revision=1, source=SOURCE)
    assert article.html == content.rendered().html == "<p>The <b>ferry</b> sank.</p>"


def test_feed_metadata_overrides_text() -> None:
    item = make_item(content=(LONG,), authors=("Ida Marrow",), image_url="https://a.example/i.jpg")
    article = to_article(item, clean_item(item), id_="id", revision=3, source=SOURCE)
    assert (article.title, article.byline, article.revision, article.source) == ("T", ("Ida Marrow",), 3, SOURCE)
    assert article.images == (Image("https://a.example/i.jpg"),)


def test_content_fingerprint_ignores_link_lists() -> None:
    explore = Content(LONG.value + "<h3>Explore</h3><ul><li><a href='/1'>Storm spares the valley</a></li></ul>")
    plain, linked, retitled = (
        content_fingerprint(clean_item(item))
        for item in (make_item(content=(LONG,)), make_item(content=(explore,)), make_item(content=(LONG,), title="U"))
    )
    assert plain == linked != retitled


def test_is_publishable_needs_title_text_or_picture() -> None:
    empty, pictured = make_item(title=""), make_item(title="", image_url="https://a.example/i.jpg")
    assert not is_publishable(empty, clean_item(empty))
    assert is_publishable(pictured, clean_item(pictured))
    script = make_item(title="", image_url="javascript:alert(1)")
    assert not is_publishable(script, clean_item(script))
