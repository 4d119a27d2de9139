"""Deadlines that share one timer behave as `asyncio.timeout` does."""

import asyncio

import pytest

from workers.http.deadlines import Deadlines


async def wait_in(deadlines: Deadlines) -> None:
    with deadlines.timeout():
        await asyncio.Event().wait()


async def test_timeout_of_hung_task_raises_timeout_error() -> None:
    deadlines = Deadlines(0.01)
    with pytest.raises(TimeoutError):
        await wait_in(deadlines)


async def test_deadlines_end_each_task_once() -> None:
    deadlines = Deadlines(0.01)
    results = await asyncio.gather(*(wait_in(deadlines) for _ in range(50)), return_exceptions=True)
    assert [type(result) for result in results] == [TimeoutError] * 50


async def test_finished_block_is_not_cancelled_later() -> None:
    deadlines = Deadlines(0.01)
    with deadlines.timeout():
        pass
    ended = asyncio.Event()
    deadlines.start(ended.set)  # ends after the finished block's deadline
    await ended.wait()


async def test_cancelled_task_raises_cancelled_error() -> None:
    deadlines = Deadlines(60.0)
    task = asyncio.create_task(wait_in(deadlines))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancellation_beside_deadline_stays_cancellation() -> None:
    deadlines = Deadlines(60.0)
    task = asyncio.create_task(wait_in(deadlines))
    await asyncio.sleep(0)
    for entry in list(deadlines._queue):
        assert entry.callback is not None
        entry.callback()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_deadline_starts_timer_again_after_pause() -> None:
    deadlines = Deadlines(0.01)
    for _ in range(3):
        ended = asyncio.Event()
        deadlines.start(ended.set)
        await ended.wait()


async def test_cancelled_deadlines_leave_the_queue() -> None:
    deadlines = Deadlines(0.01)
    for _ in range(100):
        deadlines.start(lambda: None).cancel()
    ended = asyncio.Event()
    deadlines.start(ended.set)
    await ended.wait()
    assert not deadlines._queue
