"""The pipeline of the desk on a real Valkey, one batch at a time, without Faust."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from streams.brokers.base import ConsumedMessage
from streams.codec import decode, encode
from streams.config.settings import Settings
from streams.config.tables import FeedOptions
from streams.faust.agents import BatchResult
from streams.records import Article, Content, Item, MessageId, RevisionChanges
from streams.topics import ARTICLES, DEAD_LETTERS, ITEMS
from workers.desk.article import clean_item
from workers.desk.desk import Desk
from workers.services import connect

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TEXT = "The harbour board reopened the salt canal on Monday, nine years after the flood closed it."


def make_item(text: str = TEXT, title: str = "Canal reopens", minutes: int = 0, name: str = "1") -> Item:
    url = f"https://a.example/{name}"
    return Item(feed="https://a.example/feed", identity_key=url, link=url, title=title, content=(Content(f"<p>{text}</p>"),),
                fetched_at=NOW + timedelta(minutes=minutes), fingerprint="00" * 8)  # fmt: skip


@asynccontextmanager
async def open_desk(settings: Settings) -> AsyncGenerator[Desk, None]:
    broker = await connect(settings, settings.broker_url)
    try:
        yield Desk(settings, broker)
    finally:
        await broker.close()


async def handle(desk: Desk, *records: Item | bytes) -> BatchResult:
    """Handle one batch and publish its result, as the agent does."""
    values = [record if isinstance(record, bytes) else encode(record) for record in records]
    batch = [ConsumedMessage(ITEMS.name, 0, n, 0.0, b"k", value) for n, value in enumerate(values)]
    result = await desk.handle(batch)
    await desk.broker.publish(result.messages, result.state_writes)
    return result


def outcomes(result: BatchResult) -> dict[str, Any]:
    """Return the counters that the batch increments."""
    counts = {str(c[2]).removeprefix("desk:"): c[3] for c in result.state_writes if c[1] == "copydesk:counters"}
    return {name: n for name, n in counts.items() if name != "received"}


def articles(result: BatchResult) -> Sequence[Article]:
    return [decode(m.value, Article) for m in result.messages if m.topic == ARTICLES.name]


async def test_desk_classifies_items_across_batches(settings: Settings) -> None:
    async with open_desk(settings) as desk:
        changed = make_item(TEXT.replace("nine", "ten"), minutes=1)
        for item, outcome in (
            (make_item(), "new"),
            (make_item(minutes=2), "duplicate"),
            (changed, "revised"),
            (make_item(TEXT.replace("nine", "two"), minutes=-1), "filtered"),  # stale
            (make_item("", "", name="2"), "filtered"),  # empty
        ):
            result = await handle(desk, item)
            assert outcomes(result) == {outcome: 1}
            assert len(articles(result)) == (outcome in ("new", "revised"))


async def test_desk_diffs_revision_in_same_batch(settings: Settings) -> None:
    async with open_desk(settings) as desk:
        revision = make_item(TEXT.replace("nine", "ten"), "Salt canal reopens", minutes=1)
        result = await handle(desk, make_item(), revision, revision)
        first, second = articles(result)
        assert outcomes(result) == {"new": 1, "revised": 1, "duplicate": 1}
        assert (first.revision, first.changes) == (1, None)
        assert (second.revision, second.changes) == (2, RevisionChanges("Canal reopens", 1, 1))
        assert second.source == MessageId(ITEMS.name, 0, 1)


async def test_desk_does_not_sign_duplicates(settings: Settings) -> None:
    async with open_desk(settings) as desk:
        await handle(desk, make_item())
        other = Desk(settings, desk.broker)
        assert outcomes(await handle(other, make_item())) == {"duplicate": 1}
        assert other.story_index is None


async def test_bug_in_one_item_leaves_others_unchanged(settings: Settings) -> None:
    async with open_desk(settings) as desk:

        def fail_on_second(item: Item, *context: Any) -> Any:
            if item.identity_key.endswith("/2"):
                raise ZeroDivisionError("planted")
            return clean_item(item, *context)

        result = await handle(Desk(settings, desk.broker, fail_on_second), make_item(), make_item(name="2"), b"{")
        assert outcomes(result) == {"new": 1, "failed": 2}
        letters = [msgspec.json.decode(m.value) for m in result.messages if m.topic == DEAD_LETTERS.name]
        assert [(x["error_kind"], x.get("feed", ""), x["offset"]) for x in letters] == [
            ("bug", "https://a.example/feed", 1), ("unreadable", "", 2),
        ]  # fmt: skip


async def test_rules_of_feed_filter_and_rewrite_items(settings: Settings) -> None:
    options = FeedOptions(
        "https://a.example/*", block_rules="EntryTitle=^Canal", rewrite_rules='replace("salt"|"sweet")'
    )
    async with open_desk(replace(settings, feeds=(options,))) as desk:
        assert outcomes(await handle(desk, make_item())) == {"filtered": 1}
        result = await handle(desk, make_item(title="Lock opens", name="2"))
        assert outcomes(result) == {"new": 1}
        assert "sweet canal" in articles(result)[0].paragraphs[0]
