"""Names of publishers: the entries of a feed are bounded, and are removed with it."""

from collections.abc import AsyncGenerator

import pytest

from streams.brokers.base import Broker
from streams.config.settings import Settings
from tests.support.feed_server import rss
from tests.support.pipeline import BODY
from tests.support.poller_desk import open_desk
from tests.support.server_commands import server_commands
from workers.poller.registry import FEED_NAMES, MAX_NAMES, PUBLISHERS, SHARED_NAMES, FeedRegistry
from workers.services import connect

NEWS, SPORT, EVIL = "https://courier.example/news", "https://feeds.courier.example/sport", "https://evil.example/f"
NAME = "The Test Courier"
MARKED = f"{NAME} (evil.example)"


@pytest.fixture
async def broker(settings: Settings) -> AsyncGenerator[Broker, None]:
    broker = await connect(settings, settings.broker_url)
    yield broker
    await broker.close()


@pytest.fixture
async def feeds(broker: Broker) -> FeedRegistry:
    feeds = FeedRegistry(broker.state)
    await feeds.add([(NEWS, ""), (SPORT, ""), (EVIL, "")])
    return feeds


async def stored(broker: Broker) -> list[int]:
    """Return the number of names, of feeds with names, and of shared names."""
    return [await broker.state.execute_command("HLEN", key) for key in (PUBLISHERS, FEED_NAMES, SHARED_NAMES)]


async def test_names_of_changing_title_are_bounded(broker: Broker, feeds: FeedRegistry) -> None:
    for n in range(5 * MAX_NAMES):
        assert await feeds.publisher_name(f"Evil at {n} o'clock", EVIL) == f"Evil at {n} o'clock"
    assert await stored(broker) == [MAX_NAMES, 1, 0]
    last = f"Evil at {5 * MAX_NAMES - 1} o'clock"
    assert await feeds.publisher_name(last, NEWS) == f"{last} (courier.example)"
    assert await feeds.publisher_name("Evil at 0 o'clock", NEWS) == "Evil at 0 o'clock"


async def test_renamed_feed_keeps_former_name(feeds: FeedRegistry) -> None:
    for title in (NAME, "The Courier", NAME, "The Courier"):
        assert await feeds.publisher_name(title, NEWS) == title
    assert await feeds.publisher_name(NAME, EVIL) == MARKED


async def test_usual_name_outlives_changing_titles(feeds: FeedRegistry) -> None:
    for n in range(3 * MAX_NAMES):
        await feeds.publisher_name(NAME if n % 2 else f"Live at {n} o'clock", NEWS)
    assert await feeds.publisher_name(NAME, EVIL) == MARKED


async def test_removed_feed_leaves_no_names(broker: Broker, feeds: FeedRegistry) -> None:
    for title in (NAME, "The Courier"):
        await feeds.publisher_name(title, NEWS)
    assert await feeds.remove([NEWS]) == [NEWS]
    assert await stored(broker) == [0, 0, 0]
    assert await feeds.publisher_name(NAME, EVIL) == NAME


async def test_shared_name_stays_with_last_feed(broker: Broker, feeds: FeedRegistry) -> None:
    for feed in (NEWS, SPORT, NEWS, SPORT):
        assert await feeds.publisher_name(NAME, feed) == NAME
    assert await stored(broker) == [1, 2, 1]
    await feeds.remove([NEWS])
    assert await feeds.publisher_name(NAME, EVIL) == MARKED
    await feeds.remove([SPORT])
    assert await stored(broker) == [0, 0, 0]


async def test_full_memory_allows_removal(broker: Broker, feeds: FeedRegistry) -> None:
    await feeds.add([(f"{SPORT}/2", "")])
    for feed in (NEWS, SPORT, f"{SPORT}/2"):
        await feeds.publisher_name(NAME, feed)
    server = server_commands(broker.state)
    before = (await server.config_get("maxmemory"))["maxmemory"]
    try:
        await server.config_set("maxmemory", 1)
        assert await feeds.remove([NEWS, SPORT]) == [NEWS, SPORT]
    finally:
        await server.config_set("maxmemory", before)
    assert await stored(broker) == [1, 1, 0]


async def test_feed_removed_during_poll_claims_no_name(broker: Broker, feeds: FeedRegistry) -> None:
    await feeds.remove([NEWS])
    assert await feeds.publisher_name(NAME, NEWS) == NAME
    assert await stored(broker) == [0, 0, 0]


async def test_polls_with_clock_in_title_store_bounded_names(settings: Settings) -> None:
    async with open_desk(settings) as desk:
        for n in range(MAX_NAMES + 3):
            desk.server.answers["f"] = rss([(f"https://a.example/{n}", "One", BODY)], title=f"News at {n} o'clock")
            await desk.poll()
        assert await stored(desk.poller.broker) == [MAX_NAMES, 1, 0]
        await desk.poller.feeds.remove([desk.url])
        assert await stored(desk.poller.broker) == [0, 0, 0]
