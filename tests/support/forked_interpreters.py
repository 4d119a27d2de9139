"""Fork the present process in place of a new interpreter: `python -m MODULE` in commands of the fork server.

A cleaning process of a desk takes 0.7 s of CPU time to import and to load its models, a parser process 0.3 s.
A fork has both from the fork server (`tests/support/fork_server.py`). It is a child of the process that starts it.
"""

import asyncio
import contextlib
import gc
import importlib
import os
import runpy
import signal
import socket
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

MODULES = (  # imported by services at their start, beside those of the fork server
    "faust.app.router", "faust.fixups.django", "faust.tables.globaltable", "faust.tables.objects",
    "faust.tables.recovery", "faust.topics", "faust.transport.utils", "faust.worker", "mode.debug", "mode.worker",
    "structlog", "workers.commands.mcp", "workers.commands.site", "workers.poller.parser_pool", "workers.reload",
)  # fmt: skip
FIRST_FREE = 3  # descriptors 0 to 2 are the standard files
_start_interpreter = asyncio.create_subprocess_exec


def warm_up() -> None:
    """Import and load in this process all that cleaning and parser processes need."""
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # fork copies one thread only
    from workers.desk import cleaning_process
    from workers.desk.article import clean_item

    for name in MODULES:
        importlib.import_module(name)
    cleaning_process.warm_up(clean_item)
    gc.collect()
    gc.freeze()


def install() -> None:
    """Let this process fork each module that it would start in a new interpreter."""
    subprocess.Popen = ForkingPopen  # type: ignore[misc, assignment]
    asyncio.create_subprocess_exec = start_forked  # type: ignore[assignment]


def set_name(name: str) -> None:
    """Set the name of this process in lists of processes; its command line is that of the fork server."""
    with contextlib.suppress(OSError):  # Linux only
        Path("/proc/self/comm").write_text(name)


def is_module(command: Sequence[Any]) -> bool:
    return list(command[:2]) == [sys.executable, "-m"]


class ForkedProcess:
    """A forked child: the part of `subprocess.Popen` that copydesk uses."""

    def __init__(
        self, command: Sequence[str], *, stdin: int | None = None, stdout: int | None = None,
        stderr: int | None = None, env: Mapping[str, str] | None = None, start_new_session: bool = False,
        preexec_fn: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        self.returncode: int | None = None
        files = [(number if file is None else file) for number, file in enumerate((stdin, stdout, stderr))]
        parent = os.getpid()
        self.pid = os.fork()
        if not self.pid:
            _run(command[2:], files, env, start_new_session, preexec_fn, parent)

    def poll(self) -> int | None:
        return self._wait(os.WNOHANG)

    def wait(self) -> int:
        code = self._wait(0)
        assert code is not None
        return code

    def _wait(self, options: int) -> int | None:
        if self.returncode is None and os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | options):
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


class ForkingPopen(subprocess.Popen[Any]):
    """`subprocess.Popen` that forks modules."""

    def __new__(cls, command: Any, *args: Any, **options: Any) -> Any:
        return ForkedProcess(command, *args, **options) if is_module(command) else super().__new__(cls)


class AsyncForkedProcess:
    """A forked child: the part of `asyncio.subprocess.Process` that copydesk uses."""

    def __init__(self, process: ForkedProcess, stdin: asyncio.StreamWriter, stdout: asyncio.StreamReader) -> None:
        self._process, self.pid, self.stdin, self.stdout = process, process.pid, stdin, stdout
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        self._descriptor = os.pidfd_open(self.pid)
        self._loop.add_reader(self._descriptor, self._end)

    def _end(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._process.wait()
        self._ended.set()

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    async def wait(self) -> int:
        await self._ended.wait()
        return self._process.wait()

    def kill(self) -> None:
        """Kill the process. Raises ProcessLookupError if it has ended."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, signal.SIGKILL)


async def start_forked(*command: Any, **options: Any) -> Any:
    """Fork the module of *command*. One socket is its standard input and output."""
    if not is_module(command):
        return await _start_interpreter(*command, **options)
    ours, theirs = socket.socketpair()
    with theirs:
        options |= {"stdin": theirs.fileno(), "stdout": theirs.fileno()}
        process = ForkedProcess(command, **options)
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    return AsyncForkedProcess(process, writer, reader)


# -- in the child ---------------------------------------------------------------------------------------------


def _run(
    command: Sequence[str], files: Sequence[int], environ: Mapping[str, str] | None, is_session: bool,
    prepare: Callable[[], None] | None, parent: int,
) -> NoReturn:  # fmt: skip
    """Run the module of *command* in this new process, and end it; at once if its *parent* has ended."""
    code = 1
    try:
        gc.freeze()  # a collection would copy the memory of the parent, and run finalizers
        _reset(files, is_session)
        if prepare is not None:
            prepare()
        if os.getppid() != parent:  # it ended before `prepare` could ask for a signal at its end
            os._exit(1)
        if environ is not None:
            os.environ.clear()
            os.environ.update(environ)
        sys.argv = list(command)
        set_name(command[0].rpartition(".")[2])
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else int(exc.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _reset(files: Sequence[int], is_session: bool) -> None:
    """Give this process the signals, the descriptors and the standard files of a new one."""
    asyncio._set_running_loop(None)
    signal.set_wakeup_fd(-1)
    for handled in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1):
        signal.signal(handled, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if is_session:
        os.setsid()
    with Path(os.devnull).open("r+b", buffering=0) as nothing:
        sources = [os.dup(nothing.fileno() if file == subprocess.DEVNULL else file) for file in files]
    for number, source in enumerate(sources):
        os.dup2(source, number)
    os.closerange(FIRST_FREE, os.sysconf("SC_OPEN_MAX"))
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
