"""Metadata in the head of a page, when a tag occurs several times."""

import pytest

from workers.clean.html_parser import parse_html
from workers.clean.metadata import Metadata, extract_metadata


def head(*tags: tuple[str, str]) -> Metadata:
    """Return the metadata of a page with *tags*: pairs of a property or name, and a content."""
    metas = "".join(
        f'<meta {"property" if ":" in name else "name"}="{name}" content="{content}">' for name, content in tags
    )
    html = f"<html><head>{metas}</head><body><h1>Harbour</h1></body></html>"
    return extract_metadata(parse_html(html, page=True), "https://courier.example/1")


def test_first_of_repeated_tags_counts() -> None:
    found = head(
        ("og:image", " "),
        ("og:image", "https://courier.example/harbour.jpg"), ("og:image", "https://courier.example/logo.png"),
        ("og:site_name", "The Courier"), ("og:site_name", "Courier Media"),
        ("og:description", "The harbour opens."), ("og:description", "News of the coast."),
        ("article:published_time", "2026-03-03T10:00:00Z"), ("article:published_time", "2026-03-05T10:00:00Z"),
        ("article:section", "World"), ("article:section", "Home"),
    )  # fmt: skip
    assert found.image == "https://courier.example/harbour.jpg"
    assert (found.publisher, found.description, found.kicker) == ("The Courier", "The harbour opens.", "World")
    assert f"{found.published:%Y-%m-%d}" == "2026-03-03"


@pytest.mark.parametrize(
    ("authors", "byline"),
    [
        (["Ida Marrow"], ("Ida Marrow",)),
        (["Ida Marrow", "Ann Reed", "Ida Marrow"], ("Ida Marrow", "Ann Reed")),
        (["The Courier", "Ida Marrow"], ("Ida Marrow",)),
        (["The Courier"], ("The Courier",)),
        ([" ", "Ida Marrow"], ("Ida Marrow",)),
        ([], ()),
    ],
)
def test_repeated_author_tags_name_several_authors(authors: list[str], byline: tuple[str, ...]) -> None:
    assert head(("og:site_name", "The Courier"), *(("author", name) for name in authors)).byline == byline
