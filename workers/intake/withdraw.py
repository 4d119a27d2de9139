"""Withdrawal of an article by its id."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from streams.brokers.base import Broker, ConsumedMessage
from streams.codec import decode
from streams.errors import UnreadableError
from streams.records import Article, Item, MessageId
from streams.start import Offsets
from streams.topics import ARTICLES, Topic, resolve_topic
from workers.intake.publish import publish

VERSION_STEP = timedelta(milliseconds=1)


async def withdraw(broker: Broker, article_id: str, reason: str) -> Item:
    """Publish an item that withdraws the article with *article_id*; return the item.

    Raises:
        UnreadableError: the article, or the item that it came from, is not retained.
    """
    article = await _latest_article(broker, article_id)
    if article is None:
        raise UnreadableError(f"article not found: {article_id} (never published, or past its retention)")
    item = await _item_at(broker, article.source)
    if item is None:
        raise UnreadableError(f"item of article not found: {article_id} ({article.source} is past its retention)")
    withdrawn = replace(
        item, withdrawn=reason, content=(), summary=None, page=None, text_dump="", fetched_at=_time_after(item)
    )
    await publish(broker, [withdrawn])
    return withdrawn


def _time_after(item: Item) -> datetime:
    """Return the current time; a moment after *item* if its poller's clock is ahead: an older version is STALE."""
    return max(datetime.now(UTC), item.fetched_at + VERSION_STEP)


async def _latest_article(broker: Broker, article_id: str) -> Article | None:
    """Return the last retained revision; its partition follows from its id."""
    partition = await broker.partition_for(ARTICLES.name, article_id.encode())
    messages = [m for m in await _read_all(broker, ARTICLES, partition, 0) if m.key == article_id.encode()]
    articles = [decode(message.value, Article) for message in messages]
    return max(articles, key=lambda article: article.revision, default=None)


async def _item_at(broker: Broker, position: MessageId | None) -> Item | None:
    if position is None:
        return None
    messages = await _read_all(broker, resolve_topic(position.topic), position.partition, position.offset, limit=1)
    return next((decode(m.value, Item) for m in messages if m.offset == position.offset), None)


async def _read_all(
    broker: Broker, topic: Topic, partition: int, offset: int, limit: int = 10_000_000
) -> list[ConsumedMessage]:
    """Return the messages of one partition from *offset* to its current end, at most *limit*."""
    reader = await broker.open_reader(topic, "", Offsets({partition: offset}))
    found: list[ConsumedMessage] = []
    try:
        while len(found) < limit:
            messages = await reader.read(0.05)
            found += [m for m in messages if m.partition == partition]
            if not messages and await reader.at_end():
                break
    finally:
        await reader.close()
    return found[:limit]
