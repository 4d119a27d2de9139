"""The feeds: which there are, how each is doing, and whose turn it is. Shared by all pollers, in Redis.

copydesk:feeds        hash: id → FeedState; changes with every poll, and so guards each
copydesk:feeds:known  hash: id → key and fingerprint of each item of its last document, 8 bytes an item
copydesk:feeds:of:HOST  sorted set: id by the time of its next poll, for each host
copydesk:feeds:due    sorted set: host by the time that one of its feeds may be polled
copydesk:feeds:busy   hash: host → until when the one poll that is under way there may take
copydesk:feeds:gaps   hash: host → seconds between its polls, where it wants more than others
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from streams.brokers.base import Condition, RedisCommand
from streams.clock import boottime_s
from streams.errors import SettingsError, UnreadableError
from streams.state.redis_client import map_redis_errors
from workers.poller.schedule import History, PollHints
from workers.urls.canonical import canonical_url

FEEDS, KNOWN, HOST_FEEDS, DUE_HOSTS, CLAIMED_HOSTS, HOST_DELAYS = (
    f"copydesk:feeds{suffix}" for suffix in ("", ":known", ":of:", ":due", ":busy", ":gaps")
)
WEBSUB = "copydesk:websub"  # see websub.py; a feed that is removed takes its subscription along
CLOCK = "copydesk:feeds:clock"  # hash: the latest time of a claim, and how many leaps of the clock were seen
LATEST, CLOCK_JUMPS = "latest", "leaps"
CLOCK_WENT_BACK_S = 5.0
CLOCK_JUMP_S = 60.0
MAX_HOST_DELAY_S = 60.0
ID_BYTES = 8

# Redis has the one clock for all pollers. Should it have been put back or forth, all due times move with it: else
# nothing would be polled for as long as that, or everything at once. It leapt forth if more time has passed by it than
# has by the clock that only counts.
_CLAIM = """
local t = redis.call('TIME')
local at = string.format('%.3f', t[1] + t[2] / 1e6)
local now = tonumber(at)  -- not a hair more or less than what is compared with scores: else the loop below has no end
local claim, limit, passed, of = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[6]
local latest = tonumber(redis.call('HGET', KEYS[3], 'latest') or now)
local leap = 0
if latest - now > tonumber(ARGV[4]) then leap = now - latest
elseif passed >= 0 and now - latest - passed > tonumber(ARGV[5]) then leap = now - latest - passed end
if leap ~= 0 then
  local by = string.format('%.3f', leap)
  for _, host in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    redis.call('ZINCRBY', KEYS[1], by, host)
    for _, feed in ipairs(redis.call('ZRANGE', of .. host, 0, -1)) do redis.call('ZINCRBY', of .. host, by, feed) end
  end
  redis.call('HINCRBY', KEYS[3], 'leaps', 1)
