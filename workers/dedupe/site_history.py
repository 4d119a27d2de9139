"""Headlines and repeated lines of each site, in Redis, for the cleaner. Bounded by count (`streams.state.segments`).

    copydesk:site-history:<site>:<segment>:<shard>   hash: h + key of a title, l + key of a line or path → `Votes`
    copydesk:site-history:<site>:<segment>:names     hash: key of a repeated line or path → its text, for reports
    copydesk:site-history:<site>:count               articles recorded

A site is an outlet or a channel: all channels of a video site have one host. The cleaner never sees this module: it
gets `SiteFacts`. Near-duplicate detection counts the sentences of each source in a `SentenceHistory`. A site without
articles for EXPIRY_S is forgotten. Old articles of an archive have a history for each year, `<site>@<year>`.
"""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import compress, islice
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from streams.brokers.base import RedisCommand
from streams.records import Item
from streams.state.lookup import Lookup, OutdatedError, look_up
from streams.state.segments import Segments
from streams.topics import DAY_S
from workers.clean.site_facts import NO_EVIDENCE, Evidence, SiteFacts, line_key

PREFIX = "copydesk:site-history"
SEGMENT_ARTICLES = 150
SENTENCE_SEGMENT_ARTICLES = 75
SEGMENTS = 2
SHARDS = 16  # a few hundred entries in each hash, below hash-max-listpack-entries (512)
MAX_LINES = 60  # per article
MAX_NAME_CHARS = 100
MAX_SITES = 10_000  # whose counts a process remembers, about 2 MB; a batch has at most 1,000 sites
EXPIRY_S = 45 * DAY_S


class SiteQuery(NamedTuple):
    """The site of an item, and the keys of the item's lines."""

    site: str
    keys: frozenset[bytes]


def site_of(item: Item) -> str:
    """Return the site whose templates and headlines an item may carry: its publisher, else its link's host or feed."""
    return item.publisher.casefold()[:MAX_NAME_CHARS] or host_of(item)


def era_of(article_s: float, arrived_s: float) -> str:
    """Return the year of an article that is older than any live history; "" for a later one. Unix times.

    Articles of an archive then neither use nor displace the history of the site's current templates.
    """
    return str(datetime.fromtimestamp(article_s, UTC).year) if arrived_s - article_s > EXPIRY_S else ""


def in_era(name: str, era: str) -> str:
    """Return the name of a site or source in *era*; "" stays unknown."""
    return f"{name}@{era}" if name and era else name


def host_of(item: Item) -> str:
    """Return the host of an item's link, else its feed."""
    try:
        host = urlsplit(item.link).hostname or ""
    except ValueError:
        host = ""
    return host.removeprefix("www.") or item.feed


class SiteHistory:
    """Store of headlines and lines by site. `record_commands` returns commands for the desk's atomic step."""

    PREFIX, SHARDS, COUNTS = PREFIX, SHARDS, "sum"

    def __init__(self, state: Any, segment_articles: int = SEGMENT_ARTICLES) -> None:
        self.state, self.segment_articles = state, segment_articles
        self.counts = OrderedDict[str, int]()  # site → articles recorded, as of the last look-up

    async def get(self, queries: Sequence[SiteQuery]) -> list[SiteFacts]:
        """Return the facts for each query. One round trip; more when a site's segment has changed since the last."""
        if not queries:
            return []
        [facts] = await look_up(self.state, self.lookup(queries))
        return list(facts)

    def lookup(self, queries: Sequence[SiteQuery]) -> Lookup[list[SiteFacts]]:
        """Return the look-up of the facts for each query."""
        hashes, live = _keys_by_hash(queries, self.SHARDS), dict[str, range]()

        def commands() -> list[RedisCommand]:
            live.update((site, self._live(site)) for site in hashes)
            return [command for site, keys in hashes.items() for command in self._commands(site, live[site], keys)]

        async def read(replies: Sequence[Any]) -> list[SiteFacts]:
            lines, answers = dict[str, _Lines](), iter(replies)
            for site, keys in hashes.items():
                self._count(site, int(next(answers) or 0))
                lines[site] = self._read(keys, len(live[site]), answers)
            if any(live[site] != self._live(site) for site in hashes):
                raise OutdatedError
            return [self._facts(query, lines[query.site]) for query in queries]

        return Lookup(commands, read)

    def _count(self, site: str, count: int) -> None:
        self.counts[site] = count
        self.counts.move_to_end(site)
        if len(self.counts) > MAX_SITES:
            self.counts.popitem(last=False)

    def _commands(self, site: str, live: range, keys: Mapping[int, Sequence[bytes]]) -> list[RedisCommand]:
        """Return the commands that read the number of articles, and the numbers of the *keys* of each hash."""
        segments, types = self._segments(site), (b"h", b"l") if self.COUNTS == "sum" else (b"l",)
        out: list[RedisCommand] = [("GET", segments.count_key)]
        for shard, group in keys.items():
            fields = [name + key for key in group for name in types]
            out += [("HMGET", segments.keys(segment)[shard], *fields) for segment in live]
        return out

    def _read(self, keys: Mapping[int, Sequence[bytes]], segments: int, answers: Iterator[Any]) -> "_Lines":
        """Return the lines in the replies to `_commands`, after the number of articles."""
        has_headlines, headlines, repeats = self.COUNTS == "sum", set[bytes](), dict[bytes, int]()
        for group in keys.values():
            for values in islice(answers, segments):
                if has_headlines:
                    headlines.update(compress(group, values[::2]))
                    values = values[1::2]
                for key, value in zip(group, values, strict=True):
                    if value is not None:
                        count, before = int(value), repeats.get(key, 0)
                        repeats[key] = before + count if has_headlines else max(before, count)
        return _Lines(headlines, repeats)

    def record_commands(
        self, site: str, title: str, lines: Iterable[str], evidence: Evidence = NO_EVIDENCE, reset: Sequence[bytes] = ()
    ) -> list[RedisCommand]:
        """Return the commands that record one more article of *site*, which `get` or `lookup` has just read.

        *reset*: keys whose counts restart at zero.
        """
        headline = line_key(title)
        fields = {b"l" + key: votes for key, votes in evidence.votes.items()}
        for key in _line_keys(lines):
            fields[b"l" + key] = fields.get(b"l" + key, 0) + 1
        if headline:
            fields[b"h" + headline] = 1
        segments, newest, unlink = self._next(site)
        names = segments.keys(newest)
        hashes = {field: names[field[1] % self.SHARDS] for field in fields}
        commands = [*unlink, ("INCR", segments.count_key)]
        for segment in segments.live(newest) if reset else ():
            commands += [("HDEL", segments.key(segment, key[0] % self.SHARDS), b"l" + key) for key in reset]
        commands += [("HINCRBY", hashes[field], field, votes) for field, votes in fields.items()]
        keys = [segments.count_key, *sorted(set(hashes.values()))]
        if evidence.names:
            keys.append(names_key(segments, newest))
            commands.append(("HSET", keys[-1], *(part for pair in evidence.names.items() for part in pair)))
        return [*commands, *(("EXPIRE", key, EXPIRY_S) for key in keys)]

    def _next(self, site: str) -> tuple[Segments, int, list[RedisCommand]]:
        """Return the newest segment of *site* for one more article, and the commands that unlink an expired one."""
        segments, count = self._segments(site), self.counts.get(site, 0)
        self.counts[site] = count + 1
        newest = segments.newest(count)
        begins = count and count % self.segment_articles == 0
        expired = newest - SEGMENTS
        return segments, newest, [("UNLINK", *segments.keys(expired), names_key(segments, expired))] if begins else []

    def _segments(self, site: str) -> Segments:
        return Segments(f"{self.PREFIX}:{site}", self.segment_articles, SEGMENTS, self.SHARDS)

    def _live(self, site: str) -> range:
        segments = self._segments(site)
        return segments.live(segments.newest(self.counts.get(site, 0)))

    def _facts(self, query: SiteQuery, lines: "_Lines") -> SiteFacts:
        site, keys = query
        repeats = {key: lines.repeats[key] for key in keys if key in lines.repeats}  # `&` would read all of the lines
        articles = self.counts.get(site, 0) - self._live(site).start * self.segment_articles
        return SiteFacts(keys & lines.headlines, repeats, articles)


