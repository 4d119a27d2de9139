"""Pausing and resuming feeds while a poll begins, and by commands that are killed. Found by the simulation (seed 16)."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from streams.brokers.base import Broker
from streams.config.settings import Settings
from tests.support.poller_desk import claim_urls
from workers.poller.registry import FeedRegistry
from workers.services import connect

URL = "https://feeds.example/1"


class KilledError(Exception):
    """The command was killed."""


class DyingState:
    """A state store whose client is killed after this many requests."""

    def __init__(self, state: Any, requests: int) -> None:
        self._state, self._requests = state, requests

    def __getattr__(self, name: str) -> Any:
        return self._counted(getattr(self._state, name))

    def register_script(self, source: str) -> Any:
        return self._counted(self._state.register_script(source))

    def _counted(self, call: Any) -> Any:
        async def counted(*args: Any, **options: Any) -> Any:
            if not self._requests:
                raise KilledError
            self._requests -= 1
            return await call(*args, **options)

        return counted


@pytest.fixture
async def broker(settings: Settings) -> AsyncGenerator[Broker, None]:
    broker = await connect(settings, settings.broker_url)
    yield broker
    await broker.close()


@pytest.mark.parametrize("requests", range(6))
async def test_killed_resume_leaves_feed_paused_or_scheduled(broker: Broker, requests: int) -> None:
    feeds = FeedRegistry(broker.state)
    await feeds.add([(URL, "")])
    await feeds.set_paused([URL], True)
    try:
        await FeedRegistry(DyingState(broker.state, requests)).set_paused([URL], False)
    except KilledError:
        [feed] = await feeds.all()
        assert await claim_urls(feeds, 1) == ([] if feed.paused else [URL])
    else:
        assert await claim_urls(feeds, 1) == [URL]


@pytest.mark.parametrize("requests", range(6))
async def test_killed_pause_leaves_feed_claimable_or_paused(broker: Broker, requests: int) -> None:
    feeds = FeedRegistry(broker.state)
    await feeds.add([(URL, "")])
    try:
        await FeedRegistry(DyingState(broker.state, requests)).set_paused([URL], True)
    except KilledError:
        [feed] = await feeds.all()
        assert await claim_urls(feeds, 1) == ([] if feed.paused else [URL])


async def test_feed_resumed_before_release_stays_scheduled(broker: Broker) -> None:
    """The poller finds a claimed feed paused. It is resumed before the poller releases its host."""
    feeds = FeedRegistry(broker.state)
    await feeds.add([(URL, "")])
    assert await claim_urls(feeds, 1) == [URL]
    await feeds.set_paused([URL], True)
    assert await feeds.load(URL) is None
    await feeds.set_paused([URL], False)
    await feeds.release(URL)
    assert await claim_urls(feeds, 1) == [URL]


async def test_release_of_paused_feed_frees_its_host(broker: Broker) -> None:
    feeds, other = FeedRegistry(broker.state), "https://feeds.example/2"
    await feeds.add([(URL, ""), (other, "")])
    [claimed] = await claim_urls(feeds, 1)
    await feeds.set_paused([claimed], True)
    await feeds.release(claimed)
    assert await claim_urls(feeds, 1) == [other if claimed == URL else URL]
    await feeds.remove([URL, other])
