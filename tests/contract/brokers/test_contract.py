"""Contract of all brokers, run on Valkey, Redis, Kafka and the previous Kafka; in part on the in-memory broker.

Fixture of a test, and the reason where it excludes the in-memory broker:

    any_broker   all brokers: test_reader_*, test_publish_preserves_*
    either       servers only: test_agent_* (agents use a Faust transport, which the in-memory broker lacks)
    either       servers only: test_worker* (workers are other processes)
    settings     servers only: test_publish_broker_down_* (the in-memory broker has no server)
"""

import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from streams.brokers import open_broker
from streams.brokers.base import ConsumedMessage, OutgoingMessage, Reader
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.faust.agents import BatchResult
from streams.start import Last, Offsets, Start, StartPosition
from tests.conftest import DEADLINE_S, until
from tests.support.stage import Stage, all_exactly_once, drained, end, in_order_by_key, lag_is, stage, start_worker

PARTITIONS = 4


async def test_reader_keeps_order_of_each_key(any_broker: Settings) -> None:
    async with stage(any_broker) as s:
        values = await s.fill(200)
        messages = await drained(await s.broker.open_reader(s.source, "", Start.EARLIEST))
        assert sorted(m.value for m in messages) == values
        assert in_order_by_key(messages)
        assert len({(m.partition, m.offset) for m in messages}) == 200
        assert all(len({m.partition for m in messages if m.key == k}) == 1 for k in {m.key for m in messages})
        assert len({m.partition for m in messages}) > 1


async def test_publish_preserves_headers_and_binary_values(any_broker: Settings) -> None:
    async with stage(any_broker) as s:
        message = OutgoingMessage(s.source.name, b"\xff\x00", bytes(range(256)), (("trace", b"\x01"), ("π", b"")))
        await s.broker.publish([message])
        [read] = await drained(await s.broker.open_reader(s.source, "", Start.EARLIEST))
        assert (read.key, read.value, read.headers) == (message.key, message.value, message.headers)


async def test_reader_group_resumes_at_commit(any_broker: Settings) -> None:
    async with stage(any_broker) as s:
        values = await s.fill(60)
        reader = await s.broker.open_reader(s.source, s.group, Start.EARLIEST)
        first: list[ConsumedMessage] = []
        while len(first) < 60:
            first += await reader.read(0.5)
        half: dict[tuple[str, int], int] = {}
        for d in first:
            if d.value < b"000030":
                half[(d.topic, d.partition)] = max(d.offset, half.get((d.topic, d.partition), -1))
        await reader.commit(half)
        await reader.close()
        again = await s.broker.open_reader(s.source, s.group, Start.EARLIEST)
        second: list[ConsumedMessage] = []
        await until(lambda: _more(again, second, 30))
        assert sorted(d.value for d in second) == values[30:]
        await again.close()


async def _more(reader: Reader, into: list[ConsumedMessage], count: int) -> bool:
    into += await reader.read(0.2)
    return len(into) >= count


async def test_reader_from_end_sees_only_new_messages(any_broker: Settings) -> None:
    async with stage(any_broker) as s:
        await s.fill(20)
        reader = await s.broker.open_reader(s.source, "", Start.LATEST)
        await s.broker.publish([OutgoingMessage(s.source.name, b"k", b"late")])
        messages: list[ConsumedMessage] = []
        await until(lambda: _more(reader, messages, 1))
        assert [m.value for m in messages] == [b"late"]
        await reader.close()


async def test_reader_start_accepts_offsets_and_last_n(any_broker: Settings) -> None:
    async with stage(any_broker) as s:
        await s.fill(40)
        first = await s.broker.open_reader(s.source, "", Start.EARLIEST)
        some = list(await first.read(5.0))[:15]
        await first.close()
        at = {d.partition: d.offset + 1 for d in some}
        second = await s.broker.open_reader(s.source, "", Offsets(at))
        rest = await drained(second)
        assert len(some) + len(rest) == 40
        assert {(d.partition, d.offset) for d in some}.isdisjoint((d.partition, d.offset) for d in rest)
        last = await s.broker.open_reader(s.source, "", Last(2))
        assert max(last.position().values()) > 0
        near = await drained(last)
        assert max(Counter(d.partition for d in near).values()) == 2


@pytest.mark.parametrize("start", [3, Offsets({0: 3}), Last(2), 1_000], ids=["offset", "offsets", "last", "too_far"])
async def test_new_group_begins_at_start(any_broker: Settings, start: StartPosition) -> None:
    async with stage(replace(any_broker, partitions=1)) as s:
        values = await s.fill(5)
        reader = await s.broker.open_reader(s.source, s.group, start)
        expected = [b"late"] if start == 1_000 else [*values[3:], b"late"]
        messages: list[ConsumedMessage] = []

        async def has_begun() -> bool:
            await _more(reader, messages, 1)
            return await lag_is(s, len(expected) - 1)

        await until(has_begun, what="the committed start")
        await s.broker.publish([OutgoingMessage(s.source.name, b"k", b"late")])
        await until(lambda: _more(reader, messages, len(expected)))
        assert [m.value for m in messages] == expected
        await reader.close()


