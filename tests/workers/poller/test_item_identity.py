"""Identity across polls: items that share their names, and items that come under new names."""

from datetime import UTC, datetime, timedelta
from html import escape

from msgspec.structs import replace

from streams.records import Item
from workers.poller.formats import parse_feed
from workers.poller.new_items import find_new_items

NOW = datetime(2026, 11, 23, tzinfo=UTC)
URL = "https://courier.example/feeds/world"
TEXT = "The lower lock gate opened at six and the first barge passed it with eleven people on board, all of them cold. "


def feed(*items: tuple[str, str, str, str]) -> tuple[Item, ...]:
    """Return the items of a feed. Each is (title, link, guid, description)."""
    body = "".join(
        f"<item><title>{escape(title)}</title>"
        + (f"<link>{escape(link)}</link>" if link else "")
        + (f'<guid isPermaLink="false">{escape(guid)}</guid>' if guid else "")
        + f"<description>{escape(text)}</description></item>"
        for title, link, guid, text in items
    )
    document = (
        f"<rss version='2.0'><channel><title>Courier</title><link>https://courier.example/</link>{body}</channel></rss>"
    )
    fast, slow = (parse_feed(document.encode(), URL, fetched_at=NOW, use_expat=use) for use in (True, False))
    assert fast == slow
    return fast.items


def polled(*documents: tuple[Item, ...]) -> list[list[str]]:
    """Return the titles of the new items of each document, in the order of the polls."""
    known_items, titles = b"", []
    for items in documents:
        new = find_new_items(items, known_items)
        known_items = new.known_items
        titles.append([item.title for item in new.items])
    return titles


SHIP = ("Poll: best ship?", "https://courier.example/polls", "", "")
DOCK = ("Poll: best dock?", "https://courier.example/polls", "", "")
NEWS = ("Gate opens", "https://courier.example/gate", "g1", TEXT)


def test_items_with_one_link_have_keys_by_title() -> None:
    ship, dock = feed(SHIP, DOCK)
    assert ship.identity_key != dock.identity_key
    assert feed(DOCK, NEWS, SHIP)[2].identity_key == ship.identity_key


def test_items_with_one_link_and_guid_have_keys_by_title() -> None:
    one, other = feed(("One", "https://courier.example/a", "7", "x"), ("Other", "https://courier.example/a", "7", "y"))
    assert one.identity_key != other.identity_key


def test_items_with_one_guid_and_no_link_have_keys_by_title() -> None:
    one, other = feed(("One", "", "7", "x"), ("Other", "", "7", "y"))
    assert one.identity_key != other.identity_key


def test_untitled_items_with_one_link_have_keys_by_text() -> None:
    one, other = feed(("", "https://courier.example/a", "", "Salt"), ("", "https://courier.example/a", "", "Canal"))
    assert one.identity_key != other.identity_key


def test_repeated_item_has_one_key() -> None:
    one, other = feed(("One", "https://courier.example/a", "", "x"), ("ONE!", "https://courier.example/a", "", "x y"))
    assert one.identity_key == other.identity_key == "courier.example/a"


def test_items_that_share_names_are_new_once() -> None:
    both, alone = feed(SHIP, DOCK), feed(NEWS, DOCK)
    assert polled(both, both, alone, alone, both) == [
        ["Poll: best ship?", "Poll: best dock?"],
        [],
        ["Gate opens"],
        [],
        ["Poll: best ship?"],
    ]


def test_versions_of_one_item_are_sent_once() -> None:
    versions = [("Gate", "https://courier.example/gate", "g1", f"{n} {TEXT}") for n in (1, 2)]
    numbered = [("News", f"https://courier.example/{n}", "", str(n)) for n in range(3)]
    assert polled(*(feed(*versions, item) for item in numbered)) == [["Gate", "Gate", "News"], ["News"], ["News"]]


def test_item_that_starts_to_share_its_guid_stays_known() -> None:
    one, two = ("One", "https://courier.example/a", "7", "x"), ("Two", "https://courier.example/a", "7", "y")
    assert polled(feed(one), feed(two, one), feed(two)) == [["One"], ["Two"], []]


def test_renamed_item_is_not_new() -> None:
    renamed = ("Gate opens", "https://courier.example/gate-at-six", "g2", TEXT)
    assert polled(feed(NEWS, SHIP), feed(renamed, SHIP), feed(renamed, SHIP)) == [
        ["Gate opens", "Poll: best ship?"],
        [],
        [],
    ]


def test_renamed_item_in_chinese_is_not_new() -> None:
    text = "下闸门六点钟打开，第一艘驳船载着十一个人通过，所有人都很冷，船长说明天还会再来。"
    assert polled(
        feed(("开闸", "https://courier.example/1", "", text)), feed(("开闸", "https://courier.example/2", "", text))
    ) == [
        ["开闸"],
        [],
    ]


def test_short_item_with_new_name_is_new() -> None:
    monday = ("Traffic report", "https://courier.example/traffic-1", "t1", "No delays today.")
    tuesday = ("Traffic report", "https://courier.example/traffic-2", "t2", "No delays today.")
    assert polled(feed(monday), feed(tuesday)) == [["Traffic report"], ["Traffic report"]]


def dated(items: tuple[Item, ...], hours: float) -> tuple[Item, ...]:
    return tuple(replace(item, published=NOW + timedelta(hours=hours)) for item in items)


def test_renamed_item_with_corrected_time_is_not_new() -> None:
    renamed = ("Gate opens", "https://courier.example/gate-at-six", "g2", TEXT)
    assert polled(dated(feed(NEWS), 0), dated(feed(renamed), 5)) == [["Gate opens"], []]


def test_daily_item_with_one_text_is_new() -> None:
    tomorrow = ("Gate opens", "https://courier.example/gate-2", "g2", TEXT)
    assert polled(dated(feed(NEWS), 0), dated(feed(tomorrow), 18)) == [["Gate opens"], ["Gate opens"]]


def test_copy_of_present_item_is_new() -> None:
    copy = ("Gate opens", "https://courier.example/gate-again", "g2", TEXT)
    assert polled(feed(NEWS), feed(copy, NEWS)) == [["Gate opens"], ["Gate opens"]]


def test_second_copy_of_gone_item_is_new() -> None:
    copies = [("Gate opens", f"https://courier.example/gate-{n}", f"c{n}", TEXT) for n in (1, 2)]
    assert polled(feed(NEWS), feed(*copies)) == [["Gate opens"], ["Gate opens"]]
