"""Foreign markup in entries and channels: RFC 4287 §6.3. Both XML readers, and the reader of ill-formed documents."""

import pytest

from streams.records import Item
from tests.workers.poller.cases import parse_both
from workers.poller.formats import ParsedFeed

URL = "https://courier.example/feed"
ACTIVITY = (
    "<activity:object><id>obj1</id><title>OBJ</title><link rel='alternate' href='https://courier.example/obj'/>"
    "<published>2001-01-01T00:00:00Z</published><content type='html'>OC</content><activity:object><link href='/x'/>"
    "</activity:object><category term='no'/></activity:object>"
)
LIVE = (
    "<podcast:liveItem status='live'><title>LIVE</title><link>https://courier.example/ep-1</link><guid>live</guid>"
    "<language>de</language><enclosure url='https://courier.example/live.mp3'/></podcast:liveItem>"
)
DEFECTS = {"well-formed": "", "repaired": "<category>A & B</category>", "ill-formed": "<comments>A <b></comments>"}


def atom(entry: str) -> ParsedFeed:
    body = f"""<feed xmlns="http://www.w3.org/2005/Atom" xmlns:activity="http://activitystrea.ms/spec/1.0/">
<title>Courier</title><entry><id>1</id><title>Gate</title>{entry}<content type="html">C</content></entry></feed>"""
    return parse_both(body.encode(), url=URL)


def rss(channel: str, item: str = "", defect: str = "") -> ParsedFeed:
    body = f"""<rss version="2.0" xmlns:podcast="https://podcastindex.org/namespace/1.0"><channel><title>Courier</title>
<link>https://courier.example/</link><language>en</language>{channel}<item><title>Episode</title>
<link>https://courier.example/ep-1</link><guid isPermaLink="false">g1</guid>{item}{defect}</item></channel></rss>"""
    return parse_both(body.encode(), url=URL)


def only(feed: ParsedFeed) -> Item:
    [item] = feed.items
    return item


def test_fields_of_activity_object_are_ignored() -> None:
    item = only(atom(f"{ACTIVITY}<link rel='alternate' href='https://courier.example/1'/>"))
    assert (item.link, item.guid, item.title, item.published) == ("https://courier.example/1", "1", "Gate", None)
    assert ([content.value for content in item.content], item.categories) == (["C"], ())


@pytest.mark.parametrize("live", [LIVE, LIVE.replace("<guid>live</guid>", "<x/>")])
@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_live_item_of_channel_keeps_identity(live: str, defect: str) -> None:
    feed, before = rss(live, defect=defect), rss("", defect=defect)
    assert (feed.title, only(feed).language) == ("Courier", "en")
    assert only(feed) == only(before)
    assert only(feed).identity_key == "courier.example/ep-1"


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_live_item_in_item_is_ignored(defect: str) -> None:
    assert only(rss("", LIVE, defect)) == only(rss("", "", defect))


def test_element_of_unknown_default_namespace_is_foreign() -> None:
    item = only(atom("<ext xmlns='urn:x'><updated>2001-01-01T00:00:00Z</updated></ext><link href='/1'/>"))
    assert (item.updated, item.link) == (None, "https://courier.example/1")


@pytest.mark.parametrize("unclosed", ["<podcast:x>", "<podcast:x a='1'><podcast:x>"])
def test_unclosed_foreign_element_ends_with_its_item(unclosed: str) -> None:
    feed = rss("", f"{unclosed}</item><item><title>Next</title><description>Text</description>")
    assert [(item.title, item.summary and item.summary.value) for item in feed.items][1] == ("Next", "Text")


@pytest.mark.parametrize("empty", ["<podcast:x/>", "<podcast:x a='1'/>", "<podcast:x a='1' />"])
@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_empty_foreign_element_hides_nothing(empty: str, defect: str) -> None:
    assert only(rss(empty, f"{empty}<description>Text</description>", defect)).summary is not None


def test_items_in_a_foreign_element_of_the_channel_are_read() -> None:
    feed = rss("<podcast:x><item><title>Inner</title><link>/2</link></item><link>/no</link></podcast:x>")
    assert [item.title for item in feed.items] == ["Inner", "Episode"]
    assert feed.items[1].identity_key == "courier.example/ep-1"


def test_items_of_an_unknown_namespace_keep_their_fields() -> None:
    body = b"""<rss version="2.0"><channel><title>T</title><item xmlns="urn:x"><title>Gate</title>
<credits><author>Ann Reed</author></credits></item></channel></rss>"""
    assert only(parse_both(body, url=URL)).authors == ("Ann Reed",)
