"""Withdrawal of an article by its id."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from streams.brokers.base import Broker, ConsumedMessage
from streams.codec import decode
from streams.errors import UnreadableError
from streams.records import Article, Item
from streams.start import Offsets
from streams.topics import ARTICLES, DESK_GROUP
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
    item = await _item_of(broker, article)
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


async def _item_of(broker: Broker, article: Article) -> Item | None:
    message = await broker.read_message(article.source) if article.source is not None else None
    return decode(message.value, Item) if message is not None else None


async def _latest_article(broker: Broker, article_id: str) -> Article | None:
    """Return the last retained revision; its partition follows from its id."""
    key = article_id.encode()
    partition = await broker.partition_for(ARTICLES.name, key)
    articles = [decode(message.value, Article) for message in await _messages_of(broker, partition, key)]
    return max(articles, key=lambda article: article.revision, default=None)


async def _messages_of(broker: Broker, partition: int, key: bytes) -> list[ConsumedMessage]:
    """Return the articles topic's messages with *key* in *partition*. Of the other partitions, only the end is read."""
    ends = {tp[1]: progress.end for tp, progress in (await broker.progress(ARTICLES.name, DESK_GROUP)).items()}
    reader = await broker.open_reader(ARTICLES, "", Offsets(ends | {partition: 0}))
    found: list[ConsumedMessage] = []
    try:
        while True:
            messages = await reader.read(0.05)
            found += [message for message in messages if message.key == key]
            if not messages and await reader.at_end():
                return found
    finally:
        await reader.close()
