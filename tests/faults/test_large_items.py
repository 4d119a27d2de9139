"""A queue of items near the size limit: the memory of a desk does not grow with it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.brokers.base import OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.records import Content, Item
from streams.topics import ITEMS
from streams.valkey.server import EmbeddedValkey
from tests.conftest import ROOT, until
from tests.faults.fleet import die_with_harness
from workers.counters import RECEIVED, read_counters
from workers.services import connect

ITEM_CHARS = 900_000
COUNT, LARGE_COUNT = 120, 400
HANDLED = {COUNT: 6, LARGE_COUNT: 12}  # items after which the peak is read; 190 MB after 6 and after 12 of 120
MAX_RSS_KB = 300 * 1024


SENTENCE = "<p>The harbour of place %d was opened by %d people on Monday.</p>"
BODY = "".join(SENTENCE % (7, k) for k in range(ITEM_CHARS // 60))[:ITEM_CHARS]


def large_item(n: int) -> Item:
    url, body = f"https://c.example/{n}", BODY.replace("place 7 ", f"place {n} ")
    return Item(feed="https://c.example/feed", identity_key=url, link=url, canonical_url=url, title=f"Story {n}",
                content=(Content(body),), fetched_at=datetime.now(UTC), fingerprint=f"{n:016x}")  # fmt: skip


@pytest.mark.parametrize("count", [COUNT, pytest.param(LARGE_COUNT, marks=pytest.mark.faults)])
async def test_desk_memory_is_bounded_under_large_items(count: int, settings: Settings, tmp_path: Path) -> None:
    assert await desk_peak_kb(["workers.cli"], count, settings, tmp_path) < MAX_RSS_KB


@pytest.mark.faults
async def test_unbounded_desk_is_detected(settings: Settings, tmp_path: Path) -> None:
    module = ["tests.faults.mutants", "unbounded_bytes"]
    assert await desk_peak_kb(module, LARGE_COUNT, settings, tmp_path) > MAX_RSS_KB


async def desk_peak_kb(module: Sequence[str], count: int, settings: Settings, tmp_path: Path) -> int:
    """Return the peak memory of a desk that finds *count* large items, after some of them."""
    settings = replace(settings, data_dir=tmp_path / "data", valkey_memory_mb=1024, valkey_fsync="everysec")
    valkey = EmbeddedValkey(settings)
    valkey.start()

    broker = await connect(settings, valkey.url)
    for n in range(count):
        item = large_item(n)
        await broker.publish([OutgoingMessage(ITEMS.name, item.identity_key.encode(), encode(item))])
    desk = subprocess.Popen(
        [sys.executable, "-m", *module, "desk", "--broker-url", valkey.url, "--log-level", "WARNING"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=die_with_harness,
    )  # fmt: skip
    try:

        async def has_handled() -> bool:
            assert desk.poll() is None
            try:
                return (await read_counters(broker.state))["desk"][RECEIVED] >= HANDLED[count]
            except UnavailableError:  # on a busy machine, the server sends items for longer than a reply may take
                return False

        await until(has_handled)
        return peak_rss_kb(desk.pid)
    finally:
        desk.kill()
        desk.wait()
        await broker.close()
        valkey.stop()


def peak_rss_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])
