"""XHTML inside feeds is written as HTML, which reads `</br>` as one more line break."""

import pytest

from tests.workers.poller.cases import article_of, parse_both

URL = "https://courier.example/feed"
VERSE = "<p>Roses are red by the harbour,<br/>violets are blue by the gate,<br/>sugar is sold at the market.</p>"
LINES = "Roses are red by the harbour,\nviolets are blue by the gate,\nsugar is sold at the market."
DIV = '<div xmlns="http://www.w3.org/1999/xhtml">'
FEED = "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:h='http://www.w3.org/1999/xhtml'>"


def text_of(body: str) -> str:
    [item] = parse_both(body.encode(), url=URL).items
    content = item.content[0] if item.content else item.summary
    assert content is not None
    return content.value


def atom(content: str, title: str = "Courier") -> str:
    return f"{FEED}<title>{title}</title><entry><id>1</id><title>Verse</title><content type='xhtml'>{content}</content></entry></feed>"


def rss(text: str, title: str = "Courier") -> str:
    return f"<rss version='2.0'><channel><title>{title}</title><item><title>Verse</title><description>{text}</description></item></channel></rss>"


@pytest.mark.parametrize("title", ["Courier", "A <b> & B"], ids=["well-formed", "ill-formed"])
def test_line_breaks_have_no_end_tag(title: str) -> None:
    assert [text_of(atom(f"{DIV}{VERSE}</div>", title)), text_of(rss(VERSE, title))] == [VERSE, VERSE]


def test_line_breaks_of_xhtml_stay_in_their_paragraph() -> None:
    xhtml, html = (
        article_of(parse_both(body.encode(), url=URL).items[0]).paragraphs
        for body in (atom(f"{DIV}{VERSE}</div>"), rss(f"<![CDATA[{VERSE}]]>"))
    )
    assert xhtml == html == (LINES,)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (f"{DIV}a<br/>b</div>", "a<br/>b"),
        ("<h:div>a<h:br/>b<h:img src='a.png' alt='x'/></h:div>", 'a<br/>b<img src="a.png" alt="x"/>'),
        (f"{DIV}<p>a</p><br/></div>", "<p>a</p><br/>"),
        (f"{DIV}<div>a<br/></div><div>b</div></div>", "<div>a<br/></div><div>b</div>"),
        (f"{DIV}<p/><i></i></div>", "<p></p><i></i>"),
        (
            f"{DIV}<svg xmlns='http://www.w3.org/2000/svg'><link/></svg></div>",
            '<svg xmlns="http://www.w3.org/2000/svg"><link></link></svg>',
        ),
    ],
)
def test_empty_elements_of_xhtml_are_written_as_html(content: str, text: str) -> None:
    assert text_of(atom(content)) == text


def test_two_roots_of_content_keep_their_elements() -> None:
    assert text_of(atom(f"{DIV}a<br/></div>{DIV}b</div>")).count("</div>") == 2
