"""Evidence: what the stream has seen of each site, in Redis, bounded without a clock.

    copydesk:evidence:<site>:<part>:<shard>   hash: h + key of a title, l + key of a line → articles that have it
    copydesk:evidence:<site>:count            articles seen

A part holds a fixed number of articles. When it is full the next begins and the one before the last goes: what a site
hasn't shown for so long counts no more. A site that shows nothing at all for weeks is forgotten whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from streams.records import Item
from streams.topics import DAY_S
from streams.transport.broker import Command
from streams.transport.redis_streams.client import translated
from workers.clean.facts import Facts, line_key
from workers.clean.lines import word_count

PREFIX = "copydesk:evidence"
PART_ARTICLES = 150
PARTS = 2
SHARDS = 16  # keeps hashes at a few hundred fields, where they are stored most tightly
MAX_LINES = 60  # of one article
MAX_LINE_WORDS = 60  # a longer one is no template, and no headline
FORGOTTEN_S = 45 * DAY_S


@dataclass(frozen=True)
class Question:
    """What is asked of one story: its site, and the keys of its lines."""

    site: str
    keys: frozenset[bytes]


def site_of(item: Item) -> str:
    """Return whose templates and headlines an item may carry: its link's host, else its feed."""
    try:
        host = urlsplit(item.link).hostname or ""
    except ValueError:
        host = ""
    return host.removeprefix("www.") or item.feed


class Evidence:
    """Recalls and remembers what sites show. Remembering gives commands, for the step that publishes."""

    def __init__(self, state: Any, part_articles: int = PART_ARTICLES) -> None:
        self.state = state
        self.part_articles = part_articles
        self.counts: dict[str, int] = {}

    async def recall(self, questions: Sequence[Question]) -> list[Facts]:
        """Return the facts for each question, in one round trip; in two where a site's part has changed meanwhile."""
        sites = list(dict.fromkeys(q.site for q in questions))
        async with self.state.pipeline(transaction=False) as pipe:
            pipe.mget([f"{PREFIX}:{site}:count" for site in sites] or [f"{PREFIX}:count"])
            asked = [list(self._ask(pipe, q, self._parts(q.site))) for q in questions]
            with translated(self.state.url):
                counts, *replies = await pipe.execute()
        before = [self._parts(site) for site in sites]
        self.counts |= {site: int(count or 0) for site, count in zip(sites, counts, strict=False)}
        if before != [self._parts(site) for site in sites]:
            return await self.recall(questions)
        found = iter(replies)
        return [self._facts(q.site, keys, found) for q, keys in zip(questions, asked, strict=True)]

    def _ask(self, pipe: Any, question: Question, parts: range) -> Iterable[list[bytes]]:
        for shard, keys in _sharded(question.keys).items():
            for part in parts:
                pipe.hmget(_key(question.site, part, shard), [kind + key for key in keys for kind in (b"h", b"l")])
            yield keys

    def _parts(self, site: str) -> range:
        newest = self.counts.get(site, 0) // self.part_articles
        return range(max(0, newest - PARTS + 1), newest + 1)

    def _facts(self, site: str, asked: Sequence[list[bytes]], replies: Any) -> Facts:
        headlines: set[bytes] = set()
        repeats: dict[bytes, int] = {}
        parts = self._parts(site)
        for keys in asked:
            for _ in parts:
                values = next(replies)
                for key, title, line in zip(keys, values[::2], values[1::2], strict=True):
                    if title is not None:
                        headlines.add(key)
                    if line is not None:
                        repeats[key] = repeats.get(key, 0) + int(line)
        return Facts(headlines, repeats, self.counts.get(site, 0) - parts.start * self.part_articles)

    def remember(self, site: str, title: str, lines: Iterable[str]) -> list[Command]:
        """Return the commands that remember one more article of *site*, which was asked about just before."""
        count = self.counts.get(site, 0)
        self.counts[site] = count + 1
        part = count // self.part_articles
        fields = [b"l" + key for key in _line_keys(lines)] + [b"h" + key for key in [line_key(title)] if key]
        commands: list[Command] = [("INCR", f"{PREFIX}:{site}:count")]
        commands += [("HINCRBY", _key(site, part, field[1] % SHARDS), field, 1) for field in fields]
        touched = [
            f"{PREFIX}:{site}:count",
            *(_key(site, part, shard) for shard in sorted({f[1] % SHARDS for f in fields})),
        ]
        commands += [("EXPIRE", key, FORGOTTEN_S) for key in touched]
        if count and count % self.part_articles == 0:
            commands.append(("UNLINK", *(_key(site, part - PARTS, shard) for shard in range(SHARDS))))
        return commands


def _key(site: str, part: int, shard: int) -> str:
    return f"{PREFIX}:{site}:{part}:{shard}"


def _line_keys(lines: Iterable[str]) -> list[bytes]:
    short = [line for line in lines if 1 <= word_count(line) <= MAX_LINE_WORDS]
    return list(dict.fromkeys(key for line in short[-MAX_LINES:] if (key := line_key(line))))


def _sharded(keys: Iterable[bytes]) -> Mapping[int, list[bytes]]:
    out: dict[int, list[bytes]] = {}
    for key in keys:
        out.setdefault(key[0] % SHARDS, []).append(key)
    return out