async def test_agent_processes_all_in_order_and_commits(either: Settings) -> None:
    async with stage(either) as s:
        values = await s.fill(300)
        async with s.copying(s.copy):
            await until(lambda: lag_is(s, 0))
        messages = await s.published()
        assert sorted(m.value for m in messages) == values
        assert in_order_by_key(messages)


async def test_agent_restart_resumes_at_commit(either: Settings) -> None:
    async with stage(either) as s:
        await s.fill(50)
        async with s.copying(s.copy):
            await until(lambda: lag_is(s, 0))
        await s.fill(50)
        async with s.copying(s.copy):
            await until(lambda: lag_is(s, 0))
        assert max(Counter(d.value for d in await s.published()).values()) == 2  # once for each filling


async def test_agent_retries_unavailable_handler(either: Settings) -> None:
    async with stage(either) as s:
        values = await s.fill(30)
        failures = iter(range(3))

        async def flaky(batch: Sequence[ConsumedMessage]) -> BatchResult:
            if next(failures, None) is not None:
                raise UnavailableError("not now")
            return await s.copy(batch)

        async with s.copying(flaky):
            await until(lambda: lag_is(s, 0))
        assert sorted(d.value for d in await s.published()) == values


async def test_agent_writes_state_with_messages(either: Settings) -> None:
    async with stage(either) as s:
        await s.fill(40)

        async def counting(batch: Sequence[ConsumedMessage]) -> BatchResult:
            result = await s.copy(batch)
            return result._replace(state_writes=[("HINCRBY", "test:done", s.group, len(batch))])

        async with s.copying(counting):
            await until(lambda: lag_is(s, 0))
        assert await s.broker.state.hget("test:done", s.group) == b"40"


async def test_workers_killed_lose_nothing(either: Settings) -> None:
    """Two worker processes share a topic; the test kills (SIGKILL) and restarts them in turn."""
    async with stage(either) as s:
        values = await s.fill(400, keys=40)
        workers = [start_worker(s, 0.02), start_worker(s, 0.02)]
        try:
            for n in (0, 1, 0):
                before = len(await s.published())
                await until(lambda: _published_more(s, before))  # noqa: B023 - awaited within the loop
                workers[n].send_signal(signal.SIGKILL)
                workers[n].wait()
                workers[n] = start_worker(s, 0.02)
            await until(lambda: lag_is(s, 0))
        finally:
            end(*workers)
        await all_exactly_once(s, values)


async def test_worker_frozen_beyond_lease_publishes_nothing(either: Settings) -> None:
    """The worker is frozen during a batch until another worker has taken over its partitions."""
    async with stage(either) as s:
        values = await s.fill(300, keys=40)
        frozen = start_worker(s, 0.05)
        other = None
        try:
            await until(lambda: _published_more(s, 0))
            frozen.send_signal(signal.SIGSTOP)
            other = start_worker(s, 0.05)
            before = len(await s.published())
            await until(lambda: _published_more(s, before + 50), what="the other worker at work")
            frozen.send_signal(signal.SIGCONT)
            await until(lambda: lag_is(s, 0))
        finally:
            end(frozen, other)
        await all_exactly_once(s, values)


async def test_workers_joining_and_leaving_process_exactly_once(either: Settings) -> None:
    async with stage(either) as s:
        values = await s.fill(500, keys=40)
        workers = [start_worker(s, 0.05)]
        try:
            for _ in range(2):
                before = len(await s.published())
                await until(lambda: _published_more(s, before))  # noqa: B023 - awaited within the loop
                workers.append(start_worker(s, 0.05))  # joins
                before = len(await s.published())
                await until(lambda: _published_more(s, before + 20))  # noqa: B023
                workers[-2].send_signal(signal.SIGTERM)  # leaves
            await until(lambda: lag_is(s, 0))
            # A SIGTERM before the handler is installed ends a worker that holds no partition yet.
            assert all(w.wait(DEADLINE_S) in (0, -signal.SIGTERM) for w in workers[:-1])
        finally:
            end(*workers)
        await all_exactly_once(s, values)


async def _published_more(s: Stage, than: int) -> bool:
    return len(await s.published()) >= than + 10 or await lag_is(s, 0)


async def test_publish_broker_down_raises_unavailable(settings: Settings) -> None:
    async def go(url: str) -> None:
        broker = open_broker(Settings(broker_url=url, state_url=settings.broker_url if url[0] == "k" else ""))
        try:
            with pytest.raises(UnavailableError, match=r"broker unavailable: .*127\.0\.0\.1:1"):
                await broker.publish([OutgoingMessage("copydesk.polls", b"k", b"v")])
        finally:
            await broker.close()

    for url in ("valkey://127.0.0.1:1", "redis://127.0.0.1:1", "kafka://127.0.0.1:1"):
        await go(url)
