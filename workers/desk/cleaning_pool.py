"""The cleaning pool: processes that divide items into blocks and clean them, seen from the desk.

    job = pool.prepare(value); await pool.settle(job); job.line_keys()
    pool.clean(job, facts);    await pool.settle(job); job.content()

Each process works on a chunk of items. An item that takes SLOW_CPU_S of CPU time is slow. Its process continues with it
alone, in the slow lane. Another process takes the rest of the chunk. The desk does not wait for slow items.
The slow lane serves the feeds in turn. Without room for a job, it postpones the job.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, NamedTuple

from streams.errors import UnavailableError
from streams.logger import get_logger
from workers.clean.site_facts import SiteFacts
from workers.clean.site_rules.collection import RuleSource
from workers.desk.cleaning_job import SLOW_CPU_S, CleaningJob
from workers.desk.cleaning_process import DEFAULT_CLEANER, Facts
from workers.desk.fork_server import ForkedProcess, ForkServer
from workers.desk.turns import TurnQueue
from workers.limited_process import cpu_ticks

log = get_logger(__name__)

CHUNK_ITEMS, CHUNK_BYTES = 8, 256 * 1024
CHECK_S = 0.1  # between readings of the CPU time of a busy process
IDLE_S = 15.0  # a process that uses no CPU time for this long is hung; on a busy machine CPU time decides
MAX_ATTEMPTS = 2  # of a crash or a kill; the CPU limit is final at once, because a repetition takes the same time
MAX_SLOW_JOBS = 100  # the slow lane takes up to `item_timeout_s` for each of two stages
MAX_SLOW_BYTES = 16 << 20  # of the items in the slow lane
SLOW_NICENESS = 5  # gives a third of an ordinary process's share; 10 gives a ninth: minutes per item under load
RETRY_S = 1.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class _Exchange(NamedTuple):
    """A chunk in a process, and the task that receives the replies."""

    process: "ForkedProcess"
    jobs: Sequence[CleaningJob]
    receiving: "asyncio.Task[None]"


class _SlowJob(NamedTuple):
    """A job in the slow lane. *exchange*: the running exchange with its process, if any."""

    job: CleaningJob
    exchange: _Exchange | None = None


class CleaningPool:
    """Cleans items in *count* processes, which are started on demand, or by `start`.

    *limit_s*: CPU seconds of an item. *cleaner*: `module:function` that replaces `clean_item`, for tests.
    """

    def __init__(self, count: int, limit_s: float, cleaner: str = DEFAULT_CLEANER) -> None:
        self.count, self.limit_s = count, limit_s
        self._fork_server = ForkServer(limit_s, cleaner)
        self._number = 0
        self._active: dict[int, CleaningJob] = {}
        self._waiting: deque[CleaningJob] = deque()
        self._slow = TurnQueue[_SlowJob]()
        self._slow_lane: asyncio.Task[None] | None = None
        self._processes: list[ForkedProcess] = []
        self._starting, self._is_scheduled, self._is_closed = 0, False, False
        self._tasks: set[asyncio.Task[None]] = set()

    def warm_up(self) -> None:
        """Start the fork server, which imports the cleaner for a second or two, without waiting for it."""
        self._fork_server.start()

    async def start(self) -> None:
        """Start the first process, which takes a second or two. After a failure, it is started on demand."""
        self._starting += 1
        self._spawn(self._add_process())
        await asyncio.wait(self._tasks)

    def prepare(
        self, value: bytes, rules: Sequence[RuleSource] = (), *, feed: str = "", is_slow: bool = False
    ) -> CleaningJob:
        """Request the line keys of the item *value* of *feed*. *is_slow*: the slow lane takes it."""
        self._number += 1
        job = CleaningJob(self._number, value, rules, feed)
        job.is_slow = is_slow
        self._active[job.number] = job
        self._submit(job)
        return job

    def resume(self, job: CleaningJob, value: bytes) -> None:
        """Queue a postponed job again. *value*: the item."""
        self._number += 1
        job.number, job.value, job.is_postponed = self._number, value, False
        self._active[job.number] = job
        self._add_slow(_SlowJob(job))

    def clean(self, job: CleaningJob, facts: SiteFacts) -> None:
        """Request the content of a prepared item."""
        job.facts = Facts.of(facts)
        job.settled = asyncio.get_running_loop().create_future()
        self._submit(job)

    async def settle(self, job: CleaningJob) -> bool:
        """Wait for the result of the last request; return False if the item is slow and not finished.

        Raises:
            UnavailableError: no cleaning process can be started.
        """
        await job.settled
        return job.is_finished

    def forget(self, jobs: Iterable[CleaningJob]) -> None:
        """Drop jobs that are no longer needed."""
        for job in jobs:
            self._active.pop(job.number, None)
            job.process = None
            if job.settled.done() and not job.settled.cancelled():
                job.settled.exception()  # else asyncio logs it

    async def __aenter__(self) -> "CleaningPool":
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Kill the processes, and start no others."""
        self._is_closed = True
        tasks = [*self._tasks, *([self._slow_lane] if self._slow_lane else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._fork_server.end()
        await asyncio.sleep(0)  # the connections close in the next round of the event loop

    # -- dispatch ---------------------------------------------------------------------------------------------

    def _submit(self, job: CleaningJob) -> None:
        if job.is_slow:
            job.settle()
            self._add_slow(_SlowJob(job))
        elif job.process is not None and job.process in self._processes:
            job.process.waiting.append(job)
        else:
            self._waiting.append(job)
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        """Give chunks to the idle processes; start a process if one is missing."""
        self._is_scheduled = False
        if self._is_closed:
            return
        for process in self._processes:
            if not process.is_busy and (jobs := self._take(process.waiting) or self._take(self._waiting)):
                process.is_busy = True
                self._spawn(self._run(process, jobs))
        if self._waiting and len(self._processes) + self._starting < self.count:
            self._starting += 1
            self._spawn(self._add_process())

    def _take(self, queue: "deque[CleaningJob]") -> list[CleaningJob]:
        """Remove the next chunk from *queue*."""
        jobs: list[CleaningJob] = []
        size = 0
        while queue and len(jobs) < CHUNK_ITEMS and size < CHUNK_BYTES:
            job = queue.popleft()
            if job.number in self._active:
                jobs.append(job)
                size += len(job.value)
        return jobs

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._after)

    def _after(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("bug in the cleaning pool", exc_info=task.exception())

    async def _add_process(self) -> None:
        try:
            self._processes.append(await self._fork_server.fork())
        except OSError as exc:
            error = UnavailableError(f"cleaning process not started: {exc}; will retry")
            while self._waiting:
                settled = self._waiting.popleft().settled
                if not settled.done():
                    settled.set_exception(error)
        finally:
            self._starting -= 1
        self._dispatch()

    async def _run(self, process: "ForkedProcess", jobs: Sequence[CleaningJob]) -> None:
        """Let *process* work on *jobs*. A slow item stays in it, and the others go to another process."""
        exchange = self._begin(process, jobs)
        is_slow = await self._watch(exchange)
        if is_slow or exchange.receiving.exception() is not None:
            self._remove(process)
            unfinished = jobs[process.finished :]
            self._waiting.extendleft(reversed([self._without_blocks(job) for job in unfinished[1:]]))
            if is_slow:
                process.last = process.finished  # other processes have the rest of the chunk
                self._mark_slow(unfinished[0], has_exceeded=True)
                self._add_slow(_SlowJob(unfinished[0], exchange))
            else:
                await self._end(process, unfinished[0])
        elif process.remaining <= 0:
            self._remove(process)
            await self._fork_server.wait(process)
        process.is_busy = False
        self._dispatch()

    def _remove(self, process: "ForkedProcess") -> None:
        """Take *process* out of the pool; its waiting jobs go to the others."""
        if process in self._processes:
            self._processes.remove(process)
        self._waiting.extendleft(reversed([self._without_blocks(job) for job in process.waiting]))
        process.waiting.clear()

    def _without_blocks(self, job: CleaningJob) -> CleaningJob:
        job.process = None
        return job

    def _begin(self, process: "ForkedProcess", jobs: Sequence[CleaningJob]) -> _Exchange:
        oldest = min(self._active, default=self._number)
        process.finished, process.last = 0, len(jobs)
        receiving = asyncio.create_task(process.exchange(jobs, oldest))
        receiving.add_done_callback(lambda task: task.cancelled() or task.exception())  # else asyncio logs it
        return _Exchange(process, jobs, receiving)

    async def _watch(self, exchange: _Exchange, limit_s: float = SLOW_CPU_S) -> bool:
        """Wait for the replies; return True once an item takes more than *limit_s* of CPU time. Kill a hung process."""
        process, _, receiving = exchange
        finished, ticks, since_s = -1, 0, 0.0
        while True:
            await asyncio.wait({receiving}, timeout=CHECK_S)
            if receiving.done():
                return False
            used = cpu_ticks(process.pid) or 0
            if process.finished != finished:
                finished, ticks, since_s = process.finished, used, time.monotonic()
            elif (used - ticks) / TICKS_PER_S >= limit_s:
                return True
            elif used == ticks and time.monotonic() - since_s > IDLE_S:
                process.kill()

    async def _end(self, process: "ForkedProcess", job: CleaningJob) -> None:
        """Handle the end of *process* while it worked on *job*: repeat the job alone, then let it fail."""
        status = await self._fork_server.wait(process)
        kind, error = self._exit_reason(status)
        job.attempts += 1
        log.warning("cleaning process ended", error=error, status=status, attempts=job.attempts)
        if job.number not in self._active:
            return
        if job.attempts >= MAX_ATTEMPTS:
            job.fail(kind, error)
        else:
            self._add_slow(_SlowJob(self._without_blocks(job)))

    def _exit_reason(self, status: int) -> tuple[str, str]:
        """Return (error kind, error) for the exit status of a cleaning process."""
        if status == -signal.SIGPROF:
            return "timeout", f"cleaning took longer than {self.limit_s:g} s of CPU time"
        if status == -signal.SIGKILL:
            return "timeout", f"cleaning process hung (no CPU time for {IDLE_S:g} s) or was killed"
        return "crash", f"cleaning process crashed (status {status})"

    # -- slow lane --------------------------------------------------------------------------------------------

    def _add_slow(self, slow: _SlowJob) -> None:
        """Queue a slow job. If the slow lane is busy, the process of the job ends and the job waits.

        A job that the slow lane has no room for is postponed, which bounds the memory of the desk.
        """
        job, exchange = slow
        if self._slow_lane is not None:
            self._mark_slow(job)
            if exchange is not None:
                self._spawn(self._discard(exchange))
            slow = _SlowJob(self._without_blocks(job))
        if not self.has_room(len(job.value)):
            self._active.pop(job.number, None)
            job.postpone()
            return
        # Items in blocks come first. Otherwise none is published before all are divided into blocks.
        self._slow.push(job.feed, slow, is_urgent=job.facts is not None)
        if self._slow_lane is None:
            self._slow_lane = asyncio.create_task(self._run_slow())
            self._slow_lane.add_done_callback(self._after_slow)

    def has_room(self, size: int) -> bool:
        """Return whether the slow lane takes another job, of an item of *size* bytes."""
        waiting = sum(len(slow.job.value) for slow in self._slow)
        return not self._slow or (len(self._slow) < MAX_SLOW_JOBS and waiting + size <= MAX_SLOW_BYTES)

    def slow_count(self, feed: str) -> int:
        """Return the number of jobs of *feed* that wait in the slow lane."""
        return self._slow.count(feed)

    def _mark_slow(self, job: CleaningJob, *, has_exceeded: bool = False) -> None:
        job.is_slow, job.has_exceeded = True, job.has_exceeded or has_exceeded
        job.settle()

    async def _discard(self, exchange: _Exchange) -> None:
        await self._fork_server.wait(exchange.process)
        await asyncio.wait({exchange.receiving})

    def _after_slow(self, task: "asyncio.Task[None]") -> None:
        self._slow_lane = None
        self._after(task)

    async def _run_slow(self) -> None:
        """Finish the slow jobs one after another, each in its own process with a lower priority."""
        while self._slow:
            job, exchange = self._slow.pop()
            if job.number not in self._active:
                if exchange is not None:
                    await self._discard(exchange)
                continue
            try:
                exchange = exchange or self._begin(await self._fork_server.fork(), [job])
            except OSError as exc:
                log.warning("cleaning process not started", error=exc, retry_s=RETRY_S)
                self._mark_slow(job)
                self._slow.push(job.feed, _SlowJob(job))
                await asyncio.sleep(RETRY_S)
                continue
            await self._finish_slow(job, exchange)

    async def _finish_slow(self, job: CleaningJob, exchange: _Exchange) -> None:
        process, _, receiving = exchange
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, SLOW_NICENESS)
        while not receiving.done():
            if await self._watch(exchange):
                self._mark_slow(job, has_exceeded=True)
        if receiving.exception() is None:
            await self._fork_server.wait(process)
        else:
            await self._end(process, job)
