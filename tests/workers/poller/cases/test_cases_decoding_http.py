"""Decoding, bodies, images, JSON types and namespaces of feeds, in both XML readers. The inputs are invented."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.errors import UnreadableError
from streams.records import Item
from workers.clean.cleaner import clean
from workers.desk.article import article_images, clean_item
from workers.poller.formats import ParsedFeed, parse_feed
from workers.poller.opml import read_opml
from workers.text.encoding import MAX_STRAYS, decode_document

FETCHED_AT = datetime(2026, 11, 26, tzinfo=UTC)
FEED_URL = "https://mill.example/feed.xml"


def parse(body: bytes, content_type: str = "") -> ParsedFeed:
    """Return the feed in *body*, after a comparison of both XML readers."""
    fast, slow = (
        parse_feed(body, FEED_URL, content_type=content_type, fetched_at=FETCHED_AT, use_expat=use_expat)
        for use_expat in (True, False)
    )
    assert fast == slow
    return fast


def rss(item: str, head: str = "", attributes: str = "") -> str:
    """Return an RSS document with one item."""
    return (
        f'{head}<rss version="2.0" {attributes}><channel><title>Mill</title><link>https://mill.example/</link>'
        f"<item><link>https://mill.example/1</link>{item}</item></channel></rss>"
    )


def item_of(body: str | bytes, content_type: str = "") -> Item:
    """Return the only item of a document."""
    (item,) = parse(body if isinstance(body, bytes) else body.encode(), content_type).items
    return item


# -- decoding -----------------------------------------------------------------------------------------------------

DECLARED = '<?xml version="1.0" encoding="{}"?>'
ENCODED: dict[str, tuple[str, bytes, str]] = {
    "no declaration, Persian": ("می‌خواهم", rss("<title>می‌خواهم</title>").encode(), ""),
    "UTF-16 label in ASCII": ("Møre", rss("<title>Møre</title>", DECLARED.format("UTF-16")).encode(), ""),
    "UCS-2 label in HTTP": ("Møre", rss("<title>Møre</title>").encode(), "application/xml; charset=ucs-2"),
    "UTF-16 LE, byte order mark": ("Łęg", b"\xff\xfe" + rss("<title>Łęg</title>").encode("utf-16-le"), "text/xml"),
    "UTF-16 BE, NUL pattern": ("Łęg", rss("<title>Łęg</title>").encode("utf-16-be"), ""),
    "UTF-32 LE, byte order mark": ("Łęg", rss("<title>Łęg</title>").encode("utf-32"), ""),
    "UTF-32 BE, NUL pattern": ("Łęg", rss("<title>Łęg</title>").encode("utf-32-be"), ""),
    "EBCDIC": ("Mill", rss("<title>Mill</title>", DECLARED.format("cp037")).encode("cp037"), ""),
    "two byte order marks": ("Łęg", b"\xef\xbb\xbf" * 2 + rss("<title>Łęg</title>").encode(), ""),
    "label after white space": (
        "Мост",
        rss("<title>Мост</title>", "\n \t" + DECLARED.format("windows-1251")).encode("cp1251"),
        "",
    ),
    "label with a year": (
        "Brücke",
        rss("<title>Brücke</title>", DECLARED.format("ISO_8859-1:1987")).encode("cp1252"),
        "",
    ),
    "label outside the standard": (
        "Мост",
        rss("<title>Мост</title>", DECLARED.format("win-1251")).encode("cp1251"),
        "",
    ),
    "HTTP before declaration": (
        "Мост",
        rss("<title>Мост</title>", DECLARED.format("windows-1252")).encode("cp1251"),
        "text/xml; charset=windows-1251",
    ),
    "declaration where HTTP is wrong": (
        "Мост",
        rss("<title>Мост</title>", DECLARED.format("windows-1251")).encode("cp1251"),
        "text/xml; charset=utf-8",
    ),
    "UTF-8 labelled as Latin-1": (
        "Größe und Łęg",
        rss("<title>Größe und Łęg</title>", DECLARED.format("ISO-8859-1")).encode(),
        "",
    ),
    "GBK labelled as GB2312": ("朱镕基", rss("<title>朱镕基</title>", DECLARED.format("gb2312")).encode("gbk"), ""),
    "ISO-2022-JP": (
        "水門の橋",
        rss("<title>水門の橋</title>", DECLARED.format("iso-2022-jp")).encode("iso2022_jp"),
        "",
    ),
    "Shift_JIS with an extension": ("①橋", rss("<title>①橋</title>", DECLARED.format("Shift_JIS")).encode("cp932"), ""),
    "unknown label": ("Łęg", rss("<title>Łęg</title>", DECLARED.format("ansi")).encode(), ""),
    "Latin-1 without a label": ("« doué »", rss("<title>«\xa0doué\xa0»</title>").encode("cp1252"), ""),
    "XML 1.1": ("Łęg", rss("<title>Łęg</title>", '<?xml version="1.1"?>').encode(), ""),
    "CESU-8": ("boat \U0001f600", rss("<title>boat X</title>").encode().replace(b"X", b"\xed\xa0\xbd\xed\xb8\x80"), ""),
    "control characters": ("Weir raised", rss("<title>Weir\x0b rai\x08sed\x00\x18</title>").encode(), ""),
}


@pytest.mark.parametrize(("title", "body", "content_type"), ENCODED.values(), ids=ENCODED)
def test_parse_feed_encoding_is_detected(title: str, body: bytes, content_type: str) -> None:
    feed = parse(body, content_type)
    assert (feed.items[0].title, feed.warning) == (title, "")


def test_stray_bytes_leave_other_text_alone() -> None:
    head = DECLARED.format("utf-8")
    body = rss("<title>Brücke X</title>", head).encode().replace(b"X", b"\x93alt\x94 \xe9")
    assert item_of(body).title == "Brücke “alt” é"


def test_decode_document_many_strays_is_windows_1252() -> None:
    assert decode_document(b"\xe9 " * (MAX_STRAYS + 1), "text/xml; charset=utf-8") == "é " * (MAX_STRAYS + 1)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32-le"])
def test_json_feed_unicode_encodings_are_read(encoding: str) -> None:
    text = '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "Łęg\tX"}]}'
    assert item_of(text.encode(encoding)).title == "Łęg X"


# -- JSON types -----------------------------------------------------------------------------------------------------


def json_item(item: str) -> Item:
    return item_of(f'{{"version": "https://jsonfeed.org/version/1.1", "items": [{item}]}}')


def test_json_feed_numbers_become_text() -> None:
    item = json_item('{"id": 4.50, "title": 1984, "content_text": 7, "tags": [2026, "x"]}')
    assert (item.guid, item.title, item.content[0].value, item.categories) == ("4.50", "1984", "7", ("2026", "x"))


@pytest.mark.parametrize(
    ("size", "size_bytes"), [("2000.0", 2000), ('"1000"', 1000), ("1e3", 1000), ('"1 MB"', 0), ("1e999", 0)]
)
def test_json_feed_size_is_a_number(size: str, size_bytes: int) -> None:
    attachment = f'{{"url": "https://mill.example/a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": {size}}}'
    item = json_item(f'{{"id": "1", "attachments": {attachment}}}')
    assert [enclosure.length for enclosure in item.enclosures] == [size_bytes]


def test_json_feed_url_id_is_link() -> None:
    item = json_item('{"id": "https://mill.example/1", "external_url": "https://other.example/", "title": "A"}')
    assert item.link == "https://mill.example/1"


def test_json_feed_huge_number_is_accepted() -> None:
    assert json_item(f'{{"id": {"9" * 5000}, "title": "A"}}').title == "A"


# -- images of an entry ---------------------------------------------------------------------------------------------

MEDIA = 'xmlns:media="http://search.yahoo.com/mrss/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"'
IMAGES = {
    "widest media:content": (
        '<media:content url="https://i.example/1.jpg" width="140"/><media:content url="https://i.example/2.jpg" width="1000"/>'
        '<media:content url="https://i.example/3.jpg" width="wide"/>',
        "2",
    ),
    "widest of a group": (
        '<media:group><media:content url="https://i.example/1.jpg" medium="image" width="90"/>'
        '<media:content url="https://i.example/2.jpg" type="image/jpeg" width="900px"/></media:group>',
        "2",
    ),
    "picture of the author first": (
        '<media:content url="https://1.gravatar.com/avatar/a" medium="image"/><media:content url="https://i.example/2.jpg"/>',
        "2",
    ),
    "video with a thumbnail": (
        '<media:content url="https://i.example/1.mp4"><media:thumbnail url="https://i.example/2.jpg"/></media:content>',
        "2",
    ),
    "widest thumbnail": (
        '<media:thumbnail url="https://i.example/1.jpg" width="75"/><media:thumbnail url="https://i.example/2.jpg" width="750"/>',
        "2",
    ),
    "itunes:image": ('<itunes:image href="https://i.example/2.jpg"/>', "2"),
    "enclosure": (
        '<enclosure url="https://i.example/1.mp3" type="audio/mpeg"/><enclosure url="https://i.example/2.jpg" type="image/jpeg"/>',
        "2",
    ),
}


@pytest.mark.parametrize(("item", "number"), IMAGES.values(), ids=IMAGES)
def test_item_image_is_the_best_candidate(item: str, number: str) -> None:
    assert item_of(rss(f"<title>A</title>{item}", attributes=MEDIA)).image_url == f"https://i.example/{number}.jpg"


# -- namespaces and truncation ----------------------------------------------------------------------------------------

SPELLINGS = (
    ("https://search.yahoo.com/mrss/", "https://purl.org/dc/elements/1.1"),
    ("HTTP://SEARCH.YAHOO.COM/MRSS", "http://purl.org/DC/elements/1.1/"),
)


@pytest.mark.parametrize(("media", "dc"), SPELLINGS)
def test_namespace_spelling_is_ignored(media: str, dc: str) -> None:
    elements = '<title>A</title><m:content url="https://i.example/1.jpg" medium="image"/><d:creator>Ann</d:creator>'
    item = item_of(rss(elements, attributes=f'xmlns:m="{media}" xmlns:d="{dc}"'))
    assert (item.image_url, item.authors) == ("https://i.example/1.jpg", ("Ann",))


@pytest.mark.parametrize("tail", ["<item><title>B", "<item>", "<item><description><![CDATA[<item>x", "<item ", ""])
def test_truncated_feed_omits_partial_item(tail: str) -> None:
    whole = rss("<title>A</title>")
    feed = parse((whole[: whole.rindex("</channel>")] + tail).encode())
    assert [item.title for item in feed.items] == ["A"]
    assert feed.warning


def test_truncated_feed_without_whole_item_is_unreadable() -> None:
    with pytest.raises(UnreadableError):
        parse(b"<rss version='2.0'><channel><title>Mill</title><item><title>A half")


def test_unclosed_last_item_of_whole_feed_is_read() -> None:
    body = rss("<title>A</title>").replace("</item>", "")
    assert item_of(body).title == "A"


# -- cases of ../shared ------------------------------------------------------------------------------------------------


def case_file(shared: Path, name: str) -> Path:
    """Return a file of a case as `number/file`. Skips where the case is absent."""
    number, _, file = name.partition("/")
    folders = sorted((shared / "cases").glob(f"{number}-*"))
    if not folders:
        pytest.skip(f"case {number} isn't in ../shared")
    return folders[0] / file


# Case → titles of the items, paragraphs of the first and URLs of its images.
FEED_CASES: dict[str, tuple[list[str], list[str], list[str]]] = {
    "019/feed.xml": (
        ["Weir raised", "Second"],
        ["The password and more of it were read out at the boathouse on Monday evening."],
        [],
    ),
    "022/feed.xml": (["Nørre bro åpnet"], [], []),
    "025/be.xml": (["Łódź żegluje"], [], []),
    "025/le.xml": (["Łódź żegluje"], [], []),
    "026/feed.xml": (["Überschwemmung an der Elbe", "it’s over"], [], []),
    "090/feed.xml": (
        ["Minutes"],
        ["Dear all,", "the keepers met on Monday at the lock house.", "- gates\n- pumps", "Regards"],
        [],
    ),
    "180/feed.xml": (
        ["A"],
        ["The council voted on Tuesday to keep the swing bridge open at night.", "It asked for a report by May."],
        [],
    ),
    "183/a.xml": (["A"], ["Body here"], ["https://quarry.example/p.jpg"]),
    "183/b.xml": (["B"], ["Body too"], ["https://quarry.example/q.jpg"]),
    "183/c.xml": (["C"], [], ["https://quarry.example/r.jpg"]),
    "185/feed.xml": (["A", "B"], [], []),
    "192/feed.xml": (["A"], [], ["https://i.quarry.example/1000.jpg"]),
}


@pytest.mark.corpus
@pytest.mark.parametrize("name", FEED_CASES)
def test_feed_case(name: str, shared: Path) -> None:
    items = parse(case_file(shared, name).read_bytes()).items
    content = clean_item(items[0])
    images = [image.url for image in article_images(items[0], content)]
    assert ([item.title for item in items], list(content.paragraphs), images) == FEED_CASES[name]


# Case → texts that the cleaned HTML has, or doesn't have if they begin with "!".
STORY_CASES = {
    "101": ("p.png?w=1024", "!w=75"),
    "103": ("a2.webp",),
    "104": ("real.jpg",),
    "106": ("https://www.youtube.com/embed/Aa1", "https://player.vimeo.example/video/9"),
    "108": ("https://cdn.example/v.mp4",),
    "109": ("https://cdn.example/1.mp3", "https://cdn.example/2.mp3"),
    "112": ("English", "Deutsch", "Nederlands"),
    "114": ("1.33", "10^{-4}", "0.25"),
    "116": ("100²=10000", "10⁴"),
    "117": ("“a bridge to nowhere”",),
    "121": ("👨\u200d👩\u200d👧", "ශ්\u200dරී"),
    "135": ("!Preview", "!Subscribe", "!Restack"),
    "159": ("!<img",),
    "174": tuple(f"https://c.example/{n}.jpg" for n in range(1, 7)),
}


@pytest.mark.corpus
@pytest.mark.parametrize("case", STORY_CASES)
def test_story_case(case: str, shared: Path) -> None:
    story = case_file(shared, f"{case}/story.html").read_text("utf-8")
    html = clean(story, "html", title="A title", url="https://quarry.example/story").html
    for text in STORY_CASES[case]:
        assert (text.removeprefix("!") in html) is not text.startswith("!"), text


@pytest.mark.corpus
@pytest.mark.parametrize(
    ("file", "feeds"),
    [
        ("a.opml", [("http://q.example/f", "Überregional/Süd")]),
        ("b.opml", [("http://q.example/f", "Łódź")]),
        ("c.opml", [("http://q.example/b", "")]),
    ],
)
def test_opml_case(file: str, feeds: list[tuple[str, str]], shared: Path) -> None:
    assert read_opml(case_file(shared, f"145/{file}")) == feeds
