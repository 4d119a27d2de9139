"""Shared parts of the benchmarks: a private server, CPU time, waits."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from streams.config.settings import Settings
from streams.valkey.server import EmbeddedValkey
from workers.garbage import collect_less_often


@contextmanager
def server(**settings: Any) -> Generator[Settings, None, None]:
    """A fresh embedded server with fsync=always, the default."""
    defaults: dict[str, Any] = {"allowed_private_hosts": "127.0.0.1:*", "adaptive_polling": False, "host_delay_s": 0.0}
    folder = Path(tempfile.mkdtemp(prefix="copydesk-bench-"))
    valkey = EmbeddedValkey(Settings(data_dir=folder, valkey_memory_mb=settings.get("valkey_memory_mb", 1024)))
    valkey.start()
    try:
        yield Settings(
            broker_url=valkey.url,
            data_dir=folder,
            **defaults | settings,
        )
    finally:
        valkey.stop()
        shutil.rmtree(folder)


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    """Run *work* in the event loop of the workers (uvloop), with their garbage collection."""
    import uvloop

    collect_less_often()
    return uvloop.run(work())  # type: ignore[arg-type]


class Stopwatch:
    """CPU and wall time of this process since the object's creation."""

    def __init__(self) -> None:
        self.cpu_s, self.wall_s = time.process_time(), time.perf_counter()

    def per_item(self, count: int) -> dict[str, float]:
        """Return the cost per item of *count* items so far."""
        cpu, wall = time.process_time() - self.cpu_s, time.perf_counter() - self.wall_s
        return {
            "cpu_us": round(1e6 * cpu / count, 1),
            "per_second": round(count / wall),
            "per_cpu_second": round(count / cpu),
        }


async def until(condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds; benchmarks end by a count, not by the clock."""
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end, "no end in sight"
        await asyncio.sleep(0.01)
