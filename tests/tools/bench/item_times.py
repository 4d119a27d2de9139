"""The way of an item from its poll to its article, in parts, by the broker's clock."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from streams.brokers.base import Broker, ConsumedMessage
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.codec import decode
from streams.config.settings import Settings
from streams.records import Article, Item, MessageId, PollResult
from streams.start import Start
from streams.subscribe import Subscription
from streams.topics import POLLS
from tests.support.server_commands import server_commands

SHARES = (0.5, 0.9, 0.99, 1.0)


class Times(NamedTuple):
    """Unix times of an item: begin of its poll, arrival in the items topic, article. *fetch_s*: of the request."""

    feed: str
    started_s: float
    fetch_s: float
    arrived_s: float
    article_s: float

    def parts(self) -> dict[str, float]:
        """Return the seconds of each part and of all."""
        return {
            "all": self.article_s - self.started_s,
            "fetch": self.fetch_s,
            "parse": self.arrived_s - self.started_s - self.fetch_s,
            "desk": self.article_s - self.arrived_s,
        }


class ArticleTimes:
    """Collects the articles of *feeds* since *began_s*; counts the other articles that `is_stolen` accepts."""

    def __init__(self, feeds: Collection[str], began_s: float) -> None:
        self.feeds, self.began_s = feeds, began_s
        self.articles: list[tuple[MessageId, float]] = []
        self.stolen = 0

    async def read(self, settings: Settings) -> None:
        """Read the articles until cancelled."""
        async with Subscription("articles", start="start", settings=settings) as articles:
            async for message, article in articles.messages():
                self._add(message, article)

    def _add(self, message: ConsumedMessage, article: Article) -> None:
        if article.feed in self.feeds:
            if article.source is not None and article.fetched_at and article.fetched_at.timestamp() > self.began_s:
                self.articles.append((article.source, message.time_s))
        elif article.url.startswith("http://good.example/") and article.revision > 1:
            self.stolen += 1

    async def times(self, broker: RedisStreamsBroker) -> list[Times]:
        """Return the times of the articles whose items are stored."""
        fetch_s = await _fetch_times(broker)
        rows, state = [], server_commands(broker.state)
        for source, article_s in self.articles:
            entry = f"0-{source.offset + 1}"
            for _, fields in await state.xrange(broker.stream(source.topic, source.partition), entry, entry):
                item, arrived_s = decode(fields[b"v"], Item), float(fields[b"t"])
                started_s = item.fetched_at.timestamp()
                rows.append(Times(item.feed, started_s, fetch_s.get(item.poll_id, 0.0), arrived_s, article_s))
        return rows


def quantiles(times: Sequence[Times]) -> dict[str, dict[str, float]]:
    """Return the seconds of each part at SHARES; each part is sorted for itself."""
    out = {}
    for part in times[0].parts() if times else ():
        values = sorted(row.parts()[part] for row in times)
        out[part] = {f"{q:g}": round(values[min(len(values) - 1, int(len(values) * q))], 3) for q in SHARES}
    return out


def worst(times: Sequence[Times], count: int = 8) -> list[dict[str, float | str]]:
    """Return the parts of the latest articles."""
    rows = sorted(times, key=lambda row: row.started_s - row.article_s)[:count]
    return [{"started_s": round(r.started_s, 2), **{k: round(v, 3) for k, v in r.parts().items()}} for r in rows]


async def memory_by_key(broker: RedisStreamsBroker, above_mb: float = 1.0) -> dict[str, float]:
    """Return the MB of the keys with a common name of two parts, or a topic, above *above_mb*."""
    sizes: Counter[str] = Counter()
    state = server_commands(broker.state)
    async for key in state.scan_iter(count=1_000):
        parts = key.decode().split(":")
        size = await state.memory_usage(key, samples=0)
        sizes[":".join(parts[1 : 3 if parts[1] in ("stream", "stories", "feeds") else 2])] += size or 0
    return {name: round(size / 1e6, 1) for name, size in sizes.most_common() if size > 1e6 * above_mb}


async def _fetch_times(broker: Broker) -> dict[str, float]:
    """Return the seconds of the request by poll."""
    reader = await broker.open_reader(POLLS, "", Start.EARLIEST)
    times: dict[str, float] = {}
    while (batch := await reader.read(0.2)) or not await reader.at_end():
        polls = [decode(message.value, PollResult) for message in batch]
        times |= {poll.id: (poll.elapsed_ms or 0) / 1000 for poll in polls}
    await reader.close()
    return times
