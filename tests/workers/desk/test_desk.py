from datetime import UTC, datetime

from streams.records import Content, Image, Item, MessageId
from workers.desk.desk import clean_item, content_fingerprint, to_article

AT = MessageId("copydesk.items", 0, 1)
SHORT, LONG = Content("<p>Short.</p>"), Content("<p>The longer of the two.</p>")


def item(**fields: object) -> Item:
    base: dict[str, object] = {
        "feed": "f",
        "identity_key": "k",
        "title": "T",
        "fetched_at": datetime.now(UTC),
        "fingerprint": "00" * 8,
    }
    return Item(**(base | fields))  # type: ignore[arg-type]


def test_the_longest_content_is_the_body_and_the_summary_steps_in() -> None:
    assert clean_item(item(content=(SHORT, LONG), summary=SHORT)).paragraphs == ("The longer of the two.",)
    assert clean_item(item(summary=SHORT)).paragraphs == ("Short.",)
    assert clean_item(item()).paragraphs == ()


def test_plain_text_keeps_its_lines_and_html_that_is_declared_as_text_is_html() -> None:
    assert clean_item(item(content=(Content("One line.\nAnother < line.", "text/plain"),))).paragraphs == (
        "One line.",
        "Another < line.",
    )
    assert clean_item(item(content=(Content("<p>A &amp; B</p>", "text/plain"),))).paragraphs == ("A & B",)


def test_what_the_feed_says_counts_before_what_the_text_says() -> None:
    copy = clean_item(item(content=(LONG,)))
    article = to_article(copy, item(authors=("Ida Marrow",), image_url="https://a.example/i.jpg"), "id", 3, AT)
    assert (article.title, article.byline, article.revision, article.source) == ("T", ("Ida Marrow",), 3, AT)
    assert article.images == (Image("https://a.example/i.jpg"),)


def test_only_what_a_reader_notices_makes_a_revision() -> None:
    explore = Content(LONG.value + "<h3>Explore</h3><ul><li><a href='/1'>Storm spares the valley</a></li></ul>")
    assert content_fingerprint(clean_item(item(content=(LONG,)))) == content_fingerprint(
        clean_item(item(content=(explore,)))
    )
    assert content_fingerprint(clean_item(item(content=(LONG,)))) != content_fingerprint(
        clean_item(item(content=(LONG,), title="U"))
    )
