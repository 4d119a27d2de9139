"""A cleaning process, seen from the desk, and the fork server that starts such processes."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence

import msgspec

from streams.valkey.server import die_with_parent
from workers.desk.cleaning_job import CleaningJob
from workers.desk.cleaning_process import COMMAND, FORK, STATUS, WAIT, Chunk, CleaningTask, Reply
from workers.limited_process import FRAME, frame

MAX_ITEMS = 20_000  # then the pool replaces the process, because of memory leaks
BUFFER_BYTES = 1 << 20


class ForkedProcess:
    """A cleaning process, seen from the desk. *finished*: the number of replies of the current chunk.

    *last*: index of the job after whose reply the others no longer matter.
    """

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.waiting: deque[CleaningJob] = deque()  # jobs whose blocks it has
        self.is_busy, self.finished, self.last, self.remaining = False, 0, 0, MAX_ITEMS
        self._reader, self._writer = reader, writer
        self._decoder = msgspec.msgpack.Decoder(Reply)

    async def exchange(self, jobs: Sequence[CleaningJob], oldest: int) -> None:
        """Send *jobs* and finish each with its reply. Raises if the process ends."""
        self.remaining -= len(jobs)
        tasks = tuple(
            CleaningTask(job.number, b"" if job.process is self else job.value, job.facts, job.rules) for job in jobs
        )
        self._writer.write(frame(Chunk(oldest, tasks)))
        await self._writer.drain()
        for job in jobs:
            size = FRAME.unpack(await self._reader.readexactly(FRAME.size))[0]
            reply = self._decoder.decode(await self._reader.readexactly(size))
            job.process = self
            self.finished += 1
            job.finish(reply)
            if self.finished > self.last:
                return

    def kill(self) -> None:
        """Kill the process. Its id stays reserved until `ForkServer.wait`."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the connection at once, without the rest of a chunk that a killed process never reads."""
        self._writer.transport.abort()


class ForkServer:
    """The process that forks cleaning processes, started on demand."""

    def __init__(self, limit_s: float, cleaner: str) -> None:
        self._arguments = (f"{limit_s:g}", cleaner)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._lock = asyncio.Lock()
        self._children: set[ForkedProcess] = set()

    def start(self) -> None:
        """Start the fork server if it does not run."""
        if self._control is None:
            self._start()

    async def fork(self) -> ForkedProcess:
        """Return a new cleaning process. Raises OSError."""
        ours, theirs = socket.socketpair()
        try:
            async with self._lock:
                try:
                    pid = await self._command(FORK, 0, theirs)
                except ConnectionError:  # the fork server was killed, with its processes
                    pid = await self._command(FORK, 0, theirs)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        process = ForkedProcess(pid, *await asyncio.open_unix_connection(sock=ours, limit=BUFFER_BYTES))
        self._children.add(process)
        return process

    async def wait(self, process: ForkedProcess) -> int:
        """End *process* if it still runs; return its status. A lost fork server has ended its processes."""
        process.kill()
        process.close()
        self._children.discard(process)
        async with self._lock:
            try:
                return await self._command(WAIT, process.pid)
            except OSError:
                return -signal.SIGKILL

    async def _command(self, name: bytes, argument: int, passed: socket.socket | None = None) -> int:
        if self._control is None and name == WAIT:
            raise ConnectionError("fork server lost")
        self.start()
        assert self._control is not None
        try:
            socket.send_fds(self._control, [COMMAND.pack(name, argument)], [passed.fileno()] if passed else [])
            answer = await asyncio.get_running_loop().sock_recv(self._control, STATUS.size)
            if not answer:
                raise ConnectionError("the fork server of cleaning processes ended")
        except ConnectionError:
            self.end()
            raise
        return int(STATUS.unpack(answer)[0])

    def _start(self) -> None:
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)
        environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # fork copies one thread only
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "workers.desk.cleaning_process", *self._arguments],
                stdin=theirs.fileno(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ,
                preexec_fn=lambda: die_with_parent(signal.SIGKILL), start_new_session=True,
            )  # fmt: skip

    def end(self) -> None:
        """Kill the fork server and with it all cleaning processes (PR_SET_PDEATHSIG)."""
        for process in self._children:
            process.kill()
            process.close()
        self._children.clear()
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
