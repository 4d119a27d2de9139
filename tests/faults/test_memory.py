"""Full memory: pollers pause, the desk continues and frees memory, also after a full restart."""

import random
import re
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.brokers.base import OutgoingMessage
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.brokers.redis_streams.memory import BEGIN, RemovalTotals, read_removed
from streams.codec import encode
from streams.config.settings import MiB, Settings
from streams.errors import UnavailableError
from streams.records import Content, Item
from streams.retry import retry_unavailable
from streams.start import Start
from streams.topics import ARTICLES, DEAD_LETTERS, DESK_GROUP, ITEMS
from streams.valkey.server import EmbeddedValkey
from tests.conftest import DEADLINE_S, copydesk, until
from tests.support.fork_server import start_module
from workers.counters import read_counters
from workers.services import connect

MEMORY_MB = 16
STEP_BYTES = 3_000_000  # for a hundred articles and their state
NOUNS = ("harbour", "ferry", "council", "bakery", "orchard", "library", "tramway", "brewery")
VERBS = ("reopened", "closed", "sold", "flooded", "inspected", "measured", "renamed", "insured")
NOW = datetime.now(UTC)
LARGE_CHARS = 100_000


def sentence(rnd: random.Random) -> str:
    return (
        f"The {rnd.choice(NOUNS)} near place {rnd.randint(1, 9999)} was {rnd.choice(VERBS)} on Monday by "
        f"{rnd.randint(3, 900)} people, who had waited since {rnd.randint(1890, 2020)} for {rnd.randint(1, 10**9)}."
    )


