"""Withdrawn articles and embargoes, through a desk on a real Valkey."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace as changed

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.config.tables import Route
from streams.errors import UnreadableError
from streams.records import Article, Item
from streams.start import StartPosition
from streams.topics import ARTICLES, Topic
from tests.support.pipeline import desk, everything, settled
from workers.intake.embargo import KEY, release_due
from workers.intake.publish import publish
from workers.intake.pushed_items import to_item
from workers.intake.withdraw import withdraw

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TEXT = "The harbour board reopened the salt canal on Monday, nine years after the flood closed it."


def item(number: int = 1, minutes: int = 0, text: str = TEXT) -> Item:
    row = {"id": str(number), "title": f"Canal {number} reopens", "content_text": text}
    return to_item(row, "source:wire", NOW + timedelta(minutes=minutes))


async def test_withdrawal_is_a_revision_on_the_same_topics(settings: Settings) -> None:
    settings = replace(
        settings, routes=(Route(name="salt", keyword=("salt canal",)), Route(name="sport", keyword=("goal",)))
    )
    async with desk(settings) as broker:
        await publish(broker, [item()])
        await settled(broker, {"new": 1})
        [first] = await everything(settings, "articles")
        withdrawn = await withdraw(broker, first.id, "published by mistake")
        assert withdrawn.content == ()
        await settled(broker, {"revised": 1})
        await publish(broker, [withdrawn])  # the same withdrawal once more
        await settled(broker, {"duplicate": 1})
    for topic in ("articles", "articles.salt"):
        articles: list[Article] = await everything(settings, topic)
        assert [(a.revision, a.withdrawn, bool(a.paragraphs), bool(a.html)) for a in articles] == [
            (1, "", True, True),
            (2, "published by mistake", False, False),
        ]
    assert await everything(settings, "articles.sport") == []


async def test_withdrawal_of_unpublished_item_is_filtered(settings: Settings) -> None:
    async with desk(settings) as broker:
        await publish(broker, [changed(item(), withdrawn="killed", content=())])
        await settled(broker, {"filtered": 1})
        await publish(broker, [item(minutes=1)])  # the agency sends the story after all
        await settled(broker, {"revised": 1})


async def test_withdrawal_wins_over_versions_of_faster_clock(settings: Settings) -> None:
    """The other machine's clock is hours ahead. A text that returns counts only if it is later."""
    now = datetime.now(UTC)
    async with desk(settings) as broker:
        for hours in (1, 2):
            await publish(broker, [changed(item(text=f"{TEXT} Day {hours}."), fetched_at=now + timedelta(hours=hours))])
            await settled(broker, {})
            [*_, last] = await everything(settings, "articles")
            await withdraw(broker, last.id, "published by mistake")
            await settled(broker, {})
    articles: list[Article] = await everything(settings, "articles")
    assert [bool(a.withdrawn) for a in articles] == [False, True, False, True]


class RecordingBroker:
    """A broker that records the partitions of the messages that its readers return."""

    def __init__(self, broker: Broker) -> None:
        self._broker, self.partitions = broker, set[int]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def open_reader(self, topic: Topic, group: str, start: StartPosition) -> Any:
        reader: Any = await self._broker.open_reader(topic, group, start)
        read = reader.read

        async def recorded(wait_s: float) -> Any:
            messages = await read(wait_s)
            self.partitions.update(message.partition for message in messages)
            return messages

        reader.read = recorded
        return reader


async def test_withdraw_reads_one_partition(settings: Settings) -> None:
    async with desk(settings) as broker:
        await publish(broker, [item(number) for number in range(30)])
        await settled(broker, {"new": 30})
        [first, *_] = await everything(settings, "articles")
        recording: Any = RecordingBroker(broker)
        await withdraw(recording, first.id, "published by mistake")
        assert recording.partitions == {await broker.partition_for(ARTICLES.name, first.id.encode())}
        await settled(broker, {"revised": 1})


async def test_withdraw_of_unknown_article_is_an_error(settings: Settings) -> None:
    async with desk(settings) as broker:
        with pytest.raises(UnreadableError, match="article not found: 0000"):
            await withdraw(broker, "0" * 20, "x")


async def test_embargoed_item_is_released_once_at_its_time(settings: Settings) -> None:
    async with desk(settings) as broker:
        until = NOW + timedelta(hours=1)
        await publish(broker, [], held=[(until, item(1)), (until, item(2))])
        await publish(broker, [], held=[(until, item(1, minutes=5, text=f"{TEXT} Boats may pass."))])  # a later version
        await publish(broker, [changed(item(2, minutes=6), withdrawn="killed", content=())])
        assert await release_due(broker, until.timestamp() - 1) == 0
        released = await asyncio.gather(*(release_due(broker, until.timestamp()) for _ in range(3)))
        assert sum(released) == 1
        assert await broker.state.hgetall(KEY) == {}
        await settled(broker, {"new": 1, "filtered": 1})
    [article] = await everything(settings, "articles")
    assert article.paragraphs[0].endswith("Boats may pass.")


async def test_embargo_ends_with_its_fraction_of_a_second(settings: Settings) -> None:
    async with desk(settings) as broker:
        await publish(broker, [], held=[(NOW + timedelta(seconds=0.9), item())])
        assert await release_due(broker, NOW.timestamp() + 0.5) == 0
        assert await release_due(broker, NOW.timestamp() + 1) == 1
        await settled(broker, {})
