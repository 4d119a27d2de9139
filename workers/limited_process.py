"""Limits of processes that work on untrusted documents, and the frames on their pipes.

The kernel enforces the limits: CPU time, memory, no files, no sockets.
"""

import contextlib
import resource
import struct
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

MEMORY_BYTES = 224 * 1024 * 1024  # in addition to the memory of a new process
FRAME = struct.Struct(">I")  # length of the msgpack value that follows


def frame(value: Any) -> bytes:
    """Return *value* as msgpack, after its length."""
    data = msgspec.msgpack.encode(value)
    return FRAME.pack(len(data)) + data


def cpu_ticks(pid: int) -> int | None:
    """Return the CPU time of a process in clock ticks (proc_pid_stat(5): utime + stime); None if unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return int(fields[11]) + int(fields[12])


def drop_privileges() -> None:
    """Drop the access to files and sockets, and limit the memory."""
    used_bytes = _data_bytes()
    sys.path.clear()  # later imports fail at once; listing a folder would now be an error
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))  # standard input, output and error
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_DATA, (used_bytes + MEMORY_BYTES, used_bytes + MEMORY_BYTES))


def _data_bytes() -> int:
    """Return the memory of this process that RLIMIT_DATA limits (proc_pid_statm(5): data + stack).

    `ru_maxrss` is unsuitable: on Linux its initial value is that of the parent process (getrusage(2)).
    """
    try:
        return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    except OSError:
        return 0


def extend_cpu_limit(limit_s: float) -> None:
    """Set the CPU time limit to *limit_s* from now, in whole seconds. The kernel ends the process at it (SIGXCPU)."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    limit = int(time.process_time() + limit_s) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