end
local till = string.format('%.3f', now + claim)
redis.call('HSET', KEYS[3], 'latest', at)
local claimed = {}
while #claimed < limit do
  local host = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', at, 'LIMIT', 0, 1)[1]
  if not host then break end
  local first = redis.call('ZRANGE', of .. host, 0, 0, 'WITHSCORES')
  if not first[1] then redis.call('ZREM', KEYS[1], host)
  elseif tonumber(first[2]) > now then redis.call('ZADD', KEYS[1], first[2], host)
  else
    local state = redis.call('HGET', KEYS[4], first[1])
    if state then
      redis.call('ZADD', KEYS[1], till, host)
      redis.call('HSET', KEYS[2], host, till)
      claimed[#claimed + 1] = state
    else redis.call('ZREM', of .. host, first[1]) end
  end
end
return {at, redis.call('HGET', KEYS[3], 'leaps') or '', claimed}
"""

# Only of a poll that is still under way: one that has ended in the meantime has let its host go.
_RENEW = """
local t = redis.call('TIME')
local till = string.format('%.3f', t[1] + t[2] / 1e6 + ARGV[1])
for i = 2, #ARGV do
  if redis.call('HEXISTS', KEYS[2], ARGV[i]) == 1 then
    redis.call('ZADD', KEYS[1], 'XX', till, ARGV[i])
    redis.call('HSET', KEYS[2], ARGV[i], till)
  end
end
"""

# A feed becomes due at once. Its host does too, unless a poll is under way there: that comes to an end first.
_HURRY = """
local now, found = tonumber(redis.call('TIME')[1]), {}
for i = 1, #ARGV, 2 do
  local host, feed = ARGV[i], ARGV[i + 1]
  if redis.call('ZSCORE', KEYS[3] .. host, feed) then
    redis.call('ZADD', KEYS[3] .. host, 0, feed)
    local busy = tonumber(redis.call('HGET', KEYS[2], host) or 0)
    if busy < now then redis.call('ZADD', KEYS[1], 0, host) end
    found[#found + 1] = feed
  end
end
return found
"""


# One question and one answer: half of what a transaction of four costs here.
_LOAD = """
local out = {}
for n = 1, 4 do out[n] = redis.call('HGET', KEYS[n], ARGV[n]) end
return out
"""

_SWAP = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""


class FeedState(msgspec.Struct, array_like=True, omit_defaults=True, frozen=True):
    """How a feed is doing. Times are Unix seconds. `location` is where it has moved to for good.

    Kept without names, which would take as much again: a field is added at the end, with a default.
    """

    url: str
    folder: str = ""
    demo: bool = False
    paused: bool = False
    title: str = ""
    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""
    polled_s: float = 0.0
    fetched_s: float = 0.0  # when the document last came whole
    due_s: float = 0.0
    status: int = 0
    error: str = ""
    error_kind: str = ""  # of the error, for programs
    failures: int = 0
    polls: int = 0
    items_total: int = 0
    moved_to: str = ""
    redirect_to: str = ""
    redirect_count: int = 0
    redirect_since_s: float = 0.0
    document_items: int = 0  # items that its document holds
    hints: PollHints = PollHints()
    history: History | None = None
    websub_hub: str = ""  # WebSub's
    websub_topic: str = ""
    polls_since_push: int = 0  # polls, one after another, that found what no hub had pushed
    identity_basis: str = ""  # what most of its items are known by


class ClaimedFeed(msgspec.Struct, frozen=True):
    """A feed as a poll needs it: its state, also as it is `kept`, its known items, its host's time between polls."""

    state: FeedState
    encoded_state: bytes
    known_items: bytes
    host_delay_s: float
    websub: bytes

    def guard(self, state: FeedState) -> Condition:
        """Return the guard that lets one poll through, once, and remembers the *state* that it leads to."""
        return Condition(FEEDS, feed_id(self.state.url), self.encoded_state, msgspec.json.encode(state))


class ClaimClock(NamedTuple):
    """What the time was by Redis at a claim, how many leaps it had made by then, and what goes on counting since."""

    time_s: float
    jumps: str
    ticks_s: float

    def now_s(self) -> float:
        """Return the Unix time; leaps of the clock since the claim don't show in it."""
        return self.time_s + boottime_s() - self.ticks_s

    def guard(self) -> Condition:
        """Return the guard against a leap since the claim: due times would stand in the time before it."""
        return Condition(CLOCK, CLOCK_JUMPS, self.jumps, self.jumps)


class FeedRegistry:
    """The shared registry of feeds."""

    def __init__(self, state: Any, claim_s: float = 10.0, gap_s: float = 0.0) -> None:
        self.state, self.claim_s, self.host_delay_s = state, claim_s, gap_s
        scripts = (_CLAIM, _RENEW, _HURRY, _LOAD, _SWAP)
        self._claim, self._renew, self._hurry, self._load, self._swap = map(state.register_script, scripts)
        self.clock = ClaimClock(0.0, "", 0.0)

    async def add(self, urls: Iterable[tuple[str, str]], *, demo: bool = False) -> list[str]:
        """Add feeds as (URL, folder), due at once; returns the URLs that are new.

        Raises SettingsError for what is no http(s) URL.
        """
        wanted = {validate_feed_url(url): folder for url, folder in urls}
        new = []
        with map_redis_errors(self.state.url):
            for url, folder in wanted.items():
                state, id_ = FeedState(url, folder, demo), feed_id(url)
                if await self.state.hsetnx(FEEDS, id_, msgspec.json.encode(state)):
                    new.append(url)
                # Known feeds too: adding one may have been cut off in the middle.
                await self.state.zadd(HOST_FEEDS + host_key(url), {id_: 0}, nx=True)
                await self.state.zadd(DUE_HOSTS, {host_key(url): 0}, nx=True)
        await self.poll_now(new)
        return new

    async def remove(self, urls: Sequence[str]) -> list[str]:
        """Remove feeds; returns the URLs that were there. A poll under way finds it gone and leaves no trace."""
        removed = []
        with map_redis_errors(self.state.url):
            for url in urls:
                async with self.state.pipeline(transaction=True) as pipe:
                    for command in (
                        pipe.hdel(FEEDS, feed_id(url)),
                        pipe.hdel(KNOWN, feed_id(url)),
                        pipe.hdel(WEBSUB, url),
                        pipe.zrem(HOST_FEEDS + host_key(url), feed_id(url)),
                    ):
                        del command
                    replies = await pipe.execute()
                if replies[0]:
                    removed.append(url)
        return removed

    async def all(self) -> list[FeedState]:
        """Return every feed, by URL."""
        with map_redis_errors(self.state.url):
            raw = await self.state.hvals(FEEDS)
        return sorted(map(_state, raw), key=lambda f: f.url)

    async def claim(self, limit: int) -> list[str]:
        """Return up to *limit* feeds that are due, each of another host; the hosts are ours for `claim_s` seconds.

        A killed poller's claims go to others after that time; a living one renews them.
        """
        now_ticks_s = boottime_s()
        passed_s = now_ticks_s - self.clock.ticks_s if self.clock.ticks_s else -1.0
        with map_redis_errors(self.state.url):
            args = [self.claim_s, limit, passed_s, CLOCK_WENT_BACK_S, CLOCK_JUMP_S, HOST_FEEDS]
            time_s, leaps, claimed = await self._claim(keys=[DUE_HOSTS, CLAIMED_HOSTS, CLOCK, FEEDS], args=args)
        self.clock = ClaimClock(float(time_s), leaps.decode(), now_ticks_s)
        return [_state(kept).url for kept in claimed]

    async def renew(self, urls: Sequence[str]) -> None:
        """Keep the claim on feeds whose polls are under way."""
        if urls:
            with map_redis_errors(self.state.url):
                await self._renew(keys=[DUE_HOSTS, CLAIMED_HOSTS], args=[self.claim_s, *map(host_key, urls)])

    async def load(self, url: str) -> ClaimedFeed | None:
        """Return a feed as a poll needs it; None when it has been removed or paused."""
        with map_redis_errors(self.state.url):
            found = await self._load(
                keys=[FEEDS, KNOWN, WEBSUB, HOST_DELAYS], args=[id_ := feed_id(url), id_, url, host_key(url)]
            )
        kept, known, websub, gap = found
        if kept is None or (state := _state(kept)).paused:
            return None
        return ClaimedFeed(state, kept, known or b"", float(gap or self.host_delay_s), websub or b"")

    async def release(self, url: str) -> None:
        """Give the turn of a claimed feed, which is removed or paused, to the next of its host."""
        with map_redis_errors(self.state.url):
            await self.state.zrem(HOST_FEEDS + host_key(url), feed_id(url))
            await self.state.zadd(DUE_HOSTS, {host_key(url): 0})
            await self.state.hdel(CLAIMED_HOSTS, host_key(url))

    async def set_paused(self, urls: Sequence[str], paused: bool) -> list[str]:
        """Pause feeds, or go on with them at once; returns those that there are. A poll under way leaves no trace."""
        changed = []
        with map_redis_errors(self.state.url):
            for url in urls:
                if not await self._pause(feed_id(url), paused):
                    continue
                key = HOST_FEEDS + host_key(url)
                await (self.state.zrem(key, feed_id(url)) if paused else self.state.zadd(key, {feed_id(url): 0}))
                changed.append(url)
        if not paused:
            await self.poll_now(changed)
        return changed

    async def _pause(self, id_: bytes, paused: bool) -> bool:
        """Mark a feed; False when there is none. Polls change its state too: then it is done again on the new one."""
        while kept := await self.state.hget(FEEDS, id_):
            state = msgspec.json.encode(msgspec.structs.replace(_state(kept), paused=paused))
            if await self._swap(keys=[FEEDS], args=[id_, kept, state]):
                return True
        return False

    async def poll_now(self, urls: Sequence[str]) -> list[str]:
        """Make feeds due at once; returns those that there are and that aren't paused."""
        ids = {feed_id(url): url for url in urls}
        pairs = [part for id_, url in ids.items() for part in (host_key(url), id_)]
        with map_redis_errors(self.state.url):
            return [ids[id_] for id_ in await self._hurry(keys=[DUE_HOSTS, CLAIMED_HOSTS, HOST_FEEDS], args=pairs)]


def host_key(url: str) -> str:
    """Return what is polled one at a time: host and port, as in the URL."""
    return urlsplit(url).netloc


def feed_id(url: str) -> bytes:
    """Return what a feed is kept under: shorter than its URL, which stands in its state."""
    return hashlib.blake2b(url.encode("utf-8", "replace"), digest_size=ID_BYTES).digest()


def _state(kept: bytes) -> FeedState:
    try:
        return msgspec.json.decode(kept, type=FeedState)
    except msgspec.DecodeError as exc:
        raise UnreadableError(f"state of a feed, {kept[:100].decode('utf-8', 'replace')}…: {exc}") from exc


def validate_feed_url(url: str) -> str:
    """Return *url* as feeds are known by; SettingsError for what is no http(s) URL."""
    url = url.strip()
    if not canonical_url(url) or urlsplit(url).hostname is None:
        raise SettingsError(f"feed {url!r}: not an http or https URL")
    if "@" in urlsplit(url).netloc:
        raise SettingsError(
            f"feed on {urlsplit(url).hostname}: a name and password don't belong into its URL, where every log and"
            " article would show them; put them into a [[feeds]] table of copydesk.toml"
        )
    return url


def release_host_commands(
    url: str, status: int, gap_s: float, usual_s: float, now_s: float, rest_until_s: float
) -> list[RedisCommand]:
    """Return the commands that let a host go, until its next turn, and remember how it wants to be asked.

    429 doubles the gap between its polls, and none of its feeds is asked until *rest_until_s*; whatever goes well
    shortens the gap again, a little.
    """
    host, after_s = host_key(url), gap_s
    if status == 429:
        after_s = min(MAX_HOST_DELAY_S, max(2 * gap_s, 1.0))
    elif 200 <= status < 400 and gap_s > usual_s:
        after_s = max(usual_s, gap_s * 0.95)
    turn_s = max(now_s + after_s, rest_until_s if status == 429 else 0.0)
    commands: list[RedisCommand] = [("ZADD", DUE_HOSTS, f"{turn_s:.3f}", host), ("HDEL", CLAIMED_HOSTS, host)]
    if after_s != gap_s:
        commands.append(
            ("HSET", HOST_DELAYS, host, f"{after_s:.3f}") if after_s > usual_s else ("HDEL", HOST_DELAYS, host)
        )
    return commands


def poll_commands(state: FeedState, known: bytes | None) -> list[RedisCommand]:
    """Return the commands that remember what a poll came to, besides the state, which its guard does.

    *known* None leaves the known items as they are.
    """
    id_ = feed_id(state.url)
    commands: list[RedisCommand] = [("ZADD", HOST_FEEDS + host_key(state.url), f"{state.due_s:.3f}", id_)]
    if known is not None:
        commands.append(("HSET", KNOWN, id_, known))
    return commands
