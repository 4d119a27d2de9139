"""Media types of enclosures: as stated, else by the ending of the URL."""

import json

import pytest

from streams.records import Item
from tests.support.feed_readers import read_by_both
from workers.text.media_types import MEDIA_TYPES, is_image, media_type_of

URL = "https://mill.example/feed"


def items(body: str) -> tuple[Item, ...]:
    return read_by_both(body, URL)


def rss(enclosure: str) -> str:
    return f"<rss version='2.0'><channel><title>Mill</title><item><title>A</title>{enclosure}</item></channel></rss>"


def atom(link: str) -> str:
    return (
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>Mill</title><id>f</id><entry><title>A</title><id>1</id>"
        f"<updated>2026-11-27T08:00:00Z</updated>{link}<link href='/1'/></entry></feed>"
    )


def json_feed(attachment: dict[str, str]) -> str:
    return json.dumps({
        "version": "https://jsonfeed.org/version/1.1", "title": "Mill",
        "items": [{"id": "1", "url": "https://mill.example/1", "title": "A", "attachments": [attachment]}],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (rss("<enclosure url='/a.mp3'/>"), "audio/mpeg"),
        (rss("<enclosure url='/a.MP3?x=1' type=''/>"), "audio/mpeg"),
        (rss("<enclosure url='/a.m4a' type='m4a'/>"), "audio/mp4"),
        (rss("<enclosure url='/a.mp3' type='audio/x-own'/>"), "audio/x-own"),
        (rss("<enclosure url='/a.mp3' type='text/html'/>"), "text/html"),
        (rss("<enclosure url='/download?n=3'/>"), ""),
        (rss("<enclosure url='/download?n=3' type='mp3'/>"), "mp3"),
        (atom("<link rel='enclosure' href='/a.mp3'/>"), "audio/mpeg"),
        (atom("<link rel='enclosure' href='/a.ogv'/>"), "video/ogg"),
        (atom("<link rel='enclosure' href='/download'/>"), ""),
        (atom("<link rel='enclosure' href='/a.mp3' type='text/html'/>"), "text/html"),
        (json_feed({"url": "https://mill.example/a.mp3"}), "audio/mpeg"),
        (json_feed({"url": "https://mill.example/a.mp3", "mime_type": "audio/mp3"}), "audio/mp3"),
        (json_feed({"url": "https://mill.example/a"}), ""),
    ],
)
def test_enclosure_type_is_stated_or_guessed(body: str, media_type: str) -> None:
    assert [enclosure.type for enclosure in items(body)[0].enclosures] == [media_type]


def media(content: str) -> str:
    return rss(content).replace("<rss ", "<rss xmlns:media='http://search.yahoo.com/mrss/' ")


HI = "<media:content url='/hi.mp4' type='video/mp4' isDefault='true'/>"
LO = "<media:content url='/lo.mp4' type='video/mp4' fileSize='12'/>"
IMAGE = "<media:content url='/p.jpg' type='image/jpeg'/><media:content url='/q' medium='image'/>"
PLAYER = (
    "<media:content url='/v/1' type='application/x-shockwave-flash' medium='video'/>"
    "<media:content url='/embed/1' type='text/html' medium='video'/><media:content type='video/mp4'/>"
)


@pytest.mark.parametrize(
    ("content", "enclosures"),
    [
        (f"<media:group>{HI}{LO}</media:group>", [("hi.mp4", "video/mp4", 0), ("lo.mp4", "video/mp4", 12)]),
        (f"<media:group>{LO}{HI}</media:group>", [("hi.mp4", "video/mp4", 0), ("lo.mp4", "video/mp4", 12)]),
        ("<media:content url='/v.mp3' type='audio/mpeg' fileSize='1234'/>", [("v.mp3", "audio/mpeg", 1234)]),
        ("<media:content url='/play?n=1' medium='audio'/>", [("play?n=1", "", 0)]),
        ("<media:content url='/play' medium='Video' type='mp4'/>", [("play", "mp4", 0)]),
        ("<media:content url='/v.m4a'/>", [("v.m4a", "audio/mp4", 0)]),
        ("<media:content url='/s.m3u8' type='application/x-mpegURL'/>", [("s.m3u8", "application/x-mpegurl", 0)]),
        (f"{LO}<enclosure url='/lo.mp4' type='video/x-own' length='9'/>", [("lo.mp4", "video/x-own", 9)]),
        (f"{LO}<enclosure url='/a.mp3' type='audio/mpeg'/>", [("a.mp3", "audio/mpeg", 0), ("lo.mp4", "video/mp4", 12)]),
        (IMAGE, []),
        (PLAYER, []),
        ("<media:content url='/document.pdf'/><media:content url='/page'/>", []),
    ],
)  # fmt: skip
def test_audio_and_video_of_media_rss_are_enclosures(content: str, enclosures: list[tuple[str, str, int]]) -> None:
    [item] = items(media(content))
    found = [(e.url.removeprefix("https://mill.example/"), e.type, e.length) for e in item.enclosures]
    assert found == enclosures


def test_enclosures_of_media_rss_are_bounded() -> None:
    contents = "".join(f"<media:content url='/{n}.mp3'/>" for n in range(30))
    assert len(items(media(contents))[0].enclosures) == 20


def test_item_with_media_only_is_readable() -> None:
    [item] = items(media(HI).replace("<title>A</title>", ""))
    assert [enclosure.url for enclosure in item.enclosures] == ["https://mill.example/hi.mp4"]


def test_enclosed_image_of_atom_is_image_of_item() -> None:
    assert items(atom("<link rel='enclosure' href='/p.jpg'/>"))[0].image_url == "https://mill.example/p.jpg"


def test_link_of_entry_is_no_enclosure() -> None:
    [item] = items(atom("<link rel='enclosure' href='/a.mp3'/>"))
    assert item.link == "https://mill.example/1"


def test_media_type_follows_ending_of_path() -> None:
    assert {media_type_of(f"https://a.example/b.c/x.{ending}") for ending in MEDIA_TYPES} == set(MEDIA_TYPES.values())
    assert [media_type_of(f"https://a.example/{path}") for path in ("x", "x.mp3/", "mp3", "?x=.mp3")] == [""] * 4
    assert is_image("https://a.example/x.jpg", "") and not is_image("https://a.example/x.mp3", "")
