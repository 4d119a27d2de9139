"""Warming: the seen memory and the stories, read back from the articles topic when the shared state was lost.

Where topics and state live in one server they are lost or kept together, and there is nothing to read.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from streams.brokers.base import Broker, Delivery
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.codec import decode
from streams.config.settings import Settings
from streams.errors import UnavailableError, UnreadableError
from streams.records import Article
from streams.state.redis_client import map_redis_errors
from streams.topics import ARTICLES, DAY_S
from workers.dedupe.classify import ArticleMemory
from workers.dedupe.seen import PREFIX, SeenStore

if TYPE_CHECKING:
    from workers.dedupe.near_duplicates.index import StoryIndex

log = logging.getLogger(__name__)

INTACT_KEY = f"{PREFIX}:whole"  # there while the state is: a worker that finds it gone must stop
_LOCK, _LOCK_S = f"{PREFIX}:warming", 60


async def rebuild_if_lost(broker: Broker, settings: Settings) -> bool:
    """Return True once what the articles topic tells is remembered; at once when nothing was lost.

    Raises UnavailableError while another worker is reading.
    """
    with map_redis_errors(broker.state.url):
        if await broker.state.exists(INTACT_KEY):
            return True
        if not isinstance(broker, RedisStreamsBroker):
            if not await broker.state.set(_LOCK, 1, nx=True, ex=_LOCK_S):
                raise UnavailableError("another desk is reading back what was published")
            try:
                await rebuild(broker, settings)
            finally:  # cut off, it is begun again at once, by whoever comes
                await broker.state.delete(_LOCK)
        if isinstance(broker, RedisStreamsBroker):
            await broker.write_state(("SET", INTACT_KEY, 1))  # with full memory, too: without it no desk would begin
        else:
            await broker.state.set(INTACT_KEY, 1)
    return True


async def rebuild(broker: Broker, settings: Settings) -> int:
    """Remember the articles of the articles topic, from its start to its present end; returns how many there are."""
    from workers.dedupe.near_duplicates.index import StoryIndex  # numpy costs memory

    seen, stories = SeenStore(broker.state), StoryIndex(broker.state, settings.story_window_days * DAY_S)
    reader, done = await broker.open_reader(ARTICLES, "", "start"), 0
    try:
        while (found := await reader.read(1.0)) or not await reader.at_end():
            articles = [(delivery, article) for delivery in found if (article := _article(delivery)) is not None]
            await _remember(articles, seen, stories)
            done += len(articles)
            await broker.state.expire(_LOCK, _LOCK_S)
            await asyncio.sleep(0)
    finally:
        await reader.close()
    if done:
        log.warning("the shared state was lost: read back %d articles from %s", done, ARTICLES.name)
    return done


def _article(delivery: Delivery) -> Article | None:
    """Return the article; None where there is none, or one from before articles told their fingerprints."""
    try:
        article = decode(delivery.value, Article)
    except UnreadableError:
        return None
    return article if article.fingerprint else None


async def _remember(articles: Sequence[tuple[Delivery, Article]], seen: SeenStore, stories: "StoryIndex") -> None:
    from workers.dedupe.near_duplicates.signature import signature_of

    known, signed = await seen.get([a.id for _, a in articles]), {}
    commands = []
    for delivery, article in articles:
        before, mark = known.get(article.id), bytes.fromhex(article.fingerprint)
        fetched_s = article.fetched_at.timestamp() if article.fetched_at else delivery.time_s
        if before is None or article.revision > before.revision:
            older = before.fingerprints if before else ()
            known[article.id] = ArticleMemory(article.revision, fetched_s, (mark, *older))
            commands += seen.set_commands(article.id, known[article.id])
        text = "\n".join((article.dek, *article.paragraphs))
        signed[article.id] = signature_of(article.title, text, article.publisher, fetched_s, article.feed)
    async with seen.state.pipeline(transaction=False) as pipe:
        for command in commands:
            pipe.execute_command(*command)
        await pipe.execute()
    await stories.assign(list(signed.items()))
