"""A queue of items near the size limit: the memory of a desk does not grow with it."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from streams.brokers.base import OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Content, Item
from streams.topics import ITEMS
from streams.valkey.server import EmbeddedValkey
from tests.conftest import ROOT, until
from tests.faults.fleet import die_with_harness
from workers.counters import RECEIVED, read_counters
from workers.services import connect

ITEM_CHARS = 900_000
COUNT, HANDLED = 120, 6
MAX_RSS_KB = 300 * 1024


SENTENCE = "<p>The harbour of place %d was opened by %d people on Monday.</p>"
BODY = "".join(SENTENCE % (7, k) for k in range(ITEM_CHARS // 60))[:ITEM_CHARS]


def large_item(n: int) -> Item:
    url, body = f"https://c.example/{n}", BODY.replace("place 7 ", f"place {n} ")
    return Item(feed="https://c.example/feed", identity_key=url, link=url, canonical_url=url, title=f"Story {n}",
                content=(Content(body),), fetched_at=datetime.now(UTC), fingerprint=f"{n:016x}")  # fmt: skip


async def test_desk_memory_is_bounded_under_large_items(settings: Settings, tmp_path: Path) -> None:
    settings = replace(settings, data_dir=tmp_path / "data", valkey_memory_mb=1024, valkey_fsync="everysec")
    valkey = EmbeddedValkey(settings)
    valkey.start()

    broker = await connect(settings, valkey.url)
    for n in range(COUNT):
        item = large_item(n)
        await broker.publish([OutgoingMessage(ITEMS.name, item.identity_key.encode(), encode(item))])
    desk = subprocess.Popen(
        [sys.executable, "-m", "workers.cli", "desk", "--broker-url", valkey.url, "--log-level", "WARNING"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=die_with_harness,
    )  # fmt: skip
    try:

        async def has_handled() -> bool:
            assert desk.poll() is None
            return (await read_counters(broker.state))["desk"][RECEIVED] >= HANDLED

        await until(has_handled)
        assert peak_rss_kb(desk.pid) < MAX_RSS_KB
    finally:
        desk.kill()
        desk.wait()
        await broker.close()
        valkey.stop()


def peak_rss_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])
