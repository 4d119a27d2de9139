"""Ownership: feeds that may revise an article, and the names of publishers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from streams.brokers.base import ConsumedMessage
from streams.codec import decode, encode
from streams.config.settings import Settings
from streams.records import Article, Content, Item
from streams.topics import ARTICLES, ITEMS
from tests.support.feed_server import rss
from tests.support.pipeline import BODY, everything
from tests.support.poller_desk import open_desk
from workers.dedupe.classify import ArticleMemory, feed_digest
from workers.dedupe.ownership import may_revise, site_digest
from workers.dedupe.seen import decode as decode_memory
from workers.dedupe.seen import encode as encode_memory
from workers.desk.desk import Desk
from workers.poller.registry import PUBLISHERS, FeedRegistry
from workers.services import connect
from workers.text.normalise import match_key

LINK = "https://bank.example/story-1"
OWN, NEWS, NEWS_2, EVIL = (
    f"https://{name}/f" for name in ("feeds.bank.example", "news.example", "rss.news.example", "evil.example")
)
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def item(feed: str, text: str, minutes: int) -> Item:
    return Item(
        feed=feed, identity_key="bank.example/story-1", link=LINK, title="Bank story", fingerprint="00" * 8,
        content=(Content(f"<p>{text} {BODY}</p>"),), fetched_at=NOW + timedelta(minutes=minutes),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (NEWS, NEWS, True), (NEWS, NEWS_2, True), (NEWS, OWN, True), (OWN, OWN, True),
        (NEWS, EVIL, False), (OWN, EVIL, False), (OWN, NEWS, False), (NEWS, "push", True), (NEWS, "http://[::1", True),
    ],
)  # fmt: skip
def test_revision_comes_from_owner_or_own_site(first: str, second: str, expected: bool) -> None:
    memory = ArticleMemory(1, 1.0, (b"a" * 8,), feed_digest(first), site_digest(first))
    assert may_revise(memory, item(second, "x", 0)) is expected
    assert decode_memory(encode_memory(memory)) == memory


def test_memory_without_feed_admits_each_feed() -> None:
    assert may_revise(None, item(EVIL, "x", 0))
    assert may_revise(ArticleMemory(1, 1.0, (b"a" * 8,)), item(EVIL, "x", 0))
    assert may_revise(decode_memory(encode_memory(ArticleMemory(1, 1.0, (b"a" * 8,)))), item(EVIL, "x", 0))


async def articles_of(settings: Settings, items: Sequence[Item]) -> list[Article]:
    broker = await connect(settings, settings.broker_url)
    desk = Desk(settings, broker)
    messages = [ConsumedMessage(ITEMS.name, 0, n, 0.0, b"k", encode(one)) for n, one in enumerate(items)]
    result = await desk.handle(messages)
    await broker.close()
    return [decode(message.value, Article) for message in result.messages if message.topic == ARTICLES.name]


async def test_other_feed_cannot_change_an_article(settings: Settings) -> None:
    items = [item(NEWS, "fine", 0), item(EVIL, "bankrupt", 1), item(NEWS, "corrected", 2), item(OWN, "confirmed", 3)]
    articles = await articles_of(settings, items)
    assert [(article.feed, article.revision) for article in articles] == [(NEWS, 1), (NEWS, 2), (OWN, 3)]
    assert not any("bankrupt" in article.html for article in articles)


async def test_publisher_name_belongs_to_first_site(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    feeds, other = FeedRegistry(broker.state), "https://bank.example/other"
    await feeds.add([(OWN, ""), (other, ""), (EVIL, "")])
    assert await feeds.publisher_name("Trusted Bank Times", OWN) == "Trusted Bank Times"
    assert await feeds.publisher_name("Trusted Bank Times", other) == "Trusted Bank Times"
    assert await feeds.publisher_name("trusted  bank-times", EVIL) == "trusted  bank-times (evil.example)"
    assert await feeds.publisher_name("", EVIL) == ""
    await broker.close()


async def test_poller_marks_a_repeated_publisher_name(settings: Settings) -> None:
    async with open_desk(settings) as desk:
        await desk.poller.broker.state.hset(PUBLISHERS, match_key("The Test Courier"), "courier.example")
        desk.server.answers["f"] = rss([(LINK, "One", BODY)])
        await desk.poll()
        [published] = await everything(settings, "items")
        assert published.publisher == "The Test Courier (127.0.0.1)"