def item(number: int, size: int = 0) -> OutgoingMessage:
    """An invented story unlike any other; its long summary uses memory but little desk time.

    *size*: characters of the summary.
    """
    rnd = random.Random(number)
    body = "".join(f"<p>{' '.join(sentence(rnd) for _ in range(5))}</p>" for _ in range(5))
    url = f"https://full.example/{number}"
    made = Item(
        feed="https://full.example/feed", identity_key=url, link=url, canonical_url=url, title=f"Story {number} of the town",
        content=(Content(body, "text/html"),), summary=Content("x" * (size or 1_000 * (len(body) // 200)), "text/plain"), fetched_at=NOW, fingerprint=f"{number:016x}",
    )  # fmt: skip
    return OutgoingMessage(ITEMS.name, url.encode(), encode(made))


async def fill(broker: RedisStreamsBroker) -> int:
    """Send items without pausing until the broker rejects them; return the number accepted."""
    for number in range(0, 10_000, 10):
        try:
            await broker.publish([item(number + n) for n in range(10)])
        except UnavailableError:
            return number
    raise AssertionError("memory isn't full")


@contextmanager
def desk(url: str, folder: Path, *module: str) -> Generator[None, None, None]:
    arguments = [*(module or ["workers.cli"]), "desk", "--name", "desk-1", "--broker-url", url]
    with (folder / "desk.log").open("ab") as log:
        process = start_module(*arguments, cwd=folder, stderr=log)
    try:
        yield
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait()


async def count_messages(broker: RedisStreamsBroker, topic: str) -> int:
    _, there, _ = await broker.trim_topic(topic, 0)
    return there


@pytest.mark.parametrize("restarted", [False, True])
async def test_desk_recovers_from_full_memory(tmp_path: Path, restarted: bool) -> None:
    settings = Settings(data_dir=tmp_path / "data", valkey_memory_mb=MEMORY_MB, partitions=4, valkey_fsync="everysec")
    server = EmbeddedValkey(settings)
    server.start()

    async def filled() -> int:
        broker = await connect(settings, server.url)
        assert isinstance(broker, RedisStreamsBroker)
        await broker.register("reader", [(ARTICLES.name, n) for n in range(4)], Start.EARLIEST)
        sent = await fill(broker)
        assert sent > 300
        await broker.close()
        return sent

    async def recovered(sent: int) -> RemovalTotals:
        broker = await connect(settings, server.url)
        assert isinstance(broker, RedisStreamsBroker)
        assert await broker.memory_usage() > 0.9

        async def done() -> bool:
            assert (await broker.memory())[0] < settings.valkey_memory_mb * MiB + STEP_BYTES  # the reserve and one step
            return await broker.lag(ITEMS.name, DESK_GROUP) == 0

        await until(done, what="every item done")
        await until(lambda: _settled(broker, sent), what="the end of memory relief")
        counters, removed = (await read_counters(broker.state))["desk"], await read_removed(broker)
        assert (counters["received"], counters["failed"], await count_messages(broker, DEAD_LETTERS.name)) == (
            sent,
            0,
            0,
        )
        articles = await count_messages(broker, ARTICLES.name)
        assert articles + removed.counts.get(ARTICLES.name, 0) == counters["new"] == sent
        assert articles > 0
        assert await count_messages(broker, ITEMS.name) + removed.counts[ITEMS.name] == sent
        assert await broker.publish([item(10_000)])
        await broker.close()
        return removed

    try:
        sent = await filled()
        if restarted:
            server.stop()
            server.start()
        with desk(server.url, tmp_path):
            removed = await recovered(sent)
        log_text = (tmp_path / "desk.log").read_text()
        assert f"topic={ITEMS.name} (memory short; committed by every group" in log_text
        assert sum(removed.counts.values()) == _said(log_text)
        shown = copydesk("check", "--broker-url", server.url, cwd=tmp_path, check=None).stdout
        assert "removed before their retention ended: " in shown
        assert f"{removed.counts[ITEMS.name]} of {ITEMS.name}" in shown
    finally:
        server.stop()


@pytest.mark.faults
async def test_relief_of_unprocessed_items_is_detected(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", valkey_memory_mb=MEMORY_MB, partitions=4, valkey_fsync="everysec")
    server = EmbeddedValkey(settings)
    server.start()
    broker = await connect(settings, server.url)
    assert isinstance(broker, RedisStreamsBroker)
    sent = await fill(broker)
    with desk(server.url, tmp_path, "tests.faults.mutants", "relief_of_unprocessed"):
        await until(lambda: _is_processed(broker), what="every stored item done")
        assert (await read_counters(broker.state))["desk"]["received"] < sent
    await broker.close()
    server.stop()


@pytest.mark.faults
async def test_tenfold_offer_loses_no_acknowledged_item(tmp_path: Path) -> None:
    """Ten times as much as the memory holds is offered, as fast as the server accepts it."""
    settings = Settings(data_dir=tmp_path / "data", valkey_memory_mb=48, partitions=4, valkey_fsync="everysec")
    server = EmbeddedValkey(settings)
    server.start()
    broker = await connect(settings, server.url)
    assert isinstance(broker, RedisStreamsBroker)
    count = 10 * settings.valkey_memory_mb * MiB // LARGE_CHARS
    with desk(server.url, tmp_path):
        for number in range(count):
            message = item(number, LARGE_CHARS)
            await retry_unavailable(lambda: broker.publish([message]), "memory full", max_delay_s=0.5)  # noqa: B023
        await until(lambda: _is_processed(broker), what="every item done", deadline_s=10 * DEADLINE_S)
    desk_counters, removed = (await read_counters(broker.state))["desk"], await read_removed(broker)
    articles = await count_messages(broker, ARTICLES.name) + removed.counts.get(ARTICLES.name, 0)
    assert (desk_counters["received"], desk_counters["new"], desk_counters["failed"]) == (count, count, 0)
    assert articles == count
    assert await count_messages(broker, DEAD_LETTERS.name) == 0
    assert f"topic={ITEMS.name} (memory short; committed by every group" in (tmp_path / "desk.log").read_text()
    await broker.close()
    server.stop()


async def _is_processed(broker: RedisStreamsBroker) -> bool:
    return await broker.lag(ITEMS.name, DESK_GROUP) == 0


async def _settled(broker: RedisStreamsBroker, sent: int) -> bool:
    """Return True if relief has nothing to do and has counted each item that it removed."""
    used, limit = await broker.memory()
    removed = await read_removed(broker)
    return used < BEGIN * limit and await count_messages(broker, ITEMS.name) + removed.counts.get(ITEMS.name, 0) == sent


def _said(text: str) -> int:
    """Return the number of removed messages according to the log."""
    return sum(int(n) for n in re.findall(r"oldest messages removed: .*\bcount=(\d+)", text))
