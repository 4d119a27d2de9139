"""What the model is asked with: the lexicon, hints from a page's head, groups of blocks."""

import pytest

from workers.clean.blocks import html_blocks, parse_html
from workers.clean.cleaner import clean, to_blocks
from workers.clean.line_types import is_link_label, is_prompt
from workers.clean.metadata import KnownText
from workers.clean.model.group_features import KINDS, groups
from workers.clean.model.metadata_features import UNKNOWN, metadata_features
from workers.clean.model.text_features import TEXT_COLUMNS, text_features
from workers.clean.rules.lexicon import ENTRIES, LABELS, SHARE_BARS, starts_like_clutter
from workers.text.normalise import match_key

STORY = " ".join(f"word{n} of the harbour story" for n in range(20)) + "."


def test_the_lexicon_has_each_phrase_once() -> None:
    assert len(ENTRIES) > 1_500
    keys = [(e.kind, match_key(e.phrase) if e.kind != "start" else e.phrase.casefold()) for e in ENTRIES]
    assert len(set(keys)) == len(keys)
    assert {e.kind for e in ENTRIES} == {"label", "share", "ad", "start"}
    assert len({e.language for e in ENTRIES}) > 30


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.sure], ids=lambda e: e.phrase)
def test_what_is_sure_goes(entry: object) -> None:
    phrase, kind = entry.phrase, entry.kind  # type: ignore[attr-defined]
    assert is_link_label(phrase) if kind == "label" else is_prompt(phrase)


@pytest.mark.parametrize("word", ["Analysis", "Background", "Video", "Opinion", "Sport"])
def test_words_that_head_stories_too_are_not_sure(word: str) -> None:
    assert match_key(word) not in LABELS | SHARE_BARS


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Related: The bridge that nobody wanted", True), ("[Related: The bridge that nobody wanted]", True),
        ("• Sign up for our letters", True), ("Czytaj także: Most, którego nikt nie chciał", True), ("更多内容", True),
        ("The harbour reopened on Monday.", False), ("", False),
    ],
)  # fmt: skip
def test_starts(line: str, expected: bool) -> None:
    assert starts_like_clutter(line) is expected


def test_looks_are_alike_for_lines_that_are_remembered() -> None:
    first, again = (text_features("Sign up for our newsletter", "sign up for our newsletter", 5) for _ in range(2))
    assert first == again
    assert len(first) == len(TEXT_COLUMNS)
    assert first[TEXT_COLUMNS.index("asks")] >= 2
    assert text_features("Now $12 at the shop", "now 12 at the shop", 5)[TEXT_COLUMNS.index("prices")] == 1


def test_hints_tell_what_of_the_page_its_head_repeats() -> None:
    keys = [match_key(STORY), match_key("Another story altogether is told in this one"), ""]
    rows = metadata_features(KnownText("", STORY, "The harbour story"), keys)
    assert rows[0][0] == 1
    assert rows[1][0] == 0
    assert rows[2][0] == UNKNOWN
    assert rows[0][2] > rows[1][2]


def test_a_head_that_holds_a_summary_only_is_no_hint() -> None:
    assert (metadata_features(KnownText("", "A short summary of the story", ""), [match_key(STORY)]) == UNKNOWN).all()


def test_groups_are_blocks_of_one_class_and_of_one_element() -> None:
    html = '<div><p class="t-1">One.</p><p class="t-2">Two.</p></div><section><p class="x">Three.</p></section>'
    found = dict(zip(KINDS, groups(html_blocks(parse_html(f"<div>{html}</div>"))), strict=True))
    assert found["alike"].tolist() == [0, 0, 1]  # numbers in names don't tell things apart
    assert found["within_1"].tolist() == [0, 0, 1]
    assert len(set(found["within_3"].tolist())) == 1


def test_a_head_that_tells_another_story_does_not_replace_the_page() -> None:
    paragraphs = "".join(
        f"<p>Paragraph {n} says that the harbour of Fauna will open again on day {n}.</p>" for n in range(6)
    )
    other = " ".join(f"Sentence {n} of a wholly different text about cheese." for n in range(20))
    page = (
        f'<html><head><script type="application/ld+json">{{"@type": "NewsArticle", "articleBody": "{other}"}}</script></head>'
        f"<body><article><h1>Harbour opens</h1>{paragraphs}</article></body></html>"
    )
    assert to_blocks(page, "page").metadata.article_body == other  # type: ignore[union-attr]
    text = " ".join(clean(page).paragraphs)
    assert "cheese" not in text
    assert text.count("harbour of Fauna") == 6


def test_a_notice_that_stands_on_the_page_again_and_again_goes() -> None:
    notice = "<p>Your settings keep this outside content from being shown to you at the moment.</p>"
    paragraphs = notice.join(
        f"<p>Paragraph {n} says that the harbour of Fauna will open again on day {n}.</p>" for n in range(6)
    )
    copy = clean(f"<html><body><article><h1>Harbour opens</h1>{paragraphs}</article></body></html>")
    assert not any("settings" in line for line in copy.paragraphs)
    assert len(copy.paragraphs) == 6


def test_a_feed_s_item_may_begin_with_a_heading_that_is_not_its_title() -> None:
    item = "<h1>What happened</h1><p>The harbour of Fauna opened again on Monday, nine years after the flood.</p>"
    assert clean(item, "html", title="Harbour opens").paragraphs[0] == "What happened"
    assert clean(item, "html", title="What happened").paragraphs[0].startswith("The harbour")


def test_a_page_s_own_headline_is_no_text_though_the_feed_words_it_otherwise() -> None:
    body = "".join(f"<p>Paragraph {n} says that the harbour of Fauna will open again on day {n}.</p>" for n in range(6))
    page = f"<html><body><article><h1>Harbour of Fauna opens again</h1>{body}</article></body></html>"
    copy = clean(page, title="BREAKING: harbour opens")
    assert copy.title == "BREAKING: harbour opens"
    assert len(copy.paragraphs) == 6
    assert any(removed.text == "Harbour of Fauna opens again" for removed in copy.removed)