class _Lines(NamedTuple):
    """The headlines of a site among the keys that were looked up, and the number of articles with each line."""

    headlines: set[bytes]
    repeats: dict[bytes, int]


def _keys_by_hash(queries: Sequence[SiteQuery], shards: int) -> dict[str, dict[int, list[bytes]]]:
    """Return the keys of all queries once: site → shard → keys. Items of a site have many lines in common."""
    sites: dict[str, set[bytes]] = {}
    for site, keys in queries:
        sites.setdefault(site, set()).update(keys)
    out: dict[str, dict[int, list[bytes]]] = {}
    for site, site_keys in sites.items():
        by_shard = out[site] = dict[int, list[bytes]]()
        for key in site_keys:
            by_shard.setdefault(key[0] % shards, []).append(key)
    return out


class SentenceHistory(SiteHistory):
    """Number of articles of each source that have a sentence.

    The number of a repeated sentence is written again with each article, so it remains when a segment is dropped. An
    article takes a third of the commands of a `SiteHistory`.

        copydesk:sentences:<source>:<segment>:<shard>    hash: l + key of a sentence → articles that have it
        copydesk:sentences:<source>:count                articles recorded
    """

    PREFIX, SHARDS, COUNTS = "copydesk:sentences", 4, "max"

    def __init__(self, state: Any, segment_articles: int = SENTENCE_SEGMENT_ARTICLES) -> None:
        super().__init__(state, segment_articles)

    def count_commands(self, articles: Iterable[tuple[str, Mapping[bytes, int]]]) -> list[RedisCommand]:
        """Return the commands that record more articles: their sources, and the new number of each sentence."""
        recorded: Counter[str] = Counter()
        fields: defaultdict[str, dict[bytes, int]] = defaultdict(dict)
        commands: list[RedisCommand] = []
        for source, counts in articles:
            segments, newest, unlink = self._next(source)
            commands += unlink
            recorded[segments.count_key] += 1
            shards = [fields[name] for name in segments.keys(newest)]
            for key, count in counts.items():
                shards[key[0] % len(shards)][b"l" + key] = count
        commands += [("INCRBY", key, count) for key, count in recorded.items()]
        filled = {key: values for key, values in fields.items() if values}
        commands += [
            ("HSET", key, *(part for pair in values.items() for part in pair)) for key, values in filled.items()
        ]
        return [*commands, *(("EXPIRE", key, EXPIRY_S) for key in (*recorded, *filled))]


def names_key(segments: Segments, segment: int) -> str:
    """Return the key of the texts of a segment."""
    return f"{segments.prefix}:{segment}:names"


def _line_keys(lines: Iterable[str]) -> list[bytes]:
    filled = [line for line in lines if line and not line.isspace()]
    return list(dict.fromkeys(key for line in filled[-MAX_LINES:] if (key := line_key(line))))
