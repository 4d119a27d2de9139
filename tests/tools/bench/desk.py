"""Items to articles: the whole desk on invented stories with clutter."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from streams.brokers import open_broker
from streams.brokers.base import OutgoingMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Content, Item
from streams.topics import BUILTIN_TOPICS, DESK_GROUP, ITEMS
from tests.tools.bench.common import Stopwatch, run, server
from workers.clean.cleaner import clean
from workers.demo.clutter import body
from workers.demo.stories import story
from workers.desk.article import clean_item, content_fingerprint
from workers.desk.desk import create_desk

COUNT = 3_000


def made_items(count: int) -> list[Item]:
    explore = [story(n) for n in range(1, 12)]
    return [
        Item(
            feed="https://courier.example/f", identity_key=story(n).url, link=story(n).url, canonical_url=story(n).url, title=story(n).title,
            content=(Content(body(story(n), explore)),), fetched_at=datetime.now(UTC), fingerprint=f"{n:016x}",
        )
        for n in range(count)
    ]  # fmt: skip


async def work(settings: Settings) -> dict[str, Any]:
    broker = open_broker(settings)
    await broker.create_topics(BUILTIN_TOPICS)
    made = made_items(COUNT)
    for n in range(0, COUNT, 200):
        await broker.publish(
            [OutgoingMessage(ITEMS.name, i.identity_key.encode(), encode(i)) for i in made[n : n + 200]]
        )
    desk = create_desk(settings, broker, url=settings.broker_url)
    watch = Stopwatch()
    await desk.start()
    remaining = COUNT

    async def lag() -> int:
        return await broker.lag(ITEMS.name, DESK_GROUP)

    while remaining:
        await asyncio.sleep(0.25)  # each query costs CPU of this process, too
        remaining = await lag()
    cost: dict[str, Any] = watch.per_item(COUNT)
    await desk.stop()
    used = await broker.state.info("memory")
    cost["valkey_bytes_per_item"] = round(int(used["used_memory"]) / COUNT)
    await broker.close()
    watch = Stopwatch()
    for i in made[:500]:
        clean(i.content[0].value, "html", title=i.title, url=i.link)
    cost["of_which_cleaning_cpu_us"] = watch.per_item(500)["cpu_us"]
    watch = Stopwatch()
    for i in made[:500]:
        content_fingerprint(clean_item(i))
    cost["cleaning_of_a_duplicate_cpu_us"] = watch.per_item(500)["cpu_us"]
    return cost


def measure() -> dict[str, Any]:
    """Return the cost per item of the desk."""
    with server() as settings:
        out: dict[str, Any] = run(lambda: work(settings))
    return out
