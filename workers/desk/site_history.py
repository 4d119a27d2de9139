"""Evidence: what the stream has seen of each site, in Redis, bounded without a clock.

    copydesk:evidence:<site>:<part>:<shard>   hash: h + key of a title, l + key of a line → articles that have it
    copydesk:evidence:<site>:count            articles seen

A part holds a fixed number of articles. When it is full the next begins and the one before the last goes: what a site
hasn't shown for so long counts no more. A site that shows nothing at all for weeks is forgotten whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from streams.brokers.base import RedisCommand
from streams.records import Item
from streams.state.redis_client import map_redis_errors
from streams.topics import DAY_S
from workers.clean.line_types import word_count
from workers.clean.site_facts import KEY_BYTES, SiteFacts, line_key

PREFIX = "copydesk:evidence"
SEGMENT_ARTICLES = 150
SEGMENTS = 2
SHARDS = 16  # keeps hashes at a few hundred fields, where they are stored most tightly
MAX_LINES = 60  # of one article
MAX_LINE_WORDS = 60  # a longer one is no template, and no headline
EXPIRY_S = 45 * DAY_S

# Most keys are known to nobody: answers with those that are, by their numbers, are a hundredth of what would travel.
_RECALL = """
-- ARGV: prefix, shards, bytes of a key; for each question its site, first part, last part, keys in a row
local prefix, shards, size, answers = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), {}
for at = 4, #ARGV, 4 do
  local site, keys = prefix .. ':' .. ARGV[at], ARGV[at + 3]
  local by_shard, titles, counts = {}, {}, {}
  for n = 1, #keys / size do
    local key = string.sub(keys, (n - 1) * size + 1, n * size)
    local shard = string.byte(key, 1) % shards
    local asked = by_shard[shard] or {numbers = {}, fields = {}}
    by_shard[shard] = asked
    asked.numbers[#asked.numbers + 1] = n
    asked.fields[#asked.fields + 1] = 'h' .. key
    asked.fields[#asked.fields + 1] = 'l' .. key
  end
  for shard, asked in pairs(by_shard) do
    for part = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]) do
      local found = redis.call('HMGET', site .. ':' .. part .. ':' .. shard, unpack(asked.fields))
      for i, n in ipairs(asked.numbers) do
        if found[2 * i - 1] then titles[n] = true end
        if found[2 * i] then counts[n] = (counts[n] or 0) + tonumber(found[2 * i]) end
      end
    end
  end
  local answer = {tonumber(redis.call('GET', site .. ':count') or 0), {}, {}}
  for n = 1, #keys / size do
    if titles[n] then answer[2][#answer[2] + 1] = n end
    if counts[n] then
      answer[3][#answer[3] + 1] = n
      answer[3][#answer[3] + 1] = counts[n]
    end
  end
  answers[#answers + 1] = answer
end
return answers
"""


@dataclass(frozen=True)
class SiteQuery:
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


class SiteHistory:
    """Recalls and remembers what sites show. Remembering gives commands, for the step that publishes."""

    def __init__(self, state: Any, part_articles: int = SEGMENT_ARTICLES) -> None:
        self.state = state
        self.segment_articles = part_articles
        self.counts: dict[str, int] = {}
        self._recall = state.register_script(_RECALL)

    async def lookup(self, questions: Sequence[SiteQuery]) -> list[SiteFacts]:
        """Return the facts for each question, in one round trip; in two where a site's part has changed meanwhile."""
        if not questions:
            return []
        asked = [sorted(q.keys) for q in questions]
        args: list[Any] = [PREFIX, SHARDS, KEY_BYTES]
        for question, keys in zip(questions, asked, strict=True):
            parts = self._parts(question.site)
            args += [question.site, parts.start, parts.stop - 1, b"".join(keys)]
        with map_redis_errors(self.state.url):
            found = await self._recall(args=args)
        before = [self._parts(q.site) for q in questions]
        self.counts |= {q.site: int(answer[0]) for q, answer in zip(questions, found, strict=True)}
        if before != [self._parts(q.site) for q in questions]:
            return await self.lookup(questions)
        return [self._facts(q.site, keys, a) for q, keys, a in zip(questions, asked, found, strict=True)]

    def _parts(self, site: str) -> range:
        newest = self.counts.get(site, 0) // self.segment_articles
        return range(max(0, newest - SEGMENTS + 1), newest + 1)

    def _facts(self, site: str, keys: Sequence[bytes], answer: Sequence[Any]) -> SiteFacts:
        headlines = {keys[number - 1] for number in answer[1]}
        repeats = {keys[number - 1]: int(count) for number, count in zip(answer[2][::2], answer[2][1::2], strict=True)}
        return SiteFacts(headlines, repeats, self.counts.get(site, 0) - self._parts(site).start * self.segment_articles)

    def record_commands(self, site: str, title: str, lines: Iterable[str]) -> list[RedisCommand]:
        """Return the commands that remember one more article of *site*, which was asked about just before."""
        count = self.counts.get(site, 0)
        self.counts[site] = count + 1
        part = count // self.segment_articles
        fields = [b"l" + key for key in _line_keys(lines)] + [b"h" + key for key in [line_key(title)] if key]
        commands: list[RedisCommand] = [("INCR", f"{PREFIX}:{site}:count")]
        commands += [("HINCRBY", _key(site, part, field[1] % SHARDS), field, 1) for field in fields]
        touched = [
            f"{PREFIX}:{site}:count",
            *(_key(site, part, shard) for shard in sorted({f[1] % SHARDS for f in fields})),
        ]
        commands += [("EXPIRE", key, EXPIRY_S) for key in touched]
        if count and count % self.segment_articles == 0:
            commands.append(("UNLINK", *(_key(site, part - SEGMENTS, shard) for shard in range(SHARDS))))
        return commands


def _key(site: str, part: int, shard: int) -> str:
    return f"{PREFIX}:{site}:{part}:{shard}"


def _line_keys(lines: Iterable[str]) -> list[bytes]:
    short = [line for line in lines if 1 <= word_count(line) <= MAX_LINE_WORDS]
    return list(dict.fromkeys(key for line in short[-MAX_LINES:] if (key := line_key(line))))
