"""OPML import and export."""

from pathlib import Path

import pytest

from streams.errors import UnreadableError
from workers.poller.opml import Outline, read_opml, read_outlines, write_opml
from workers.poller.registry import FeedState


def test_opml_roundtrip(tmp_path: Path) -> None:
    feeds = [
        FeedState("https://a.example/f?x=1&y=2", "News", title='A "quoted" <title>'),
        FeedState("https://b.example/f"),
    ]
    path = tmp_path / "f.opml"
    path.write_text(write_opml(feeds), "utf-8")
    assert sorted(read_opml(path)) == sorted((f.url, f.folder) for f in feeds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a readable OPML"),
        ("<opml><body/></opml>", "contains no feed"),
        ("<html>", "not a readable OPML"),
        ('<!DOCTYPE o [<!ENTITY a "b">]><opml/>', "entities"),
    ],
)
def test_opml_error_names_the_file(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.opml"
    path.write_text(text)
    with pytest.raises(UnreadableError, match=message) as caught:
        read_opml(path)
    assert str(path) in str(caught.value)


def outlines(tmp_path: Path, data: bytes) -> list[Outline]:
    path = tmp_path / "f.opml"
    path.write_bytes(data)
    return read_outlines(path)


OUTLINES = (
    '<opml version="2.0"><body><outline text="Süd"><outline {}xmlUrl="https://a.example/f"/></outline></body></opml>'
)


@pytest.mark.parametrize("encoding", ["windows-1252", "utf-8", "utf-16"])
def test_opml_encodings(encoding: str, tmp_path: Path) -> None:
    head = f'\n<?xml version="1.0" encoding="{encoding}"?>'
    data = (head + OUTLINES.format('text="Mühle" ')).encode(encoding)
    assert outlines(tmp_path, data) == [("https://a.example/f", "Süd", "Mühle")]


def test_opml_comment_outlines_count_as_absent(tmp_path: Path) -> None:
    data = (
        '<opml><body><outline text="Off" isComment="true"><outline text="x"><outline xmlUrl="https://a.example/f"/></outline>'
        '</outline><outline text="On"><outline xmlUrl="https://b.example/f" isComment="false"/></outline></body></opml>'
    )
    assert outlines(tmp_path, data.encode()) == [("https://b.example/f", "On", "")]


def test_opml_title_of_url_is_no_title(tmp_path: Path) -> None:
    data = OUTLINES.format('text="https://a.example/f" ').encode()
    assert outlines(tmp_path, data) == [("https://a.example/f", "Süd", "")]
