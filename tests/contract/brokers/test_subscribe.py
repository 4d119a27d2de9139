"""`subscribe()` on each broker: resumption, sharing, filtering of repeats, restarts and shutdown.

Fixture of a test, and the reason where it excludes the in-memory broker:

    any_broker     all brokers
    local_broker   Valkey and in memory: the broker has no influence on the tested step
    other          servers only: *_restart and *_connection_loss_* (the in-memory broker has no server)
"""

import asyncio
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from streams.brokers.base import Broker
from streams.brokers.kafka.reader import KafkaReader
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings, kafka_bootstrap_servers
from streams.errors import SettingsError, UnavailableError
from streams.records import Article, NewsEvent
from streams.revision_filter import REMEMBERED_ARTICLES, RevisionFilter
from streams.subscribe import Subscription, subscribe, subscribe_sync
from streams.testing import InMemoryBroker
from streams.topics import ARTICLES, route_topic
from streams.valkey.server import EmbeddedValkey
from tests.conftest import DEADLINE_S, Clusters, until
from tests.support.kafka import CURRENT
from tests.support.server_commands import server_commands
from tests.support.subscribers import Subscriber, article, wire


async def has_members(broker: Broker, settings: Settings, group: str) -> bool:
    if isinstance(broker, InMemoryBroker):
        return broker.member_count(group) > 0
    if isinstance(broker, RedisStreamsBroker):
        return bool(await server_commands(broker.state).zcard(broker.key("members", group)))
    admin = AIOKafkaAdminClient(bootstrap_servers=",".join(kafka_bootstrap_servers(settings.broker_url)))
    await admin.start()
    [answer] = await admin.describe_consumer_groups([group])
    await admin.close()
    [(error, _, state, *_)] = answer.groups
    assert error == 0
    return bool(state != "Empty")


async def test_subscribe_skips_repeated_and_older_revisions(any_broker: Settings) -> None:
    async with wire(any_broker) as broker:
        for messages in ([("a", 1), ("b", 1)], [("a", 1), ("a", 2)], [("a", 1), ("a", 2), ("b", 1), ("c", 1)]):
            await broker.publish([article(*m) for m in messages])
        got = [(a.id, a.revision) async for a in subscribe("articles", follow=False, settings=any_broker)]
        assert sorted(got) == [("a", 1), ("a", 2), ("b", 1), ("c", 1)]
        assert got.index(("a", 1)) < got.index(("a", 2))


async def test_subscribe_group_resumes_after_clean_stop(any_broker: Settings) -> None:
    async with wire(any_broker) as broker:
        await broker.publish([article(f"a{n}") for n in range(20)])
        first = Subscriber(any_broker, "app")
        await until(lambda: len(first.got) == 20)
        await first.stop()
        assert not await has_members(broker, any_broker, "app")  # released, not expired
        await broker.publish([article(f"b{n}") for n in range(20)])
        second = Subscriber(any_broker, "app")
        # The last record of the first subscriber is not committed, so it may be delivered again.
        late = {(f"b{n}", 1) for n in range(20)}
        await until(lambda: late <= set(second.got), what="resumed")
        assert len(set(second.got) - late) <= 1
        await second.stop()


async def test_subscribe_members_share_and_take_over(any_broker: Settings) -> None:
    async with wire(any_broker) as broker:
        one, two = Subscriber(any_broker, "app"), Subscriber(any_broker, "app")
        sent: list[tuple[str, int]] = []
        end_s = time.monotonic() + DEADLINE_S
        while not (one.got and two.got):
            batch = [(f"{len(sent)}-{n}", 1) for n in range(8)]
            sent += batch
            await broker.publish([article(*m) for m in batch])
            await asyncio.sleep(0.2)  # publish until both members have received something
            assert time.monotonic() < end_s
        await one.stop()
        more = [(f"z{n}", 1) for n in range(16)]
        await broker.publish([article(*m) for m in more])
        await until(lambda: {*sent, *more} <= {*one.got, *two.got})
        await two.stop()


async def test_group_of_two_topics_receives_all_of_both(any_broker: Settings) -> None:
    route = route_topic("harbour")
    async with wire(any_broker) as broker:
        await broker.create_topics([route])
        sent = {topic: [(f"{topic}-{n}", 1) for n in range(40)] for topic in (ARTICLES.name, route.name)}
        await broker.publish([article(*m, topic) for topic, messages in sent.items() for m in messages])
        members = {topic: Subscriber(any_broker, "app", topic) for topic in sent}
        await until(
            lambda: all(member.has(sent[topic]) for topic, member in members.items()),
            what=lambda: f"40 of each: {[len(member.got) for member in members.values()]}",
        )
        for member in members.values():
            await member.stop()


async def test_subscriber_survives_valkey_restart(tmp_path: Path) -> None:
    server = EmbeddedValkey(Settings(data_dir=tmp_path))
    server.start()
    settings = Settings(broker_url=server.url, partitions=4)
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
    server.stop()


async def _published(broker: Broker, message: tuple[str, int]) -> bool:
    try:
        return await broker.publish([article(*message)])
    except UnavailableError:
        return False


async def test_subscriber_survives_kafka_restart(settings: Settings, clusters: Clusters) -> None:
    cluster = clusters.get(CURRENT)
    [node] = cluster.nodes
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


