"""Time limits of the desk: CPU time per item, part of a lease per step."""

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streams.brokers.base import ConsumedMessage, OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Content, Item, MessageId
from streams.topics import DEAD_LETTERS, ITEMS
from tests.conftest import until
from tests.support.feed_server import FeedServer
from tests.support.pipeline import everything, newsdesk, settled
from tests.support.server_commands import server_commands
from workers.desk.article import clean_item
from workers.desk.deadline import cpu_deadline
from workers.desk.desk import Desk
from workers.services import connect


def make_item(n: int) -> Item:
    body = f"<p>The harbour board counted {n} swans on Monday, nine years after the flood.</p>"
    return Item(feed="f", identity_key=f"https://a.example/{n}", link=f"https://a.example/{n}", title=f"Swans {n}",
                fetched_at=datetime.now(UTC), fingerprint="00" * 8, content=(Content(body),))  # fmt: skip


def compute(cpu_s: float) -> None:
    end_s = time.process_time() + cpu_s
    while time.process_time() < end_s:
        sum(range(1000))


def test_deadline_ends_long_computation() -> None:
    with pytest.raises(TimeoutError, match="longer than 0.1 s"), cpu_deadline(0.1):
        compute(60)


def test_deadline_ignores_frozen_time() -> None:
    with cpu_deadline(0.1):
        time.sleep(0.4)  # like SIGSTOP or a busy machine: wall-clock time passes, CPU time does not


def test_deadline_waits_for_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_to_import.py").write_text(
        "import time\nend_s = time.process_time() + 0.4\nwhile time.process_time() < end_s: sum(range(1000))\nwhole = True\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(TimeoutError), cpu_deadline(0.05):
        __import__("slow_to_import")
        compute(60)
    assert sys.modules["slow_to_import"].whole


async def test_step_ends_within_the_lease(settings: Settings) -> None:
    """Slow items need several steps. Each step returns the results of its own items, dead letters included."""

    def slow(item: Item, *context: Any) -> Any:
        compute(0.3)
        return clean_item(item, *context)

    broker = await connect(settings, settings.broker_url)
    desk = Desk(replace(settings, lease_timeout_s=1.0, item_timeout_s=10.0), broker, slow)
    batch = [make_message(n, encode(make_item(n)) if n % 3 else b"{") for n in range(9)]
    steps: list[int] = []
    messages: list[OutgoingMessage] = []
    while rest := batch[sum(steps) :]:
        result = await desk.handle(rest)
        steps.append(result.handled or 0)
        messages += result.messages
        assert steps[-1] > 0
    assert len(steps) > 1
    dead = [m.key for m in messages if m.topic == DEAD_LETTERS.name]
    assert dead == [str(MessageId(ITEMS.name, 0, n)).encode() for n in (0, 3, 6)]
    assert len([m for m in messages if m.topic != DEAD_LETTERS.name]) == 6
    await broker.close()


def make_message(n: int, value: bytes) -> ConsumedMessage:
    return ConsumedMessage(ITEMS.name, 0, n, 0.0, b"k", value)


async def test_slow_items_are_cleaned_once(either: Settings) -> None:
    """The batch takes several steps and longer than a lease."""
    cleaned: list[str] = []

    def slow(item: Item, *context: Any) -> Any:
        cleaned.append(item.identity_key)
        compute(0.3)
        return clean_item(item, *context)

    short_lease = replace(either, lease_timeout_s=0.8, item_timeout_s=10.0)
    async with FeedServer() as server, newsdesk(short_lease, server, clean=slow) as broker:
        items = [make_item(n) for n in range(8)]
        await broker.publish([OutgoingMessage(ITEMS.name, i.identity_key.encode(), encode(i)) for i in items])
        await settled(broker, {"new": 8})
        assert sorted(cleaned) == sorted(i.identity_key for i in items)
        assert len(await everything(either, "articles")) == 8


async def test_two_desks_clean_a_slow_item_once(settings: Settings, tmp_path: Path) -> None:
    """One item takes several leases. No other desk takes its partition meanwhile."""
    from tests.support.blocking import start_blocking
    from tests.support.stage import end, stage

    async with stage(replace(settings, partitions=1)) as s:
        workers = [start_blocking(s, lease_s=1.0, block_s=3.0) for _ in range(2)]
        try:
            values = await s.fill(2)
            await until(lambda: _is_done(s))
            handled = await server_commands(s.broker.state).lrange("test:handled", 0, -1)
        finally:
            end(*workers)
        assert sorted(handled) == values


async def _is_done(s: Any) -> bool:
    return bool(await s.broker.lag(s.source.name, s.group) == 0)
