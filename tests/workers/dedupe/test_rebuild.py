"""Rebuild of the shared state from the articles topic."""

from dataclasses import replace

import msgspec
import pytest

from streams.brokers.base import OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.records import Article
from streams.topics import ARTICLES
from tests.conftest import Clusters
from tests.support.feed_server import FeedServer, rss
from tests.support.kafka import CURRENT
from tests.support.pipeline import BODY, MORE, everything, newsdesk, settled
from workers.dedupe import seen
from workers.dedupe.rebuild import INTACT_KEY, LOCK_KEY, rebuild, rebuild_if_lost
from workers.poller.registry import FeedRegistry
from workers.services import connect


async def test_rebuild_restores_seen_from_articles(settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        first, second = ("https://a.example/1", "One", BODY), ("https://a.example/2", "Two", MORE)
        server.answers["f"] = rss([first, second])
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        await settled(broker, {"new": 2})
        server.answers["f"] = rss([("https://a.example/1", "One, again", BODY), second])
        await settled(broker, {"revised": 1})
        keys = [key async for key in broker.state.scan_iter(f"{seen.PREFIX}:*")]
        await broker.state.delete(*keys)
        assert await rebuild(broker, settings) == 3
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
    article = Article(id="5e" * 10, revision=1, title="Kept", paragraphs=("By Kafka.",), fingerprint="00" * 8)
    broker = await connect(scaled, scaled.broker_url)
    later = msgspec.structs.replace(article, revision=2, fingerprint="11" * 8)
    await broker.publish([OutgoingMessage(ARTICLES.name, article.id.encode(), encode(a)) for a in (article, later)])
    await broker.state.set(LOCK_KEY, 1, ex=600)
    with pytest.raises(UnavailableError, match="another desk"):
        await rebuild_if_lost(broker, scaled)
    await broker.state.delete(LOCK_KEY)
    assert await rebuild_if_lost(broker, scaled)
    assert await broker.state.exists(INTACT_KEY)
    [memory] = (await seen.SeenStore(broker.state).get([article.id])).values()
    assert (memory.revision, memory.fingerprints) == (2, (b"\x11" * 8, b"\x00" * 8))
    await broker.close()
