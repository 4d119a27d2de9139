"""HTML of feeds in public bug reports: embeds, images, hidden text, anchors, footers of blog engines."""

import pytest

from workers.clean.cleaner import CleanedContent, clean
from workers.clean.feed_body import repair_markup
from workers.clean.line_types import is_feed_tail, is_notice

PAGE = "https://mill.example/story"
FIRST = "The millers met at the granary on Sunday evening to settle the price of flour, the guild said."
LAST = "The guild wants to meet again on Friday, when the first boats have brought the rye."


def clean_feed(html: str) -> CleanedContent:
    return clean(f"<p>{FIRST}</p>{html}<p>{LAST}</p>", "html", title="Flour", url=PAGE)


def between(html: str) -> list[str]:
    """Return the paragraphs between the first and the last one."""
    paragraphs = list(clean_feed(html).paragraphs)
    assert (paragraphs[0], paragraphs[-1]) == (FIRST, LAST)
    return paragraphs[1:-1]


@pytest.mark.parametrize("kind", ["html", "page"])
def test_text_behind_an_embed_stays(kind: str) -> None:
    """libxml2 takes the rest of the parent as the content of an <embed> without an end tag."""
    source = f'<p>{FIRST}</p><embed src="/plan.pdf">The plan <b>of</b> the mill shows its wheels. <p>{LAST}</p>'
    html = source if kind == "html" else f"<html><body><article>{source}</article></body></html>"
    content = clean(html, kind, url=PAGE)
    assert content.paragraphs == (FIRST, "The plan of the mill shows its wheels.", LAST)
    assert 'href="https://mill.example/plan.pdf"' in content.html


# The footer of WordPress in its translations. "Mill" is a site, "Flour" an article.
FOOTERS = [
    "Het bericht Flour verscheen eerst op Mill.",
    "Artykuł Flour pochodzi z serwisu Mill.",
    "Сообщение Flour появились сначала на Mill.",
    "Запис Flour спершу з’явився на Mill.",
    "Inlägget Flour dök först upp på Mill.",
    "Indlægget Flour blev først udgivet på Mill.",
    "Innlegget Flour dukket først opp på Mill.",
    "Artikkeli Flour julkaistiin ensimmäisen kerran Mill.",
    "Příspěvek Flour pochází z Mill.",
    "A Flour bejegyzés először Mill-én jelent meg.",
    "Articolul Flour apare prima dată în Mill.",
    "Το άρθρο Flour εμφανίστηκε πρώτα στο Mill.",
    "Flour yazısı ilk önce Mill üzerinde ortaya çıktı.",
    "L'entrada Flour ha aparegut primer a Mill.",
    "ظهرت المقالة Flour أولاً على Mill.",
    "הפוסט Flour הופיע לראשונה ב-Mill.",
    "Bài viết Flour đã xuất hiện đầu tiên vào ngày Mill.",
    "投稿 Flour は Mill に最初に表示されました。",
    "Flour最先出现在Mill。",
    "Flour 글은 Mill에 처음 등장했습니다.",
    "Filed under: Flour, Rye",
    "Tags: flour, rye",
    "Schlagwörter: Mehl, Roggen",
]


@pytest.mark.parametrize("line", FOOTERS)
def test_footer_of_blog_engine_is_a_tail(line: str) -> None:
    assert is_feed_tail(line)


@pytest.mark.parametrize(
    "line",
    [
        "Сообщение о пожаре появилось на сайте мельницы в среду утром.",
        "Het bericht over de brand ging vooral over de oude molen.",
        "A bejegyzés szerint a malom áll.",
        "The tags on the sacks were red, and the sacks were full.",
    ],
)
def test_report_about_a_post_is_no_tail(line: str) -> None:
    assert not is_feed_tail(line)


@pytest.mark.parametrize(
    "line",
    [
        "This post is for paid subscribers",
        "This episode is for paying members",
        "Jederzeit kündbar",
        "As opiniões dos leitores nos comentários serão moderadas; as opiniões são moderadas.",
    ],
)
def test_notice_of_paywall_is_a_notice(line: str) -> None:
    assert is_notice(line)


