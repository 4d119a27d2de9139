"""The HTML parser: trees as browsers build them, and bounded work on any markup."""

import pytest

from workers.clean.cleaner import clean
from workers.clean.document import detect_input_type
from workers.clean.html_limits import MAX_DEPTH, limit_markup
from workers.clean.html_parser import parse_html
from workers.clean.trees import Node

STORY = (
    "The ferry to Lanthe stopped on Monday after a rope jammed its rudder, the harbour master said.",
    "Divers cut the rope in the afternoon, and the evening crossing left on time with 40 passengers.",
    "The company wants to inspect both ships before the winter timetable begins in December.",
)
PAGE = "<!doctype html><title>Ferry stops</title><body><h1>Ferry stops</h1>{}</body>"
SIZE = 150_000
MAX_NODES = 600_000


def outline(node: Node) -> str:
    """Return tags and text of *node* in brackets."""
    return f"{node.tag}({node.text}{''.join(outline(child) + child.tail for child in node)})"


def fragment(html: str) -> str:
    """Return the outline of the content of a fragment's <div>."""
    return outline(next(parse_html(html).iter("div")))


@pytest.mark.parametrize(
    ("html", "tree"),
    [
        ("<p>a<p>b", "div(p(a)p(b))"),
        ("<p>a<div>b</div>c", "div(p(a)div(b)c)"),
        ("<b>a<p>b</b>c", "div(b(a)p(b(b)c))"),
        ("<a href=x>a<a href=y>b", "div(a(a)a(b))"),
        ("<table><tr><td>a</table>", "div(table(tbody(tr(td(a)))))"),
        ("<table>a<tr><td>b</table>", "div(atable(tbody(tr(td(b)))))"),
        ("a</div>b", "div(ab)"),
        ("a<!-- <p> -->b<?x?>c", "div(abc)"),
        ("<frameset><frame></frameset>a", "div(a)"),
        ("<script>'<p>'</script><style>p{}</style>a", "div(script()a)"),
        ("<ul><li>a<li>b</ul>", "div(ul(li(a)li(b)))"),
        ("&lt;b&gt; &amp;copy; &copy &#150;", "div(<b> &copy; © –)"),
    ],
)
def test_parse_html_builds_tree_of_browsers(html: str, tree: str) -> None:
    assert fragment(html) == tree


def test_parse_html_attribute_without_value_is_empty() -> None:
    [image] = parse_html("<img alt hidden src=/a.png SRC=/b.png>").iter("img")
    assert image.attributes == {"alt": "", "hidden": "", "src": "/a.png"}


def test_parse_html_page_keeps_attributes_of_root() -> None:
    assert parse_html("<!doctype html><html lang=is><body>a", page=True).get("lang") == "is"


@pytest.mark.parametrize(
    "page",
    [
        "<button><main>{}</main></button>",
        "<button type=button><article>{}</article>",
        "<button>Menu<button>Search</button><main>{}</main>",
        "<form><button><div><main>{}</main></div></form>",
        "<span><button><section>{}</section></button></span>",
    ],
)
def test_clean_story_in_button_is_kept(page: str) -> None:
    story = "".join(f"<p>{line}</p>" for line in STORY)
    html = PAGE.format(page.replace("{}", story))
    assert detect_input_type(html) == "page"
    assert clean(html).paragraphs == STORY


@pytest.mark.parametrize(
    "unit",
    [
        "<div>", "<div><!--</div>-->", "<div title='</div>'>", "<div></span>", "<div><table></div>", "<font>", "<b><p>x",
        "<div><b></div><p>x", "<p><i><u><s>x", "<table><tr><td>", "<a><div>", "<ul><li>x", "<button><p>x", "<x-a>",
        "<svg><g>", "<math><mi>", "<dd><div>x", "<a ", "<p a='", "<p a=\"", "<!--", "</", "<", "<p = =", "&lt", "<h1>",
        "<textarea>", "<title>", "<script>", "<option>", "<p a='>", "<form>", "<template><div>", "<iframe>", "<br>",
    ],
)  # fmt: skip
def test_parse_html_repeated_markup_has_bounded_tree(unit: str) -> None:
    html = unit * (SIZE // len(unit))
    for page in (False, True):
        nodes = list(parse_html(html, page=page).iter())
        assert len(nodes) <= MAX_NODES
        assert max(sum(1 for _ in node.ancestors()) for node in nodes[:: max(1, len(nodes) // 50)]) <= 260


@pytest.mark.parametrize("tag", ["p", "font", "div", "p title='>'", "p x='&lt;' y"])
def test_parse_html_many_attributes_are_cut(tag: str) -> None:
    attributes = " ".join(f"a{n}=1" for n in range(SIZE // 8))
    tree = parse_html(f"<{tag} {attributes}>text</{tag.split()[0]}>")
    [node] = tree.iter(tag.split()[0]) if tag != "div" else [list(tree.iter("div"))[1]]
    assert node.text == "text"
    assert len(node.attributes) <= 64


@pytest.mark.parametrize("evasion", ["", "<!--</font>-->", "<p title='</font>'>", "<!-- > -->", "<x a='<!--'>", "<x>"])
def test_parse_html_open_formatting_is_limited(evasion: str) -> None:
    start = "".join(f"<font a={n}>{evasion}" for n in range(4_000))
    tree = parse_html(f"<p>{start}" + "<p>x" * 8_000)
    assert len(list(tree.iter("font"))) <= 1_000_000
    assert "".join(tree.all_text().split()) == "x" * 8_000


def test_limit_markup_ordinary_document_is_unchanged() -> None:
    html = "<div><p class='a' id=b>Text &amp; <b>bold</b><script>if (a<b) {}</script></p></div>" * 1_000
    assert limit_markup(html.encode()) == html.encode()


def test_limit_markup_keeps_text_and_structure() -> None:
    unit = "<div id='n' class=c><p>Five < six &amp; <b>bold</b> <a href='/x?a=1&amp;b=\"'>link</a><br/></p></div>"
    html = '<title>A < b</title><script type=\'application/ld+json\'>{"a": "<b>"}</script>' + unit * 4_000
    limited = limit_markup(html.encode()).decode()
    assert limited != html
    assert outline(parse_html(limited, page=True)) == outline(parse_html(html, page=True))
    links = list(parse_html(html, page=True).iter("a"))
    assert len(links) == 4_000
    assert {link.get("href") for link in links} == {'/x?a=1&b="'}


def test_limit_markup_deep_document_keeps_text() -> None:
    html = "<div>a" * 30_000 + "</div>" * 30_000 + "<p>end</p>"
    assert limit_markup(html.encode()).count(b"<div") == MAX_DEPTH
    assert parse_html(html).all_text() == "a" * 30_000 + "end"