async def test_batches_uncommitted_are_redelivered(any_broker: Settings) -> None:
    async with wire(any_broker) as broker:
        await broker.publish([article(f"a{n:02}") for n in range(25)])
        how: dict[str, Any] = {"group": "batches", "follow": False, "settings": any_broker}
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


async def test_batches_partial_batch_ends_after_max_wait(local_broker: Settings) -> None:
    async with wire(local_broker) as broker, Subscription(settings=local_broker) as articles:
        await broker.publish([article("a"), article("b")])
        async for batch in articles.batches(100, max_wait_s=0.05):
            assert [a.id for a in batch] in (["a", "b"], ["b", "a"])
            break


async def test_subscribe_where_filters_by_rule_or_function(local_broker: Settings) -> None:
    async with wire(local_broker) as broker:
        await broker.publish([article(name) for name in ("harbour opens", "swans counted", "harbour closed")])

        async def got(where: Any) -> list[str]:
            return sorted([a.title async for a in subscribe(where=where, follow=False, settings=local_broker)])

        assert await got({"keyword": "harbour"}) == ["harbour closed", "harbour opens"]
        assert await got({"not": {"keyword": "harbour"}}) == ["swans counted"]
        assert await got(lambda a: a.title.endswith("opens")) == ["harbour opens"]
        with pytest.raises(SettingsError, match="unknown key: kw"):
            await got({"kw": "harbour"})


async def test_subscribe_new_group_at_end_misses_nothing(any_broker: Settings) -> None:
    async with wire(any_broker) as broker:
        await broker.publish([article("before")])
        how: dict[str, Any] = {"group": "late", "start": "end", "settings": any_broker}
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


def _has_begun(subscription: Subscription) -> bool:
    """Return whether the reader owns partitions and has an initial position."""
    reader = subscription._reader
    if isinstance(reader, KafkaReader):
        return bool(reader._has_initial_offset) and reader._has_initial_offset == reader._open.assignment()
    return bool(getattr(reader, "_position_lease", None))


def test_revision_filter_memory_is_bounded() -> None:
    progress = RevisionFilter()
    for n in range(REMEMBERED_ARTICLES + 500):
        assert not progress.check_and_record(Article(id=str(n), revision=1))
    assert len(progress) == REMEMBERED_ARTICLES
    assert progress.check_and_record(Article(id=str(n), revision=1))


def test_revision_filter_forgets_all_unfinished_revisions() -> None:
    progress = RevisionFilter()
    first, second = Article(id="a", revision=3), Article(id="a", revision=5)
    assert not progress.check_and_record(first)
    assert not progress.check_and_record(second)
    for unfinished in (second, first):
        progress.forget(unfinished)
    assert [progress.check_and_record(a) for a in (first, second, second)] == [False, False, True]


@pytest.mark.parametrize(
    ("topic", "where", "reason"),
    [
        ("items", {"keywords": ["harbour"]}, "topic copydesk.items has no articles"),
        ("articles", {"event_publishers": 2}, "event_publishers"),
        ("events", {"keywords": ["harbour"]}, "unknown key: keywords"),
    ],
)
def test_rule_of_another_topic_is_refused(settings: Settings, topic: str, where: dict[str, Any], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        Subscription(topic, where=where, settings=settings)


def test_rule_without_publishers_selects_events(settings: Settings) -> None:
    subscription = Subscription("events", where={"language": "en"}, settings=settings)
    assert subscription._where(NewsEvent(id="e", revision=1, publishers=("Post",), languages=("en",)))


async def test_subscriber_resumes_after_connection_loss_anywhere(settings: Settings) -> None:
    """The proxy cuts the connection after each reply in turn; the fault suite once found a member that hung."""
    from urllib.parse import urlsplit

    from tests.faults.proxy import Proxy

    path = urlsplit(settings.broker_url).path
    async with wire(settings) as broker:
        await broker.publish([article("a"), article("b")])
        refused, connect = 0, asyncio.get_running_loop().create_unix_connection
        for n in range(1, 900, 16):
            proxy = Proxy(lambda factory: connect(factory, path))
            await proxy.start()
            proxy.cut(n)
            member = Subscriber(replace(settings, broker_url=f"valkey://127.0.0.1:{proxy.port}"), f"app{n}")
            try:
                await until(lambda: member.has([("a", 1), ("b", 1)]), what=f"both after a cut at byte {n}")  # noqa: B023
            except UnavailableError:
                refused += 1  # cut during `open`, which raises
            await member.stop()
            await proxy.stop()
        assert refused < 20


def test_subscribe_sync_yields_same_records(any_broker: Settings) -> None:
    async def fill(*names: str) -> None:
        async with wire(any_broker) as broker:
            await broker.publish([article(name) for name in names])

    asyncio.run(fill("a", "b", "c"))  # subscribe_sync has a loop of its own, so this test has none
    records = subscribe_sync("articles", group="plain", settings=any_broker)
    taken = {next(records).id, next(records).id}
    records.close()  # the current record is redelivered
    rest = {record.id for record in subscribe_sync("articles", group="plain", follow=False, settings=any_broker)}
    assert taken | rest == {"a", "b", "c"}
    assert len(rest) == 2
