"""Desks on Kafka: one loses its connection to the shared state in the middle of a step, or all lose the state."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import decode, encode
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.exit_codes import ExitCode
from streams.records import Article, Content, Item
from streams.start import Start
from streams.state.redis_client import connect as connect_state
from streams.topics import ARTICLES, DESK_GROUP, ITEMS
from tests.conftest import emptied_kafka, until
from tests.faults.proxy import Proxy
from tests.support.fork_server import start_module
from tests.support.stage import drained
from workers.dedupe.rebuild import INTACT_KEY
from workers.services import connect

COUNT = 120
SESSION_S = 85.0  # the client permits at most 90
LETTERS = str.maketrans("0123456789", "abcdefghij")


def make_items(revision: int, count: int = COUNT) -> list[OutgoingMessage]:
    """Return items whose texts differ by their words, since digits alone make near-duplicates."""
    out = []
    for n in range(count):
        url, word = f"https://c.example/{n}", f"{n * 7919:09}".translate(LETTERS)
        body = f"<p>The harbour of {word} was opened again by the {word[::-1]} family, version {revision} of it.</p>"
        item = Item(
            feed="https://c.example/feed", identity_key=url, link=url, canonical_url=url, title=f"{word} of the day",
            content=(Content(body),), fetched_at=datetime.now(UTC), fingerprint=f"{n * 10 + revision:016x}",
        )  # fmt: skip
        out.append(OutgoingMessage(ITEMS.name, url.encode(), encode(item)))
    return out


@pytest.fixture
def on_kafka(settings: Settings, kafka_url: str) -> Settings:
    url = asyncio.run(emptied_kafka(kafka_url))
    return replace(settings, broker_url=url, state_url=settings.broker_url)


class DeskProcess:
    """A `copydesk desk` process and its log."""

    def __init__(
        self, settings: Settings, folder: Path, name: str, state_url: str = "", *, log: str = "",
        session_s: float = Settings.lease_timeout_s,
    ) -> None:  # fmt: skip
        """Start a desk with --name *name*. *log*: name of its log."""
        self.log = folder / f"{log or name}.log"
        flags = {
            "--name": name, "--broker-url": settings.broker_url, "--state-url": state_url or settings.state_url,
            "--partitions": "4", "--desk-batch-size": "5", "--lease-timeout-s": str(session_s),
        }  # fmt: skip
        with self.log.open("ab") as out:
            arguments = ("desk", *(part for flag in flags.items() for part in flag))
            self.process = start_module("workers.cli", *arguments, cwd=folder, stdout=out, stderr=out)

    def handled(self) -> int:
        return self.log.read_text(errors="replace").count("item handled")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@asynccontextmanager
async def ended(*desks: DeskProcess) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        for desk in desks:
            desk.end()


async def published_articles(broker: Broker) -> list[Article]:
    messages = await drained(await broker.open_reader(ARTICLES, "", Start.EARLIEST))
    return [decode(message.value, Article) for message in messages]


async def lag_is_zero(broker: Broker) -> bool:
    return await broker.lag(ITEMS.name, DESK_GROUP) == 0


async def has_state(settings: Settings) -> bool:
    client = connect_state(settings.state_url)
    try:
        return bool(await client.exists(INTACT_KEY))
    except UnavailableError:
        return False
    finally:
        await client.aclose()


def assert_once_in_order(articles: Sequence[Article], texts: int) -> None:
    """Assert that each text was published once, each (id, revision) once, and revisions in order."""
    assert len({(article.id, article.paragraphs) for article in articles}) == texts
    assert max(Counter((article.id, article.paragraphs) for article in articles).values()) == 1
    assert max(Counter((article.id, article.revision) for article in articles).values()) == 1
    latest: dict[str, int] = {}
    for article in articles:
        assert article.revision > latest.get(article.id, 0)
        latest[article.id] = article.revision


async def test_hung_desk_stops_no_other_desk(on_kafka: Settings, tmp_path: Path) -> None:
    """One desk hangs in a step because its state connection is silent; another leaves, so that the group rebalances."""

    async def dial(factory: Callable[[], asyncio.Protocol]) -> Any:
        path = on_kafka.state_url.partition("://")[2]
        return await asyncio.get_running_loop().create_unix_connection(factory, path)

    broker = await connect(on_kafka, on_kafka.broker_url)
    proxy = Proxy(dial)
    await proxy.start()
    hung = DeskProcess(on_kafka, tmp_path, "a", f"valkey://127.0.0.1:{proxy.port}")
    leaving, healthy = (DeskProcess(on_kafka, tmp_path, name) for name in ("b", "c"))
    async with ended(hung, leaving, healthy):
        await until(lambda: _fed(broker, lambda: all(d.handled() for d in (hung, leaving, healthy))))
        proxy.black_hole()
        await until(lambda: _fed(broker, lambda: hung.process.poll() is None))
        before = healthy.handled()
        leaving.process.send_signal(signal.SIGTERM)
        await until(lambda: leaving.process.poll() is not None)
        before = healthy.handled()
        await until(lambda: _fed(broker, lambda: healthy.handled() > before + 20))
        assert "batch failed" not in hung.log.read_text(errors="replace"), "the hung desk timed out before that"
        proxy.heal()
        await until(lambda: lag_is_zero(broker))
        assert leaving.process.poll() == 0
        assert hung.process.poll() is None
        assert healthy.process.poll() is None
        articles = await published_articles(broker)
        assert_once_in_order(articles, len({(a.id, a.paragraphs) for a in articles}))
    await proxy.stop()
    await broker.close()


_revision = iter(range(1, 10_000))


async def _fed(broker: Broker, condition: object) -> bool:
    """Publish a few more items and return whether *condition* holds."""
    assert callable(condition)
    await broker.publish(make_items(next(_revision), 8))
    await asyncio.sleep(0.2)  # continuous stream
    return bool(condition())


async def test_lost_state_is_rebuilt_without_exit(on_kafka: Settings, tmp_path: Path) -> None:
    broker = await connect(on_kafka, on_kafka.broker_url)
    desks = [DeskProcess(on_kafka, tmp_path, name) for name in ("a", "b")]
    async with ended(*desks):
        await broker.publish(make_items(1))
        await until(lambda: lag_is_zero(broker))
        await broker.publish(make_items(2))
        await until(lambda: _is_working(broker))
        await broker.state.execute_command("FLUSHALL")
        await until(lambda: has_state(on_kafka))
        await until(lambda: lag_is_zero(broker))
        await broker.publish(make_items(3))
        await until(lambda: lag_is_zero(broker))
        assert [desk.process.poll() for desk in desks] == [None, None]
    assert_once_in_order(await published_articles(broker), 3 * COUNT)
    await broker.close()


async def _is_working(broker: Broker) -> bool:
    return 0 < await broker.lag(ITEMS.name, DESK_GROUP) < COUNT


async def test_killed_desk_restarts_within_session_timeout(on_kafka: Settings, tmp_path: Path) -> None:
    """A desk of the same name gets the partitions of a killed one, and its session would have lasted far longer."""
    broker = await connect(on_kafka, on_kafka.broker_url)
    killed, other = (DeskProcess(on_kafka, tmp_path, name, session_s=SESSION_S) for name in ("a", "b"))
    async with ended(killed, other):
        await until(lambda: _fed(broker, lambda: killed.handled() and other.handled()))
        killed.end()
        before, restarted = killed.handled(), DeskProcess(on_kafka, tmp_path, "a", session_s=SESSION_S)
        async with ended(restarted):
            await until(lambda: _fed(broker, lambda: restarted.handled() > before), deadline_s=SESSION_S - 5)
            await until(lambda: lag_is_zero(broker))
            assert [desk.process.poll() for desk in (restarted, other)] == [None, None]
    articles = await published_articles(broker)
    assert_once_in_order(articles, len({(a.id, a.paragraphs) for a in articles}))
    await broker.close()


async def test_second_desk_of_same_name_ends_first(on_kafka: Settings, tmp_path: Path) -> None:
    broker = await connect(on_kafka, on_kafka.broker_url)
    first = DeskProcess(on_kafka, tmp_path, "twin@a.example", log="first")
    async with ended(first):
        await until(lambda: _fed(broker, first.handled))
        second = DeskProcess(on_kafka, tmp_path, "twin@a.example", log="second")
        async with ended(second):
            await until(lambda: _fed(broker, lambda: first.process.poll() is not None))
            assert first.process.poll() == ExitCode.USAGE
            assert (
                "duplicate worker name: worker=twin@a.example group=copydesk.desk (a later process has it)"
                in first.log.read_text(errors="replace")
            )
            await until(lambda: _fed(broker, second.handled))
            await until(lambda: lag_is_zero(broker))
            assert second.process.poll() is None
    articles = await published_articles(broker)
    assert_once_in_order(articles, len({(a.id, a.paragraphs) for a in articles}))
    await broker.close()
