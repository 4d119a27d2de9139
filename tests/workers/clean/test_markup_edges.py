"""Rare markup: empty documents, embeds without a URL, formulas, labels, prompts within markup."""

import pytest

from workers.clean.blocks import html_blocks
from workers.clean.cleaner import clean, clean_blocks
from workers.clean.document import to_blocks
from workers.clean.html_parser import parse_html
from workers.clean.image_sources import Candidate, parse_srcset
from workers.clean.inline_elements import math_text
from workers.clean.metadata import KnownText
from workers.clean.model.metadata_features import UNKNOWN, metadata_features
from workers.clean.model.model import Scores, load_default
from workers.clean.model.oblivious_trees import StoredTrees, load_trees
from workers.clean.trees import Node

URL = "https://mill.example/story"
BEFORE = "The millers met at the granary on Sunday evening to settle the price of flour, the guild said."
HEADLINES = ("Port Maren counts 64 swans in record winter", "Storm spares Quillmere, takes 18 roofs in the valley",
             "Can the night-tram company still be saved?", "Ruth Oyelade to lead the library of maps")  # fmt: skip
AFTER = "The price stays the same until the next harvest, and the guild meets again in the autumn."


def paragraphs(html: str) -> tuple[str, ...]:
    """Return the paragraphs of a feed's item between two paragraphs of a story."""
    return clean(f"<p>{BEFORE}</p>{html}<p>{AFTER}</p>", "html", title="Flour", url=URL).paragraphs[1:-1]


@pytest.mark.parametrize("kind", ["html", "page"])
def test_clean_empty_document_has_no_paragraphs(kind: str) -> None:
    assert clean("", kind).paragraphs == ()


def test_text_outside_block_elements_is_paragraph() -> None:
    span = Node("span")
    span.text = "Fog over the harbour"
    blocks = html_blocks(span)
    assert [(block.tag, block.text) for block in blocks] == [("p", "Fog over the harbour")]
    [probability] = load_default("html").predict(blocks).body
    assert 0 <= probability <= 1


def test_html_blocks_embed_without_url_is_dropped() -> None:
    assert html_blocks(parse_html("<iframe></iframe>")) == []


@pytest.mark.parametrize(
    "html",
    [
        "<iframe></iframe>",
        "<video><video src='/v.mp4'></video></video>",
        "<iframe width='1' height='1' src='/pixel'></iframe>",
        "<video data-lazy='tram.jpg'><source srcset='a' data-src='//'></video>",
    ],
)
def test_embed_without_url_leaves_no_text(html: str) -> None:
    assert [p for p in paragraphs(html) if "tram" in p or "pixel" in p] == []


def test_object_without_url_keeps_its_text() -> None:
    assert paragraphs("<object><p>The weir is open to visitors on Sundays.</p></object>") == (
        "The weir is open to visitors on Sundays.",
    )


def test_noscript_after_embed_adds_no_copy() -> None:
    html = "<iframe src='https://v.example/1'></iframe><noscript><iframe src='https://v.example/1'></iframe></noscript>"
    content = clean(f"<p>{BEFORE}</p>{html}<p>{AFTER}</p>", "html", title="Flour", url=URL)
    assert content.html.count("https://v.example/1") == 1


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("<mfrac><mi>a</mi><mrow><mi>b</mi><mo>+</mo><mn>1</mn></mrow></mfrac>", "a/(b+1)"),
        ("<msqrt><mi>x</mi></msqrt>", "√x"),
        ("<msup><mi>x</mi><mn>2</mn></msup>", "x²"),
        ("<msup><mi>x</mi><mi>q</mi></msup>", "x^q"),
        ("<msub><mi>x</mi><mi>q</mi></msub>", "x_q"),
        ("<semantics><mi>x</mi><annotation>y</annotation></semantics>", "x"),
    ],
)
def test_presentation_math_becomes_text(formula: str, text: str) -> None:
    [math] = parse_html(f"<math>{formula}</math>").iter("math")
    assert math_text(math) == text


def test_script_beside_formula_is_dropped() -> None:
    html = "<p>The load is <script>count()</script><script type='math/tex'>x + 1</script> stones a day.</p>"
    [text] = paragraphs(html)
    assert "x + 1" in text
    assert "count" not in text


def test_srcset_unknown_descriptors_are_ignored() -> None:
    assert list(parse_srcset("a.jpg 50h, b.jpg wide 2x")) == [
        Candidate(0.0, 1.0, "a.jpg"),
        Candidate(0.0, 2.0, "b.jpg"),
    ]


def test_model_without_blocks_predicts_nothing() -> None:
    assert load_default("html").predict([]) == Scores([], [])


def test_trees_of_other_columns_are_rejected() -> None:
    stored = StoredTrees(columns=("a", "b"), depth=0, split_columns=b"", borders=b"", leaves=b"", bias=0.0)
    with pytest.raises(ValueError, match=r"other columns \(their order\)"):
        load_trees(stored, ("b", "a"))


def test_metadata_features_without_words_are_unknown() -> None:
    known_text = KnownText(description="粉の値段を決めた水車小屋の主人たち")
    features = metadata_features(known_text, ["", "水車小屋の主人たちが日曜日の夕方に集まり粉の値段を決めた"])
    assert features[0, 2] == UNKNOWN
    assert features[1, 2] > 0


