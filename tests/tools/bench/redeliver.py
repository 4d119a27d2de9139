"""Shuffled redeliveries: each version of each story many times, in any order, to desks that are killed meanwhile.

python -m tests.tools.bench.redeliver [DELIVERIES [STORIES]]      default: 1,000,000 and 20,000

An older version after a newer one is stale, so some versions are not published. The newest must be published, none
twice; revisions count from one without a gap; all revisions of an article have one story.
"""

import asyncio
import json
import random
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import decode, encode
from streams.config.settings import Settings
from streams.records import Article, Content, Item
from streams.start import Start
from streams.topics import ARTICLES, DESK_GROUP, ITEMS
from tests.support.stories import story
from tests.tools.bench.common import run, server
from tests.tools.bench.push import process
from workers.counters import is_consistent, read_counters
from workers.dedupe.identity import article_id
from workers.services import connect

VERSIONS = 3  # maximum per story
DESKS = (1, 8)
KILL_EVERY_S = 2.0
AHEAD = 20_000  # maximum number of queued items
START = datetime(2026, 11, 1, tzinfo=UTC)


def made(stories: int, seed: int) -> list[Item]:
    """Return each version of each story."""
    rnd, out = random.Random(seed), []
    for n in range(stories):
        title, text = story(n, 4)
        for version in range(1, rnd.randint(1, VERSIONS) + 1):
            body = f"<p>{text}</p>" + "".join(
                f"<p>Update {v} of story {n}: {story(n * 10 + v, 1)[1]}</p>" for v in range(1, version)
            )
            out.append(Item(
                feed="https://courier.example/f", identity_key=f"courier.example/{n}", link=f"https://courier.example/{n}",
                canonical_url=f"https://courier.example/{n}", title=title, publisher=f"Courier {n % 50}",
                content=(Content(body),), fetched_at=START + timedelta(minutes=n % 600 + version), fingerprint=f"{version:016x}",
            ))  # fmt: skip
    return out


class Desks:
    """Desks as processes: their number changes, and they are killed and restarted."""

    def __init__(self, settings: Settings, rnd: random.Random) -> None:
        self.settings, self.rnd = settings, rnd
        self.running: list[subprocess.Popen[bytes]] = []
        self.kills = 0

    async def trouble(self) -> None:
        while True:
            target = self.rnd.randint(*DESKS)
            while len(self.running) < target:
                self.running.append(process("desk", self.settings))
            await asyncio.sleep(KILL_EVERY_S + 1)
            victim = self.running.pop(self.rnd.randrange(len(self.running)))
            victim.kill()
            victim.wait()
            self.kills += 1

    def stop(self) -> None:
        for desk in self.running:
            desk.terminate()
        for desk in self.running:
            desk.wait(30)


async def work(settings: Settings, deliveries: int, stories: int, seed: int) -> dict[str, Any]:
    rnd, items = random.Random(seed), made(stories, seed)
    messages = [OutgoingMessage(ITEMS.name, item.identity_key.encode(), encode(item)) for item in items]
    order = [*range(len(items)), *(rnd.randrange(len(items)) for _ in range(deliveries - len(items)))]
    rnd.shuffle(order)
    broker = await connect(settings, settings.broker_url)
    desks = Desks(settings, rnd)
    trouble = asyncio.create_task(desks.trouble())
    for start in range(0, len(order), 500):
        while await broker.lag(ITEMS.name, DESK_GROUP) > AHEAD:
            await asyncio.sleep(0.2)
        await broker.publish([messages[n] for n in order[start : start + 500]])
    while await broker.lag(ITEMS.name, DESK_GROUP):
        await asyncio.sleep(0.5)
    trouble.cancel()
    desks.stop()
    counters = await read_counters(broker.state)
    figures = await count_outcomes(broker, items)
    await broker.close()
    return {
        "deliveries": len(order), "stories": stories, "versions": len(items), "kills": desks.kills,
        "desk": counters["desk"], "counters_consistent": is_consistent(counters), **figures,
    }  # fmt: skip


async def count_outcomes(broker: Broker, items: list[Item]) -> dict[str, int]:
    """Return the figures of the output, and its violations."""
    published: dict[str, list[Article]] = defaultdict(list)
    reader = await broker.open_reader(ARTICLES, "", Start.EARLIEST)
    while (batch := await reader.read(0.2)) or not await reader.at_end():
        for delivery in batch:
            article = decode(delivery.value, Article)
            published[article.id].append(article)
    await reader.close()
    newest: dict[str, Item] = {}
    for item in items:
        newest[article_id(item.identity_key)] = item  # versions of a story are in order
    twice = sum(len(revisions) - len({a.fingerprint for a in revisions}) for revisions in published.values())
    gaps = sum(
        [a.revision for a in revisions] != list(range(1, len(revisions) + 1)) for revisions in published.values()
    )
    split = sum(len({a.story_id for a in revisions}) > 1 for revisions in published.values())
    lost = sum(id_ not in published or published[id_][-1].fetched_at != item.fetched_at for id_, item in newest.items())
    return {
        "articles": sum(map(len, published.values())), "published_twice": twice, "revision_gaps": gaps,
        "newest_lost": lost, "told_two_stories": split,
    }  # fmt: skip


def measure(deliveries: int = 1_000_000, stories: int = 20_000, seed: int = 7) -> dict[str, Any]:
    """Return the number of deliveries by outcome."""
    with server(valkey_memory_mb=8192) as settings:
        settings = replace(settings, lease_timeout_s=2.0, item_timeout_s=0.9)
        return dict(run(lambda: work(settings, deliveries, stories, seed)))


if __name__ == "__main__":
    print(json.dumps(measure(*map(int, sys.argv[1:])), indent=1))
