"""Dead letters and replays on a real Valkey."""

import asyncio
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.brokers.base import Broker, ConsumedMessage, OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.errors import UnreadableError
from streams.records import Article, DeadLetter, Item
from streams.start import Start
from streams.subscribe import subscribe
from streams.testing import InMemoryBroker
from streams.topics import DEAD_LETTERS, ITEMS, SINK_REPLAYS
from tests.conftest import copydesk
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY, MORE, everything, newsdesk, settled
from tests.support.server_commands import server_commands
from workers import dead_letters
from workers.clean.cleaner import CleanedContent
from workers.counters import is_consistent
from workers.desk.article import clean_item
from workers.poller.registry import FeedRegistry
from workers.services import connect


async def test_unreadable_message_becomes_dead_letter_without_blocking(settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        unreadable = [OutgoingMessage(ITEMS.name, b"k", v) for v in (b"", b"{", b"\xff", b'{"v":1}')]
        await broker.publish(unreadable)
        server.answers["f"] = rss([(f"https://a.example/{n}", f"T{n}", BODY) for n in range(8)])
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        counters = await settled(broker, {"new": 8, "failed": 4})
        assert is_consistent(counters)
        letters: list[DeadLetter] = await everything(settings, "dead-letters")
        assert sorted(x.payload for x in letters) == sorted(m.value for m in unreadable)
        assert all(
            x.topic == ITEMS.name and x.error_kind == "unreadable" and "not a readable Item" in x.error for x in letters
        )
        assert len({(x.partition, x.offset) for x in letters}) == 4
        assert len(await dead_letters.select(broker, [])) == 4


async def test_slow_item_becomes_dead_letter(settings: Settings) -> None:
    from datetime import UTC, datetime

    slow = replace(settings, item_timeout_s=0.1)
    async with FeedServer() as server, newsdesk(slow, server) as broker:
        from streams.records import Content

        html = "<p>" + "".join(f"<b>{n} </b><a href='/{n}'>x</a>" for n in range(200_000))
        item = Item(
            feed="f",
            identity_key="https://a.example/slow",
            fetched_at=datetime.now(UTC),
            fingerprint="00" * 8,
            content=(Content(html),),
        )
        await broker.publish([OutgoingMessage(ITEMS.name, item.identity_key.encode(), encode(item))])
        await settled(broker, {"failed": 1})
        [letter] = await everything(settings, "dead-letters")
        assert letter.error_kind == "timeout"
        assert "longer than 0.1 s" in letter.error


async def test_dead_letters_are_replayed_once_or_discarded(settings: Settings, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from streams.records import Content

    flags = ("--broker-url", settings.broker_url)
    html = "<p>" + "".join(f"<b>{n} </b><a href='/{n}'>x</a>" for n in range(12_000))
    slow = Item(feed="https://a.example/f", identity_key="https://a.example/1", title="Slow", link="https://a.example/1",
                fetched_at=datetime.now(UTC), fingerprint="00" * 8, content=(Content(html),))  # fmt: skip
    async with FeedServer() as server:
        async with newsdesk(replace(settings, item_timeout_s=0.05), server) as broker:
            await broker.publish(
                [
                    OutgoingMessage(ITEMS.name, slow.identity_key.encode(), encode(slow)),
                    OutgoingMessage(ITEMS.name, b"k", b"{"),
                ]
            )
            await settled(broker, {"failed": 2})
        async with newsdesk(replace(settings, item_timeout_s=600.0), server) as broker:  # enough time
            listed = (await asyncio.to_thread(copydesk, "dead-letters", "list", *flags, cwd=tmp_path)).stdout
            [timeout] = [line.split()[0] for line in listed.splitlines() if " timeout " in line]
            [bad] = [line.split()[0] for line in listed.splitlines() if " unreadable " in line]
            shown = (await asyncio.to_thread(copydesk, "dead-letters", "show", bad, *flags, cwd=tmp_path)).stdout
            assert "copydesk.items/" in shown
            assert ", key k\n" in shown
            assert "\n{\n" in shown
            done = await asyncio.to_thread(copydesk, "dead-letters", "replay", timeout, *flags, cwd=tmp_path)
            assert done.stdout == "1 dead letter replayed\n"
            assert await server_commands(broker.state).ttl(dead_letters.REMOVED_KEY) > 0
            counters = await settled(broker, {"new": 1})
            assert is_consistent(counters)
            again = await asyncio.to_thread(copydesk, "dead-letters", "replay", timeout, *flags, cwd=tmp_path, check=1)
            assert f"no pending dead letter: {timeout};" in again.stderr
            assert (
                await asyncio.to_thread(copydesk, "dead-letters", "discard", "--all", *flags, cwd=tmp_path)
            ).stdout == "1 dead letter discarded\n"
            assert await dead_letters.select(broker, []) == []
            [article] = await everything(settings, "articles")
            assert (article.title, article.revision) == ("Slow", 1)


async def test_replay_publishes_revisions_of_changed_content_only(either: Settings, tmp_path: Path) -> None:
    settings = either
    flags = ("--broker-url", settings.broker_url, "--state-url", settings.state_url)

    def old_rules(item: Item, *context: Any) -> CleanedContent:
        content = clean_item(item, *context)
        lines = (*content.paragraphs, "Share this")
        return (
            msgspec.structs.replace(content, paragraphs=lines, stable_lines=lines) if "Two" in item.title else content
        )

    async def published() -> list[tuple[str, int]]:
        articles: list[Article] = await everything(settings, "articles")
        return sorted((a.title, a.revision) for a in articles if a.feed.endswith("/replayed"))

    urls = [f"https://replay.example/world/{n}" for n in "123"]
    async with FeedServer() as server:
        async with newsdesk(settings, server, clean=old_rules) as broker:
            server.answers["replayed"] = rss([(urls[0], "One", BODY), (urls[1], "Two", BODY)])
            await FeedRegistry(broker.state).add([(server.url + "replayed", "")])
            await settled(broker, {"new": 2})
            server.answers["replayed"] = rss([(urls[0], "One", BODY + MORE), (urls[2], "Three", BODY)])
            await settled(broker, {"new": 3, "revised": 1})
            await FeedRegistry(broker.state).remove([server.url + "replayed"])
        before = [("One", 1), ("One", 2), ("Three", 1), ("Two", 1)]
        assert await published() == before
        async with newsdesk(settings, server) as broker:
            done = await asyncio.to_thread(copydesk, "replay", "--from", "1h", *flags, cwd=tmp_path)
            assert "items sent through the desk again" in done.stdout
            await settled(broker, {"revised": 2, "duplicate": 2})
            assert await published() == [*before, ("Two", 2)]
            await asyncio.to_thread(copydesk, "replay", "--from", "2001-01-01", *flags, cwd=tmp_path)
            await settled(broker, {"revised": 2, "duplicate": 5})
            assert await published() == [*before, ("Two", 2)]
            done = await asyncio.to_thread(copydesk, "replay", "--from", "0m", *flags, cwd=tmp_path)
            assert done.stdout.startswith("0 items")
    refused = await asyncio.to_thread(copydesk, "replay", "--from", "soon", *flags, cwd=tmp_path, check=2)
    assert "invalid time: 'soon'" in refused.stderr


async def test_oversized_item_becomes_dead_letter(settings: Settings) -> None:
    huge = "<p>" + "far too long " * 90_000 + "</p>"
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        server.answers["f"] = rss([("https://a.example/1", "Huge", huge), ("https://a.example/2", "Good", BODY)])
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        counters = await settled(broker, {"new": 1})
        assert is_consistent(counters)
        assert (counters["poll"]["new"], counters["poll"]["failed"]) == (1, 1)
        [letter] = [r async for r in subscribe("dead-letters", follow=False, settings=settings)]
        assert re.search(r"a.example/1 has 1,\d{3},\d{3} characters \(maximum 1,000,000\)", letter.error)
        assert (letter.topic, letter.feed, letter.source) == ("", server.url + "f", f"feed {server.url}f")
        [pending] = await dead_letters.select(broker, [])
        with pytest.raises(UnreadableError, match=r"not replayable: \d+@\d+ \(entry of feed "):
            await dead_letters.replay(broker, pending)
        assert await dead_letters.discard(broker, pending)


async def test_sink_dead_letter_replays_to_its_sink(settings: Settings) -> None:
    """The letter has the position of the article's message; the replay goes to the sink alone."""
    article = ConsumedMessage("copydesk.articles.world", 2, 17, 0.0, b"article id", b"{}", ())
    broker = await connect(settings, settings.broker_url)
    await broker.publish([dead_letters.from_sink("desk", article, "HTTP 400", 3)])
    [pending] = await dead_letters.select(broker, [])
    assert pending.letter.source == "copydesk.articles.world/2@17"
    assert (pending.letter.sink, pending.letter.key, pending.letter.attempts) == ("desk", b"article id", 3)
    assert await dead_letters.replay(broker, pending)
    assert await dead_letters.replay(broker, pending)  # idempotent: sends nothing more
    assert not await dead_letters.discard(broker, pending)
    reader = await broker.open_reader(SINK_REPLAYS, "", Start.EARLIEST)
    [message] = await reader.read(1.0)
    await reader.close()
    assert (message.key, message.value) == (b"desk", b"{}")
    assert message.headers == (("copydesk-replay-of", b"copydesk.articles.world/2@17"),)
    await broker.close()


async def test_replay_all_continues_after_failure(settings: Settings, tmp_path: Path) -> None:
    """Entries of feeds and pushed items never became messages, so the desk can't receive them again."""
    broker = await connect(settings, settings.broker_url)
    article = ConsumedMessage("copydesk.articles.world", 2, 17, 0.0, b"article id", b"{}", ())
    await broker.publish(
        [
            dead_letters.from_feed_entry("https://a.example/f", "{}", "no title"),
            dead_letters.from_feed_entry("source:desk", "{", "not JSON"),
            dead_letters.from_sink("desk", article, "HTTP 400", 3),
        ]
    )
    flags = ("--broker-url", settings.broker_url)
    done = await asyncio.to_thread(copydesk, "dead-letters", "replay", "--all", *flags, cwd=tmp_path, check=1)
    assert done.stdout == "1 dead letter replayed\n"
    failures = [line.partition(" (")[2] for line in done.stderr.splitlines() if "not replayable" in line]
    assert sorted(failures) == [
        "entry of feed https://a.example/f); the next poll tries again",
        "record of source:desk); correct it and send it again",
    ]
    assert {pending.letter.feed for pending in await dead_letters.select(broker, [])} == {
        "https://a.example/f", "source:desk",
    }  # fmt: skip
    await broker.close()


async def test_unreadable_letter_is_listed_and_discarded(any_broker: Settings) -> None:
    """It may come from a newer copydesk, or from another program."""
    broker = await connect(any_broker, any_broker.broker_url)
    values = [b'{"v": 2, "error_kind": "bug"}', b"\xff", b""]
    readable = dead_letters.from_feed_entry("https://a.example/f", "{}", "no title")
    await broker.publish([*(OutgoingMessage(DEAD_LETTERS.name, b"k", value) for value in values), readable])
    pending = await dead_letters.select(broker, [])
    assert len(pending) == 4
    foreign = [p for p in pending if p.letter.topic == DEAD_LETTERS.name]
    assert sorted(p.letter.payload for p in foreign) == sorted(values)
    assert {(p.letter.error_kind, p.letter.key) for p in foreign} == {("unreadable", b"k")}
    assert [p.letter.source for p in foreign] == [f"copydesk.dead-letters/{p.name}" for p in foreign]
    assert any("unsupported wire version: 2" in p.letter.error for p in foreign)
    for letter in foreign:
        assert not dead_letters.is_replayable(letter.letter)
        with pytest.raises(UnreadableError, match=rf"not replayable: {letter.name} \(unreadable letter\); discard it"):
            await dead_letters.replay(broker, letter)
        assert await dead_letters.discard(broker, letter)
    [left] = await dead_letters.select(broker, [])
    assert left.letter.error == "no title"
    await broker.close()


LETTER_BYTES, LETTER_COUNT = 500_000, 40


@pytest.mark.parametrize("names", [(), ("0@3",)])
async def test_resolving_holds_few_letters_in_memory(names: tuple[str, ...]) -> None:
    """On Kafka they stay for 90 days and may need more memory than the machine has."""
    broker = InMemoryBroker(partitions=1)
    payload = "x" * LETTER_BYTES
    await broker.publish([dead_letters.from_feed_entry("f", payload, "error") for _ in range(LETTER_COUNT)])
    tracemalloc.start()
    try:
        chosen = dead_letters.chosen(broker, names)
        assert await dead_letters.resolve_all(broker, chosen, dead_letters.discard) == (len(names) or LETTER_COUNT, [])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        broker.clear()
    assert peak < 10 * LETTER_BYTES


async def test_letters_of_failed_replays_are_not_replayed(any_broker: Settings) -> None:
    """Otherwise a replay of all letters would never end."""
    broker = await connect(any_broker, any_broker.broker_url)
    await broker.publish([OutgoingMessage(ITEMS.name, b"k", b"{")])
    article = ConsumedMessage("copydesk.articles.world", 2, 17, 0.0, b"article id", b"{}", ())
    await broker.publish([dead_letters.from_sink("desk", article, "HTTP 400", n) for n in (1, 2)])

    async def replay_in_vain(broker: Broker, pending: dead_letters.PendingLetter) -> bool:
        await broker.publish([dead_letters.from_sink("desk", article, "HTTP 400", pending.letter.attempts + 2)])
        return await dead_letters.replay(broker, pending)

    assert await dead_letters.resolve_all(broker, dead_letters.chosen(broker), replay_in_vain) == (2, [])
    assert sorted(p.letter.attempts for p in await dead_letters.select(broker, [])) == [3, 4]
    await broker.close()


async def test_letter_that_is_not_pending_is_named(any_broker: Settings) -> None:
    broker = await connect(any_broker, any_broker.broker_url)
    await broker.publish([dead_letters.from_feed_entry("f", "{}", "error") for _ in range(2)])
    [first, second] = await dead_letters.select(broker, [])
    assert await dead_letters.select(broker, [second.name, first.name]) == [second, first]
    assert await dead_letters.discard(broker, first)
    partition = first.name.partition("@")[0]
    unknown = [first.name, f"{partition}@7", "99@0", "letter", "-1@0", "1@-1"]
    with pytest.raises(UnreadableError, match="no pending dead letter: " + ", ".join(unknown) + "; see"):
        await dead_letters.select(broker, [second.name, *unknown])
    await broker.close()
