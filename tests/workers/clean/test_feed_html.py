"""HTML of feeds: images, embeds, inline elements, hidden elements, labels above links, bodies."""

from datetime import UTC, datetime

import pytest

from streams.records import Content, Item
from workers.clean.cleaner import CleanedContent, clean
from workers.clean.feed_body import repair_markup
from workers.clean.image_sources import parse_srcset
from workers.desk.article import clean_item

PAGE = "https://mill.example/story"
STORY = "<p>The millers met at the granary on Sunday evening to settle the price of flour, the guild said.</p>"
PLAIN = "The millers met at the granary on Sunday evening to settle the price of flour, the guild said."


def clean_feed(html: str) -> CleanedContent:
    return clean(STORY + html + STORY.replace("Sunday", "Friday"), "html", title="Flour", url=PAGE)


def paragraphs(html: str) -> list[str]:
    """Return the paragraphs between the two of the story."""
    return list(clean_feed(html).paragraphs[1:-1])


def item(*texts: str, summary: str = "", media_type: str = "text/html") -> Item:
    return Item(
        feed="https://mill.example/feed.xml", identity_key="1", link=PAGE, title="Flour",
        content=tuple(Content(text, media_type) for text in texts),
        summary=Content(summary, media_type) if summary else None, fetched_at=datetime(2026, 11, 26, tzinfo=UTC), fingerprint="",
    )  # fmt: skip


IMAGES = {
    "largest width": ('<img src="s.jpg" srcset="s.jpg 320w, m.jpg 640w,l.jpg 1280w">', "l.jpg"),
    "largest density": ('<img src="s.jpg" srcset="s.jpg, l.jpg 2.5x">', "l.jpg"),
    "commas in a URL": ('<img srcset="/w_1,h_2/s.jpg 1x, /w_2,h_4/l.jpg 2x">', "w_2,h_4/l.jpg"),
    "no white space after a comma": ('<img srcset="s.jpg 1x,l.jpg 2x">', "l.jpg"),
    "width before density": ('<img srcset="s.jpg 100w 50h, l.jpg 1e3w">', "l.jpg"),
    "source before an image without a URL": (
        '<picture><source srcset="l.webp"><img src="data:image/gif;base64,R0"></picture>',
        "l.webp",
    ),
    "source with widths": (
        '<picture><source srcset="m.jpg 800w, l.jpg 1600w"><img src="s.jpg"></picture>',
        "l.jpg",
    ),
    "lazy source": (
        '<picture><source data-srcset="s.jpg 1x, l.jpg 2x"><img class="lazy" src="data:,"></picture>',
        "l.jpg",
    ),
    "noscript": ('<img src="data:,"><noscript><img src="l.jpg"></noscript>', "l.jpg"),
    "noscript with the same image": ('<img data-src="l.jpg"><noscript><img src="l.jpg"></noscript>', "l.jpg"),
    "noscript alone": ('<figure><noscript><img src="l.jpg"></noscript></figure>', "l.jpg"),
    "escaped noscript": ("<noscript>&lt;img src=l.jpg&gt;</noscript>", "l.jpg"),
    "any lazy attribute": ('<img src="/img/blank.gif" data-nitro-lazy-src="/l?id=1">', "l?id=1"),
    "attribute with an image file": ('<img src="data:," data-foo="https://mill.example/l.jpg?x=1">', "l.jpg?x=1"),
    "no thumbnail, no link": (
        '<img src="data:," data-thumb="t.jpg" data-permalink="/story" data-hi-res-src="l.jpg">',
        "l.jpg",
    ),
    "real image before other attributes": ('<img src="l.jpg" data-orig-file="/huge.jpg">', "l.jpg"),
    "short name of a placeholder": (
        '<picture><source srcset="/s.jpg 1x, l.jpg 2x"><img src="/px.gif" data-src=""></picture>',
        "l.jpg",
    ),
    "placeholder with a fragment": ('<img src="/lazyload.gif#center" data-src="l.jpg">', "l.jpg"),
    "AMP": ('<amp-img src="l.jpg" width="9"></amp-img>', "l.jpg"),
}


@pytest.mark.parametrize(("html", "path"), IMAGES.values(), ids=IMAGES)
def test_feed_image_is_largest_candidate(html: str, path: str) -> None:
    assert [image.url for image in clean_feed(f"<p>{html}</p>").images] == [f"https://mill.example/{path}"]


@pytest.mark.parametrize("html", ["<img alt='x'>", "<img src=''>", "<img src='#'>", "<img src='about:blank'>"])
def test_image_without_url_is_dropped(html: str) -> None:
    assert clean_feed(f"<p>{html}</p>").images == ()


def test_srcset_parser_skips_data_urls_and_empty_candidates() -> None:
    urls = [candidate.url for candidate in parse_srcset(" ,, a.jpg 1x,data:image/png;base64,AA== 2x, b.jpg (1,2) 3x ,")]
    assert urls == ["a.jpg", "b.jpg"]


