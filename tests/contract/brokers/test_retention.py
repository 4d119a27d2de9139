"""Retention under jumps of the clock, and memory relief, on a real Valkey with an injected clock."""

import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from streams.brokers.base import OutgoingMessage
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.brokers.redis_streams.clock import Jump
from streams.brokers.redis_streams.leases import Leases
from streams.brokers.redis_streams.memory import MemoryRelief, read_removed
from streams.brokers.redis_streams.retention import MAX_SHARE, STEP_EVERY_S, Retention, cutoff_s
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.start import Start
from streams.topics import ARTICLES, DAY_S, DESK_GROUP, EVENTS, ITEMS, POLLS
from tests.contract.brokers.wall import Wall
from tests.support.server_commands import server_commands

ROUND_S = 30.0
NAME = ARTICLES.name


@pytest.mark.parametrize(
    ("jumps", "cutoff"),
    [
        ([], 900.0),
        ([(990, 500)], 400.0),  # ten seconds ago: earlier messages are 500 s younger than their timestamps say
        ([(800, 500)], 900.0),  # all messages from before that jump are too old
        ([(990, -500)], 900.0),  # never later than the broker's time
        ([(995, -500), (1490, 500)], 900.0),  # forward, then back
        ([(995, 500), (490, -500)], 400.0),  # back, then forward: messages in between look too old
        ([(990, 40), (940, 20)], 840.0),
        ([(990, 500), (450, 20)], 380.0),  # the older one was 50 s before the newer
        ([(990, 500), (300, 20)], 400.0),
    ],
)
def test_cutoff_counts_jumps_within_retention(jumps: list[tuple[float, float]], cutoff: float) -> None:
    assert cutoff_s(1000.0, 100.0, [Jump(*jump) for jump in jumps]) == cutoff


@asynccontextmanager
async def articles(settings: Settings, count: int = 200) -> AsyncGenerator[tuple[RedisStreamsBroker, Wall], None]:
    """A broker with *count* articles that no group needs, and a clock at their time."""
    broker = RedisStreamsBroker(settings.broker_url, partitions=4)
    await broker.create_topics([ARTICLES, ITEMS, POLLS])
    await broker.publish([OutgoingMessage(NAME, b"k%d" % n, b"article %d" % n) for n in range(count)])
    try:
        yield broker, Wall(await broker.time_s())
    finally:
        await broker.close()


async def count_messages(broker: RedisStreamsBroker, topic: str = NAME) -> int:
    return (await broker.trim_topic(topic, 0, unread=True))[1]


async def rounds(retention: Retention, wall: Wall, count: int) -> Mapping[str, int]:
    out: dict[str, int] = {}
    for _ in range(count):
        wall.pass_s(ROUND_S)
        await retention.expire_groups(7 * DAY_S)
        for topic, removed in (await retention.trim()).items():
            out[topic] = out.get(topic, 0) + removed
    return out


@pytest.mark.parametrize("jump_days", [40, 4_000])
async def test_forward_jump_removes_nothing(settings: Settings, jump_days: float) -> None:
    """An active group is kept, too, while the clock is ahead and after its correction."""
    async with articles(settings) as (broker, wall):
        await broker.register("mine", [(NAME, n) for n in range(4)], Start.EARLIEST)
        retention = Retention(broker, wall)
        await rounds(retention, wall, 2)
        wall.jump(jump_days * DAY_S)
        await rounds(retention, wall, 3)
        again = Retention(broker, wall)  # a desk that starts while the clock is wrong
        await rounds(again, wall, 3)
        wall.jump(-jump_days * DAY_S)
        await rounds(again, wall, 3)
        assert await count_messages(broker) == 200
        assert list(await broker.groups()) == ["mine"]


async def test_restarted_desk_records_a_forward_jump(settings: Settings) -> None:
    async with articles(settings) as (broker, wall):
        await rounds(Retention(broker, wall), wall, 2)
        wall.jump(20 * DAY_S)
        await rounds(Retention(broker, wall), wall, 1)
        jumps = await server_commands(broker.state).lrange(broker.key("clock", "jumps"), 0, -1)
        assert [round(float(jump.split(b"|")[1]) / DAY_S) for jump in jumps] == [20]


async def test_forward_jump_of_good_delays_retention_once(settings: Settings) -> None:
    """After a correction by 40 days, earlier and later articles are each removed after their own 30 days."""
    async with articles(settings, 100) as (broker, wall):
        retention = Retention(broker, wall)
        await rounds(retention, wall, 2)
        wall.jump(40 * DAY_S)
        await rounds(retention, wall, 1)
        for _ in range(29):
            wall.pass_s(DAY_S)
            assert await retention.trim() == {}
        wall.pass_s(2 * DAY_S)
        assert await retention.trim() == {NAME: 100}
        await server_commands(broker.state).xadd(broker.stream(NAME, 0), {"t": wall.time_s}, id="0-*")
        wall.pass_s(31 * DAY_S)
        assert await retention.trim() == {NAME: 1}