def test_prompt_across_markup_keeps_elements_closed() -> None:
    html = "<p>The <b>guild</b> meets<br>in <i>May. <a href='/s'>Click here to read more</a></i></p>"
    content = clean(f"<p>{BEFORE}</p>{html}", "html", title="Flour", url=URL)
    assert "Click" not in content.html
    assert (content.html.count("<b>"), content.html.count("</b>")) == (1, 1)


def test_prompt_at_end_of_text_line_is_removed() -> None:
    text = f"{BEFORE}\nThe guild meets in May. Click here to read more."
    assert clean(text, "text", title="Flour").paragraphs == (BEFORE, "The guild meets in May.")


@pytest.mark.parametrize("label", ["<p><b>Explore</b></p>", "<p>More on this:</p>"])
def test_label_above_links_is_removed(label: str) -> None:
    links = "".join(f"<p><a href='/{n}?from=list'>{headline}</a></p>" for n, headline in enumerate(HEADLINES))
    assert clean(f"<p>{BEFORE}</p><p>{AFTER}</p>{label}{links}", "html", title="Flour", url=URL).paragraphs == (
        BEFORE,
        AFTER,
    )


def test_clutter_between_title_and_body_is_removed() -> None:
    links = "".join(f"<li><a href='/{n}'>{headline}</a></li>" for n, headline in enumerate(HEADLINES))
    body = "".join(f"<p>In the year {n} of the mill, {BEFORE} In year {n + 1}, {AFTER}</p>" for n in range(10, 14))
    page = f"<html><body><main><article><h1>Flour stays cheap in the valley</h1><ul class='related'>{links}</ul>{body}</article></main></body></html>"
    paragraphs = clean(page, "page", url=URL).paragraphs
    assert not set(HEADLINES) & set(paragraphs)


def test_picture_source_with_src_is_image() -> None:
    content = clean(f"<p>{BEFORE}</p><picture><source src='/l.webp'><img src='data:,'></picture>", "html", url=URL)
    assert [image.url for image in content.images] == ["https://mill.example/l.webp"]


def test_superscript_without_word_before_stays_text() -> None:
    assert paragraphs("<p><sup></sup>Cubic metres of flour.</p>") == ("Cubic metres of flour.",)


def test_noscript_of_other_image_is_shown() -> None:
    html = f"<p>{BEFORE}</p><div><p><img src='/a.jpg'></p></div><noscript><img src='/b.jpg'></noscript>"
    content = clean(html, "html", url=URL)
    assert [image.url for image in content.images] == ["https://mill.example/a.jpg", "https://mill.example/b.jpg"]


def test_line_keys_omit_lines_without_letters() -> None:
    assert len(to_blocks(f"<p>{BEFORE}</p><p>***</p><p>{BEFORE}</p>", "html").line_keys) == 1


def test_clean_blocks_uses_given_model() -> None:
    page = f"<html><body><article><h1>Flour</h1><p>{BEFORE}</p><p>{AFTER}</p></article></body></html>"
    document = to_blocks(page, "page", url=URL)
    assert clean_blocks(document, model=load_default("page")) == clean_blocks(document)


def test_link_around_paragraphs_continues_in_each() -> None:
    blocks = html_blocks(parse_html("<a href='/tides'><p>Tide table</p><p>Of the whole year</p></a>"))
    assert [block.links for block in blocks] == [(("/tides", "Tide table"),), (("/tides", "Of the whole year"),)]


def test_page_paragraph_of_one_link_is_removed() -> None:
    body = "".join(f"<p>In the year {n} of the mill, {BEFORE} In year {n + 1}, {AFTER}</p>" for n in range(10, 14))
    link = f"<p><a href='/swans'>{HEADLINES[0]}</a></p>"
    page = f"<html><body><article><h1>Flour stays cheap</h1>{body}{link}</article></body></html>"
    assert HEADLINES[0] not in clean(page, "page", url=URL).paragraphs


@pytest.mark.parametrize("ld", ["{", '{"@graph": 1}', "7", '[1, {"@type": "Person"}]'])
def test_malformed_metadata_changes_no_text(ld: str) -> None:
    page = f"<html><head><script type='application/ld+json'>{ld}</script><script>1</script></head><body><article><h1>Flour</h1><p>{BEFORE}</p><p>{AFTER}</p></article></body></html>"
    assert clean(page, "page", url=URL).paragraphs[-2:] == (BEFORE, AFTER)


def test_label_above_link_without_parent_text_ends_paragraph() -> None:
    assert paragraphs("<p><b>Tides</b><br><a href='/t'>The tide table of the whole year</a></p><p>x<br>y</p>")
    assert paragraphs("<p>The guild <b>Tides</b><br><a href='/t'>The tide table</a></p>")


def test_feed_item_repeats_reading_time_below_title() -> None:
    content = clean(f"<h1>Flour</h1><p>4 min read</p><p>{BEFORE}</p><p>{AFTER}</p>", "html", title="Flour", url=URL)
    assert content.reading_minutes == 4
