"""Data directories and messages of released versions. The fixtures stay as their version wrote them."""

import json
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import decode, encode
from streams.config.settings import Settings
from streams.errors import UnreadableError
from streams.records import Article, Item
from streams.subscribe import Subscription, record_type
from streams.topics import ARTICLES, DEAD_LETTERS, ITEMS, POLLS, SINK_REPLAYS, resolve_topic
from streams.valkey.server import EmbeddedValkey
from tests.support.pipeline import everything, settled
from workers import dead_letters
from workers.counters import is_consistent, read_counters
from workers.dedupe.identity import article_id
from workers.desk.desk import create_desk
from workers.poller.registry import FeedRegistry
from workers.services import connect
from workers.web.admin_api import load_token

FOLDERS = sorted((Path(__file__).parent / "fixtures").glob("v*"))
PRIVATE = (os.uname().nodename, *(f"/{folder}/" for folder in ("tmp", "home", "root")), "127.0.0.1", "localhost")


class Fixture(NamedTuple):
    """A fixture: its messages by topic, the expected state, and settings on a copy of its data directory."""

    messages: Mapping[str, list[bytes]]
    expected: Mapping[str, Any]
    settings: Settings


def messages_in(folder: Path) -> dict[str, list[bytes]]:
    messages: dict[str, list[bytes]] = {}
    for line in (folder / "messages.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        messages.setdefault(row["topic"], []).append(row["value"].encode())
    return messages


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def fixture(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fixture]:
    """Run the present version's server on a copy of the data directory."""
    data_dir = shutil.copytree(request.param / "data", tmp_path / "data")
    settings = Settings(data_dir=data_dir)
    server = EmbeddedValkey(settings)
    server.start()
    expected = json.loads((request.param / "expected.json").read_text("utf-8"))
    try:
        yield Fixture(messages_in(request.param), expected, replace(settings, broker_url=server.url))
    finally:
        server.stop()


@asynccontextmanager
async def running_desk(settings: Settings) -> AsyncIterator[Broker]:
    broker = await connect(settings, settings.broker_url)
    desk = create_desk(settings, broker, url=settings.broker_url, name="desk-1")
    await desk.start()
    try:
        yield broker
    finally:
        await desk.stop()
        await broker.close()


def item_of(fixture: Fixture, title: str) -> Item:
    items = [decode(value, Item) for value in fixture.messages[ITEMS.name] if len(value) > 2]
    return next(item for item in items if item.title == title)


async def publish(broker: Broker, item: Item) -> None:
    assert await broker.publish([OutgoingMessage(ITEMS.name, item.identity_key.encode(), encode(item))])


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_messages_of_all_topics_are_readable(folder: Path) -> None:
    messages = messages_in(folder)
    assert {ITEMS.name, ARTICLES.name, DEAD_LETTERS.name, POLLS.name, SINK_REPLAYS.name} <= set(messages)
    for topic, values in messages.items():
        record_class = Article if topic == SINK_REPLAYS.name else record_type(resolve_topic(topic))
        for value in values:
            if value == b"{":  # the item that became a dead letter
                with pytest.raises(UnreadableError):
                    decode(value, record_class)
                continue
            stored, now = json.loads(value), json.loads(encode(decode(value, record_class)))
            # A later version may add fields. A field that it drops or renames needs a migration.
            assert {name: now.get(name) for name in stored if name != "v"} | {"v": stored["v"]} == stored


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_fixture_is_small_without_private_names(folder: Path) -> None:
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert sum(map(len, contents)) < 200_000
    assert not [name for name in PRIVATE for content in contents if name.encode() in content]


async def test_data_directory_keeps_all_records(fixture: Fixture) -> None:
    articles = await everything(fixture.settings, "articles")
    assert sorted([a.id, a.revision] for a in articles) == fixture.expected["articles"]
    assert {a.id: a for a in articles} == {
        a.id: a for a in (decode(v, Article) for v in fixture.messages[ARTICLES.name])
    }
    broker = await connect(fixture.settings, fixture.settings.broker_url)
    feeds = await FeedRegistry(broker.state).all()
    assert {feed.url: feed.items_published for feed in feeds} == fixture.expected["feeds"]
    assert [feed.paused for feed in feeds] == ["old.example" in feed.url for feed in feeds]
    assert [pending.name for pending in await dead_letters.select(broker, [])] == fixture.expected["dead_letters"]
    counters = await read_counters(broker.state)
    assert is_consistent(counters)
    assert counters == fixture.expected["counters"]
    assert load_token(fixture.settings.data_dir) == "invented-token-of-the-fixture"
    await broker.close()


async def test_group_resumes_at_its_committed_offset(fixture: Fixture) -> None:
    async with Subscription(group="reader", follow=False, settings=fixture.settings) as articles:
        rest = [[a.id, a.revision] async for a in articles]
    assert len(rest) == len(fixture.expected["articles"]) - fixture.expected["committed"]
    assert all(article in fixture.expected["articles"] for article in rest)


async def test_desk_recognises_stored_articles(fixture: Fixture) -> None:
    salt = item_of(fixture, "Salt canal reopens")
    later = salt.fetched_at + timedelta(minutes=5)
    assert salt.summary is not None
    longer = msgspec.structs.replace(salt.summary, value=salt.summary.value + "<p>The mayor is well again.</p>")
    desk = fixture.expected["counters"]["desk"]
    async with running_desk(fixture.settings) as broker:
        await publish(broker, msgspec.structs.replace(salt, fetched_at=later))
        await settled(broker, {"duplicate": desk["duplicate"] + 1})
        copy_key = "herald.example/1"
        await publish(
            broker,
            msgspec.structs.replace(
                salt,
                identity_key=copy_key,
                publisher="The Test Herald",
                feed="http://herald.example/feed.xml",
                fetched_at=later,
            ),
        )
        await settled(broker, {"new": desk["new"] + 1})
        await publish(broker, msgspec.structs.replace(salt, summary=longer, fetched_at=later + timedelta(minutes=1)))
        await settled(broker, {"revised": desk["revised"] + 1})
        assert is_consistent(await read_counters(broker.state))
    articles = {(a.id, a.revision): a for a in await everything(fixture.settings, "articles")}
    original = article_id(salt.identity_key)
    assert articles[article_id(copy_key), 1].duplicate_of == original
    revision = articles[original, 2]
    assert revision.changes is not None
    assert revision.changes.words_added == 5
