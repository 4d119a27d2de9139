"""Invented items of feeds: blog engines, letters and portals in many languages, with the clutter that they add."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from workers.clean.cleaner import clean

FILE = Path(__file__).with_name("invented_items.txt")
URL, HOST = "https://kelpblog.example/2025/post", "kelpblog.example"


class Item(NamedTuple):
    """An item: its builder, its title, its HTML, and the lines of its story and of its clutter."""

    kind: str
    title: str
    html: str
    story: list[str]
    clutter: list[str]


def read_items() -> list[Item]:
    """Return the invented items."""
    items: list[Item] = []
    for line in FILE.read_text(encoding="utf8").splitlines():
        if line.startswith("= "):
            kind, _, title = line[2:].partition(" | ")
            items.append(Item(kind, title, "", [], []))
        elif line.startswith("H "):
            items[-1] = items[-1]._replace(html=items[-1].html + line[2:].replace("ITEM", HOST))
        elif line.startswith(("A ", "C ")):
            (items[-1].story if line[0] == "A" else items[-1].clutter).append(line[2:])
    return items


@pytest.mark.parametrize("item", read_items(), ids=lambda item: item.kind)
def test_invented_item_keeps_story_without_clutter(item: Item) -> None:
    paragraphs = [
        " ".join(paragraph.split()) for paragraph in clean(item.html, "html", title=item.title, url=URL).paragraphs
    ]
    assert not Counter(item.story) - Counter(paragraphs)
    assert not set(item.clutter) & set(paragraphs)


def items_below(label: str, host: str) -> list[str]:
    """Return what remains of a letter with a list of two links to *host* below *label*."""
    links = "".join(f"<li><a href='https://{host}/{n}'>How knots learned to hold {n}</a></li>" for n in (1, 2))
    html = f"<p>The tide was late again, and the clock agreed.</p>{label}<ul>{links}</ul><p>Until Friday.</p>"
    return list(clean(html, "html", title="Letter", url=URL).paragraphs)


@pytest.mark.parametrize("label", ["<p>From the comments:</p>", "<h2>Read</h2>"])
def test_list_of_links_to_other_sites_stays(label: str) -> None:
    assert len(items_below(label, "rope.example")) == 5


@pytest.mark.parametrize("label", ["<p>Related:</p>", "<h2>Related posts</h2>", "<p>More posts of this quarter</p>"])
def test_list_of_links_to_own_site_goes(label: str) -> None:
    assert items_below(label, HOST) == ["The tide was late again, and the clock agreed.", "Until Friday."]


def test_list_below_label_of_sponsors_goes() -> None:
    assert len(items_below("<h2>From the web</h2>", "ads.example")) == 2


@pytest.mark.parametrize(
    ("link", "leads_to_item"),
    [(URL, True), (URL + "?utm_source=rss", True), (URL + "#note", False), ("https://other.example/", False)],
)
def test_short_link_to_own_page_goes(link: str, *, leads_to_item: bool) -> None:
    html = f"<p>The tide was late again, and the clock agreed.</p><p><a href='{link}'>Haberi kaynağında oku</a></p>"
    reasons = [removed.reason for removed in clean(html, "html", title="Letter", url=URL).removed]
    assert ("a link to the item itself" in reasons) == leads_to_item


def test_chapters_at_end_of_item_stay() -> None:
    lines = ("00:00 Hello", "04:10 The long rope", "21:35 The old vicar", "Guest: Ruth Keane, ringer")
    html = "<p>We visit a bell that nobody may ring.</p>" + "".join(f"<p>{line}</p>" for line in lines)
    assert len(clean(html, "html", title="Bells", url=URL).paragraphs) == 5
