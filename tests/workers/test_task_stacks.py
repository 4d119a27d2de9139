"""Stacks of suspended tasks, down to the innermost await."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import pytest

from workers.task_stacks import log_task_stacks, stack_of


async def innermost(gate: asyncio.Event) -> None:
    await gate.wait()


async def generate(gate: asyncio.Event) -> AsyncGenerator[int, None]:
    yield 1
    await innermost(gate)
    yield 2


async def consume(gate: asyncio.Event) -> None:
    async for _ in generate(gate):
        pass


async def middle(gate: asyncio.Event) -> None:
    await consume(gate)


async def test_stack_reaches_innermost_await() -> None:
    gate = asyncio.Event()
    task = asyncio.create_task(middle(gate))
    await asyncio.sleep(0)
    names = [line.rpartition(" in ")[2] for line in stack_of(task).splitlines()]
    gate.set()
    await task
    assert names == ["middle", "consume", "generate", "innermost", "wait"]


async def test_stack_follows_awaitables_with_plain_await_method() -> None:
    class Waiting:
        def __init__(self, gate: asyncio.Event) -> None:
            self.gate = gate

        def __await__(self):  # type: ignore[no-untyped-def]
            return innermost(self.gate).__await__()

    async def outer(gate: asyncio.Event) -> None:
        await Waiting(gate)

    gate = asyncio.Event()
    task = asyncio.create_task(outer(gate))
    await asyncio.sleep(0)
    stack = stack_of(task)
    gate.set()
    await task
    assert "in outer" in stack
    assert "in innermost" in stack


async def test_stack_of_ended_task_is_empty() -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    await task
    assert stack_of(task) == ""


async def test_each_task_is_logged_with_its_stack(caplog: pytest.LogCaptureFixture) -> None:
    gate = asyncio.Event()
    task = asyncio.create_task(middle(gate), name="stuck")
    await asyncio.sleep(0)
    with caplog.at_level("WARNING"):
        log_task_stacks()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert any("stuck" in record.getMessage() and "in innermost" in record.getMessage() for record in caplog.records)
