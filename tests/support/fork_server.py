"""A fork server for the commands of the tests: a process that has imported copydesk.

An interpreter that imports what `copydesk status` needs takes 0.4 s of CPU time, a fork 0.02 s. Each process of the
tests has one server, started at its first command. A command is a process of its own, with arguments, environment,
folder, files and exit code. Tests of the start itself run `sys.executable`.

    test ──control: files, connection──▶ fork server ──fork──▶ parent of the command ──fork──▶ command
                                                      ◀──connection: process id, wait status──┘
"""

import atexit
import gc
import importlib
import json
import logging
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple, NoReturn

from streams.valkey.server import die_with_parent
from tests.support import forked_interpreters

MODULES = (
    "redis.asyncio", "uvloop", "streams.brokers.kafka.broker", "streams.brokers.redis_streams.broker",
    "streams.faust.kafka_transport", "streams.faust.redis_transport", "streams.subscribe", "streams.valkey.backup",
    "streams.valkey.server", "workers.clean.cleaner", "workers.commands.articles", "workers.commands.dead_letters",
    "workers.commands.feeds", "workers.commands.intake", "workers.commands.maintenance", "workers.commands.offline",
    "workers.commands.rules", "workers.commands.services", "workers.commands.status", "workers.commands.topics",
    "workers.dead_letters", "workers.dedupe.explain", "workers.dedupe.file_rows", "workers.desk.cleaning_pool",
    "workers.desk.desk", "workers.desk.feed_articles", "workers.desk.site_rules", "workers.health",
    "workers.intake.folder", "workers.logging_setup", "workers.poller.discovery", "workers.poller.opml",
    "workers.poller.poller", "workers.replay", "workers.services", "workers.sinks.runner", "workers.status",
    "workers.web.ninjs",
)  # fmt: skip
ROOT = Path(__file__).parent.parent.parent
STANDARD_FILES = 3
PLAIN, FORKING = b".", b"f"  # kinds of requests; a forking command forks modules in place of new interpreters
CHUNK_BYTES = 65_536


class Request(NamedTuple):
    """The command: a module as for `python -m`, its arguments, and the state that a process inherits."""

    module: str
    arguments: Sequence[str]
    cwd: str
    environ: Mapping[str, str]
    umask: int
    is_forking: bool = False


class Command:
    """A process that the fork server started: the part of `subprocess.Popen` that tests use."""

    def __init__(self, request: Request, files: Sequence[int]) -> None:
        self.returncode: int | None = None
        self._connection, theirs = socket.socketpair()
        with theirs:
            kind = FORKING if request.is_forking else PLAIN
            socket.send_fds(control(), [kind], [theirs.fileno(), *files])
        self._connection.sendall(json.dumps(request).encode())
        self._connection.shutdown(socket.SHUT_WR)
        self.pid = int(self._read_line())

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, negative for a signal. Raises: TimeoutError after *timeout* seconds."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            status = self._read_line()  # empty: its parent was killed, and the command with it
            self.returncode = os.waitstatus_to_exitcode(int(status or signal.SIGKILL))
            self._connection.close()
        return self.returncode

    def _read_line(self) -> bytes:
        """Return the next line of the connection, empty at its end."""
        return b"".join(iter(lambda: self._connection.recv(1).strip(), b""))

    def poll(self) -> int | None:
        """Return the exit code; None while the process runs."""
        if self.returncode is None and select.select([self._connection], (), (), 0)[0]:
            self.wait()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has just ended, and the fork server has read its status
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start_module(
    module: str,
    *arguments: str,
    cwd: Path = ROOT,
    stdout: IO[Any] | None = None,
    stderr: IO[Any] | None = None,
    environ: Mapping[str, str] | None = None,
    is_forking: bool = False,
) -> Command:
    """Start a process in the environment of the tests and *environ*. Without *stderr*, it has that of the tests.

    *is_forking*: it forks cleaning and parser processes in place of new interpreters.
    """
    environ = {**os.environ, "PYTHONPATH": str(ROOT), **(environ or {})}
    with Path(os.devnull).open("r+b") as nothing:
        files = [nothing.fileno(), (stdout or nothing).fileno(), stderr.fileno() if stderr else 2]
        return Command(Request(module, arguments, str(cwd), environ, current_umask(), is_forking), files)


def run_module(
    module: str, *arguments: str, cwd: Path, environ: Mapping[str, str], timeout: float, input: str | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end. Raises: TimeoutError after *timeout* seconds."""
    request = Request(module, arguments, str(cwd), environ, current_umask())
    with TemporaryFile() as stdin, TemporaryFile() as stdout, TemporaryFile() as stderr:
        if input is not None:
            stdin.write(input.encode())
            stdin.seek(0)
        files = [file.fileno() for file in (stdin, stdout, stderr)]
        command = Command(request, files)
        try:
            code = command.wait(timeout)
        except BaseException:
            command.kill()
            command.wait()
            raise
        out, err = (_read(file) for file in (stdout, stderr))
    return subprocess.CompletedProcess([module, *arguments], code, out, err)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


def current_umask() -> int:
    """Return the umask of this process. Files that other threads create meanwhile are private."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@cache
def control() -> socket.socket:
    """Start the fork server; return the socket that takes requests. The server ends with this process."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()],
        )  # fmt: skip

    def stop() -> None:
        ours.close()
        process.wait()

    atexit.register(stop)
    return ours


# -- in the fork server ---------------------------------------------------------------------------------------


def serve(requests: socket.socket) -> Request:
    """Fork a process for each request. Returns in the command; ends the server with the tests."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, reap)
    warm_up = cache(forked_interpreters.warm_up)
    while True:
        kind, files, _, _ = socket.recv_fds(requests, 1, 1 + STANDARD_FILES)
        if not files:
            os._exit(0)
        if kind == FORKING:
            warm_up()
        if os.fork():
            for file in files:
                os.close(file)
            continue
        requests.close()
        die_with_parent(signal.SIGKILL)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if request := answer(socket.socket(fileno=files[0]), files[1:]):
            return request


def reap(*_: object) -> None:
    """Collect ended children, so that their CPU time counts for this process."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def answer(connection: socket.socket, files: Sequence[int]) -> Request | None:
    """Fork the command and report it; return its request within it."""
    with connection:
        request = Request(*json.loads(b"".join(iter(lambda: connection.recv(CHUNK_BYTES), b""))))
        if pid := os.fork():
            connection.sendall(b"%d\n" % pid)
            connection.sendall(b"%d\n" % os.waitpid(pid, 0)[1])
            os._exit(0)
    die_with_parent(signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    return request


def become(request: Request) -> int:
    """Run the module of *request* as `python -m` does; return the exit code."""
    os.chdir(request.cwd)
    os.umask(request.umask)
    os.environ.clear()
    os.environ.update(request.environ)
    if request.is_forking:
        forked_interpreters.install()
    forked_interpreters.set_name(next(iter(request.arguments), request.module))
    sys.argv[1:], sys.path[0] = request.arguments, request.cwd
    try:
        runpy.run_module(request.module, run_name="__main__", alter_sys=True)
    except SystemExit as exc:
        if exc.code is None or isinstance(exc.code, int):
            return exc.code or 0
        print(exc.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001 - as the interpreter does
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def end(code: int) -> NoReturn:
    """End the process. The interpreter would free each imported module, which takes 0.06 s of CPU time."""
    threading._shutdown()  # type: ignore[attr-defined]  # private: waits for threads, as the interpreter does
    gc.collect()  # what the command left behind
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    for name in MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a command would copy the memory of the server
    end(become(serve(socket.socket(fileno=int(sys.argv[1])))))
