"""Bounds of what a reader and a desk hold at a time: bytes of a fetch, records read ahead by a group member."""

from dataclasses import replace

from streams.brokers import open_broker
from streams.brokers.base import ConsumedMessage, OutgoingMessage
from streams.brokers.read_ahead import FIRST_COUNT, READ_AHEAD_S, ReadAhead
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings
from streams.start import Start
from tests.support.stage import drained, stage

MiB = 1024 * 1024


async def test_fetch_limits_bytes_of_all_partitions(settings: Settings) -> None:
    async with stage(replace(settings, partitions=4)) as s:
        assert isinstance(s.broker, RedisStreamsBroker)
        values = [b"%04d" % n + bytes(MiB // 2) for n in range(24)]
        await s.broker.publish([OutgoingMessage(s.source.name, v[:4], v) for v in values])
        partitions = [(s.source.name, n) for n in range(4)]
        entries = (await s.broker.fetch(dict.fromkeys(partitions, 0), 0.0, max_bytes=4 * MiB)).values()
        fetched = sum(len(field) for stream in entries for _, fields in stream for field in fields)
        assert MiB <= fetched <= 4 * MiB
        waited = await s.broker.fetch({partitions[0]: 10**6}, 0.01)
        assert waited == {}
        messages = await drained(await s.broker.open_reader(s.source, "", Start.EARLIEST))
        assert sorted(m.value for m in messages) == values


async def test_fetch_returns_entry_above_limit_alone(settings: Settings) -> None:
    async with stage(replace(settings, partitions=1)) as s:
        assert isinstance(s.broker, RedisStreamsBroker)
        await s.broker.publish([OutgoingMessage(s.source.name, b"k", bytes(MiB))] * 3)
        position = {(s.source.name, 0): 1}
        [entries] = (await s.broker.fetch(position, 0.0, max_bytes=1)).values()
        assert [entry_id for entry_id, _ in entries] == [b"0-2"]


def test_read_ahead_shrinks_to_the_speed_of_the_program() -> None:
    now_s = 0.0
    ahead = ReadAhead(800, lambda: now_s)
    counts = []
    for record_s in (0.0, 0.0, 0.0, 0.0, 0.1, 0.1, 10.0, 0.001):
        counts.append(ahead.next_count())
        ahead.record(counts[-1])
        now_s += counts[-1] * record_s
    assert counts[:5] == [FIRST_COUNT * 2**n for n in range(5)]
    assert counts[5:] == [int(READ_AHEAD_S / 0.1), int(READ_AHEAD_S / 0.1), 1]
    assert ahead.next_count() == 2


async def test_group_member_reads_little_before_its_speed_shows(either: Settings) -> None:
    """A handover waits for the records that a member has read, so a new member reads few."""

    async with stage(either) as s:
        await s.fill(400)
        reader = await s.broker.open_reader(s.source, s.group, Start.EARLIEST)
        messages: list[ConsumedMessage] = []
        while not messages:
            if reader.is_due():
                await reader.confirm_leases()
            messages = list(await reader.read(0.5))
        assert len(messages) <= 4 * FIRST_COUNT
        await reader.close()


async def test_progress_has_position_and_end_of_each_partition(any_broker: Settings) -> None:
    async with stage(replace(any_broker, partitions=4)) as s:
        before = await s.broker.progress(s.source.name, s.group)
        assert {tp[1] for tp in before} >= {0, 1, 2, 3}
        assert all(progress.lag == 0 for progress in before.values())
        await s.fill(50)
        after = await s.broker.progress(s.source.name, s.group)
        assert sum(progress.lag for progress in after.values()) == await s.broker.lag(s.source.name, s.group) == 50


async def test_free_bytes_is_unknown_without_limit(any_broker: Settings) -> None:
    broker = open_broker(any_broker)
    free = await broker.free_bytes(0.5)
    assert free is None or free > 0
    await broker.close()
