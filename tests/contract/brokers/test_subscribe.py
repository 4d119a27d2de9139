"""`subscribe()` as a program has it, over each broker: resumes, shares, hides repeats, survives restarts, stops."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from streams.brokers.base import Broker, OutgoingMessage, open_broker
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.codec import encode
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.errors import SettingsError, UnavailableError
from streams.records import Article
from streams.subscribe import REMEMBERED_ARTICLES, RevisionFilter, Subscription, subscribe, subscribe_sync
from streams.topics import ARTICLES
from streams.valkey.server import EmbeddedValkey
from tests.conftest import DEADLINE_S, Clusters, until
from tests.support.kafka import CURRENT


def article(id_: str, revision: int = 1) -> OutgoingMessage:
    return OutgoingMessage(ARTICLES.name, id_.encode(), encode(Article(id=id_, revision=revision, title=id_)))


@asynccontextmanager
async def wire(settings: Settings) -> AsyncGenerator[Broker, None]:
    """A broker with an articles topic."""
    broker = open_broker(settings)
    await broker.create_topics([ARTICLES])
    try:
        yield broker
    finally:
        await broker.close()


class Subscriber:
    """A task that subscribes and keeps what it gets."""

    def __init__(self, settings: Settings, group: str = "") -> None:
        self.got: list[tuple[str, int]] = []
        self._task = asyncio.create_task(self._run(settings, group))

    async def _run(self, settings: Settings, group: str) -> None:
        async with aclosing(subscribe("articles", group=group, settings=settings)) as articles:
            async for one in articles:
                self.got.append((one.id, one.revision))

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def has(self, wanted: Sequence[Any]) -> bool:
        if self._task.done():
            self._task.result()
        return sorted(self.got) == sorted(wanted)


async def has_members(broker: Broker, settings: Settings, group: str) -> bool:
    if isinstance(broker, RedisStreamsBroker):
        return bool(await broker.state.zcard(broker.key("members", group)))
    admin = AIOKafkaAdminClient(bootstrap_servers=",".join(kafka_bootstrap_servers(settings.broker_url)))
    await admin.start()
    [answer] = await admin.describe_consumer_groups([group])
    await admin.close()
    [(error, _, state, *_)] = answer.groups
    assert error == 0
    return bool(state != "Empty")


def test_repeats_and_what_comes_late_are_hidden(either: Settings) -> None:
    async def go() -> None:
        async with wire(either) as broker:
            for messages in ([("a", 1), ("b", 1)], [("a", 1), ("a", 2)], [("a", 1), ("a", 2), ("b", 1), ("c", 1)]):
                await broker.publish([article(*m) for m in messages])
            got = [(a.id, a.revision) async for a in subscribe("articles", follow=False, settings=either)]
            assert sorted(got) == [("a", 1), ("a", 2), ("b", 1), ("c", 1)]
            assert got.index(("a", 1)) < got.index(("a", 2))

    asyncio.run(go())


def test_a_group_that_stops_cleanly_resumes_at_once_behind_what_it_had(either: Settings) -> None:
    async def go() -> None:
        async with wire(either) as broker:
            await broker.publish([article(f"a{n}") for n in range(20)])
            first = Subscriber(either, "app")
            await until(lambda: len(first.got) == 20)
            await first.stop()
            assert not await has_members(broker, either, "app")  # nobody waits for its lease, or session, to run out
            await broker.publish([article(f"b{n}") for n in range(20)])
            second = Subscriber(either, "app")
            # The last record that it had in hand isn't known to be done: it comes again.
            late = {(f"b{n}", 1) for n in range(20)}
            await until(lambda: late <= set(second.got), what="resumed")
            assert len(set(second.got) - late) <= 1
            await second.stop()

    asyncio.run(go())


def test_members_of_a_group_share_and_take_over(either: Settings) -> None:
    async def go() -> None:
        async with wire(either) as broker:
            one, two = Subscriber(either, "app"), Subscriber(either, "app")
            sent: list[tuple[str, int]] = []
            end_s = time.monotonic() + DEADLINE_S
            while not (one.got and two.got):
                batch = [(f"{len(sent)}-{n}", 1) for n in range(8)]
                sent += batch
                await broker.publish([article(*m) for m in batch])
                await asyncio.sleep(0.2)  # a stream that goes on, until both have had some of it
                assert time.monotonic() < end_s
            await one.stop()
            more = [(f"z{n}", 1) for n in range(16)]
            await broker.publish([article(*m) for m in more])
            await until(lambda: {*sent, *more} <= {*one.got, *two.got})
            await two.stop()

    asyncio.run(go())


def test_it_survives_a_valkey_that_is_killed_and_started_again(tmp_path: Path) -> None:
    server = EmbeddedValkey(Settings(data_dir=tmp_path))
    server.start()
    settings = Settings(broker_url=server.url, partitions=4)

    async def go() -> None:
        async with wire(settings) as broker:
            alone, member = Subscriber(settings), Subscriber(settings, "app")
            sent = []
            for n in range(3):
                sent.append((f"a{n}", 1))
                await until(lambda: _published(broker, sent[-1]), what="a broker that is back")
                await until(lambda: alone.has(sent) and member.has(sent), what=f"{sent} with both")
                assert server.process is not None
                server.process.send_signal(signal.SIGKILL)
                server.process.wait()
                server.restart_if_dead()
            await alone.stop()
            await member.stop()

    asyncio.run(go())
    server.stop()


async def _published(broker: Broker, message: tuple[str, int]) -> bool:
    try:
        return await broker.publish([article(*message)])
    except UnavailableError:
        return False


def test_it_survives_a_kafka_that_is_killed_and_started_again(settings: Settings, clusters: Clusters) -> None:
    cluster = clusters.get(CURRENT)
    [node] = cluster.nodes

    async def go() -> None:
        at = replace(settings, broker_url=cluster.url, state_url=settings.broker_url)
        async with wire(at) as broker:
            alone, member = Subscriber(at), Subscriber(at, "restarts")
            mine = []
            for n in range(2):
                mine.append((f"restart{n}", 1))
                await broker.publish([article(*mine[-1])])
                await until(lambda: set(mine) <= set(alone.got) and set(mine) <= set(member.got), what=f"{mine}")
                cluster.kill(node)
                cluster.run(node)
                await asyncio.to_thread(cluster.wait_for, node)
            await alone.stop()
            await member.stop()

    asyncio.run(go())


def test_batches_come_again_until_they_are_committed(either: Settings) -> None:
    async def go() -> None:
        async with wire(either) as broker:
            await broker.publish([article(f"a{n:02}") for n in range(25)])
            how = {"group": "batches", "follow": False, "settings": either}
            async with Subscription(**how) as articles:
                first = [batch async for batch in articles.batches(10)]
            assert sorted(map(len, first)) == [5, 10, 10]
            done = set()
            async with Subscription(**how) as articles:
                async for batch in articles.batches(10):
                    done |= {a.id for a in batch}
                    await articles.commit()
                    if len(done) == 20:
                        break
            async with Subscription(**how) as articles:
                rest = {a.id async for a in articles}
            assert rest == {f"a{n:02}" for n in range(25)} - done

    asyncio.run(go())


def test_a_batch_that_is_not_full_waits_for_no_longer_than_it_was_told(settings: Settings) -> None:
    async def go() -> None:
        async with wire(settings) as broker, Subscription(settings=settings) as articles:
            await broker.publish([article("a"), article("b")])
            async for batch in articles.batches(100, within_s=0.05):
                assert [a.id for a in batch] in (["a", "b"], ["b", "a"])
                break

    asyncio.run(go())


def test_records_are_filtered_by_a_rule_or_a_function(settings: Settings) -> None:
    async def go() -> None:
        async with wire(settings) as broker:
            await broker.publish([article(name) for name in ("harbour opens", "swans counted", "harbour closed")])

            async def got(where: Any) -> list[str]:
                return sorted([a.title async for a in subscribe(where=where, follow=False, settings=settings)])

            assert await got({"keyword": "harbour"}) == ["harbour closed", "harbour opens"]
            assert await got({"not": {"keyword": "harbour"}}) == ["swans counted"]
            assert await got(lambda a: a.title.endswith("opens")) == ["harbour opens"]
            with pytest.raises(SettingsError, match="unknown key: kw"):
                await got({"kw": "harbour"})

    asyncio.run(go())


def test_a_new_group_that_begins_at_the_end_misses_nothing_while_it_is_away(either: Settings) -> None:
    async def go() -> None:
        async with wire(either) as broker:
            await broker.publish([article("before")])
            how = {"group": "late", "start": "end", "settings": either}
            async with Subscription(**how) as articles:
                task = asyncio.create_task(anext(articles.messages()))
                await until(lambda: _has_begun(articles))
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await broker.publish([article(f"away{n}") for n in range(20)])
            async with Subscription(**how) as articles:
                async for batch in articles.batches(20, 5):
                    assert sorted(a.id for a in batch) == sorted(f"away{n}" for n in range(20))
                    break

    asyncio.run(go())


def _has_begun(subscription: Subscription) -> bool:
    """Whether its reader holds partitions, and has asked for something."""
    return bool(getattr(subscription._reader, "_pinned", None) or getattr(subscription._reader, "_read_under", None))


def test_its_memory_of_repeats_is_bounded() -> None:
    progress = RevisionFilter()
    for n in range(REMEMBERED_ARTICLES + 500):
        assert not progress.check_and_record(Article(id=str(n), revision=1))
    assert len(progress) == REMEMBERED_ARTICLES
    assert progress.check_and_record(Article(id=str(n), revision=1))


def test_a_connection_that_breaks_anywhere_while_a_member_resumes_does_not_stop_it(settings: Settings) -> None:
    """Each answer in turn is the last that comes through; the fault suite found a member that waited for ever."""
    from urllib.parse import urlsplit

    from tests.faults.proxy import Proxy

    path = urlsplit(settings.broker_url).path

    async def go() -> None:
        async with wire(settings) as broker:
            await broker.publish([article("a"), article("b")])
            refused = 0
            for n in range(1, 900, 16):
                proxy = Proxy(lambda: asyncio.open_unix_connection(path))
                await proxy.start()
                proxy.cut(n)
                member = Subscriber(replace(settings, broker_url=f"valkey://127.0.0.1:{proxy.port}"), f"app{n}")
                try:
                    await until(lambda: member.has([("a", 1), ("b", 1)]), what=f"both after a cut at byte {n}")  # noqa: B023
                except UnavailableError:
                    refused += 1  # it was cut while it opened, and says so
                await member.stop()
                await proxy.stop()
            assert refused < 20

    asyncio.run(go())


def test_without_asyncio_it_is_the_same(either: Settings) -> None:
    async def fill(*names: str) -> None:
        async with wire(either) as broker:
            await broker.publish([article(name) for name in names])

    asyncio.run(fill("a", "b", "c"))
    found = subscribe_sync("articles", group="plain", settings=either)
    taken = {next(found).id, next(found).id}
    found.close()  # what is in hand comes again
    rest = {one.id for one in subscribe_sync("articles", group="plain", follow=False, settings=either)}
    assert taken | rest == {"a", "b", "c"}
    assert len(rest) == 2
