"""Background loops of a service."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tests.conftest import DEADLINE_S, until
from workers.services import keep_running


@asynccontextmanager
async def kept(loop: "FailingLoop") -> AsyncGenerator[None, None]:
    task = asyncio.create_task(keep_running(loop.run, "invented loop"))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert task.exception() is None


class FailingLoop:
    """Fails in its first call."""

    def __init__(self) -> None:
        self.calls = 0

    async def run(self) -> None:
        self.calls += 1
        if self.calls == 1:
            raise KeyError("invented bug")
        await asyncio.Event().wait()


async def test_loop_that_returns_ends() -> None:
    calls: list[int] = []

    async def loop() -> None:
        calls.append(1)

    await asyncio.wait_for(keep_running(loop, "invented loop"), DEADLINE_S)
    assert calls == [1]


async def test_loop_runs_again_after_bug(caplog: pytest.LogCaptureFixture) -> None:
    loop = FailingLoop()
    async with kept(loop):
        await until(lambda: loop.calls == 2, what="the second run")
