"""Whole workers on a real Valkey: feeds on loopback in, articles on topics out, and every item accounted for."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from streams.brokers.base import Broker, OutgoingMessage
from streams.config.settings import Settings
from streams.config.tables import Route
from streams.records import Article, PollResult
from streams.topics import DESK_GROUP, ITEMS
from tests.conftest import DEADLINE_S, ROOT, until
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY, MORE, everything, explore, newsdesk, settled
from tests.support.server_commands import server_commands
from workers.counters import is_consistent, read_counters
from workers.dedupe.rebuild import INTACT_KEY
from workers.desk.desk import create_desk
from workers.poller.poller import Poller
from workers.poller.registry import FeedRegistry
from workers.services import connect


async def test_pipeline_publishes_revisions_and_counts_duplicates(either: Settings) -> None:
    settings = either
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        a, b, c = (f"https://courier.example/world/{n}" for n in "123")
        server.answers["f"] = rss([(a, "One", BODY + explore("Swans", "Storm")), (b, "Two", BODY)])
        server.answers["g"] = rss([(a + "?utm_source=g", "One", BODY)])
        await FeedRegistry(broker.state).add([(server.url + "f", ""), (server.url + "g", "")])
        await settled(broker, {"new": 2, "duplicate": 1})
        # The list of other stories changes, the story doesn't: no revision.
        server.answers["f"] = rss([(a, "One", BODY + explore("Ferry", "Vote")), (b, "Two", BODY)])
        await settled(broker, {"duplicate": 2})
        server.answers["f"] = rss([(a, "One", BODY + MORE), (b, "Two", BODY), (c, "Three", BODY)])
        counters = await settled(broker, {"new": 3, "revised": 1})
        before = sum(server.requests.values())
        await until(lambda: sum(server.requests.values()) > before + 6)
        assert (await read_counters(broker.state))["desk"] == counters["desk"]
        assert is_consistent(counters)
        assert server.statuses[304] > 0
        articles: list[Article] = await everything(settings, "articles")
        assert sorted((x.title, x.revision) for x in articles) == [("One", 1), ("One", 2), ("Three", 1), ("Two", 1)]
        [first] = [x for x in articles if x.title == "One" and x.revision == 1]
        assert [r.label for r in first.removed] in (["Explore"], [])
        assert first.canonical_url == a
        assert first.source is not None
        assert first.source.topic == ITEMS.name


async def test_routes_publish_matching_articles(settings: Settings) -> None:
    routes = (
        Route("canal", keyword=("salt canal",)),
        Route("swans", keyword=("swan",)),
        Route("courier", publisher=("the test courier",)),
    )
    with_routes = replace(settings, routes=routes)
    async with FeedServer() as server, newsdesk(with_routes, server) as broker:
        server.answers["f"] = rss([("https://a.example/1", "One", BODY), ("https://a.example/2", "Swans", MORE)])
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        await settled(broker, {"new": 2})
        assert [a.title for a in await everything(settings, "articles.canal")] == ["One"]
        assert await everything(settings, "articles.swans") == []  # whole words only
        assert len(await everything(settings, "articles.courier")) == 2


def long_body(request: web.Request) -> bytes:
    return rss([("https://a.example/big", "Big", "x" * 1000)]) + b" " * 50_000_000


BAD_FEEDS = {
    "missing": (None, "HTTP 404"),
    "html": (b"<!doctype html><html><body>Welcome</body></html>", "an HTML page, not a feed"),
    "empty": (b"", "the document is empty"),
    "cut": (b"<?xml version='1.0'?><rss><channel><title>Half a fe", "broken"),
    "huge": (long_body, "body too large"),
    "error": (lambda r: web.Response(status=500), "HTTP 500"),
    "later": (lambda r: web.Response(status=503, headers={"Retry-After": "3600"}), "HTTP 503"),
    "loop": (lambda r: web.Response(status=302, headers={"Location": str(r.url)}), "redirects"),
    "gzip": (lambda r: web.Response(body=b"not gzip", headers={"Content-Encoding": "gzip"}), "corrupt gzip data"),
}


async def test_broken_feeds_report_errors_alone(settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        for name, (answer, _) in BAD_FEEDS.items():
            if answer is not None:
                server.answers[name] = answer
        server.answers["good"] = rss([("https://a.example/1", "One", BODY)])
        feeds = FeedRegistry(broker.state)
        gone = "http://127.0.0.1:1/feed"
        await feeds.add([(server.url + name, "") for name in (*BAD_FEEDS, "good")] + [(gone, "")])
        await settled(broker, {"new": 1})

        async def all_polled() -> bool:
            return all(f.polls for f in await feeds.all())

        await until(all_polled)
        said = {f.url: f.error for f in await feeds.all()}
        for name, (_, words) in BAD_FEEDS.items():
            assert words in said[server.url + name], name
            assert "\n" not in said[server.url + name]
        assert "unreachable" in said[gone]
        assert said[server.url + "good"] == ""
        polls: list[PollResult] = await everything(settings, "polls")
        assert {p.feed for p in polls if p.outcome == "failed"} == set(said) - {server.url + "good"}
        [later] = [f for f in await feeds.all() if f.url.endswith("later")]
        assert later.due_s - later.polled_s >= 3600
        assert is_consistent(await read_counters(broker.state))


async def test_feed_removed_during_poll_leaves_no_state(settings: Settings) -> None:
    asked, release = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        asked.set()
        await release.wait()
        return web.Response(body=rss([("https://a.example/1", "One", BODY)]))

    async with FeedServer() as server:
        app = web.Application()
        app.router.add_get("/slow", slow)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/slow"
        async with newsdesk(settings, server) as broker:
            feeds = FeedRegistry(broker.state)
            await feeds.add([(url, "")])
            await asyncio.wait_for(asked.wait(), DEADLINE_S)
            await feeds.remove([url])
            release.set()
            server.answers["f"] = rss([("https://a.example/2", "Two", BODY)])
            await feeds.add([(server.url + "f", "")])
            await settled(broker, {"new": 1})
            assert [f.url for f in await feeds.all()] == [server.url + "f"]
        await runner.cleanup()
        assert [a.title for a in await everything(settings, "articles")] == ["Two"]


async def test_pollers_never_poll_one_feed_together(settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        second = Poller(replace(settings, poll_interval_s=0.05), broker, DESK_GROUP)
        polling = asyncio.create_task(second.run())
        for n in range(10):
            server.answers[f"f{n}"] = rss([(f"https://a.example/{n}", f"T{n}", BODY)])
        await FeedRegistry(broker.state).add([(f"{server.url}f{n}", "") for n in range(10)])
        counters = await settled(broker, {"new": 10})
        assert counters["desk"]["duplicate"] == 0
        second.stop()
        await polling


@pytest.mark.corpus
async def test_replayed_captures_have_consistent_counters(settings: Settings, feeds_corpus: Path) -> None:
    """Real captures, one per poll: every item has an outcome, and the counters are consistent."""
    captures = {
        d.name: sorted(d.glob("*.xml"), key=lambda p: int(p.stem))[:12] for d in (feeds_corpus / "rw_series").iterdir()
    }
    assert len(captures) > 10
    served = dict.fromkeys(captures, 0)

    def replay(name: str) -> Any:
        def answer(request: web.Request) -> bytes:
            n = min(served[name], len(captures[name]) - 1)
            served[name] += 1
            return captures[name][n].read_bytes()

        return answer

    async with FeedServer() as server, newsdesk(settings, server) as broker:
        for name in captures:
            server.answers[name] = replay(name)
        await FeedRegistry(broker.state).add([(server.url + name, "") for name in captures])
        await until(lambda: all(served[n] > len(c) for n, c in captures.items()))
        counters = await settled(broker, {"new": 100})
        assert is_consistent(counters)
        assert counters["desk"]["received"] == counters["poll"]["new"]
        assert counters["desk"]["failed"] == 0
        articles: list[Article] = await everything(settings, "articles")
        assert len(articles) == counters["desk"]["new"] + counters["desk"]["revised"]
        assert len({(a.id, a.revision) for a in articles}) == len(articles)
        assert all(a.title for a in articles)


async def test_poller_pauses_while_memory_is_short(settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        before = (await server_commands(broker.state).config_get("maxmemory"))["maxmemory"]
        server.answers["f"] = rss([("https://a.example/1", "One", BODY)])
        server.answers["g"] = rss([("https://a.example/2", "Two", BODY)])
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        await settled(broker, {"new": 1})
        await FeedRegistry(broker.state).add([(server.url + "g", "")])
        try:
            used = int((await broker.state.info("memory"))["used_memory"])
            await server_commands(broker.state).config_set("maxmemory", int(used * 1.1))

            async def quiet() -> bool:
                polls = sum(server.requests.values())
                await asyncio.sleep(0.5)  # ten poll intervals: the test shows that nothing happens
                return sum(server.requests.values()) == polls

            await until(quiet)
        finally:
            await server_commands(broker.state).config_set("maxmemory", before)
        await settled(broker, {"new": 2})


async def test_poller_pauses_while_desk_lags(settings: Settings) -> None:
    settings = replace(settings, max_desk_lag=3, poll_interval_s=0.05)
    async with FeedServer() as server:
        broker = await connect(settings, settings.broker_url)
        poller = Poller(settings, broker, DESK_GROUP)
        polling = asyncio.create_task(poller.run())
        server.answers["f"] = rss([(f"https://a.example/{n}", "One", BODY) for n in range(5)])
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        await until(lambda: _lag(broker, 3))  # the rest waits in the feed
        await until(lambda: poller.backpressure.is_paused)
        await FeedRegistry(broker.state).add([(server.url + "g", "")])
        server.answers["g"] = rss([("https://a.example/g", "Other", BODY)])
        desk = create_desk(settings, broker, url=settings.broker_url)
        assert not server.requests["g"]
        await desk.start()
        await settled(broker, {"new": 6})
        assert not poller.backpressure.is_paused
        poller.stop()
        await polling
        await desk.stop()
        await broker.close()


async def _lag(broker: Broker, wanted: int) -> bool:
    return await broker.lag(ITEMS.name, DESK_GROUP) == wanted


@pytest.mark.parametrize(("whole", "said"), [(True, "desk stalled"), (False, "topics and state lost")])
async def test_watchdog_exits_on_stall_and_lost_state(settings: Settings, whole: bool, said: str) -> None:
    """The desk runs in its own process."""
    code = (
        "import asyncio\n"
        "from streams.config.settings import Settings\n"
        "from streams.brokers import open_broker\n"
        "from workers.dedupe.rebuild import restore_state\n"
        "from workers.watchdog import watchdog\n"
        "class Owner:\n"
        "    def assignment(self): return [('copydesk.items', n) for n in range(4)]\n"
        "    def is_rebalancing(self): return False\n"
        f"settings = Settings(broker_url={settings.broker_url!r}, partitions=4)\n"
        "broker = open_broker(settings)\n"
        "asyncio.run(watchdog(broker, Owner(), lambda: restore_state(broker, settings), 0.5))"
    )
    broker = await connect(settings, settings.broker_url)
    await broker.publish([OutgoingMessage(ITEMS.name, b"k", b"{}")], [("SET", INTACT_KEY, 1)] if whole else ())
    await broker.close()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 75
    assert said in done.stderr.decode()
