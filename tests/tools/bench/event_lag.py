"""Delay of events behind their articles in a full window, and the same events after kills of the worker.

python -m tests.tools.bench.event_lag [ARTICLES [A_SECOND [FILLED]]]      default: 2,000, 10 and 100,000

Two runs publish the same articles of an invented day. In the second one, `kill -9` ends the worker every KILL_EVERY_S.
The delay is the time of an event's message after the message of its newest article, by the clock of the broker.
"""

import asyncio
import json
import subprocess
import sys
from typing import Any

import numpy as np

from streams.brokers.base import Broker, ConsumedMessage, OutgoingMessage
from streams.codec import decode, encode
from streams.config.settings import Settings
from streams.records import Article, NewsEvent
from streams.start import Start
from streams.topics import ARTICLES, EVENTS, Topic
from tests.tools.bench.common import run, server
from tests.tools.bench.event_day import fill
from tests.tools.bench.push import process
from tests.tools.train.events.day import day
from workers.events.signature import RECORD_BYTES
from workers.events.window import Window
from workers.events.worker import CHUNK, GROUP, RING_KEY, STATE_KEY
from workers.services import connect

SEED = "sealed-lag-2026-11-27"
KILL_EVERY_S = 15.0


async def store_window(broker: Broker, count: int) -> None:
    """Store *count* signatures of earlier articles, as a worker does."""
    window = Window()
    fill(window, count)
    data = window.records[:count].tobytes()
    size = CHUNK * RECORD_BYTES
    for number in range(-(-count // CHUNK)):
        await broker.state.set(f"{RING_KEY}:{number}", data[number * size : (number + 1) * size])
    await broker.state.hset(STATE_KEY, mapping={"count": str(count), "token": "filled"})


class Worker:
    """The events worker as a process that may be killed."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.kills = settings, 0
        self.process: subprocess.Popen[bytes] = process("events", settings)

    async def kill_often(self) -> None:
        while True:
            await asyncio.sleep(KILL_EVERY_S)
            self.process.kill()
            self.process.wait()
            self.process, self.kills = process("events", self.settings), self.kills + 1

    def rss_mb(self) -> float:
        with open(f"/proc/{self.process.pid}/statm") as statm:  # noqa: PTH123
            return round(int(statm.read().split()[1]) * 4096 / 1e6)


async def publish(broker: Broker, articles: list[Article], a_second: float) -> None:
    """Publish *articles* at a steady rate, then wait until the worker has read them."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for number, article in enumerate(articles):
        await broker.publish([OutgoingMessage(ARTICLES.name, article.id.encode(), encode(article))])
        await asyncio.sleep(max(0.0, began_s + (number + 1) / a_second - loop.time()))
    while await broker.lag(ARTICLES.name, GROUP):
        await asyncio.sleep(0.1)


async def read_all(broker: Broker, topic: Topic) -> list[ConsumedMessage]:
    reader, out = await broker.open_reader(topic, "", Start.EARLIEST), list[ConsumedMessage]()
    while (batch := await reader.read(0.2)) or not await reader.at_end():
        out += batch
    await reader.close()
    return out


async def work(settings: Settings, articles: list[Article], a_second: float, filled: int, *, kills: bool) -> Any:
    """Return the delays of all events in seconds, the events, the kills, and the memory of the worker."""
    broker = await connect(settings, settings.broker_url)
    await store_window(broker, filled)
    worker = Worker(settings)
    first, rest = articles[:1], articles[1:]
    await publish(broker, first, a_second)  # the worker has started when it has read one
    killing = asyncio.create_task(worker.kill_often()) if kills else None
    await publish(broker, rest, a_second)
    if killing is not None:
        killing.cancel()
    memory_mb = worker.rss_mb()
    worker.process.terminate()
    worker.process.wait(60)
    times = {decode(m.value, Article).id: m.time_s for m in await read_all(broker, ARTICLES)}
    messages = [(m.time_s, decode(m.value, NewsEvent)) for m in await read_all(broker, EVENTS)]
    delays = [
        at - max(times[r.article_id] for r in e.articles if r.article_id in times) for at, e in messages if e.articles
    ]
    await broker.close()
    events = [(e.id, e.revision, tuple(r.article_id for r in e.articles), e.merged_into) for _, e in messages]
    return delays, events, worker.kills, memory_mb


def measure(count: int = 2000, a_second: float = 10.0, filled: int = 100_000) -> dict[str, Any]:
    """Return delays, memory, and whether both runs published the same events."""
    articles = [report.article for report in day(SEED, count)]
    results = []
    for kills in (False, True):
        with server(partitions=1) as settings:
            results.append(run(lambda: work(settings, articles, a_second, filled, kills=kills)))  # noqa: B023
    (delays, calm, _, memory_mb), (late, killed, kills, _) = results
    return {
        "articles": len(articles), "in_window": filled, "a_second": a_second, "events": len(calm),
        "delay_s": {q: round(float(np.quantile(delays, q)), 3) for q in (0.5, 0.99, 1)}, "memory_mb": memory_mb,
        "kills": kills, "delay_with_kills_s": {q: round(float(np.quantile(late, q)), 3) for q in (0.5, 0.99, 1)},
        "same_events": calm == killed, "repeated": len(killed) - len(set(killed)),
    }  # fmt: skip


if __name__ == "__main__":
    arguments = [float(value) if n == 1 else int(value) for n, value in enumerate(sys.argv[1:])]
    print(json.dumps(measure(*arguments), indent=1))  # type: ignore[arg-type]
