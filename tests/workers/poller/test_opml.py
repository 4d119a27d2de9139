"""OPML import and export."""

from pathlib import Path

import pytest

from streams.errors import UnreadableError
from workers.poller.opml import read_opml, write_opml
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
