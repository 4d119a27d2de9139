"""A PostgreSQL server on loopback. It refuses to run as root: then it runs as the user `postgres`."""

import contextlib
import functools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.conftest import DEADLINE_S
from tests.faults.fleet import die_with_harness
from tests.support.ports import free_port

# Kills of processes lose nothing that was written to the page cache; only a power cut would.
OPTIONS = (
    "-c",
    "fsync=off",
    "-c",
    "listen_addresses=127.0.0.1",
    "-c",
    "shared_buffers=16MB",
    "-c",
    "max_connections=20",
)


def programs() -> Path:
    """Return the folder with `initdb` and `postgres`; skip the test without one. Fails in CI."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not folders and (path := shutil.which("initdb")):
        folders = [Path(path)]
    if not folders:
        assert not os.environ.get("CI"), "PostgreSQL has to be there in CI"
        pytest.skip("PostgreSQL is not installed")
    return folders[-1].parent


def account() -> str | None:
    return "postgres" if os.getuid() == 0 else None


@functools.cache
def template() -> Path:
    """Return a new cluster, made once per process."""
    folder = Path(tempfile.mkdtemp(prefix="copydesk-postgresql-"))
    if user := account():
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    command = [str(programs() / "initdb"), "-A", "trust", "-U", "copydesk", "--no-sync", "-E", "UTF8", "--no-locale"]
    subprocess.run([*command, "-D", str(folder / "data")], check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)
    return folder


class PostgresqlServer:
    """A server with a cluster of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="copydesk-postgresql-"))
        self.folder.chmod(0o755)
        subprocess.run(["cp", "-a", str(template() / "data"), str(self.folder)], check=True)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://copydesk@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server; return when it accepts connections."""
        command = [str(programs() / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *OPTIONS]
        self.process = subprocess.Popen(
            [*command, "-c", "unix_socket_directories="], user=account(), cwd="/", start_new_session=True,
            stderr=subprocess.DEVNULL, preexec_fn=die_with_harness,
        )  # fmt: skip
        end_s = time.monotonic() + DEADLINE_S
        while not self.responds():
            assert self.process.poll() is None, "postgres ended"
            assert time.monotonic() < end_s, "postgres does not respond"
            time.sleep(0.02)  # a process of another program: there is nothing to await

    def responds(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """End all its processes by SIGKILL."""
        if self.process is None:
            return
        self.process.kill()
        end_s = time.monotonic() + DEADLINE_S
        while pids := processes_in(self.folder / "data"):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.poll()  # reaps the first process
            assert time.monotonic() < end_s, "a process of postgres remains"
            time.sleep(0.01)
        self.process.wait()
        self.process = None
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def processes_in(folder: Path) -> list[int]:
    """Return the processes with *folder* as their working directory, as each process of a PostgreSQL server has."""
    pids = []
    for path in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if path.readlink() == folder:
                pids.append(int(path.parent.name))
    return pids


@contextlib.contextmanager
def running_postgresql() -> Iterator[PostgresqlServer]:
    """Run a server during the block."""
    server = PostgresqlServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()
