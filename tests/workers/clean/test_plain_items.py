"""Short ways for plain text: they must not change a result."""

import random
from html import escape
from typing import Any

import pytest

from workers.clean import render
from workers.clean.corrections import correction_kind, find_correction
from workers.clean.credits import match_caption
from workers.clean.feed_html import simplify_feed_html
from workers.clean.html_parser import parse_html, plain_tree
from workers.clean.rules.bylines import CAPTIONS
from workers.clean.rules.corrections import ANY_HINTS, ASCII_HINTS, HINTS
from workers.clean.trees import Node


def dump(node: Node) -> tuple[Any, ...]:
    return node.tag, node.attributes, node.text, node.tail, [dump(child) for child in node]


PLAIN = (
    "", "The canal is open.", "Zwei Zeilen\nohne Absatz", " “Open”, said the board’s chair … ", "港の船 #1", "<p>One.</p>",
    "<p>One.</p><p></p><p>Two<br>lines<br></p>", "<p>\nOne\n</p>", "<p>a > b</p>", "a > b",
)  # fmt: skip
MARKED_UP = (
    "a < b", "a &amp; b", "<p>One.", "<p>One.</p> ", "<P>One.</P>", "<p>One<p>Two</p></p>", "<p><br/></p>", "<p>a &lt; b</p>",
    "One\rTwo", "One\x00Two", "One\xa0Two", "One\u200bTwo", "One\tTwo", "</p>", "<br>", "<p>a<b>c</b></p>",
)  # fmt: skip


@pytest.mark.parametrize("html", PLAIN)
def test_plain_tree_equals_tree_of_parser(html: str) -> None:
    parsed, plain = parse_html(html), plain_tree(html)
    simplify_feed_html(parsed, html)
    assert plain is not None and dump(plain) == dump(parsed)


@pytest.mark.parametrize("html", MARKED_UP)
def test_plain_tree_leaves_markup_to_parser(html: str) -> None:
    assert plain_tree(html) is None


def test_plain_tree_of_random_texts_equals_parser() -> None:
    """Each text is made of pieces that could open or close an element, and of letters of all scripts."""
    rng = random.Random(7)
    pieces = ("<p>", "</p>", "<br>", "a", " ", "\n", "é", "港", "#", ">", "]]>", "'", "😀", "\u0301", "x y")
    for _ in range(3_000):
        html = "".join(rng.choices(pieces, k=rng.randrange(9)))
        html = f"<p>{html}</p>" if rng.random() < 0.7 else html
        tree = plain_tree(html)
        assert tree is None or dump(tree) == dump(parse_html(html))


def test_plain_html_equals_sanitised_html() -> None:
    rng = random.Random(7)
    for _ in range(2_000):
        ranges = ((0x20, 0x7F), (1, 0x250), (0x2000, 0x2100), (0x3000, 0x3100), (0xE000, 0x11000))
        chars = [chr(rng.randrange(*rng.choice(ranges))) for _ in range(12)]
        text = escape("".join(chars), quote=False)
        html = f"<p>{text}</p>\n<h2>{text}</h2>\n"
        assert render._safe(html) == render._SANITISER.clean(html).strip()


@pytest.mark.parametrize(
    "html",
    ["<p>a", "<p>a</h2>\n", "<script>a</script>", "<p><b>a</b></p>\n", "<p>a & b</p>\n", "<h1>a</h1>\n", "<p>a</p>b"],
)
def test_other_html_is_sanitised(html: str) -> None:
    assert render._safe(html) == render._SANITISER.clean(html).strip()


def test_each_hint_contains_a_shorter_one() -> None:
    for hint in set().union(*HINTS.values()):
        assert any(part in hint for part in ANY_HINTS)
        assert not hint.isascii() or any(part in hint for part in ASCII_HINTS)


def test_note_between_other_paragraphs_is_found() -> None:
    note = "Correction: An earlier version of this article misstated the length of the canal."
    story = ["The harbour board reopened the canal.", "Two ferries passed the lock on Monday morning."]
    found = find_correction([*story, note])
    assert found is not None and (found.kind, found.note) == ("correction", note)
    assert find_correction(story) is None


def test_agency_label_is_a_correction() -> None:
    label = "(Poprawia godzinę) Kanał znów jest otwarty"
    found = find_correction([label])
    assert found is not None and found.kind == correction_kind(label) == "correction"


@pytest.mark.parametrize("in_head", [False, True])
def test_caption_parts_cover_every_pattern(in_head: bool) -> None:
    """A line of each part reaches the pattern that needs it."""
    lines = [f"The ferry in port. {part}: (Reuters)" for _, _, parts in CAPTIONS for part in parts]
    for line in lines:
        expected = [
            match
            for pattern, anywhere, parts in CAPTIONS
            if (anywhere or in_head)
            and any(part in line.lower() for part in parts)
            and (match := pattern.fullmatch(line))
        ]
        found = match_caption(line, in_head=in_head)
        assert (found is None) == (not expected)
        assert found is None or found.groupdict() == expected[0].groupdict()
