"""The in-memory broker: state, fencing, handover of partitions, and the scheme `memory://`."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from streams.brokers import open_broker
from streams.brokers.base import OffsetRange, Reader
from streams.brokers.memory.reader import InMemoryReader
from streams.config.settings import Settings, load_settings
from streams.errors import SettingsError
from streams.start import Start
from streams.testing import Condition, InMemoryBroker, OutgoingMessage
from streams.topics import Topic

SOURCE, TARGET = Topic("source", 3600), Topic("target", 3600)


@pytest.fixture
def broker() -> Iterator[InMemoryBroker]:
    created = InMemoryBroker(partitions=2)
    yield created
    created.clear()


async def fill(broker: InMemoryBroker, count: int) -> None:
    await broker.publish([OutgoingMessage(SOURCE.name, b"k%d" % n, b"%d" % n) for n in range(count)])


async def values(reader: Reader) -> list[bytes]:
    return sorted(message.value for message in await reader.read(0.01))


async def copy_partition(broker: InMemoryBroker, member: InMemoryReader, partition: int, end: int) -> bool:
    return await broker.publish_and_commit(
        member,
        [OffsetRange(SOURCE.name, partition, 0, end)],
        [OutgoingMessage(TARGET.name, b"k", b"copy")],
        [("HINCRBY", "done", "n", end)],
    )


async def test_broker_same_name_shares_data() -> None:
    first, second = InMemoryBroker("shared"), InMemoryBroker("shared")
    await fill(first, 3)
    await first.close()
    assert await values(await second.open_reader(SOURCE, "", Start.EARLIEST)) == [b"0", b"1", b"2"]
    assert await InMemoryBroker().lag(SOURCE.name, "group") == 0
    first.clear()
    assert await second.lag(SOURCE.name, "group") == 0


def test_open_broker_memory_scheme_needs_name() -> None:
    broker = open_broker(Settings(broker_url="memory://named", partitions=3))
    assert isinstance(broker, InMemoryBroker)
    assert (broker.name, broker.default_partitions) == ("named", 3)
    with pytest.raises(SettingsError, match="missing broker name: memory://"):
        open_broker(Settings(broker_url="memory://"))


def test_load_settings_refuses_memory_scheme() -> None:
    with pytest.raises(SettingsError, match="broker_url"):
        load_settings({"broker_url": "memory://news"}, environ={})


async def test_publish_and_commit_repeat_is_done_once(broker: InMemoryBroker) -> None:
    await fill(broker, 10)
    member = await broker.open_reader(SOURCE, "group", Start.EARLIEST)
    end = sum(message.partition == 0 for message in await member.read(0.01))
    assert await copy_partition(broker, member, 0, end)
    assert await copy_partition(broker, member, 0, end)
    assert await broker.state.hget("done", "n") == b"%d" % end
    assert await broker.lag(SOURCE.name, "group") == 10 - end
    assert await values(await broker.open_reader(TARGET, "", Start.EARLIEST)) == [b"copy"]


async def test_publish_and_commit_lost_lease_has_no_effect(broker: InMemoryBroker) -> None:
    await fill(broker, 10)
    member = await broker.open_reader(SOURCE, "group", Start.EARLIEST)
    read = await member.read(0.01)
    offsets = OffsetRange(SOURCE.name, 0, 0, 1)
    assert await broker.owns(member, offsets)
    broker.revoke_leases("group")
    assert not await broker.owns(member, offsets)
    assert not await copy_partition(broker, member, 0, 1)
    await member.commit({(SOURCE.name, 0): 0})
    assert await broker.lag(SOURCE.name, "group") == 10
    assert not await broker.state.exists("done")
    assert await member.confirm_leases() == {(SOURCE.name, 0), (SOURCE.name, 1)}
    assert list(await member.read(0.01)) == list(read)


async def test_rewind_to_committed_redelivers(broker: InMemoryBroker) -> None:
    await fill(broker, 4)
    member = await broker.open_reader(SOURCE, "group", Start.EARLIEST)
    read = [message for message in await member.read(0.01) if message.partition == 0]
    await broker.rewind_to_committed(member, OffsetRange(SOURCE.name, 0, 1, 2))
    assert list(await member.read(0.01)) == read


async def test_members_share_partitions_after_hand_over(broker: InMemoryBroker) -> None:
    await fill(broker, 10)
    first = await broker.open_reader(SOURCE, "group", Start.EARLIEST)
    taken = await first.read(0.01)
    second = await broker.open_reader(SOURCE, "group", Start.EARLIEST)
    assert first.is_due()
    assert await first.confirm_leases() == set()
    [to_release] = first.to_release()
    assert await values(second) == []
    await first.hand_over([to_release])
    await second.confirm_leases()
    assert await values(second) == sorted(m.value for m in taken if m.partition == to_release[1])
    await second.close()
    await first.confirm_leases()
    assert len(first.assignment()) == 2
    assert broker.member_count("group") == 1


async def test_reader_unclosed_holds_no_partition(broker: InMemoryBroker) -> None:
    await fill(broker, 4)
    abandoned = await broker.open_reader(SOURCE, "group", Start.EARLIEST)
    assert len(await abandoned.read(0.01)) == 4
    del abandoned
    assert len(await (await broker.open_reader(SOURCE, "group", Start.EARLIEST)).read(0.01)) == 4


async def test_read_returns_at_publication(broker: InMemoryBroker) -> None:
    reader = await broker.open_reader(SOURCE, "", Start.LATEST)
    reading = asyncio.create_task(reader.read(3600))
    await asyncio.sleep(0)
    await fill(broker, 1)
    assert [message.value for message in await reading] == [b"0"]


async def test_publish_loop_lets_reader_run(broker: InMemoryBroker) -> None:
    reader = await broker.open_reader(SOURCE, "", Start.EARLIEST)
    reading = asyncio.create_task(reader.read(3600))
    while not reading.done():
        await fill(broker, 1)
    assert reading.result()


@pytest.mark.parametrize(
    ("commands", "reply"),
    [
        ([("SET", "k", "v"), ("GET", "k")], b"v"),
        ([("SET", "k", 1), ("DEL", "k", "none")], 1),
        ([("INCR", "k"), ("INCRBY", "k", 4)], 5),
        ([("HSET", "k", "a", 1, "b", 2), ("HSET", "k", "a", 3, "c", 4)], 1),
        ([("HSET", "k", "a", 1), ("HSETNX", "k", "a", 2), ("HGETALL", "k")], {b"a": b"1"}),
        ([("HSET", "k", "a", 1), ("HDEL", "k", "a", "b"), ("EXISTS", "k")], 0),
        ([("HINCRBY", "k", "a", 2), ("HINCRBY", "k", "a", -3), ("HMGET", "k", "a", "b")], [b"-1", None]),
        ([("ZADD", "k", 2, "b", 1, "a", 3, "c"), ("ZRANGE", "k", 0, -2)], [b"a", b"b"]),
        ([("ZADD", "k", 1, "a"), ("ZREM", "k", "a", "b")], 1),
        ([("SET", "k", "v"), ("EXPIRE", "k", 0), ("GET", "k")], None),
    ],
)
async def test_state_command_replies_as_redis(
    commands: list[tuple[Any, ...]], reply: Any, broker: InMemoryBroker
) -> None:
    replies = [await broker.state.execute_command(*command) for command in commands]
    assert replies[-1] == reply


async def test_state_unsupported_command_is_named(broker: InMemoryBroker) -> None:
    with pytest.raises(NotImplementedError, match="unsupported command: LPUSH"):
        await broker.publish([OutgoingMessage(SOURCE.name, b"k", b"v")], [("INCR", "n"), ("LPUSH", "l", 1)])
    assert await broker.state.get("n") is None
    assert await broker.lag(SOURCE.name, "group") == 0
    with pytest.raises(NotImplementedError, match="unsupported option: SET nx"):
        await broker.state.set("k", "v", nx=True)


async def test_state_wrong_type_is_refused(broker: InMemoryBroker) -> None:
    await broker.state.set("k", "v")
    with pytest.raises(TypeError, match="wrong type: key k is a string, not a hash"):
        await broker.state.hset("k", "field", 1)
    assert await broker.state.get("k") == b"v"


async def test_publish_condition_failed_has_no_effect(broker: InMemoryBroker) -> None:
    condition = Condition("turns", "f", "1", "2")
    assert not await broker.publish([OutgoingMessage(SOURCE.name, b"k", b"v")], [("INCR", "n")], [condition])
    assert await broker.lag(SOURCE.name, "group") == 0
    assert not await broker.state.exists("n", "turns")
