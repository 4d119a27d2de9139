"""Markup whose text, images or cells must stay: newsletters, tables, images, tutorials. All texts are invented."""

import pytest

from workers.clean.blocks import text_blocks
from workers.clean.cleaner import clean

FIRST = "The council approved the new bridge on Tuesday after a debate of four hours."
SECOND = "Work on the north bank begins in May, and the ferry runs until the end of the year."


def section(text: str, inner: str) -> str:
    """Return a section as MJML writes it: no size around columns, a size of its own around the text."""
    return (
        '<table><tr><td style="direction:ltr;font-size:0px;padding:20px 0"><div style="font-size:0px"><table><tr>'
        f'<td style="font-size:0px"><div style="{inner}">{text}</div></td></tr></table></div></td></tr></table>'
    )


@pytest.mark.parametrize("inner", ["font-size:13px", "font: bold 1.2rem/1.5 Arial", "font-size: x-small"])
def test_newsletter_section_without_font_size_stays(inner: str) -> None:
    html = f"<p>View the letter of this week below.</p>{section(FIRST, inner)}{section(SECOND, inner)}"
    assert clean(html, "html").paragraphs[1:] == (FIRST, SECOND)


def test_image_without_font_size_stays() -> None:
    image = '<td style="font-size:0px"><img src="https://mill.example/bridge.jpg" width="600"></td>'
    content = clean(f"<p>{FIRST}</p><table><tr>{image}</tr></table><p>{SECOND}</p>", "html")
    assert [image.url for image in content.images] == ["https://mill.example/bridge.jpg"]


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        ("font-size:0", False),
        ("font-size:0px;line-height:0", False),
        ("max-height:0;overflow:hidden", False),
        ("max-height:0", True),
    ],
)
def test_text_without_size_or_height_is_hidden(style: str, shown: bool) -> None:
    html = f'<p>{FIRST}</p><div style="{style}"><p style="color:red">{SECOND}</p></div>'
    assert (SECOND in clean(html, "html").paragraphs) is shown


TABLES = (
    "<table><tr><th></th><th>2022</th><th>2023</th></tr><tr><td>Leeds</td><td></td><td>3</td></tr>"
    "<tr><td>Hull</td><td>4</td></tr></table>",
    '<table><tr><th rowspan="2">Town</th><th colspan="2">Votes</th></tr><tr><th>2022</th><th>2023</th></tr></table>',
)


@pytest.mark.parametrize("table", TABLES)
def test_cells_of_table_keep_their_columns(table: str) -> None:
    content = clean(f"<p>{FIRST}</p>{table}<p>{SECOND}</p>", "html")
    assert table in content.html
    assert clean(content.html, "html").html == content.html


def test_invalid_span_of_cell_is_dropped() -> None:
    html = (
        f'<p>{FIRST}</p><table><tr><td colspan="2&quot; onclick=&quot;x">Leeds</td><td rowspan="1">3</td></tr></table>'
    )
    assert "<tr><td>Leeds</td><td>3</td></tr>" in clean(html, "html").html


PICTURES = (
    '<img src="https://cdn.mill.example/sport/track/final.jpg" width="800" height="600">',
    '<img src="https://mill.example/beacon/2024/bridge.jpg">',
    '<img src="https://stats.mill.example/chart.png">',
    '<img src="https://pixel.mill.example/photo.jpg">',
    '<img src="https://mill.example/tracking/map" width="600px">',
)
PIXELS = (
    '<img src="https://c.mill.example/o.php?id=1" width="1px" height="1px">',
    '<img src="https://c.mill.example/o.php?id=1" width=" 1 " height="1 PX">',
    '<img src="https://mill.example/track/open.php?id=1">',
    '<img src="https://stats.mill.example/b.gif?host=a">',
    '<img src="https://mill.example/pixel.png">',
)


@pytest.mark.parametrize("image", [*PICTURES, *PIXELS])
def test_picture_in_folder_of_pixels_stays(image: str) -> None:
    content = clean(f"<p>{FIRST}</p>{image}<p>{SECOND}</p>", "html")
    assert bool(content.images) is (image in PICTURES)
    assert any(removed.kind == "tracking pixel" for removed in content.removed) is (image in PIXELS)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\v", "\f", "\x85", "\u2028", "\u2029"])
def test_dump_has_lines_at_each_line_end(end: str) -> None:
    blocks = text_blocks(end.join(("Bridge approved", "", FIRST, SECOND)))
    assert [block.text for block in blocks] == ["Bridge approved", FIRST, SECOND]
    assert [block.after_blank_line for block in blocks] == [False, True, False]
