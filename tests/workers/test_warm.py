"""The seen memory and the stories after the shared state was lost: read back from the articles topic."""

import asyncio
from dataclasses import replace

import msgspec
import pytest

from streams.codec import encode
from streams.errors import UnavailableError
from streams.records import Article
from streams.settings import Settings
from streams.topics import ARTICLES
from streams.transport.broker import Message
from tests.brokers.kafka import CURRENT
from tests.conftest import Clusters
from tests.feedserver import FeedServer, rss
from tests.newsdesk import BODY, MORE, everything, newsdesk, settled
from workers.dedupe import seen
from workers.dedupe.warm import WHOLE, read_back, warm
from workers.poller.feeds import Feeds
from workers.service import prepared


def test_what_was_published_is_known_again(settings: Settings) -> None:
    async def go() -> None:
        async with FeedServer() as server, newsdesk(settings, server) as broker:
            first, second = ("https://a.example/1", "One", BODY), ("https://a.example/2", "Two", MORE)
            server.answers["f"] = rss([first, second])
            await Feeds(broker.state).add([(server.url + "f", "")])
            await settled(broker, {"new": 2})
            server.answers["f"] = rss([("https://a.example/1", "One, again", BODY), second])
            await settled(broker, {"revised": 1})
            gone = [key async for key in broker.state.scan_iter(f"{seen.PREFIX}:*")]
            await broker.state.delete(*gone)
            assert await read_back(broker, settings) == 3
            server.answers["g"] = rss(
                [("https://a.example/1", "One, again", BODY), second, ("https://a.example/3", "Three", MORE + BODY)]
            )
            await Feeds(broker.state).add([(server.url + "g", "")])
            await settled(broker, {"new": 3, "duplicate": 2})
            server.answers["g"] = rss([("https://a.example/1", "One, once more", BODY)])
            await settled(broker, {"revised": 2})
            assert [(a.title, a.revision) for a in await everything(settings, "articles") if a.title.startswith("One")] == [
                ("One", 1), ("One, again", 2), ("One, once more", 3),
            ]  # fmt: skip

    asyncio.run(go())


def test_kafka_keeps_what_redis_lost(settings: Settings, clusters: Clusters) -> None:
    scaled = replace(settings, broker_url=clusters.get(CURRENT).url, state_url=settings.broker_url)
    article = Article(id="5e" * 10, revision=1, title="Kept", text=("By Kafka.",), fingerprint="00" * 8)

    async def go() -> None:
        broker = await prepared(scaled, scaled.broker_url)
        later = msgspec.structs.replace(article, revision=2, fingerprint="11" * 8)
        await broker.publish([Message(ARTICLES.name, article.id.encode(), encode(a)) for a in (article, later)])
        await broker.state.set(f"{seen.PREFIX}:warming", 1, ex=600)
        with pytest.raises(UnavailableError, match="another desk"):
            await warm(broker, scaled)
        await broker.state.delete(f"{seen.PREFIX}:warming")
        assert await warm(broker, scaled)
        assert await broker.state.exists(WHOLE)
        [memory] = (await seen.Seen(broker.state).recall([article.id])).values()
        assert (memory.revision, memory.fingerprints) == (2, (b"\x11" * 8, b"\x00" * 8))
        await broker.close()

    asyncio.run(go())
