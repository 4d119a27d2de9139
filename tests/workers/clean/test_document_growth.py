"""Growth: cleaning takes time in proportion to the number of blocks, also for long lists and tables."""

import time
from datetime import UTC, datetime

import pytest

from streams.records import Content, Item
from workers.clean.site_facts import SiteFacts
from workers.desk.article import clean_item, item_blocks

SMALL, LARGE = 800, 6_400
MOST = 2.5 * LARGE / SMALL  # linear time, measured badly; quadratic time has 64
NOTICED_S = 0.02
FRAGMENTS = {
    "items": '<li><a href="/1">Headline of a story in town</a></li>',
    "lists": '<ul><li><a href="/1">Headline of a story in town</a></li></ul>',
    "tables": "<table><tr><td>One</td><td>Two</td></tr></table>",
    "labels": '<p><b>More:</b></p><ul><li><a href="/1">Headline of a story</a></li></ul>',
    "terms": "<dl><dt>One</dt><dd>Two</dd></dl>",
    "breaks": "Line of text here<br>",
    "rubies": "<ruby>xy<rt>a</rt></ruby>",
}
# Fragments inside one element: opening tag, fragment.
BOXES = {
    "box": ('<p>The guild met on Sunday evening.</p><div class="cta">', "<p>Word one</p>"),
    "ruby": ("<ruby>", "xy<rt>a</rt>"),
    "row": ("<table><tr>", "<td></td><td>Two</td>"),
    "sizes": ('<div style="font-size:0">Rye', '<p style="font-size:0">Two</p>'),
}


def clean_s(html: str) -> float:
    """Return the CPU seconds of the cleaning of an item."""
    item = Item(
        feed="https://mill.example/f", identity_key="k", link="https://mill.example/1", title="Story",
        fetched_at=datetime.now(UTC), fingerprint="00" * 8, content=(Content(html),),
    )  # fmt: skip
    start_s = time.thread_time()
    clean_item(item, item_blocks(item), SiteFacts()).rendered()
    return time.thread_time() - start_s


@pytest.mark.parametrize("name", FRAGMENTS)
def test_cleaning_of_long_item_is_linear(name: str) -> None:
    clean_s(FRAGMENTS[name])  # loads the model
    small_s = max(NOTICED_S, min(clean_s(FRAGMENTS[name] * SMALL) for _ in range(2)))
    assert min(clean_s(FRAGMENTS[name] * LARGE) for _ in range(2)) < MOST * small_s


@pytest.mark.parametrize("name", BOXES)
def test_cleaning_of_large_element_is_linear(name: str) -> None:
    start, fragment = BOXES[name]
    clean_s(start + fragment)
    small_s = max(NOTICED_S, min(clean_s(start + fragment * SMALL) for _ in range(2)))
    assert min(clean_s(start + fragment * LARGE) for _ in range(2)) < MOST * small_s


def test_cleaning_of_many_images_is_linear() -> None:
    few, many = ("".join(f'<p>Boat {n}</p><img src="/{n}.jpg">' for n in range(size)) for size in (SMALL, LARGE))
    small_s = max(NOTICED_S, min(clean_s(few) for _ in range(2)))
    assert min(clean_s(many) for _ in range(2)) < MOST * small_s
