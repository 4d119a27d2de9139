"""The table of contents within a feed's item."""

from workers.clean.blocks import Block
from workers.clean.cleaner import clean
from workers.clean.contents_list import contents_entries

HEADINGS = ("Where the ferry stops", "How the crew sleeps", "What a ticket costs")
SECTIONS = "".join(f"<h2>{text}</h2><p>The crew told us about it in the evening, on deck.</p>" for text in HEADINGS)
ENTRIES = "".join(f"<li><a href='#{n}'>{text}</a></li>" for n, text in enumerate(HEADINGS))


def blocks(*rows: tuple[str, str]) -> list[Block]:
    return [Block(text, tag) for tag, text in rows]


def test_list_of_headings_is_table_of_contents() -> None:
    rows = [*(("li", text) for text in HEADINGS), *(("h2", text) for text in HEADINGS)]
    assert contents_entries(blocks(("p", "A day on board."), *rows)) == {1, 2, 3}


def test_list_of_other_lines_is_text() -> None:
    rows = [("li", "Bread"), ("li", "Butter"), ("li", HEADINGS[0]), *(("h2", text) for text in HEADINGS)]
    assert contents_entries(blocks(*rows)) == set()


def test_list_below_headings_is_text() -> None:
    rows = [*(("h2", text) for text in HEADINGS), *(("li", text) for text in HEADINGS)]
    assert contents_entries(blocks(*rows)) == set()


def test_two_headings_are_no_table_of_contents() -> None:
    rows = [*(("li", text) for text in HEADINGS[:2]), *(("h2", text) for text in HEADINGS[:2])]
    assert contents_entries(blocks(*rows)) == set()


def test_item_loses_its_table_of_contents() -> None:
    content = clean(f"<p>We spent a day on board.</p><ul>{ENTRIES}</ul>{SECTIONS}", "html", title="A day on board")
    assert [paragraph for paragraph in content.paragraphs if paragraph in HEADINGS] == list(HEADINGS)
