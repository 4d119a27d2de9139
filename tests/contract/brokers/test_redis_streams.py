"""Redis Streams only: fencing, trimming, takeover, and plain Faust agents."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import faust
import pytest

from streams.brokers.base import Condition, ConsumedMessage, OutgoingMessage
from streams.brokers.redis_streams.broker import SCHEMA_VERSION, RedisStreamsBroker
from streams.brokers.redis_streams.leases import Leases
from streams.brokers.redis_streams.retention import Retention
from streams.config.settings import Settings
from streams.errors import SettingsError, UnavailableError
from streams.faust.agents import BatchResult
from streams.start import Start
from tests.conftest import DEADLINE_S, until
from tests.contract.brokers.wall import Wall
from tests.support.server_commands import server_commands
from tests.support.stage import Stage, drained, lag_is, stage

TPS = [("t", n) for n in range(4)]


async def test_leases_shared_taken_over_and_fenced(settings: Settings) -> None:
    broker = RedisStreamsBroker(settings.broker_url)
    a, b = Leases(broker, "g", 30.0, "a"), Leases(broker, "g", 30.0, "b")
    await a.heartbeat(TPS)
    assert set(a.owned) == set(TPS)
    await b.heartbeat(TPS)
    await a.heartbeat(TPS)
    assert len(a.to_release) == 2
    await a.release(a.to_release)
    await b.heartbeat(TPS)
    assert set(a.owned) | set(b.owned) == set(TPS)
    assert not set(a.owned) & set(b.owned)
    again = Leases(broker, "g", 30.0, "a")  # killed and restarted under its name
    await again.heartbeat(TPS)
    assert set(again.owned) == set(a.owned)
    assert all(again.owned[tp] != a.owned[tp] for tp in again.owned)
    tp, lease = next(iter(a.owned.items()))
    name = f"{tp[0]}/{tp[1]}"
    stale = Condition(broker.key("leases", "g"), name, lease, lease)
    assert not await broker.publish([OutgoingMessage("copydesk.polls", b"k", b"v")], conditions=[stale])
    assert await broker.commit("g", {tp: 5}, {tp: lease}) == 0
    assert await broker.commit("g", {tp: 5}, {tp: again.owned[tp]}) == 1
    assert await broker.commit("g", {tp: 3}, {tp: again.owned[tp]}) == 1
    assert (await broker.committed("g", [tp]))[tp] == 5  # forward only
    await again.release(again.owned, leave=True)
    await b.heartbeat(TPS)
    assert set(b.owned) == set(TPS)
    await broker.close()


class LateReply(RedisStreamsBroker):
    """A connection whose first heartbeat takes effect at once; *meanwhile* runs before its reply arrives."""

    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def script(self, name: str, keys: Sequence[str], args: Sequence[Any], *, reserve: bool = True) -> Any:
        reply = await super().script(name, keys, args, reserve=reserve)
        if meanwhile := self.meanwhile:
            self.meanwhile = None
            await meanwhile()
        return reply


async def test_outdated_reply_to_heartbeat_is_not_used(settings: Settings) -> None:
    frozen_broker, broker = LateReply(settings.broker_url), RedisStreamsBroker(settings.broker_url)
    frozen, other = Leases(frozen_broker, "g", 0.2, "a"), Leases(broker, "g", 30.0, "b")

    async def takes_all() -> bool:
        await other.heartbeat(TPS)
        return set(other.owned) == set(TPS)

    async def take_over() -> None:
        await until(takes_all)

    frozen_broker.meanwhile = take_over
    await frozen.heartbeat(TPS)
    assert not set(frozen.owned) & set(other.owned)
    await frozen_broker.close()
    await broker.close()


@pytest.mark.parametrize(
    ("committed", "age_s", "kept_from"), [(70, 7200, 70), (70, 60, 0), (0, 7200, 0), (100, 7200, 100)]
)
async def test_trim_keeps_uncommitted_and_young_messages(
    settings: Settings, committed: int, age_s: float, kept_from: int
) -> None:
    """Of a hundred entries with a retention of one hour, trim removes old ones that all groups have committed."""
    async with stage(replace(settings, partitions=1)) as s:
        broker = s.broker
        assert isinstance(broker, RedisStreamsBroker)
        await s.fill(100)
        tp, wall = (s.source.name, 0), Wall(await broker.time_s())
        retention = Retention(broker, wall)
        await retention.trim()
        for group, offset in (("quick", 100), ("slow", committed)):
            await broker.register(group, [tp], Start.EARLIEST)
            await broker.commit(group, {tp: offset}, {})
        wall.pass_s(age_s)
        assert (await retention.trim()).get(s.source.name, 0) == kept_from
        bounds = (await broker.bounds([tp]))[tp]
        assert (bounds.first, bounds.end) == (kept_from, 100)
        await s.fill(1)
        assert (await broker.bounds([tp]))[tp].end == 101  # offsets continue


async def test_register_late_group_starts_at_first_entry(settings: Settings) -> None:
    async with stage(replace(settings, partitions=1)) as s:
        broker = s.broker
        assert isinstance(broker, RedisStreamsBroker)
        await s.fill(100)
        tp = (s.source.name, 0)
        await broker.commit("quick", {tp: 60}, {})
        await broker.register("quick", [tp], Start.EARLIEST)
        await server_commands(broker.state).xtrim(broker.stream(*tp), minid="0-61", approximate=False)
        assert (await broker.register("late", [tp], Start.EARLIEST))[tp] == 60
        assert (await broker.register("latest", [tp], Start.LATEST))[tp] == 100
        assert (await broker.register("late", [tp], Start.LATEST))[tp] == 60  # a registered group keeps its offset
        messages = await drained(await broker.open_reader(s.source, "", Start.EARLIEST))
        assert [m.offset for m in messages] == list(range(60, 100))


async def test_transport_supports_plain_faust_agents(settings: Settings) -> None:
    """Plain agents, sends and headers work as Faust documents them, without copydesk's wrapper."""

    async def go(s: Stage) -> None:
        app = faust.App("stock", broker=settings.broker_url, topic_partitions=4, store="memory://", web_enabled=False,
                        topic_disable_leader=True, broker_commit_interval=0.1)  # fmt: skip
        source = app.topic(
            s.source.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        )
        target = app.topic(
            s.target.name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
        )

        async def shout(stream: object) -> None:
            async for event in stream.events():  # type: ignore[attr-defined]
                await target.send(key=event.key, value=event.value.upper(), headers={"was": event.value})

        app.agent(source)(shout)
        await app.start()
        for n in range(50):
            await (await source.send(key=b"k%d" % (n % 5), value=b"v%02d" % n))  # queued, then confirmed
        s.group = "stock"
        await until(lambda: lag_is(s, 0))
        await app.stop()
        messages = await s.published()
        assert sorted(m.value for m in messages) == [b"V%02d" % n for n in range(50)]
        assert all(m.headers == (("was", m.value.lower()),) for m in messages)

    async with stage(settings) as s:
        await go(s)


