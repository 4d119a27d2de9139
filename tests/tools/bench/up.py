"""`copydesk up`: time until ready, and idle cost. Linux only (/proc)."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

IDLE_S = 20.0
TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """Return the process and its descendants."""
    children: dict[int, list[int]] = {}
    for proc in Path("/proc").iterdir():
        if proc.name.isdecimal():
            try:
                children.setdefault(int((proc / "stat").read_text().rpartition(")")[2].split()[1]), []).append(
                    int(proc.name)
                )
            except OSError:
                continue
    out, todo = [], [pid]
    while todo:
        one = todo.pop()
        out.append(one)
        todo += children.get(one, [])
    return out


def cpu_s(pids: list[int]) -> float:
    return (
        sum(sum(map(int, Path(f"/proc/{p}/stat").read_text().rpartition(")")[2].split()[11:13])) for p in pids) / TICKS
    )


def pss_mb(pid: int) -> float:
    line = next(x for x in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if x.startswith("Pss:"))
    return int(line.split()[1]) / 1024


def measure() -> dict[str, Any]:
    """Return ready time, idle CPU and memory of all processes together."""
    folder = Path(tempfile.mkdtemp(prefix="copydesk-bench-"))
    root = Path(__file__).parents[3]
    started_s = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.cli", "up", "--demo", "off", "--web-port", "0"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(root)}, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        logs = [folder / "copydesk-data" / "log" / f"{n}.log" for n in ("poller", "desk-1")]
        while not all(p.exists() and "ready" in p.read_text() for p in logs):
            assert time.monotonic() - started_s < 60
            time.sleep(0.01)
        ready_s = time.monotonic() - started_s
        time.sleep(5)  # leave out the cost of the start
        pids = family(process.pid)
        before_s = cpu_s(pids)
        time.sleep(IDLE_S)
        idle = (cpu_s(pids) - before_s) / IDLE_S
        memory = {
            Path(f"/proc/{p}/cmdline").read_bytes().replace(b"\0", b" ").decode()[-60:].strip(): round(pss_mb(p), 1)
            for p in pids
        }
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    return {
        "ready_s": round(ready_s, 2), "idle_cpu_pct": round(100 * idle, 2),
        "memory_pss_mb": round(sum(memory.values()), 1), "processes": memory,
    }  # fmt: skip
