"""Containers of pages that hold no story: readers' comments and consent dialogues. All pages are invented."""

import pytest

from workers.clean.blocks import Block, Element
from workers.clean.cleaner import _keep_best, clean
from workers.clean.document import BlockDocument
from workers.clean.labelling import Prediction
from workers.clean.line_types import is_notice
from workers.clean.model.model import load_default
from workers.clean.page_decisions import vote_by_list
from workers.clean.rules.containers import is_outside_article

STORY = [
    "The harbour board reopened the salt canal on Monday, nine years after the flood closed it to all boats.",
    "Twelve boats passed the gate before noon, and a brass band played on the quay for an hour.",
    "The board expects four hundred boats a week in summer, which is twice the number before the flood.",
]
REPLY = "I was there on Monday with my two sons, and nobody told us that the gate closes again at five."


def _page(names: str, *, story_names: str = "article-body") -> str:
    story = "".join(f"<p>{line}</p>" for line in STORY)
    return (
        f"<html><head><title>Salt canal reopens</title></head><body><main><div class='{story_names}'>"
        f"<h1>Salt canal reopens</h1>{story}</div><div class='{names}'><div><p>{REPLY}</p></div></div></main></body></html>"
    )


NAMES = (
    "comments",
    "comments-list",
    "post_comments",
    "opOpinie",
    "comment_guidelines",
    "cookielawinfo-tab",
    "onetrust-pc",
    "gdpr",
)


@pytest.mark.unit
@pytest.mark.parametrize("names", NAMES)
def test_container_names_of_comments_are_outside_story(names: str) -> None:
    assert is_outside_article(names)


@pytest.mark.unit
@pytest.mark.parametrize("names", ["", "commentary", "story-body", "opinion", "cookies-recipe", "content"])
def test_container_names_of_stories_are_not_outside(names: str) -> None:
    assert not is_outside_article(names)


@pytest.mark.parametrize("names", ["comments-list", "stgOpinie opOpinie", "cky consent-banner"])
def test_page_comments_by_name_are_removed(names: str) -> None:
    content = clean(_page(names), "page", url="https://a.example/1")
    assert content.paragraphs == tuple(STORY)


def test_page_story_within_comments_container_stays() -> None:
    content = clean(_page("text", story_names="comments-open comments"), "page", url="https://a.example/1")
    assert content.paragraphs[: len(STORY)] == tuple(STORY)


@pytest.mark.unit
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("港灣新聞現已開設Facebook專頁，讓你即時掌握本地新聞，快點到Facebook Like我們的專頁！", True),
        ("想看更多報導，請追蹤我們的粉絲專頁", True),
        ("他在粉絲專頁表示，將於下周公布名單，網友紛紛按讚支持。", False),
        ("我們的專頁昨日被駭客入侵，警方已經介入調查。", False),
    ],
)
def test_notice_call_to_follow_page_in_chinese(line: str, expected: bool) -> None:
    assert is_notice(line) is expected


@pytest.mark.unit
@pytest.mark.parametrize(("kind", "expected"), [("page", [True, True, False]), ("text", [True, False, False])])
def test_fallback_of_page_keeps_likely_sentence(kind: str, expected: list[bool]) -> None:
    blocks = [Block("Red chips"), Block(STORY[0]), Block("All rights reserved by the harbour company of the old town.")]
    predictions = [Prediction(p, keep=False) for p in (0.74, 0.2, 0.01)]
    assert [p.keep for p in _keep_best(BlockDocument(kind, blocks), predictions)] == expected


@pytest.mark.unit
@pytest.mark.parametrize(("probability", "linked", "expected"), [(0.7, 2, False), (0.9, 2, True), (0.5, 0, True)])
def test_link_list_with_summaries_needs_probability(probability: float, linked: int, expected: bool) -> None:
    page = Element("ul", "", None, 3)
    blocks = []
    for n, line in enumerate((*STORY, *STORY)):
        links = (("https://a.example/", line),) if n < linked else ()
        blocks.append(Block(line, "li", links, len(line) if links else 0, element=Element("li", "", page, 4)))
    predictions = [Prediction(probability, keep=False) for _ in blocks]
    vote_by_list(load_default("page"), blocks, predictions)
    assert {p.keep for p in predictions} == {expected}


@pytest.mark.parametrize(
    ("above", "probability", "link", "expected"),
    [(0.9, 0.35, False, True), (0.9, 0.2, False, False), (0.1, 0.35, False, False), (0.9, 0.35, True, False)],
)
def test_list_of_short_sentences_continues_body(
    above: float, probability: float, *, link: bool, expected: bool
) -> None:
    """A short page ended with "First came the letter. Then came the water.", and lost both items."""
    page = Element("ol", "", None, 3)
    lines = ("First came the letter to the trust.", "Then came the water over the path.")
    links = [(("https://a.example/", line),) if link else () for line in lines]
    items = [
        Block(line, "li", own, 4 if own else 0, element=Element("li", "", page, 4))
        for line, own in zip(lines, links, strict=True)
    ]
    predictions = [Prediction(above, above > 0.5), *(Prediction(probability, keep=False) for _ in items)]
    vote_by_list(load_default("page"), [Block(STORY[0], "p"), *items], predictions)
    assert {p.keep for p in predictions[1:]} == {expected}