def test_srcset_parser_time_is_linear() -> None:
    assert list(parse_srcset("," * 500_000)) == []
    assert len(list(parse_srcset("a.jpg 1x(," * 20_000))) <= 20_000


EMBEDS = (
    '<iframe src="about:blank" data-lazy-src="https://v.example/1"></iframe>',
    '<iframe data-src="//v.example/1"></iframe><noscript><iframe src="//v.example/1"></iframe></noscript>',
    '<video><source src="https://v.example/1" type="video/mp4"></video>',
    '<video data-src="https://v.example/1" poster="https://v.example/p.jpg"></video>',
    '<audio controls>No sound.<source src="https://v.example/1"></audio>',
    '<object data="https://v.example/1"><embed src="https://v.example/2"></object>',
    '<object><param name="movie" value="https://v.example/1"></object>',
    '<embed src="https://v.example/1">',
    '<amp-video src="https://v.example/1"></amp-video>',
)


@pytest.mark.parametrize("html", EMBEDS)
def test_feed_embed_becomes_one_link(html: str) -> None:
    content = clean_feed(html)
    assert content.html.count("<a ") == 1
    assert 'href="https://v.example/1"' in content.html


def test_counting_iframe_is_dropped() -> None:
    assert "<a " not in clean_feed('<iframe width="0" height="0" src="https://t.example/ns"></iframe>').html


INLINE = {
    "exponent": ("A 10<sup>-4</sup> b 100<sup>2</sup>=x", "A 10⁻⁴ b 100²=x"),
    "exponent after an element": ("<b>100</b><sup>2</sup>", "100²"),
    "exponent after a space": ("20 m <sup>2</sup> and Ca<sup>2+</sup>", "20 m ² and Ca²⁺"),
    "MathJax": (
        'area <span class="MathJax_Preview">x</span><script type="math/tex">\\pi r^2</script> now',
        "area \\pi r^2 now",
    ),
    "ordinal": ("the 4<sup>th</sup> and 1<sup>er</sup>", "the 4th and 1er"),
    "formula": ("CO<sub>2</sub>, log<sub>2</sub>8", "CO2, log₂8"),
    "fraction": ("2<sup>1</sup>/<sub>2</sub> cups", "2¹/₂ cups"),
    "footnote": ('of 1998<sup><a href="#fn1">3</a></sup> and that<sup>[4]</sup>', "of 1998³ and that[4]"),
    "footnote letter": ('said so<sup><a href="#a">b</a></sup>', "said so[b]"),
    "footnote link": ('said so.<a href="#n12">12</a>', "said so.¹²"),
    "quotation": ("He said <q>no, <q>never</q></q> again", "He said “no, ‘never’” again"),
    "German quotation": ('<span lang="de-AT">Er sagte <q>nein</q></span>', "Er sagte „nein“"),
    "quotation with marks": ("<q>«Non»</q>", "«Non»"),
    "ruby": ("<ruby>粉<rt>こな</rt></ruby>の", "粉(こな)の"),
    "ruby with parentheses": ("<ruby>粉<rp>(</rp><rt>こな</rt><rp>)</rp></ruby>の", "粉(こな)の"),
    "formula with alternative text": ('at <math alttext="1.5\\times 10"><mn>1</mn></math> bar', "at 1.5\\times 10 bar"),
    "formula with TeX": (
        'is <span><span><math><semantics><mi>E</mi><annotation encoding="application/x-tex">E=1</annotation></semantics>'
        '</math></span><span aria-hidden="true">E=1</span></span> now',
        "is E=1 now",
    ),
    "formula only": (
        "at <math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>, <math><msup><mn>10</mn><mn>4</mn></msup></math>",
        "at 1/2, 10⁴",
    ),
    "formula image": ('is <img class="latex" src="/l.png" alt="E=mc^2"> now', "is E=mc^2 now"),
    "emoji image": ('Fine <img src="https://e.example/1f600.png" alt="😀"> flour', "Fine 😀 flour"),
    "smiley": ('Fine <img class="wp-smiley" src="/s.gif" alt=":-)"> flour', "Fine :-) flour"),
    "family and Sinhala": ("👨‍👩‍👧 and ශ්‍රී", "👨‍👩‍👧 and ශ්‍රී"),
    "control characters": ("gra&#8;na\x03ry\x0bdoor", "granary door"),
}


@pytest.mark.parametrize(("html", "text"), INLINE.values(), ids=INLINE)
def test_inline_element_text(html: str, text: str) -> None:
    assert paragraphs(f"<p>{html}</p>") == [text]


def test_preformatted_text_keeps_lines() -> None:
    content = clean_feed("<pre><code>def mill():\n    return <b>1</b>\n\n\nmill()</code></pre>")
    assert content.paragraphs[1] == "def mill():\n    return 1\n\n\nmill()"
    assert "mill():\n    return" in content.html
    assert paragraphs("<pre>a = 1<br>b = 2<br><br>c</pre>") == ["a = 1\nb = 2\n\nc"]


