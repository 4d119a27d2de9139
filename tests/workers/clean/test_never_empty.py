"""A story never becomes empty: the only sentence, the article body of the head, the best container, a single link."""

import json

import pytest

from workers.clean.cleaner import CleanedContent, clean

URL = "https://mill.example/story"
LINES = (
    "The millers met at the granary on Sunday evening to settle the price of flour, the guild said.",
    "The price stays the same until the next harvest, and the guild meets again in the autumn.",
)
NAVIGATION = (
    "<nav><ul>" + "".join(f"<li><a href='/{n}'>{n}</a></li>" for n in ("News", "Sport", "Culture")) + "</ul></nav>"
)
FOOTER = "<footer><p>© 2026 The Mill Courier. All rights reserved.</p></footer>"
SCRIPT = "<p>Please enable JavaScript to read this page.</p>"


def page(body: str, article_body: str = "") -> CleanedContent:
    """Return the cleaned content of a page. *article_body*: of its JSON-LD."""
    data = {"@type": "NewsArticle", "headline": "Flour", "articleBody": article_body}
    head = f"<script type='application/ld+json'>{json.dumps(data)}</script>" if article_body else ""
    return clean(
        f"<!doctype html><html><head><title>Flour</title>{head}</head><body>{body}</body></html>", "page", url=URL
    )


@pytest.mark.parametrize(
    "below",
    [
        "<p>By Ida Marrow</p>",
        "<time>26 November 2026</time>",
        "<p>By Ida Marrow</p><p>26 November 2026</p>",
        "<p>2 min read</p>",
    ],
)
def test_clean_only_sentence_is_not_standfirst(below: str) -> None:
    content = page(f"{NAVIGATION}<h1>Flour</h1><p>{LINES[0]}</p>{below}{FOOTER}")
    assert content.paragraphs == LINES[:1]
    assert content.dek == ""


@pytest.mark.parametrize(
    "body", ["", "<div id=root></div>", NAVIGATION, NAVIGATION + FOOTER, NAVIGATION + SCRIPT + FOOTER]
)
def test_clean_page_without_story_has_article_body(body: str) -> None:
    content = page(body, "\n".join(LINES))
    assert content.paragraphs == LINES
    assert "granary" in content.html


def test_clean_page_with_story_ignores_article_body() -> None:
    story = "".join(f"<p>{line}</p>" for line in LINES)
    assert page(f"<h1>Flour</h1><article>{story}</article>", "A shorter text of the head.").paragraphs == LINES


@pytest.mark.parametrize(
    "container",
    [
        "<article><p><a href='/1'>{}</a></p><p><a href='/2'>{}</a></p></article>",
        "<main><ul><li><a href='/1'>{}</a></li><li><a href='/2'>{}</a></li></ul></main>",
        "<section><h3><a href='/1'>{}</a></h3><h3><a href='/2'>{}</a></h3></section>",
    ],
)
def test_clean_page_of_links_keeps_best_container(container: str) -> None:
    assert page(f"{NAVIGATION}<h1>Flour</h1>{container.format(*LINES)}{FOOTER}").paragraphs == LINES


@pytest.mark.parametrize(
    "item",
    [
        "<a href='{}'>{}</a>", "<p><a href='{}'>{}</a></p>", "<ul><li><a href='{}'>{}</a></li></ul>",
        "<div class='related'><a href='{}'>{}</a></div>", "<h3><a href='{}'>{}</a></h3>", "<p><b><a href='{}'>{}</a></b></p>",
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", [LINES[0], "Storm spares Quillmere, takes 18 roofs"])
def test_clean_item_of_one_link_is_kept(item: str, text: str) -> None:
    content = clean(item.format("https://b.example/x", text), "html", title="Flour", url=URL)
    assert content.paragraphs == (text,)
    assert "https://b.example/x" in content.html
