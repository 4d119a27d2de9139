"""An agent reads its topic as soon as its app has started."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from faust.tables import TableManager

from streams.brokers.base import ConsumedMessage, OutgoingMessage
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings
from streams.faust.agents import BatchResult, add_agent, create_app
from streams.topics import Topic
from tests.conftest import until

TOPIC = Topic("early", 3600)


async def test_start_waits_for_no_tables(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust's table manager sleeps for a second at its start. An app without tables must not."""
    pauses_s: list[float] = []

    async def note_pause(self: TableManager, pause_s: float) -> None:
        pauses_s.append(pause_s)

    monkeypatch.setattr(TableManager, "sleep", note_pause)
    broker = RedisStreamsBroker(settings.broker_url, partitions=1)
    await broker.create_topics([TOPIC])
    await broker.publish([OutgoingMessage(TOPIC.name, b"k", b"x")])
    handled: list[bytes] = []

    async def handle(batch: Sequence[ConsumedMessage]) -> BatchResult:
        handled.extend(message.value or b"" for message in batch)
        return BatchResult()

    app = create_app(replace(settings, partitions=1), "early-readers")
    add_agent(app, broker, TOPIC, handle, 1)
    await app.start()
    try:
        await until(lambda: bool(handled), what="the first message")
    finally:
        await app.stop()
        await broker.close()
    assert (handled, pauses_s) == ([b"x"], [])