EMBEDS = [
    ('<lite-youtube videoid="abc123XYZ_0"></lite-youtube>', "https://www.youtube.com/watch?v=abc123XYZ_0"),
    ('<amp-youtube data-videoid="abc123XYZ_0" width="480" height="270"></amp-youtube>', "watch?v=abc123XYZ_0"),
    (
        '<blockquote class="instagram-media" data-instgrm-permalink="https://www.instagram.com/p/C1/?utm_source=x">'
        '<a href="https://www.instagram.com/p/C1/">View this post on Instagram</a></blockquote>',
        'href="https://www.instagram.com/p/C1/"',
    ),
    (
        '<blockquote class="tiktok-embed" cite="https://www.tiktok.com/@ann/video/1"><p>Rye</p></blockquote>',
        'href="https://www.tiktok.com/@ann/video/1"',
    ),
    (
        '<script src="https://code.example/1.js"></script><noscript><a href="https://code.example/1">Code</a></noscript>',
        'href="https://code.example/1"',
    ),
]


@pytest.mark.parametrize(("html", "url"), EMBEDS)
def test_embed_of_script_becomes_a_link(html: str, url: str) -> None:
    content = clean_feed(html)
    assert url in content.html
    assert content.paragraphs[-1] == LAST


def test_noscript_link_without_a_script_stays_hidden() -> None:
    assert between('<noscript><a href="https://mill.example/survey">Survey</a></noscript>') == []


@pytest.mark.parametrize(
    ("html", "paragraphs"),
    [
        ('<h2>Rye<a class="anchor" href="#rye">#</a></h2>', ["Rye"]),
        ('<h2>Rye<a class="headerlink" href="#rye" title="Permalink">¶</a></h2>', ["Rye"]),
        (
            '<p>See the <a href="/plan">plan<span class="screen-reader-text"> (opens in a new tab)</span></a> of it.</p>',
            ["See the plan of it."],
        ),
        ('<p>Rye <span class="sr-only">Hidden</span>is dear this year, say all of them.</p>', ["Rye is dear this year, say all of them."]),
        ('<h2>Issue <a href="/issues/9">#9</a></h2>', ["Issue #9"]),
    ],
)  # fmt: skip
def test_text_for_screen_readers_goes(html: str, paragraphs: list[str]) -> None:
    assert between(html) == paragraphs


@pytest.mark.parametrize(
    ("html", "urls"),
    [
        ('<img src="https://count.example/p.gif" style="width:1px; height:1px">', []),
        ('<img src="/i?a=1&amp;amp;b=2">', ["https://mill.example/i?a=1&b=2"]),
        (r'<img src="\i\p.jpg?a=\b">', [r"https://mill.example/i/p.jpg?a=\b"]),
        ('<base href="https://cdn.example/d/"><img src="p.jpg">', ["https://cdn.example/d/p.jpg"]),
        ('<base target="_blank"><img src="p.jpg">', ["https://mill.example/p.jpg"]),
    ],
)
def test_image_url_of_feed_is_read(html: str, urls: list[str]) -> None:
    assert [image.url for image in clean_feed(html).images] == urls


def test_caption_of_table_is_text() -> None:
    assert between("<table><caption>Boats by year</caption><tr><td>2024</td><td>12</td></tr></table>") == [
        "Boats by year",
        "2024",
        "12",
    ]


def test_spanish_heading_above_links_goes() -> None:
    links = "".join(f'<li><a href="https://mill.example/{n}">Alerta de crecida en el valle {n}</a></li>' for n in "ab")
    assert between(f"<h3>Más información</h3><ul>{links}</ul>") == []


@pytest.mark.parametrize(
    ("html", "repaired"),
    [
        ('<iframe src="https://v.example/1" />Rye', '<iframe src="https://v.example/1" ></iframe>Rye'),
        ("<script src='x.js'/>Rye", "<script src='x.js'></script>Rye"),
        ('<a name="x"/>Rye', '<a name="x"></a>Rye'),
        ("<b/>Rye", "<b></b>Rye"),
        ("<a href=https://mill.example/>Rye</a>", "<a href=https://mill.example/>Rye</a>"),
        ('<br/><img src="a.png"/>', '<br/><img src="a.png"/>'),
        ("<article/>", "<article/>"),
        ("<![CDATA[<p>Rye</p>]]>", "<p>Rye</p>"),
        ("<p>Rye</p>]]>", "<p>Rye</p>"),
        ("<p>a ]]> b</p>", "<p>a ]]> b</p>"),
    ],
)
def test_markup_of_xml_is_repaired(html: str, repaired: str) -> None:
    assert repair_markup(html) == repaired
