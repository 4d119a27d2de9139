"""Rebuild of the shared state from the articles topic."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.records import Article
from streams.topics import ARTICLES
from tests.conftest import Clusters
from tests.support.feed_server import FeedServer, rss
from tests.support.kafka import CURRENT
from tests.support.pipeline import BODY, MORE, everything, newsdesk, settled
from tests.support.server_commands import server_commands
from workers.dedupe import seen
from workers.dedupe.rebuild import INTACT_KEY, LOCK_KEY, LOCK_S, RebuildLock, rebuild, rebuild_if_lost
from workers.poller.registry import FeedRegistry
from workers.services import connect

ARTICLE = Article(id="5e" * 10, revision=1, title="Kept", paragraphs=("By Kafka.",), fingerprint="00" * 8)


async def test_rebuild_restores_seen_from_articles(settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        first, second = ("https://a.example/1", "One", BODY), ("https://a.example/2", "Two", MORE)
        server.answers["f"] = rss([first, second])
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        await settled(broker, {"new": 2})
        server.answers["f"] = rss([("https://a.example/1", "One, again", BODY), second])
        await settled(broker, {"revised": 1})
        keys = [key async for key in server_commands(broker.state).scan_iter(f"{seen.PREFIX}:*")]
        await broker.state.delete(*keys)
        lock = RebuildLock(broker)
        assert await lock.acquire()
        assert await rebuild(broker, settings, lock.write) == 3
        server.answers["g"] = rss(
            [("https://a.example/1", "One, again", BODY), second, ("https://a.example/3", "Three", MORE + BODY)]
        )
        await FeedRegistry(broker.state).add([(server.url + "g", "")])
        await settled(broker, {"new": 3, "duplicate": 2})
        server.answers["g"] = rss([("https://a.example/1", "One, once more", BODY)])
        await settled(broker, {"revised": 2})
        assert [(a.title, a.revision) for a in await everything(settings, "articles") if a.title.startswith("One")] == [
            ("One", 1), ("One, again", 2), ("One, once more", 3),
        ]  # fmt: skip


async def test_rebuild_restores_lost_redis_from_kafka(settings: Settings, clusters: Clusters) -> None:
    scaled = replace(settings, broker_url=clusters.get(CURRENT).url, state_url=settings.broker_url)
    article = ARTICLE
    broker = await connect(scaled, scaled.broker_url)
    later = msgspec.structs.replace(article, revision=2, fingerprint="11" * 8)
    await broker.publish([OutgoingMessage(ARTICLES.name, article.id.encode(), encode(a)) for a in (article, later)])
    assert await RebuildLock(broker).acquire()
    with pytest.raises(UnavailableError, match="another desk"):
        await rebuild_if_lost(broker, scaled)
    await broker.state.delete(LOCK_KEY)
    await rebuild_if_lost(broker, scaled)
    assert await broker.state.exists(INTACT_KEY)
    [memory] = (await seen.SeenStore(broker.state).get([article.id])).values()
    assert (memory.revision, memory.fingerprints) == (2, (b"\x11" * 8, b"\x00" * 8))
    await broker.close()


class ForgetfulBroker:
    """A broker whose shared state is lost while articles are read; no RedisStreamsBroker, as on Kafka."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def open_reader(self, *args: Any) -> Any:
        await self._broker.state.delete(LOCK_KEY)
        return await self._broker.open_reader(*args)


async def test_state_lost_during_rebuild_is_rebuilt_again(settings: Settings) -> None:
    broker: Any = await connect(settings, settings.broker_url)
    await broker.publish([OutgoingMessage(ARTICLES.name, b"a", encode(ARTICLE))])
    with pytest.raises(UnavailableError, match="lock lost"):
        await rebuild_if_lost(ForgetfulBroker(broker), settings)  # type: ignore[arg-type]
    assert not await broker.state.exists(INTACT_KEY)
    assert not await broker.state.exists(LOCK_KEY)
    await broker.close()


async def test_rebuild_after_kill_is_taken_over(settings: Settings) -> None:
    """The lock of a killed desk expires; the expiry is checked, since a test does not wait for it."""
    broker = await connect(settings, settings.broker_url)
    killed, other = RebuildLock(broker), RebuildLock(broker)
    assert await killed.acquire()
    assert not await other.acquire()
    assert 0 < await server_commands(broker.state).ttl(LOCK_KEY) <= LOCK_S
    await broker.state.delete(LOCK_KEY)  # its expiry
    assert await other.acquire()
    with pytest.raises(UnavailableError, match="lock lost"):
        await killed.write(("SET", "copydesk:late", 1))
    assert not await broker.state.exists("copydesk:late")
    await other.write(("DEL", LOCK_KEY))
    await broker.close()
