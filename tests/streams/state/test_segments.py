"""SegmentedHash on a real Valkey, against a model in memory."""

import hashlib
import itertools

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from streams.brokers import open_broker
from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.state.segments import SegmentedHash, Segments
from tests.support.server_commands import server_commands

PREFIXES = (f"test:{n}" for n in itertools.count())


def make_field(n: int) -> bytes:
    return hashlib.sha256(str(n).encode()).digest()[:10]


@pytest.mark.parametrize(
    ("before", "newest", "expired"),
    [
        (0, 0, []),
        (0, 1, []),
        (0, 2, [0]),
        (1, 2, [0]),
        (4, 5, [2, 3]),  # segment 2 again, for entries of slow workers
        (0, 100, [97, 98]),  # after a restart: older segments went while other workers ran
        (5, 0, []),  # the state was lost
    ],
)
def test_segments_expired(before: int, newest: int, expired: list[int]) -> None:
    assert list(Segments("p", 10, 2).expired(before, newest)) == expired


@hypothesis_settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    entries=st.integers(1, 6),
    segments=st.integers(2, 4),
    shards=st.integers(1, 3),
    operations=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30)), min_size=30, max_size=120),
)
async def test_segmented_hash_keeps_recent_entries(
    settings: Settings, entries: int, segments: int, shards: int, operations: list[tuple[int, int]]
) -> None:
    """Two workers write. An entry is readable until segments - 1 further segments are full, and has its last value."""
    layout = Segments(next(PREFIXES), entries, segments, shards)
    broker = open_broker(settings)
    workers = [SegmentedHash(broker.state, layout) for _ in range(2)]
    written: dict[bytes, tuple[bytes, int]] = {}  # field → its last value, and the count before it was written
    for n, (worker, number) in enumerate(operations):
        field, value, count = make_field(number), str(n).encode(), await read_count(broker, layout)
        remembered = await workers[worker].get([*written, field])
        assert all(written[f][0] == v for f, v in remembered.items())
        safe = {f for f, (_, at) in written.items() if count // entries - at // entries < segments}
        assert safe == set(remembered)
        await broker.publish([], workers[worker].set_commands({field: value}))
        written[field] = (value, count)
    keys = [key async for key in server_commands(broker.state).scan_iter(f"{layout.prefix}:[0-9]*")]
    assert sum([await server_commands(broker.state).hlen(key) for key in keys]) <= entries * (segments + 1)
    await broker.close()


@hypothesis_settings(max_examples=10, suppress_health_check=list(HealthCheck), deadline=None)
@given(entries=st.integers(2, 8), segments=st.integers(2, 4))
async def test_segmented_hash_keeps_refreshed_entry(settings: Settings, entries: int, segments: int) -> None:
    layout = Segments(next(PREFIXES), entries, segments)
    broker = open_broker(settings)
    store, refreshed = SegmentedHash(broker.state, layout), make_field(-1)
    await store.get([])
    await broker.publish([], store.set_commands({refreshed: b"kept"}))
    for n in range(4 * entries * segments):
        assert await store.get([refreshed]) == {refreshed: b"kept"}
        values = {make_field(n): b"x"} | ({refreshed: b"kept"} if store.expires_soon(refreshed) else {})
        await broker.publish([], store.set_commands(values))
    await broker.close()


async def test_segmented_hash_restarts_after_lost_state(settings: Settings) -> None:
    layout = Segments(next(PREFIXES), 2, 2)
    broker = open_broker(settings)
    store = SegmentedHash(broker.state, layout)
    for n in range(10):
        await store.get([])
        await broker.publish([], store.set_commands({make_field(n): b"x"}))
    await server_commands(broker.state).flushdb()
    assert await store.get([make_field(9)]) == {}
    await broker.publish([], store.set_commands({make_field(9): b"y"}))
    assert await SegmentedHash(broker.state, layout).get([make_field(9)]) == {make_field(9): b"y"}
    await broker.close()


async def read_count(broker: Broker, layout: Segments) -> int:
    return int(await broker.state.get(layout.count_key) or 0)
