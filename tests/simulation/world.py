"""Virtual time: processes with an event loop each, and a scheduler that a seed decides. Knows nothing of copydesk.

A step is one callback of one event loop. Callbacks of one process run in the order of asyncio. The scheduler picks
the process. While nothing can run, the clock moves to the next timer.
"""

import asyncio
import heapq
import itertools
import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

EPOCH_S = 1_800_000_000.0  # Unix time at the start of each world
STEP_S = 0.0002  # mean time that a callback takes
_GRAVEYARD: list[Any] = []  # killed processes: the collection of their coroutines would run `finally` blocks


class NumberedTask(asyncio.Task[Any]):
    """A task whose hash is its number: the order of tasks in a set must not depend on their addresses."""

    def __new__(cls, coro: Any, *, loop: "ProcessLoop", **kwargs: Any) -> "NumberedTask":
        task: NumberedTask = super().__new__(cls)
        task.number = next(loop.task_numbers)
        return task

    number: int

    def __hash__(self) -> int:
        return self.number


class ProcessLoop(asyncio.BaseEventLoop):
    """The event loop of a process; the world runs its callbacks one by one."""

    _ready: Any
    _scheduled: list[Any]

    def __init__(self, world: "World") -> None:
        super().__init__()
        self._world = world
        self.task_numbers = world.task_numbers
        self.set_task_factory(lambda loop, coro, **kwargs: NumberedTask(coro, loop=self, **kwargs))

    def __del__(self, _warn: Any = None) -> None:
        """Do nothing: a loop without selector has nothing to close."""

    def time(self) -> float:
        return self._world.now_s

    def _write_to_self(self) -> None:
        """Do nothing: there is no other thread."""

    def next_timer_s(self) -> float:
        """Return the time of the next timer, infinity without any."""
        while self._scheduled and self._scheduled[0]._cancelled:
            heapq.heappop(self._scheduled)._scheduled = False
        return float(self._scheduled[0]._when) if self._scheduled else float("inf")

    def run_one(self) -> None:
        """Run the next callback; expired timers come after the callbacks that are ready."""
        while self.next_timer_s() <= self._world.now_s:
            timer = heapq.heappop(self._scheduled)
            timer._scheduled = False
            self._ready.append(timer)
        handle = self._ready.popleft()
        if not handle._cancelled:
            asyncio._set_running_loop(self)
            try:
                handle._run()
            finally:
                asyncio._set_running_loop(None)


class Process:
    """A simulated process: a loop, a wall clock of its own, and its main task."""

    def __init__(self, world: "World", name: str, number: int) -> None:
        self.world, self.name, self.number = world, name, number
        self.loop = ProcessLoop(world)
        self.wall_offset_s = 0.0
        self.frozen_until_s = 0.0
        self.main: asyncio.Task[Any] | None = None
        self.loop.set_exception_handler(self._on_error)

    def _on_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.world.errors.append(f"{self.name}: {context.get('exception') or context['message']!r}")

    def start(self, main: Coroutine[Any, Any, Any]) -> None:
        self.main = self.loop.create_task(main, name=self.name)

    def next_s(self) -> float:
        """Return the time at which the process can run, infinity if it waits for others."""
        due_s = self.world.now_s if self.loop._ready else self.loop.next_timer_s()
        return max(due_s, self.frozen_until_s)

    def freeze(self, seconds: float) -> None:
        self.frozen_until_s = max(self.frozen_until_s, self.world.now_s + seconds)


class World:
    """The clock, the processes and the random numbers of a simulation."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.now_s = 1_000.0
        self.steps = 0
        self.processes: list[Process] = []
        self.current: Process | None = None
        self.errors: list[str] = []
        self.trace = 0
        self.task_numbers = itertools.count()
        self._started = 0

    def spawn(self, name: str, main: Callable[[Process], Coroutine[Any, Any, Any]]) -> Process:
        """Start a process with the coroutine of *main*."""
        self._started += 1
        process = Process(self, name, self._started)
        self.processes.append(process)
        process.start(main(process))
        return process

    def kill(self, process: Process) -> None:
        """End a process: its tasks never run again."""
        self.processes.remove(process)
        self.bury(process)

    def bury(self, process: Process, *objects: Any) -> None:
        """Keep the tasks of a process and *objects* alive."""
        _GRAVEYARD.append((process, asyncio.all_tasks(process.loop), objects))

    def wall_s(self) -> float:
        """Return the Unix time as the running process sees it."""
        return EPOCH_S + self.now_s + (self.current.wall_offset_s if self.current else 0.0)

    def advance(self, seconds: float) -> None:
        """Let the running callback take this time."""
        self.now_s += seconds

    def step(self) -> None:
        """Run one callback. Raises RuntimeError if every process waits for another."""
        times = [(process.next_s(), process) for process in self.processes]
        now_s = self.now_s
        runnable = [process for due_s, process in times if due_s <= now_s]
        if not runnable:
            self.now_s = min(due_s for due_s, _ in times)
            if self.now_s == float("inf"):
                raise RuntimeError("deadlock: no process can run")
            runnable = [process for due_s, process in times if due_s <= self.now_s]
        self.current = runnable[int(self.random.random() * len(runnable))]
        self.steps += 1
        self.trace = hash((self.trace, self.current.number, self.now_s))
        self.current.loop.run_one()
        self.now_s += self.random.random() * 2 * STEP_S
        self.current = None

    @contextmanager
    def active(self) -> Iterator[None]:
        """Replace the clocks, random sources and names of the machine by those of the world.

        A consumer's name holds host name and process id, and its hash decides the order of sets.
        """
        before = random.getstate()
        random.seed(self.random.random())
        clocks: dict[str, Any] = {
            "time": self.wall_s, "time_ns": lambda: int(self.wall_s() * 1e9), "monotonic": lambda: self.now_s,
            "clock_gettime": lambda clock: self.now_s,
        }  # fmt: skip
        try:
            with (
                patch.multiple(time, **clocks),
                patch.object(secrets, "token_hex", lambda n=16: random.randbytes(n).hex()),
                patch.object(socket, "gethostname", lambda: "host"),
                patch.object(os, "getpid", lambda: 1),
            ):
                yield
        finally:
            random.setstate(before)
