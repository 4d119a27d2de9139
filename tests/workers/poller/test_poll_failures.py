"""Malformed URLs and bugs in a poll: its items are published, or the poll fails with backoff."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import msgspec
import pytest
from aiohttp import web

from streams.config.settings import Settings
from streams.config.tables import FeedOptions
from streams.records import DeadLetter, Item
from streams.topics import DESK_GROUP
from tests.conftest import until
from tests.faults.proxy import Proxy
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY, everything
from tests.support.poller_desk import FEED, Desk, open_desk
from tests.support.server_commands import server_commands
from workers.commands.feeds import show_feed
from workers.poller.poller import Poller
from workers.poller.registry import WEBSUB, ClaimedFeed, FeedRegistry
from workers.poller.websub import PUSHED, Push
from workers.services import connect

ONE = ("https://a.example/1", "One", BODY)
BAD_LINKS = ["http://[::1", "http://a.example:x/", "http://[v1.x]/", "http://a.example:99999/", "//["]


@pytest.mark.parametrize("link", BAD_LINKS)
async def test_malformed_hub_header_costs_no_item(link: str, settings: Settings) -> None:
    async with open_desk(settings) as desk:
        header = {"Link": f'<{link}>; rel="hub"'}
        desk.server.answers["f"] = lambda r: web.Response(body=rss([ONE]), headers=header)
        state = await desk.poll()
        assert (state.error, state.failures, state.items_published, state.websub_hub) == ("", 0, 1, "")


@pytest.mark.parametrize("link", [*BAD_LINKS, "http://\u2100/"])
async def test_malformed_item_link_costs_no_item(link: str, settings: Settings) -> None:
    full_text = replace(settings, feeds=(FeedOptions("*", full_text=True),))
    async with open_desk(full_text) as desk:
        desk.server.answers |= {"1": b"<p>One", "f": rss([(link, "Bad", BODY), (desk.server.url + "1", "One", BODY)])}
        state = await desk.poll()
        assert (state.error, state.failures, state.items_published) == ("", 0, 2)
        items: list[Item] = await everything(settings, "items")
        assert sorted((i.title, bool(i.link)) for i in items) == [("Bad", False), ("One", True)]
        assert await everything(settings, "dead-letters") == list[DeadLetter]()


async def test_bug_in_poll_fails_it_with_backoff(
    settings: Settings, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with open_desk(settings) as desk:
        state_of_hub = desk.poller.broker.state
        await state_of_hub.hset(WEBSUB, desk.url, b"no subscription")  # no code writes this value
        with caplog.at_level(logging.ERROR):
            states = [await desk.poll() for _ in range(3)]
        assert [(s.failures, s.error_kind, s.polls, s.items_published) for s in states] == [
            (n, "bug", n, 0) for n in (1, 2, 3)
        ]
        waits_s = [s.due_s - s.polled_s for s in states]
        assert waits_s[0] > desk.poller.settings.poll_interval_s
        assert waits_s[2] > waits_s[1] > waits_s[0]
        [record] = [r for r in caplog.records if r.exc_info][:1]
        assert desk.url in record.getMessage()
        polls = await everything(settings, "polls")
        assert [(p.outcome, p.error_kind) for p in polls] == [("failed", "bug")] * 3
    await asyncio.to_thread(show_feed, settings, desk.url, as_json=False)  # it has a loop of its own
    shown = capsys.readouterr().out
    assert "DecodeError" in shown
    assert "bug:" in shown.split()


async def test_feed_recovers_when_bug_is_gone(settings: Settings) -> None:
    async with open_desk(settings) as desk:
        await desk.poller.broker.state.hset(WEBSUB, desk.url, b"no subscription")
        assert (await desk.poll()).error_kind == "bug"
        await desk.poller.broker.state.hdel(WEBSUB, desk.url)
        state = await desk.poll()
        assert (state.failures, state.error_kind, state.items_published) == (0, "", 1)


async def test_bug_in_push_stops_no_later_push(settings: Settings) -> None:
    with_callback = replace(settings, websub_callback_url="http://127.0.0.1:1", poll_interval_s=900.0)
    async with FeedServer() as server:
        broker = await connect(with_callback, with_callback.broker_url)
        server.answers |= {"bad": rss([]), "good": rss([])}
        bad, good = server.url + "bad", server.url + "good"
        await FeedRegistry(broker.state).add([(bad, ""), (good, "")])
        await broker.state.hset(WEBSUB, bad, b"no subscription")
        await server_commands(broker.state).rpush(PUSHED, b"no push")
        for feed in (bad, good):
            push = Push(feed, "application/rss+xml", rss([ONE]))
            await server_commands(broker.state).rpush(PUSHED, msgspec.msgpack.encode(push))
        poller = Poller(with_callback, broker, DESK_GROUP)
        running = asyncio.create_task(poller.run())

        async def pushed() -> bool:
            return {s.url: s.items_published for s in await poller.feeds.all()}[good] == 1

        await until(pushed)
        poller.stop()
        await running
        await broker.close()


@asynccontextmanager
async def desk_behind_proxy(settings: Settings) -> AsyncGenerator[tuple[Desk, Proxy], None]:
    """Yield a poller and the proxy between it and its broker."""
    path, connect_to = urlsplit(settings.broker_url).path, asyncio.get_running_loop().create_unix_connection
    proxy = Proxy(lambda factory: connect_to(factory, path))
    await proxy.start()
    async with open_desk(replace(settings, broker_url=f"valkey://127.0.0.1:{proxy.port}")) as desk:
        yield desk, proxy
    await proxy.stop()


async def test_broker_failure_is_no_failure_of_feed(settings: Settings) -> None:
    """The connection to the broker breaks while the response of the feed arrives."""
    async with desk_behind_proxy(settings) as (desk, proxy):

        def cut(request: web.Request) -> web.Response:
            if desk.server.requests["f"] == 1:
                proxy.cut(0)
            return web.Response(body=FEED)

        desk.server.answers["f"] = cut
        state = await desk.poll()
        assert (state.failures, state.error, state.polls) == (0, "", 0)
        assert await everything(settings, "polls") == []

        async def claimed_again() -> list[ClaimedFeed]:
            return await desk.poller.feeds.claim(1)

        [claimed] = await until(claimed_again, what="the end of the claim")
        await desk.poller.poll(claimed, desk.poller.feeds.clock)
        state = await desk.state()
        assert (state.failures, state.polls, state.items_published) == (0, 1, 1)
        assert [poll.outcome for poll in await everything(settings, "polls")] == ["ok"]