async def test_full_memory_rejects_publish_but_not_commits(settings: Settings) -> None:
    async with stage(settings) as s:
        gate, taken = asyncio.Event(), asyncio.Event()

        async def gated(batch: Sequence[ConsumedMessage]) -> BatchResult:
            taken.set()
            await gate.wait()
            return await s.copy(batch)

        state = s.broker.state
        before = (await server_commands(state).config_get("maxmemory"))["maxmemory"]
        async with s.copying(gated):
            values = await s.fill(60)
            await asyncio.wait_for(taken.wait(), DEADLINE_S)
            try:
                await server_commands(state).config_set("maxmemory", 1024)
                with pytest.raises(UnavailableError, match="rejects commands for now"):
                    await s.broker.publish([OutgoingMessage(s.source.name, b"k", b"more")])
                gate.set()
                await until(lambda: lag_is(s, 0))
            finally:
                await server_commands(state).config_set("maxmemory", before)
        assert sorted(d.value for d in await s.published()) == values


async def test_expired_group_resumes_after_trimmed_messages(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage(replace(settings, partitions=1)) as s:
        broker = s.broker
        assert isinstance(broker, RedisStreamsBroker)
        await s.fill(10)
        silent = await broker.open_reader(s.source, "silent", Start.EARLIEST)
        first = (await silent.read(0.1))[3]
        await silent.commit({(s.source.name, 0): first.offset})
        await silent.close()
        desk = await broker.open_reader(s.source, "the-desk", Start.EARLIEST)
        assert len(await desk.read(0.1)) == 10
        await desk.commit({(s.source.name, 0): 9})
        wall = Wall(await broker.time_s())
        retention = Retention(broker, wall)
        assert await retention.trim() == {}
        assert await retention.expire_groups(3600) == []
        wall.pass_s(7200)
        assert await retention.trim() == {s.source.name: 4}
        assert await Retention(broker, wall).expire_groups(86_400) == []
        assert await retention.expire_groups(3600, keep={"the-desk"}) == ["silent"]
        assert await retention.trim() == {s.source.name: 6}
        await s.broker.publish([OutgoingMessage(s.source.name, b"k", b"new")])
        back = await broker.open_reader(s.source, "silent", Start.EARLIEST)
        assert [d.value for d in await drained(back)] == [b"new"]
        assert "group=silent (removed while the group was inactive, count=6)" in caplog.text
        assert await retention.trim() == {}  # the group is registered again


async def test_schema_version_older_is_refused(settings: Settings) -> None:
    broker = RedisStreamsBroker(settings.broker_url)
    await broker.state.set("copydesk:schema-version", SCHEMA_VERSION - 1)
    with pytest.raises(SettingsError, match="schema version too old"):
        await broker.create_topics([])
    assert await broker.state.get("copydesk:schema-version") == b"%d" % (SCHEMA_VERSION - 1)
    await broker.close()


async def test_schema_version_newer_is_refused(settings: Settings) -> None:
    broker = RedisStreamsBroker(settings.broker_url)
    await broker.state.set("copydesk:schema-version", SCHEMA_VERSION + 1)
    with pytest.raises(SettingsError, match="schema version too new"):
        await broker.create_topics([])
    await broker.close()
