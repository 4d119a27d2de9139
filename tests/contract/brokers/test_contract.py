"""What copydesk asks of a broker, told once and run over each: Valkey, Redis, Kafka, and the Kafka before."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from streams.brokers.base import Broker, Delivery, OutgoingMessage, Reader, open_broker
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.faust.agents import BatchResult, ConsumedMessage, add_agent, create_app
from streams.topics import Topic
from tests.conftest import DEADLINE_S, ROOT, until

PARTITIONS = 4


class Stage:
    """Two fresh topics on a broker."""

    def __init__(self, settings: Settings, broker: Broker) -> None:
        name = secrets.token_hex(4)
        self.settings, self.broker = settings, broker
        self.source, self.target = Topic(f"source-{name}", 3600), Topic(f"target-{name}", 3600)
        self.group = f"group-{name}"

    async def fill(self, count: int, keys: int = 7) -> list[bytes]:
        values = [b"%06d" % n for n in range(count)]
        await self.broker.publish(
            [OutgoingMessage(self.source.name, b"k%d" % (n % keys), v) for n, v in enumerate(values)]
        )
        return values

    async def published(self) -> list[Delivery]:
        return await drained(await self.broker.open_reader(self.target, "", "start"))

    @asynccontextmanager
    async def copying(self, handle: Any) -> AsyncGenerator[Any, None]:
        app = create_app(self.settings, self.group)
        add_agent(app, self.broker, self.source, handle, 10)
        await app.start()
        try:
            yield app
        finally:
            await app.stop()

    async def copy(self, batch: Sequence[ConsumedMessage]) -> BatchResult:
        return BatchResult([OutgoingMessage(self.target.name, i.key, i.value) for i in batch])


@asynccontextmanager
async def stage(settings: Settings) -> AsyncGenerator[Stage, None]:
    broker = open_broker(settings)
    made = Stage(settings, broker)
    await broker.create_topics([made.source, made.target])
    try:
        yield made
    finally:
        await broker.close()


async def drained(reader: Reader) -> list[Delivery]:
    found: list[Delivery] = []
    while True:
        got = await reader.read(0.1)
        found += got
        if not got and await reader.at_end():
            await reader.close()
            return found


def in_order_by_key(found: Sequence[Delivery]) -> bool:
    by_key: dict[bytes, list[bytes]] = {}
    for d in found:
        by_key.setdefault(d.key, []).append(d.value)
    return all(values == sorted(values) for values in by_key.values())


def test_what_is_published_is_read_in_the_order_of_its_key(either: Settings) -> None:
    async def go() -> None:
        async with stage(either) as s:
            values = await s.fill(200)
            found = await drained(await s.broker.open_reader(s.source, "", "start"))
            assert sorted(d.value for d in found) == values
            assert in_order_by_key(found)
            assert len({(d.partition, d.offset) for d in found}) == 200
            assert all(len({d.partition for d in found if d.key == k}) == 1 for k in {d.key for d in found})
            assert len({d.partition for d in found}) > 1

    asyncio.run(go())


def test_headers_and_binary_values_arrive_as_they_were(either: Settings) -> None:
    async def go() -> None:
        async with stage(either) as s:
            message = OutgoingMessage(s.source.name, b"\xff\x00", bytes(range(256)), (("trace", b"\x01"), ("π", b"")))
            await s.broker.publish([message])
            [found] = await drained(await s.broker.open_reader(s.source, "", "start"))
            assert (found.key, found.value, found.headers) == (message.key, message.value, message.headers)

    asyncio.run(go())


def test_a_group_resumes_where_it_committed(either: Settings) -> None:
    async def go() -> None:
        async with stage(either) as s:
            values = await s.fill(60)
            reader = await s.broker.open_reader(s.source, s.group, "start")
            first: list[Delivery] = []
            while len(first) < 60:
                first += await reader.read(0.5)
            half = {}
            for d in first:
                if d.value < b"000030":
                    half[(d.topic, d.partition)] = max(d.offset, half.get((d.topic, d.partition), -1))
            await reader.commit(half)
            await reader.close()
            again = await s.broker.open_reader(s.source, s.group, "start")
            second: list[Delivery] = []
            await until(lambda: _more(again, second, 30))
            assert sorted(d.value for d in second) == values[30:]
            await again.close()

    asyncio.run(go())


async def _more(reader: Reader, into: list[Delivery], wanted: int) -> bool:
    into += await reader.read(0.2)
    return len(into) >= wanted


def test_reading_from_the_end_sees_only_what_comes(either: Settings) -> None:
    async def go() -> None:
        async with stage(either) as s:
            await s.fill(20)
            reader = await s.broker.open_reader(s.source, "", "end")
            await s.broker.publish([OutgoingMessage(s.source.name, b"k", b"late")])
            found: list[Delivery] = []
            await until(lambda: _more(reader, found, 1))
            assert [d.value for d in found] == [b"late"]
            await reader.close()

    asyncio.run(go())


def test_a_reader_begins_where_another_was_and_near_the_end(either: Settings) -> None:
    async def go() -> None:
        async with stage(either) as s:
            await s.fill(40)
            first = await s.broker.open_reader(s.source, "", "start")
            some = list(await first.read(5.0))[:15]
            await first.close()
            at = {d.partition: d.offset + 1 for d in some}
            second = await s.broker.open_reader(s.source, "", ".".join(f"{p}:{o}" for p, o in at.items()))
            rest = await drained(second)
            assert len(some) + len(rest) == 40
            assert {(d.partition, d.offset) for d in some}.isdisjoint((d.partition, d.offset) for d in rest)
            last = await s.broker.open_reader(s.source, "", "last:2")
            assert max(last.position().values()) > 0
            near = await drained(last)
            assert max(Counter(d.partition for d in near).values()) == 2

    asyncio.run(go())


def test_an_agent_carries_everything_over_in_order_and_commits(either: Settings) -> None:
    async def go() -> None:
        async with stage(either) as s:
            values = await s.fill(300)
            async with s.copying(s.copy):
                await until(lambda: _lag_is(s, 0))
            found = await s.published()
            assert sorted(d.value for d in found) == values
            assert in_order_by_key(found)

    asyncio.run(go())


async def _lag_is(s: Stage, wanted: int) -> bool:
    return await s.broker.lag(s.source.name, s.group) == wanted


def test_a_worker_that_comes_back_goes_on_where_it_was(either: Settings) -> None:
    async def go() -> None:
        async with stage(either) as s:
            await s.fill(50)
            async with s.copying(s.copy):
                await until(lambda: _lag_is(s, 0))
            await s.fill(50)
            async with s.copying(s.copy):
                await until(lambda: _lag_is(s, 0))
            assert max(Counter(d.value for d in await s.published()).values()) == 2  # once for each filling

    asyncio.run(go())


def test_what_is_unavailable_is_retried_until_it_is_not(either: Settings) -> None:
    async def go() -> None:
        async with stage(either) as s:
            values = await s.fill(30)
            failures = iter(range(3))

            async def flaky(batch: Sequence[ConsumedMessage]) -> BatchResult:
                if next(failures, None) is not None:
                    raise UnavailableError("not now")
                return await s.copy(batch)

            async with s.copying(flaky):
                await until(lambda: _lag_is(s, 0))
            assert sorted(d.value for d in await s.published()) == values

    asyncio.run(go())


def test_state_is_remembered_with_what_was_published(either: Settings) -> None:
    async def go() -> None:
        async with stage(either) as s:
            await s.fill(40)

            async def counting(batch: Sequence[ConsumedMessage]) -> BatchResult:
                outcome = await s.copy(batch)
                return outcome._replace(state_writes=[("HINCRBY", "test:done", s.group, len(batch))])

            async with s.copying(counting):
                await until(lambda: _lag_is(s, 0))
            assert int(await s.broker.state.hget("test:done", s.group)) == 40

    asyncio.run(go())


def test_killed_workers_lose_nothing(either: Settings) -> None:
    """Two worker processes share the work; each in turn is killed -9 while it works, and started again."""

    async def go() -> None:
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
                await until(lambda: _lag_is(s, 0))
            finally:
                end(*workers)
            await all_exactly_once(s, values)

    asyncio.run(go())


def test_a_frozen_worker_that_wakes_up_after_its_lease_changes_nothing(either: Settings) -> None:
    """Frozen with a batch in hand, until another has its partitions and has gone on."""

    async def go() -> None:
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
                await until(lambda: _lag_is(s, 0))
            finally:
                end(frozen, other)
            await all_exactly_once(s, values)

    asyncio.run(go())


def test_workers_that_join_and_leave_lose_and_repeat_nothing(either: Settings) -> None:
    async def go() -> None:
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
                await until(lambda: _lag_is(s, 0))
                # One that was told to leave before it had quite begun has nothing to hand over.
                assert all(w.wait(DEADLINE_S) in (0, -signal.SIGTERM) for w in workers[:-1])
            finally:
                end(*workers)
            await all_exactly_once(s, values)

    asyncio.run(go())


async def all_exactly_once(s: Stage, values: Sequence[bytes]) -> None:
    """Assert that the target has all of *values* once, in the order of their keys, and that state agrees."""
    found = await s.published()
    assert sorted(d.value for d in found) == list(values)
    assert in_order_by_key(found)
    assert int(await s.broker.state.hget("test:done", s.group)) == len(values)


def end(*workers: "subprocess.Popen[bytes] | None") -> None:
    for worker in workers:
        if worker is not None:
            worker.kill()
            worker.wait()


async def _published_more(s: Stage, than: int) -> bool:
    return len(await s.published()) >= than + 10 or await _lag_is(s, 0)


def start_worker(s: Stage, pause_s: float) -> "subprocess.Popen[bytes]":
    arguments = [s.settings.broker_url, s.settings.state_url, s.source.name, s.target.name, s.group, str(pause_s)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.contract.brokers.worker", *arguments],
        cwd=ROOT,
        env=os.environ,
        stdout=subprocess.DEVNULL,
    )


def test_a_broker_that_is_down_is_unavailable_in_clear_words(settings: Settings) -> None:
    async def go(url: str) -> None:
        broker = open_broker(Settings(broker_url=url, state_url=settings.broker_url if url[0] == "k" else ""))
        try:
            with pytest.raises(UnavailableError, match=r"broker .*127\.0\.0\.1:1 doesn't answer"):
                await broker.publish([OutgoingMessage("copydesk.polls", b"k", b"v")])
        finally:
            await broker.close()

    for url in ("valkey://127.0.0.1:1", "redis://127.0.0.1:1", "kafka://127.0.0.1:1"):
        asyncio.run(go(url))
