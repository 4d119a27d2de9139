"""Rebuild of the shared state from the articles topic: seen articles and stories, after Redis lost them.

With one server for topics and state, both are lost or kept together, and there is nothing to rebuild.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from streams.brokers.base import Broker, Condition, ConsumedMessage, RedisCommand
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.codec import decode
from streams.config.settings import Settings
from streams.errors import UnavailableError, UnreadableError
from streams.exit_codes import ExitCode, abort
from streams.logger import get_logger
from streams.records import Article
from streams.start import Start
from streams.topics import ARTICLES, DAY_S
from workers.dedupe.classify import ArticleMemory, feed_digest
from workers.dedupe.ownership import site_digest
from workers.dedupe.seen import SeenStore

if TYPE_CHECKING:
    from workers.dedupe.near_duplicates.compared_texts import ComparedTexts
    from workers.dedupe.near_duplicates.index import StoryIndex

log = get_logger(__name__)

Write = Callable[..., Awaitable[None]]
"""Runs Redis commands in one step."""

INTACT_KEY = "copydesk:state:intact"  # exists while the state does; a desk without it must not classify items
LOCK_KEY, OWNER = "copydesk:state:rebuilding", "owner"
LOCK_S = 15  # renewed during a rebuild; after a kill, another desk begins this much later


class RebuildLock:
    """The right of one desk to rebuild the state. Writes under a lost lock are refused."""

    def __init__(self, broker: Broker) -> None:
        self._broker, token = broker, secrets.token_hex(8)
        self._acquire: list[RedisCommand] = [("HSETNX", LOCK_KEY, OWNER, token), ("EXPIRE", LOCK_KEY, LOCK_S)]
        self._is_mine = Condition(LOCK_KEY, OWNER, token, token)

    async def acquire(self) -> bool:
        return await self._broker.publish((), self._acquire, [Condition(LOCK_KEY, OWNER, "", "")])

    async def write(self, *commands: RedisCommand) -> None:
        """Run *commands* while the lock is held. Raises UnavailableError if it was lost, as with the state."""
        if not await self._broker.publish((), commands, [self._is_mine]):
            raise UnavailableError("rebuild interrupted: shared state (lock lost); it starts again")

    async def renew_forever(self) -> None:
        while True:
            await asyncio.sleep(LOCK_S / 4)
            with contextlib.suppress(UnavailableError):
                await self.write(("EXPIRE", LOCK_KEY, LOCK_S))


async def rebuild_if_lost(broker: Broker, settings: Settings) -> None:
    """Rebuild the state from the articles topic if it was lost.

    Raises:
        UnavailableError: another worker is rebuilding, or the state was lost during the rebuild.
    """
    if await broker.state.exists(INTACT_KEY):
        return
    if isinstance(broker, RedisStreamsBroker):
        await broker.write_state(("SET", INTACT_KEY, 1))  # even with full memory: no desk starts without it
        return
    lock = RebuildLock(broker)
    if not await lock.acquire():
        raise UnavailableError("shared state not ready: another desk is rebuilding it; wait for that desk")
    renewing = asyncio.create_task(lock.renew_forever())
    try:
        await rebuild(broker, settings, lock.write)
        await lock.write(("SET", INTACT_KEY, 1))
    finally:  # also on cancellation, so that another worker can start at once
        renewing.cancel()
        with contextlib.suppress(UnavailableError):
            await lock.write(("DEL", LOCK_KEY))


async def restore_state(broker: Broker, settings: Settings) -> None:
    """Rebuild a state that was lost while this desk runs; end the process where the topics were lost with it.

    Raises:
        UnavailableError: another worker is rebuilding.
    """
    if isinstance(broker, RedisStreamsBroker):
        abort(ExitCode.TEMPFAIL, "topics and state lost", key=INTACT_KEY, next_step="restarting")
    log.warning("shared state lost", key=INTACT_KEY, next_step="rebuilding it")
    await rebuild_if_lost(broker, settings)


async def require_intact_state(broker: Broker) -> None:
    """Raise UnavailableError while the state is lost: a desk would publish all articles again.

    On Redis Streams, a lost state takes the leases along, so that steps are refused.
    """
    if not isinstance(broker, RedisStreamsBroker) and not await broker.state.exists(INTACT_KEY):
        raise UnavailableError("shared state lost: a desk is rebuilding it; wait for that desk")


async def rebuild(broker: Broker, settings: Settings, write: Write) -> int:
    """Store all articles from the topic's start to its current end in the state; return their number.

    *write* runs the commands that change the state.
    """
    from workers.dedupe.near_duplicates.compared_texts import ComparedTexts  # numpy costs memory
    from workers.dedupe.near_duplicates.index import StoryIndex

    compared = ComparedTexts(broker.state)
    seen, stories = SeenStore(broker.state), StoryIndex(broker.state, settings.story_window_days * DAY_S)
    reader, count = await broker.open_reader(ARTICLES, "", Start.EARLIEST), 0
    try:
        while (messages := await reader.read(1.0)) or not await reader.at_end():
            articles = [(message, article) for message in messages if (article := _article(message)) is not None]
            await _remember(articles, seen, stories, compared, write)
            count += len(articles)
            await asyncio.sleep(0)
    finally:
        await reader.close()
    if count:
        log.warning("shared state rebuilt", topic=ARTICLES.name, count=count, reason="it was lost")
    return count


def _article(message: ConsumedMessage) -> Article | None:
    """Return the article; None if it is unreadable, or from a version without article fingerprints."""
    try:
        article = decode(message.value, Article)
    except UnreadableError:
        return None
    return article if article.fingerprint else None


async def _remember(
    articles: Sequence[tuple[ConsumedMessage, Article]],
    seen: SeenStore,
    stories: "StoryIndex",
    compared: "ComparedTexts",
    write: Write,
) -> None:
    from workers.dedupe.near_duplicates.compared_texts import ComparedText

    memories = await seen.get([article.id for _, article in articles])
    texts: dict[str, ComparedText] = {}
    commands: list[RedisCommand] = []
    for message, article in articles:
        before, fingerprint = memories.get(article.id), bytes.fromhex(article.fingerprint)
        fetched_s = article.fetched_at.timestamp() if article.fetched_at else message.time_s
        if before is None or article.revision > before.revision:
            older = before.fingerprints if before else ()
            memories[article.id] = ArticleMemory(
                article.revision,
                fetched_s,
                (fingerprint, *older),
                feed_digest(article.feed),
                site_digest(article.feed),
            )
            commands += seen.set_commands(article.id, memories[article.id])
        text = "\n".join((article.dek, *article.paragraphs))
        published_s = article.published.timestamp() if article.published else 0.0
        texts[article.id] = ComparedText(
            article.id, article.title, text, article.publisher, article.feed, fetched_s, published_s
        )
    await write(*commands)
    await compared.assign(stories, list(texts.values()))
