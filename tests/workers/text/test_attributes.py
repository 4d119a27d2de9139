"""Limit on the attributes of a start tag."""

import time

import lxml.html
import pytest

from workers.clean.blocks import html_blocks
from workers.clean.html_parser import parse_html
from workers.text.attributes import MAX_ATTRIBUTES, limit_attributes

MANY = " ".join(f"a{n}=1" for n in range(MAX_ATTRIBUTES + 1))


def largest(html: str) -> int:
    """Return the largest number of attributes of an element that libxml2 reads."""
    root = lxml.html.document_fromstring(limit_attributes(html))
    return max(len(element.attrib) for element in root.iter() if isinstance(element.tag, str))


@pytest.mark.parametrize(
    "html",
    [
        f"<p {MANY}>x</p>",
        f"<p/{MANY.replace(' ', '/')}>x</p>",
        f"<P\n{MANY.replace('=1', '')}>x</p>",
        f"<p title='>' {MANY}>x</p>",
        f'<p title="<b \'" {MANY}>x</p>',
        f"<p title='<script>' {MANY}>x</p>",
        f"<script>if (a<b '</script><p {MANY}>x</p>",
        f"<!-- <b ' --><p {MANY}>x</p>",
        f"<!--><p {MANY}>x</p>",
        f"<title><b '</title><p {MANY}>x</p>",
        f'<p a=\xa0" {MANY}">x</p>',
        f"<p =a {MANY}>x</p>",
        f"a < b <p {MANY}>x</p><p {MANY}>y</p>",
        f"<p {MANY}",
        f"<textarea {MANY}>x</textarea>",
    ],
)
def test_crowded_tag_loses_its_attributes(html: str) -> None:
    assert largest(f"<div class=c>{html}</div><i class=d>z</i>") <= MAX_ATTRIBUTES


@pytest.mark.parametrize(
    "html",
    [
        "", "<", "text < 3 and > 2", "<p class=a>x</p>", '<img src="data:image/png;base64,' + "A" * 50_000 + '">',
        "<p " + MANY.rpartition(" ")[0] + ">x</p>", "<p title='unclosed>x</p>", "<!-- unclosed <p a b",
        "<script>" + "if (a<b " * 1_000 + "</script>", "<p>" + "word " * 2_000, "</p " + MANY + ">",
    ],
)  # fmt: skip
def test_usual_html_is_unchanged(html: str) -> None:
    assert limit_attributes(html) is html


def test_text_of_crowded_tag_stays() -> None:
    html = f"<p {MANY}>Swans were counted.</p><p>And more.</p>"
    assert [block.text for block in html_blocks(parse_html(html))] == ["Swans were counted.", "And more."]


@pytest.mark.parametrize("token", ["a{}=1 ", "a{} ", "a{}='>' ", "/a{}"])
def test_parse_time_of_attributes_is_linear(token: str) -> None:
    html = "<p " + "".join(token.format(n) for n in range(60_000)) + ">x</p>"
    start_s = time.process_time()
    parse_html(html)
    assert time.process_time() - start_s < 3  # 0.02 s; libxml2 alone took 7 s or more
