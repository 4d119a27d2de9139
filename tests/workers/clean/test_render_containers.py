"""Rendered HTML of list items, cells and captions with several paragraphs. All texts are invented."""

import pytest

from workers.clean.cleaner import clean

FIRST, SECOND = "Bring boots and a lamp.", "Leave the dog at home."


@pytest.mark.unit
@pytest.mark.parametrize(("before", "after"), [("<ul><li>", "</li></ul>"), ("<table><tr><td>", "</td></tr></table>")])
def test_render_container_separates_its_paragraphs(before: str, after: str) -> None:
    once = clean(f"{before}<p>{FIRST}</p><p>{SECOND}</p>{after}", "html")
    assert f"{FIRST}<p>{SECOND}</p>" in once.html
    twice = clean(once.html, "html")
    assert (twice.paragraphs, twice.html) == (once.paragraphs, once.html) == ((FIRST, SECOND), once.html)


@pytest.mark.unit
def test_render_item_with_image_needs_no_paragraph() -> None:
    content = clean(f"<ul><li><img src='https://a.example/i.png' alt=''><p>{FIRST}</p></li></ul>", "html")
    assert f">{FIRST}</li>" in content.html
