"""Inputs of the model: lexicon, metadata features, groups of blocks; and rules for repeated lines and titles."""

import pytest

from workers.clean.blocks import html_blocks
from workers.clean.cleaner import clean
from workers.clean.document import to_blocks
from workers.clean.html_parser import parse_html
from workers.clean.line_types import is_link_label, is_prompt
from workers.clean.metadata import KnownText
from workers.clean.model.group_features import KINDS, group_blocks
from workers.clean.model.metadata_features import UNKNOWN, metadata_features
from workers.clean.model.text_features import TEXT_COLUMNS, text_features
from workers.clean.model.vocabulary import starts_like_clutter
from workers.clean.phrases import Entry
from workers.clean.rules.lexicon import ENTRIES, LABELS, SHARE_BARS
from workers.text.normalise import match_key

STORY = " ".join(f"word{n} of the harbour story" for n in range(20)) + "."


def test_lexicon_phrases_are_unique() -> None:
    keys = [(entry.kind, match_key(entry.phrase)) for entry in ENTRIES]
    assert len(set(keys)) == len(keys) >= 280
    assert {entry.kind for entry in ENTRIES} == {"label", "share", "ad"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.phrase)
def test_strong_lexicon_lines_are_removed(entry: Entry) -> None:
    assert is_link_label(entry.phrase) if entry.kind == "label" else is_prompt(entry.phrase)


@pytest.mark.parametrize("word", ["Analysis", "Background", "Video", "Opinion", "Sport"])
def test_ambiguous_labels_are_weak(word: str) -> None:
    assert match_key(word) not in LABELS | SHARE_BARS


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Related: The bridge that nobody wanted", True), ("[Related: The bridge that nobody wanted]", True),
        ("• Sign up for our letters", True), ("Czytaj także: Most, którego nikt nie chciał", True), ("更多内容", True),
        ("The harbour reopened on Monday.", False), ("", False),
    ],
)  # fmt: skip
def test_vocabulary_line_starts(line: str, expected: bool) -> None:
    assert starts_like_clutter(line) is expected


def test_text_features_cached_row_is_equal() -> None:
    first, again = (text_features("Sign up for our newsletter", "sign up for our newsletter", 5) for _ in range(2))
    assert first == again
    assert len(first) == len(TEXT_COLUMNS)
    assert first[TEXT_COLUMNS.index("prompt_words")] >= 2
    assert text_features("Now $12 at the shop", "now 12 at the shop", 5)[TEXT_COLUMNS.index("prices")] == 1


def test_metadata_features_measure_overlap_with_head() -> None:
    keys = [match_key(STORY), match_key("Another story altogether is told in this one"), ""]
    rows = metadata_features(KnownText("", STORY, "The harbour story"), keys)
    assert rows[0][0] == 1
    assert rows[1][0] == 0
    assert rows[2][0] == UNKNOWN
    assert rows[0][2] > rows[1][2]


def test_metadata_features_ignore_short_article_body() -> None:
    assert (metadata_features(KnownText("", "A short summary of the story", ""), [match_key(STORY)]) == UNKNOWN).all()


def test_group_blocks_by_class_and_ancestor() -> None:
    html = '<div><p class="t-1">One.</p><p class="t-2">Two.</p></div><section><p class="x">Three.</p></section>'
    groups = dict(zip(KINDS, group_blocks(html_blocks(parse_html(f"<div>{html}</div>"))), strict=True))
    assert groups["same_class"].tolist() == [0, 0, 1]  # numbers in class names are ignored
    assert groups["within_1"].tolist() == [0, 0, 1]
    assert len(set(groups["within_3"].tolist())) == 1


def test_unrelated_article_body_does_not_replace_page() -> None:
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


def test_sentence_repeated_on_page_is_removed() -> None:
    notice = "<p>Your settings keep this outside content from being shown to you at the moment.</p>"
    paragraphs = notice.join(
        f"<p>Paragraph {n} says that the harbour of Fauna will open again on day {n}.</p>" for n in range(6)
    )
    content = clean(f"<html><body><article><h1>Harbour opens</h1>{paragraphs}</article></body></html>")
    assert not any("settings" in line for line in content.paragraphs)
    assert len(content.paragraphs) == 6


def test_feed_item_keeps_heading_unlike_its_title() -> None:
    item = "<h1>What happened</h1><p>The harbour of Fauna opened again on Monday, nine years after the flood.</p>"
    assert clean(item, "html", title="Harbour opens").paragraphs[0] == "What happened"
    assert clean(item, "html", title="What happened").paragraphs[0].startswith("The harbour")


def test_page_h1_is_title_even_if_feed_differs() -> None:
    body = "".join(f"<p>Paragraph {n} says that the harbour of Fauna will open again on day {n}.</p>" for n in range(6))
    page = f"<html><body><article><h1>Harbour of Fauna opens again</h1>{body}</article></body></html>"
    content = clean(page, title="BREAKING: harbour opens")
    assert content.title == "BREAKING: harbour opens"
    assert len(content.paragraphs) == 6
    assert any(removed.text == "Harbour of Fauna opens again" for removed in content.removed)