def test_verse_keeps_lines() -> None:
    assert paragraphs("<p>The wheel goes round,<br>the flour is ground.<br><br>The bread<br/>is red.</p>") == [
        "The wheel goes round,\nthe flour is ground.",
        "The bread\nis red.",
    ]
    long = "Arma virumque cano, Troiae qui primus ab oris of the ancient kind"
    assert paragraphs(f"<p>{long}<br>Italiam fato profugus</p>") == [f"{long}\nItaliam fato profugus"]


HIDDEN = (
    '<div style="display:none">Not shown.</div>',
    "<p hidden>Not shown.</p>",
    '<p style="color:red; VISIBILITY : hidden">Not shown.</p>',
    '<span style="font-size:0px;max-height:0">Not shown.</span>',
    '<div style="mso-hide:all"><p>Not shown.</p></div>',
)


@pytest.mark.parametrize("html", HIDDEN)
def test_hidden_element_is_removed(html: str) -> None:
    assert paragraphs(html) == []


@pytest.mark.parametrize(
    "html", ['<p style="font-size:0.9em">Shown.</p>', '<p style="max-height:0.5em">Shown.</p>', '<p hidden="until-found">Shown.</p>']
)  # fmt: skip
def test_visible_element_stays(html: str) -> None:
    assert paragraphs(html) == ["Shown."]


def test_wholly_hidden_text_stays() -> None:
    assert clean(f'<div style="display:none">{STORY}</div>', "html", title="Flour").paragraphs == (PLAIN,)


LINKS = (
    '<li><a href="/1">Guild keeps the old granary open</a></li><li><a href="/2">New stones for the upper mill</a></li>'
)
LABELS = (
    f"<p><strong>Magtanong pa kayo</strong></p><ul>{LINKS}</ul>",
    f"<p>Lue myös:</p><ul>{LINKS}</ul>",
    f"<p>さらに読む：</p><ul>{LINKS}</ul>",
    '<p><b>Tue ama</b><br><a href="/1">Guild keeps the old granary open</a><br><a href="/2">New stones arrive in May</a></p>',
)


@pytest.mark.parametrize("html", LABELS)
def test_label_is_removed_with_links(html: str) -> None:
    assert paragraphs(html) == []


def test_label_above_text_stays() -> None:
    assert paragraphs("<p><b>Background</b></p>") == ["Background"]


def test_bold_section_heading_above_one_link_stays() -> None:
    lead = '<p>Read also: <a href="/1">Guild keeps the old granary open</a></p>'
    assert paragraphs(f"<p><b>Background</b></p>{lead}") == ["Background"]


@pytest.mark.parametrize("tail", [STORY, ""])
def test_announced_list_stays(tail: str) -> None:
    announcement = "The guild has printed the rules of the mill in these languages:"
    html = f"{STORY}<p>{announcement}</p><ul>{LINKS}</ul>{tail}"
    content = clean(html, "html", title="Flour", url=PAGE)
    assert content.paragraphs[1:4] == (
        announcement,
        "Guild keeps the old granary open",
        "New stones for the upper mill",
    )


# -- the body of an item ----------------------------------------------------------------------------------------------


def test_body_is_text_with_most_words() -> None:
    content = clean_item(item('<p><img src="/1.jpg" class="' + "x" * 500 + '"></p>', summary=PLAIN))
    assert content.paragraphs == (PLAIN,)
    assert [image.url for image in content.images] == ["https://mill.example/1.jpg"]


def test_body_of_clutter_loses_to_summary() -> None:
    links = "".join(f'<li><a href="/{n}">Another story about the old mill {n}</a></li>' for n in range(4))
    assert clean_item(item(f"<p>Related:</p><ul>{links}</ul>", summary=PLAIN)).paragraphs == (PLAIN,)


def test_twice_escaped_body_is_unescaped() -> None:
    twice = STORY.replace("<", "&lt;").replace(">", "&gt;")
    for body in (twice, twice.replace("&", "&amp;"), f"<div>{twice}</div>"):
        assert clean_item(item(body)).paragraphs == (PLAIN,)


@pytest.mark.parametrize(
    "body",
    [
        "<p>Write &lt;p&gt; before a paragraph.</p>",
        "<pre>&lt;p&gt;flour&lt;/p&gt;</pre>",
        "&lt;p&gt; begins a paragraph in HTML",
        "<p>Use <code>&amp;nbsp;</code>.</p>",
    ],
)
def test_mentioned_markup_stays_escaped(body: str) -> None:
    assert repair_markup(body) == body


def test_plain_text_has_paragraphs() -> None:
    body = "Dear all,\n\nthe millers met on Sunday at the granary and settled the price of\nflour for a year.\n\n- oats\n- rye"
    assert clean_item(item(body)).paragraphs == (
        "Dear all,",
        "the millers met on Sunday at the granary and settled the price of flour for a year.",
        "- oats\n- rye",
    )
