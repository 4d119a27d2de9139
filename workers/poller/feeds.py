"""The feeds: which there are, how each is doing, and whose turn it is. Shared by all pollers, in Redis.

copydesk:feeds        hash: URL → FeedState
copydesk:feeds:known  hash: URL → key and fingerprint of each item of its last document, 16 bytes an item
copydesk:feeds:turn   hash: URL → id of its last poll; changes with every poll and so guards each
copydesk:feeds:due    sorted set: URL by the time of its next poll; a claim moves it out of reach for a while
"""

import hashlib
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from streams.errors import SettingsError, UnreadableError
from streams.records import Item
from streams.transport.broker import Command, Guard
from streams.transport.redis_streams.client import translated
from workers.dedupe.identity import canonical_url

FEEDS, KNOWN, TURN, DUE = (f"copydesk:feeds{suffix}" for suffix in ("", ":known", ":turn", ":due"))
CLOCK = "copydesk:feeds:clock"  # the latest time that a poller has claimed at
CLOCK_WENT_BACK_S = 5.0
MAX_KNOWN = 10_000
DIGEST_BYTES = 8

# Should the clock have been put back, all due times move with it: else nothing would be polled for as long as that.
_CLAIM = """
local now, latest = tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[2]) or ARGV[1])
if latest - now > tonumber(ARGV[4]) then
  for _, feed in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    redis.call('ZINCRBY', KEYS[1], string.format('%.3f', now - latest), feed)
  end
end
redis.call('SET', KEYS[2], ARGV[1])
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, feed in ipairs(due) do redis.call('ZADD', KEYS[1], ARGV[2], feed) end
return due
"""


class FeedState(msgspec.Struct, omit_defaults=True, frozen=True):
    """How a feed is doing. Times are Unix seconds."""

    url: str
    folder: str = ""
    demo: bool = False
    title: str = ""
    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""
    polled_s: float = 0.0
    due_s: float = 0.0
    status: int = 0
    error: str = ""
    failures: int = 0
    polls: int = 0
    sent: int = 0


class Feeds:
    """The shared registry of feeds."""

    def __init__(self, state: Any, claim_s: float = 10.0) -> None:
        self.state, self.claim_s = state, claim_s
        self._claim = state.register_script(_CLAIM)

    async def add(self, urls: Iterable[tuple[str, str]], *, demo: bool = False) -> list[str]:
        """Add feeds as (URL, folder), due at once; returns the URLs that are new.

        Raises SettingsError for what is no http(s) URL.
        """
        wanted = {feed_url(url): folder for url, folder in urls}
        new = []
        with translated(self.state.url):
            for url, folder in wanted.items():
                state = FeedState(url, folder, demo)
                if await self.state.hsetnx(FEEDS, url, msgspec.json.encode(state)):
                    await self.state.hset(TURN, url, f"added-{secrets.token_hex(4)}")
                    new.append(url)
                await self.state.zadd(DUE, {url: 0}, nx=True)
        return new

    async def remove(self, urls: Sequence[str]) -> list[str]:
        """Remove feeds; returns the URLs that were there. A poll under way finds its turn gone and leaves no trace."""
        removed = []
        with translated(self.state.url):
            for url in urls:
                async with self.state.pipeline(transaction=True) as pipe:
                    for command in (
                        pipe.hdel(FEEDS, url),
                        pipe.hdel(TURN, url),
                        pipe.hdel(KNOWN, url),
                        pipe.zrem(DUE, url),
                    ):
                        del command
                    replies = await pipe.execute()
                if replies[0]:
                    removed.append(url)
        return removed

    async def all(self) -> list[FeedState]:
        """Return every feed, by URL."""
        with translated(self.state.url):
            raw = await self.state.hgetall(FEEDS)
        return sorted((_state(url, value) for url, value in raw.items()), key=lambda f: f.url)

    async def claim(self, limit: int) -> list[str]:
        """Return up to *limit* feeds that are due; nobody else gets them for `claim_s` seconds.

        A killed poller's feeds go to others after that; a living one renews its claims.
        """
        now_s = time.time()
        with translated(self.state.url):
            args = [now_s, now_s + self.claim_s, limit, CLOCK_WENT_BACK_S]
            return [url.decode() for url in await self._claim(keys=[DUE, CLOCK], args=args)]

    async def renew(self, urls: Sequence[str]) -> None:
        """Keep the claim on feeds whose polls are under way."""
        if urls:
            with translated(self.state.url):
                await self.state.zadd(DUE, dict.fromkeys(urls, time.time() + self.claim_s), xx=True)

    async def load(self, url: str) -> tuple[FeedState, str, bytes] | None:
        """Return a feed's state, its turn and its known items; None when it has been removed."""
        with translated(self.state.url):
            async with self.state.pipeline(transaction=True) as pipe:
                pipe.hget(FEEDS, url)
                pipe.hget(TURN, url)
                pipe.hget(KNOWN, url)
                state, turn, known = await pipe.execute()
        if state is None:
            await self.state.zrem(DUE, url)
            return None
        return _state(url.encode(), state), (turn or b"").decode(), known or b""


def _state(url: bytes, value: bytes) -> FeedState:
    try:
        return msgspec.json.decode(value, type=FeedState)
    except msgspec.DecodeError as exc:
        raise UnreadableError(f"state of feed {url.decode('utf-8', 'replace')}: {exc}") from exc


def feed_url(url: str) -> str:
    """Return *url* as feeds are known by; SettingsError for what is no http(s) URL."""
    url = url.strip()
    if not canonical_url(url) or urlsplit(url).hostname is None:
        raise SettingsError(f"feed {url!r}: not an http or https URL")
    return url


def recording(state: FeedState, known: bytes | None) -> list[Command]:
    """Return the commands that remember a poll's outcome; *known* None leaves the known items as they are."""
    commands: list[Command] = [
        ("HSET", FEEDS, state.url, msgspec.json.encode(state)),
        ("ZADD", DUE, state.due_s, state.url),
    ]
    if known is not None:
        commands.append(("HSET", KNOWN, state.url, known))
    return commands


def turn_guard(url: str, before: str, after: str) -> Guard:
    """Return the guard that lets one poll of a feed through, once."""
    return Guard(TURN, url, before, after)


def split_news(items: Sequence[Item], known: bytes) -> tuple[list[Item], bytes]:
    """Return the items that are new or changed since *known*, and what is known with them.

    Pure. An item counts as known while it is in the feed's document; one that comes back is the desk's to recognise.
    """
    before = _pairs(known)
    after: dict[bytes, bytes] = {}
    news = []
    for item in items:
        digest, print_ = _digest(item.key), bytes.fromhex(item.fingerprint)
        if before.get(digest) != print_ and after.get(digest) != print_:
            news.append(item)
        after[digest] = print_
    kept = list(after.items())[:MAX_KNOWN]
    return news, b"".join(d + p for d, p in kept)


def _pairs(known: bytes) -> Mapping[bytes, bytes]:
    step = 2 * DIGEST_BYTES
    return {known[n : n + DIGEST_BYTES]: known[n + DIGEST_BYTES : n + step] for n in range(0, len(known), step)}


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=DIGEST_BYTES).digest()