async def test_unseen_jump_is_refused_and_reported(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """The clock jumps while no desk runs: nothing is removed for an hour, and one warning is logged."""
    async with articles(settings) as (broker, wall):
        await broker.register("mine", [(NAME, n) for n in range(4)], Start.EARLIEST)
        await broker.commit("mine", {(NAME, n): 1_000 for n in range(4)}, {})
        wall.jump(40 * DAY_S)
        wall.ticks_s = -ROUND_S  # before the recorded uptime, however short: no elapsed time shows the jump
        await rounds(Retention(broker, wall), wall, int(STEP_EVERY_S / ROUND_S) - 1)
        assert await count_messages(broker) == 200
        assert list(await broker.groups()) == ["mine"]
        warnings = [r.getMessage() for r in caplog.records if NAME in r.getMessage()]
        assert len(warnings) == 1
        assert "count=0, expired=200, total=200" in warnings[0]


@pytest.mark.parametrize("lowered", [False, True])
async def test_old_articles_go_by_tenths_after_downtime(settings: Settings, lowered: bool) -> None:
    """After weeks without a desk, or after a lowered retention, the topic shrinks by a tenth per step."""
    async with articles(settings) as (broker, wall):
        retention = Retention(broker, wall)
        if lowered:
            wall.pass_s(20 * DAY_S)
            await rounds(retention, wall, 1)
            await broker.create_topics([replace(ARTICLES, retention_s=10 * DAY_S)])
        else:
            wall.pass_s(31 * DAY_S)
        await rounds(retention, wall, 1)
        steps, remaining = 0, await count_messages(broker)
        assert remaining == 200
        while remaining:
            wall.pass_s(STEP_EVERY_S)
            removed = (await retention.trim())[NAME]
            assert 1 <= removed <= max(1, remaining * MAX_SHARE)
            steps, remaining = steps + 1, remaining - removed
        assert steps < 80


async def test_trim_expired_import_is_removed_at_once(settings: Settings) -> None:
    """All articles of an import expire in the same round; a desk that ran all the time has measured their age."""
    async with articles(settings) as (broker, wall):
        retention = Retention(broker, wall)
        await rounds(retention, wall, 1)
        wall.pass_s(31 * DAY_S)  # also in suspend: CLOCK_BOOTTIME includes it
        assert await retention.trim() == {NAME: 200}


async def test_entries_of_a_wrong_clock_spare_younger_ones(settings: Settings) -> None:
    """Entries from a clock 40 days behind look old; younger entries before them are kept."""
    broker = RedisStreamsBroker(settings.broker_url, partitions=1)
    await broker.create_topics([ARTICLES])
    wall = Wall(await broker.time_s())
    ages_days = [50] * 5 + [1] * 50 + [41] * 60 + [0] * 50
    for age in ages_days:
        await server_commands(broker.state).xadd(broker.stream(NAME, 0), {"t": wall.time_s - age * DAY_S}, id="0-*")
    retention = Retention(broker, wall)
    assert await broker.trim_topic(NAME, 0, before_s=wall.time_s - 30 * DAY_S) == (5, 165, 0)
    await rounds(retention, wall, 1)
    assert await count_messages(broker) == 160
    await broker.close()


# -- memory ---------------------------------------------------------------------------------------------------


BIG = b"x" * 10_000


@asynccontextmanager
async def limited(settings: Settings, spare: int) -> AsyncGenerator[RedisStreamsBroker, None]:
    """A broker with a memory limit of *spare* bytes above its current use."""
    broker = RedisStreamsBroker(settings.broker_url, partitions=4)
    await broker.create_topics([ARTICLES, ITEMS, POLLS])
    before = (await server_commands(broker.state).config_get("maxmemory"))["maxmemory"]
    await server_commands(broker.state).config_set("maxmemory", (await broker.memory())[0] + spare)
    try:
        yield broker
    finally:
        await server_commands(broker.state).config_set("maxmemory", before)
        await broker.close()


async def fill(broker: RedisStreamsBroker, topic: str, share: float) -> None:
    """Publish to *topic* until *share* of the memory is used; infinite: until the server rejects a message."""
    for n in range(100_000):
        if await broker.memory_usage() > share:
            return
        await broker.publish([OutgoingMessage(topic, b"%d" % n, BIG)])


async def commit_all(broker: RedisStreamsBroker, group: str, topic: str) -> None:
    partitions = [(topic, n) for n in range(4)]
    await broker.register(group, partitions, Start.EARLIEST)
    await broker.commit(group, {tp: b.end for tp, b in (await broker.bounds(partitions)).items()}, {})


async def test_relief_takes_committed_items_before_articles(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    # With 24 MB, the estimate of the bytes per item is 10 kB too high: the items end just above the target.
    async with limited(settings, 24_000_000) as broker:
        await fill(broker, NAME, 0.5)
        await fill(broker, ITEMS.name, 0.85)
        relief = MemoryRelief(broker)
        items, articles = await count_messages(broker, ITEMS.name), await count_messages(broker)
        assert ITEMS.name not in await relief.relieve()  # no desk has committed any of them
        assert await count_messages(broker, ITEMS.name) == items
        assert await count_messages(broker) < articles
        await fill(broker, ITEMS.name, 0.85)
        articles, items = await count_messages(broker), await count_messages(broker, ITEMS.name)
        await commit_all(broker, DESK_GROUP, ITEMS.name)
        removed = await relief.relieve()
        assert list(removed) == [ITEMS.name]
        assert await count_messages(broker, ITEMS.name) == items - removed[ITEMS.name] > 0  # no more than necessary
        assert await count_messages(broker) == articles
        assert await broker.memory_usage() < 0.8
        assert await relief.relieve() == {}
        fields: list[Any] = [
            record.msg for record in caplog.records if "oldest messages removed" in record.getMessage()
        ]
        assert (fields[-1]["topic"], fields[-1]["count"]) == (ITEMS.name, removed[ITEMS.name])
        totals = await read_removed(broker)
        assert totals.counts[ITEMS.name] == removed[ITEMS.name]
        assert totals.articles_last_s > 0


async def test_relief_takes_events(settings: Settings) -> None:
    async with limited(settings, 8_000_000) as broker:
        await fill(broker, EVENTS.name, 0.9)
        assert list(await MemoryRelief(broker).relieve()) == [EVENTS.name]


async def test_keys_of_forgotten_group_expire_until_it_returns(settings: Settings) -> None:
    async with limited(settings, 8_000_000) as broker:
        partitions = [(NAME, n) for n in range(4)]
        await broker.register("once", partitions, Start.EARLIEST)
        leases = Leases(broker, "once", 30.0, "a")
        await leases.heartbeat(partitions)
        state = server_commands(broker.state)
        keys = [key for key in await state.keys("*:once") if key != broker.key("members", "once").encode()]

        async def expiring() -> list[bool]:
            return [await state.ttl(key) > 0 for key in keys]

        assert len(keys) == 5
        assert not any(await expiring())
        await broker.forget_groups(["once"])
        assert all(await expiring())
        await leases.heartbeat(partitions)
        assert not any(await expiring())


async def test_relief_keeps_unread_articles_until_memory_is_full(settings: Settings) -> None:
    async with limited(settings, 8_000_000) as broker:
        await broker.register("slow", [(NAME, n) for n in range(4)], Start.EARLIEST)
        await fill(broker, NAME, 0.9)
        relief = MemoryRelief(broker)
        assert await relief.relieve() == {}
        with pytest.raises(UnavailableError, match="rejects commands for now"):
            await fill(broker, NAME, math.inf)
        articles = await count_messages(broker)
        removed = await relief.relieve()
        assert list(removed) == [NAME]
        assert articles > await count_messages(broker) > 0
        assert 0.85 < await broker.memory_usage() < 0.95  # no more than necessary


async def test_relief_leaves_articles_a_fifth(settings: Settings) -> None:
    """If the state fills the memory, removing the last articles would not help for long."""
    async with limited(settings, 8_000_000) as broker:
        _, limit = await broker.memory()  # the server may hold a third of it before
        while await broker.topic_bytes(NAME) < 0.3 * limit:
            await broker.publish([OutgoingMessage(NAME, b"1", BIG)])
        used, limit = await broker.memory()
        await broker.write_state(("SET", "state", b"x" * int(0.95 * limit - used)))
        relief = MemoryRelief(broker)
        for _ in range(5):
            await relief.relieve()
        _, limit = await broker.memory()
        assert 0.15 * limit < await broker.topic_bytes(NAME) < 0.25 * limit
        await broker.state.delete("state")


async def test_full_memory_lets_groups_and_declarations_through(settings: Settings) -> None:
    async with limited(settings, 4_000_000) as broker:
        with pytest.raises(UnavailableError):
            await fill(broker, NAME, math.inf)
        again = RedisStreamsBroker(settings.broker_url, partitions=4)
        await again.create_topics([ARTICLES, ITEMS, POLLS])
        reader = await again.open_reader(ARTICLES, "late", Start.EARLIEST)
        first = (await reader.read(0.5))[0]
        await reader.commit({(first.topic, first.partition): first.offset})
        assert (await again.committed("late", [(first.topic, first.partition)])) == {
            (first.topic, first.partition): first.offset + 1
        }
        await again.write_state(("SET", "k", "v"))
        await reader.close()
        await again.close()
