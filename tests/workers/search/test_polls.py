"""The latest polls of each feed."""

import asyncio
import contextlib
from datetime import timedelta

from streams.brokers.base import OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import PollResult
from streams.topics import POLLS
from tests.conftest import until
from tests.support.site import NOW
from workers.search.polls import MAX_POLLS, PollIndex
from workers.search.tables import open_database
from workers.services import connect


def poll(feed: str, minute: int, **more: object) -> OutgoingMessage:
    result = PollResult(id=f"{minute}", feed=feed, started_at=NOW + timedelta(minutes=minute), outcome="ok", **more)  # type: ignore[arg-type]
    return OutgoingMessage(POLLS.name, feed.encode(), encode(result))


async def test_polls_of_a_feed_are_bounded(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    index = PollIndex(broker, open_database(settings))
    following = asyncio.create_task(index.follower.run())
    busy, quiet = "https://courier.example/f", "https://wire.example/f"
    await broker.publish([poll(busy, minute, items_new=minute) for minute in range(MAX_POLLS + 25)])
    await broker.publish([poll(quiet, 1, status=404, error="HTTP 404", error_kind="http_status")])

    async def is_read() -> bool:
        return sum((await index.position()).values()) == MAX_POLLS + 26

    await until(is_read)
    polls = await index.polls(busy)
    assert [entry["items_new"] for entry in polls] == list(range(MAX_POLLS + 24, 24, -1))
    [failed] = await index.polls(quiet)
    assert (failed["status"], failed["error_kind"]) == (404, "http_status")
    assert await index.polls("https://none.example/f") == []
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    await index.database.close()
    await broker.close()
