"""A worker whose broker is gone ends at a stop signal, for example after `kill -9` of `copydesk up`."""

import os
import signal
from pathlib import Path

from streams.brokers import open_broker
from streams.brokers.base import OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.topics import BUILTIN_TOPICS, ITEMS
from streams.valkey.server import EmbeddedValkey
from tests.conftest import ROOT, until
from tests.support.cleaning import make_item
from workers.supervisor import WorkerProcess

ITEM_COUNT = 2_000  # so that a batch is in progress


async def test_desk_without_broker_ends_at_stop(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    valkey = EmbeddedValkey(settings)
    valkey.start()
    broker = open_broker(settings, valkey.url)
    await broker.create_topics(BUILTIN_TOPICS)
    items = [make_item(n, f"Swans {n}") for n in range(ITEM_COUNT)]
    await broker.publish([OutgoingMessage(ITEMS.name, item.identity_key.encode(), encode(item)) for item in items])
    await broker.close()
    assert valkey.process is not None
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "COPYDESK_SHUTDOWN_TIMEOUT_S": "0.5"}
    worker = WorkerProcess("desk-1", ["desk", "--broker-url", valkey.url], environ, tmp_path)
    worker.start()
    process = worker.process
    assert process is not None
    try:
        await until(lambda: worker.log_path.exists() and "item handled" in worker.log_path.read_text())
        valkey.process.kill()
        valkey.process.wait()
        process.send_signal(signal.SIGTERM)
        await until(lambda: process.poll() is not None)
    finally:
        process.kill()
        valkey.process.kill()
