"""The feed registry: state, schedule and claims of all feeds, in Redis. All pollers share it.

copydesk:feeds               hash: id → FeedState; every poll changes it, so it is also the condition of the poll's step
copydesk:feeds:known-items   hash: id → key and fingerprint of each item of the last document, 8 bytes per item
copydesk:feeds:host:HOST     sorted set: id by the time of its next poll, one set per host
copydesk:feeds:due-hosts     sorted set: host by the time of its next poll
copydesk:feeds:claims        hash: host → end of the claim on the host, while a poll is in progress
copydesk:feeds:host-delays   hash: host → seconds between its polls, where that is longer than `host_delay_s`

A host here is a registrable domain with its port: the servers of one organisation share their pace.

The registry doesn't know how feeds are fetched, nor how the next poll is scheduled.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import msgspec

from streams.brokers.base import Condition
from streams.brokers.redis_streams.clock import JUMP_BACK_S, JUMP_FORWARD_S
from streams.clock import boottime_s
from streams.errors import UnreadableError
from streams.state.redis_client import ALLOW_OOM
from workers.poller.feed_urls import validate_feed_url
from workers.poller.schedule import History, PollHints
from workers.text.normalise import match_key
from workers.urls.domains import registrable_domain

FEEDS, KNOWN_ITEMS, HOST_FEEDS, DUE_HOSTS, CLAIMED_HOSTS, HOST_DELAYS = (
    f"copydesk:feeds{suffix}" for suffix in ("", ":known-items", ":host:", ":due-hosts", ":claims", ":host-delays")
)
GUID_KEYS = "copydesk:feeds:guids"  # see guid_keys.py; removing a feed removes its guids
ValueT = TypeVar("ValueT")
StateT = TypeVar("StateT")
PUBLISHERS = "copydesk:publishers"  # hash: title of a feed → the registrable domain that had it first
FEED_NAMES = f"{PUBLISHERS}:feeds"  # hash: id → the latest titles that a feed owns; removing a feed frees them
SHARED_NAMES = f"{PUBLISHERS}:shared"  # hash: title of several feeds of one site → number of further feeds
WEBSUB = "copydesk:websub"  # see websub.py; removing a feed removes its subscription and token
WEBSUB_TOKENS = f"{WEBSUB}:tokens"
CLOCK = "copydesk:feeds:clock"  # hash: time of the latest claim, number of clock jumps, order of the latest poll
LATEST, CLOCK_JUMPS = "latest", "jumps"
ID_BYTES = 8
MAX_HOSTS = 65_536  # cached keys
MAX_NAMES = 8  # titles that a feed owns; a title with a clock is new in each poll
ADD_FEEDS = 500  # feeds per script: other clients of the server wait for it
RECONCILE_PAUSE = 3  # the check of all feeds takes a quarter of the time at most
ADDED, RESCHEDULED = 1, 2  # replies of add_feeds.lua
KEEP_SCHEDULED = b"-"  # argument of release.lua that no state equals


class Budget(msgspec.Struct, frozen=True, array_like=True):
    """The use of the daily budget. `day`: days since 1970 in UTC. `bytes`: of texts. `letters`: dead letters."""

    day: int = 0
    items: int = 0
    bytes: int = 0
    letters: int = 0


class FeedState(msgspec.Struct, array_like=True, omit_defaults=True, frozen=True):
    """The state of a feed. Times are Unix seconds.

    It is stored as an array: field names would double its size. Add a new field at the end, with a default.
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
    fetched_s: float = 0.0  # when the document was last fetched in full
    due_s: float = 0.0
    status: int = 0
    error: str = ""
    error_kind: str = ""  # error code
    failures: int = 0
    polls: int = 0
    items_published: int = 0
    moved_to: str = ""  # target of an accepted permanent redirect
    redirect_to: str = ""
    redirect_count: int = 0
    redirect_since_s: float = 0.0
    document_items: int = 0  # number of items in its last document
    hints: PollHints = PollHints()
    history: History | None = None
    websub_hub: str = ""
    websub_topic: str = ""
    polls_since_push: int = 0  # consecutive polls with new items that no hub pushed
    identity_basis: str = ""  # how most of its items are identified
    name: str = ""  # title that the user gave; it overrides the feed's own
    interval_s: float = 0.0  # poll interval that the user gave; 0: the one of the settings
    full_text: bool | None = None  # whether to fetch pages; None: the value of the settings
    budget: Budget = Budget()  # use of its daily budget
    items_deferred: int = 0  # entries of its last document over the budget
    type: str = ""  # `page` for a section page; "": the type in the settings
    turnover: dict[str, int] = {}  # of a section page: pattern of URLs → links that appeared after the first poll

    @property
    def shown_title(self) -> str:
        """The user's title, else the feed's own."""
        return self.name or self.title


class Registration(msgspec.Struct, array_like=True, frozen=True):
    """The first fields of FeedState, for the check of all feeds."""

    url: str
    folder: str = ""
    demo: bool = False
    paused: bool = False


_encode, _decoder = msgspec.json.Encoder().encode, msgspec.json.Decoder(FeedState)
_registration_decoder = msgspec.json.Decoder(Registration)


class ClaimedFeed(msgspec.Struct, frozen=True):
    """A feed during a poll.

    It has the state, also as stored, the delay between polls of the host, and the encoded WebSub subscription.
    `order_s` is the Unix time of the poll by Redis' clock. It rises from poll to poll of all feeds, even after the
    clock was set back.
    """

    state: FeedState
    encoded_state: bytes
    host_delay_s: float
    websub: bytes
    order_s: float

    def condition(self, state: FeedState) -> Condition:
        """Return the condition that admits one poll, once, and stores the new *state*."""
        return Condition(FEEDS, feed_id(self.state.url), self.encoded_state, _encode(state))


class ClaimClock(NamedTuple):
    """Redis' time at a claim, the number of its jumps until then, and the boot time clock at the claim."""

    time_s: float
    jumps: str
    ticks_s: float

    def now_s(self) -> float:
        """Return the Unix time, without clock jumps since the claim."""
        return self.time_s + boottime_s() - self.ticks_s

    def condition(self) -> Condition:
        """Return the condition that fails after a clock jump since the claim, which makes due times invalid."""
        return Condition(CLOCK, CLOCK_JUMPS, self.jumps, self.jumps)


class FeedRegistry:
    """The shared registry of feeds. *claim_s* is the length of a claim."""

    def __init__(self, state: Any, claim_s: float = 10.0, host_delay_s: float = 0.0) -> None:
        self.state, self.claim_s, self.host_delay_s = state, claim_s, host_delay_s
        self._claim, self._renew, self._poll_now, self._load, self._compare_and_set, self._add = (
            state.register_script(script_source(name))
            for name in ("claim", "renew_claims", "poll_now", "load_feed", "compare_and_set", "add_feeds")
        )
        self._pause, self._release = (state.register_script(script_source(name)) for name in ("set_paused", "release"))
        self._claim_name = state.register_script(script_source("release_name", "claim_name"))
        self._remove = state.register_script(ALLOW_OOM + script_source("release_name", "token_of", "remove_feed"))
        self.clock = ClaimClock(0.0, "", 0.0)

    async def add(self, urls: Iterable[tuple[str, ...]], *, demo: bool = False, type: str = "") -> list[str]:
        """Add feeds as (URL, folder) or (URL, folder, user's title), due at once; return the new URLs.

        *type*: `page` for section pages.

        Feeds are added in steps of ADD_FEEDS: each step adds all of its feeds, or none.

        Raises:
            SettingsError: a URL isn't http or https.
        """
        entries = {validate_feed_url(url): values for url, *values in urls}
        new = []
        for batch in _batches(list(entries.items())):
            states = [FeedState(url, folder, demo, name="".join(names), type=type) for url, (folder, *names) in batch]
            replies = await self._schedule([(state.url, msgspec.json.encode(state)) for state in states])
            added = [state.url for state, reply in zip(states, replies, strict=True) if reply == ADDED]
            await self.poll_now(added)
            new += added
        return new

    async def reconcile(self) -> int:
        """Schedule the registered feeds that no poller would claim, as after a crash; return their number.

        Polls go on meanwhile: the check pauses after each step, for RECONCILE_PAUSE times its duration.
        """
        cursor, count, loop = 0, 0, asyncio.get_running_loop()
        while True:
            start_s = loop.time()
            cursor, entries = await self.state.hscan(FEEDS, cursor, count=ADD_FEEDS)
            feeds = [_decode(encoded, _registration_decoder) for encoded in entries.values()]
            replies = await self._schedule([(feed.url, b"") for feed in feeds if not feed.paused])
            count += replies.count(RESCHEDULED)
            if not cursor:
                return count
            await asyncio.sleep(RECONCILE_PAUSE * (loop.time() - start_s))

    async def _schedule(self, feeds: Sequence[tuple[str, bytes]]) -> list[int]:
        """Schedule feeds, given as URL and state of a new feed, in one step; return their replies."""
        args = [arg for url, encoded in feeds for arg in (feed_id(url), host_key(url), encoded)]
        return list(await self._add(keys=[FEEDS, DUE_HOSTS, HOST_FEEDS], args=args)) if args else []

    async def remove(self, urls: Sequence[str]) -> list[str]:
        """Remove feeds; return the URLs that existed. The result of a poll in progress is discarded."""
        return [url for url in urls if await self._remove_feed(url)]

    async def _remove_feed(self, url: str) -> bool:
        keys = [FEEDS, KNOWN_ITEMS, GUID_KEYS, HOST_FEEDS + host_key(url), WEBSUB, WEBSUB_TOKENS,
                PUBLISHERS, FEED_NAMES, SHARED_NAMES]  # fmt: skip
        return bool(await self._remove(keys=keys, args=[feed_id(url), url]))

    async def all(self) -> list[FeedState]:
        """Return all feeds, sorted by URL."""
        states = await self.state.hvals(FEEDS)
        return sorted(map(_decode_state, states), key=lambda feed: feed.url)

    async def get(self, id_: bytes) -> FeedState | None:
        """Return the feed with the key *id_*; None if it is not registered."""
        state = await self.state.hget(FEEDS, id_)
        return None if state is None else _decode_state(state)

    async def claim(self, limit: int) -> list[ClaimedFeed]:
        """Claim up to *limit* due feeds, at most one per host, for `claim_s` seconds.

        A live poller renews its claims. Claims of a killed poller expire, and other pollers take over its feeds.
        """
        now_ticks_s = boottime_s()
        passed_s = now_ticks_s - self.clock.ticks_s if self.clock.ticks_s else -1.0
        args = [self.claim_s, limit, passed_s, JUMP_BACK_S, JUMP_FORWARD_S, HOST_FEEDS]
        keys = [DUE_HOSTS, CLAIMED_HOSTS, CLOCK, FEEDS, HOST_DELAYS, WEBSUB]
        time_s, jumps, claimed = await self._claim(keys=keys, args=args)
        self.clock = ClaimClock(float(time_s), jumps.decode(), now_ticks_s)
        rows = zip(claimed[::4], claimed[1::4], claimed[2::4], claimed[3::4], strict=True)
        return [self._claimed_feed(state, delay, websub, order) for state, delay, websub, order in rows]

    async def renew(self, urls: Sequence[str]) -> None:
        """Renew the claims on feeds with polls in progress."""
        if urls:
            args = [f"{self.clock.now_s() + self.claim_s:.3f}", self.clock.jumps, *map(host_key, urls)]
            await self._renew(keys=[DUE_HOSTS, CLAIMED_HOSTS, CLOCK], args=args)

    async def load(self, url: str) -> ClaimedFeed | None:
        """Return a feed for a push; None if it has been removed or paused."""
        keys, args = [FEEDS, HOST_DELAYS, WEBSUB, CLOCK], [feed_id(url), host_key(url), url]
        encoded_state, host_delay_s, websub, order = await self._load(keys=keys, args=args)
        if encoded_state is None:
            return None
        loaded = self._claimed_feed(encoded_state, host_delay_s, websub or b"", order)
        return None if loaded.state.paused else loaded

    def _claimed_feed(
        self, encoded_state: bytes, host_delay_s: bytes | None, websub: bytes, order: bytes
    ) -> ClaimedFeed:
        delay_s = float(host_delay_s or self.host_delay_s)
        return ClaimedFeed(_decode_state(encoded_state), encoded_state, delay_s, websub, int(order) / 1e6)

    async def known_items(self, url: str) -> bytes:
        """Return the known items of a feed. Every poll changes its state too, so the condition also protects them."""
        return await self.state.hget(KNOWN_ITEMS, feed_id(url)) or b""

    async def release(self, url: str) -> None:
        """Release the host of a claimed feed that is removed or paused, so that its next feed can be claimed."""
        id_, host = feed_id(url), host_key(url)
        state = await self.state.hget(FEEDS, id_)
        is_resumed = state is not None and not _decode_state(state).paused
        keys = [FEEDS, DUE_HOSTS, CLAIMED_HOSTS, HOST_FEEDS + host]
        await self._release(keys=keys, args=[id_, KEEP_SCHEDULED if is_resumed else state or b"", host])

    async def set_paused(self, urls: Sequence[str], paused: bool) -> list[str]:
        """Pause or resume feeds; return those that exist. The result of a poll in progress is discarded."""
        changed = [url for url in urls if await self._set_paused(url, paused)]
        if not paused:
            await self.poll_now(changed)
        return changed

    async def _set_paused(self, url: str, paused: bool) -> bool:
        id_, host = feed_id(url), host_key(url)
        keys = [FEEDS, DUE_HOSTS, HOST_FEEDS + host]
        while old := await self.state.hget(FEEDS, id_):
            new = msgspec.json.encode(msgspec.structs.replace(_decode_state(old), paused=paused))
            if await self._pause(keys=keys, args=[id_, old, new, host, int(paused)]):
                return True
        return False

    async def edit(self, urls: Sequence[str], **changes: Any) -> list[str]:
        """Set fields of feeds, and make them due at once; return those that exist."""
        edited = [url for url in urls if await self._change(feed_id(url), **changes)]
        await self.poll_now(edited)
        return edited

    async def _change(self, id_: bytes, **changes: Any) -> bool:
        """Set fields of a feed; return False if it doesn't exist. Retry when a poll changes the state in between."""
        while old := await self.state.hget(FEEDS, id_):
            new = msgspec.json.encode(msgspec.structs.replace(_decode_state(old), **changes))
            if await self._compare_and_set(keys=[FEEDS], args=[id_, old, new]):
                return True
        return False

    async def poll_now(self, urls: Sequence[str]) -> list[str]:
        """Make feeds due at once; return those that exist and aren't paused."""
        out = []
        for batch in _batches(urls):
            ids = {feed_id(url): url for url in batch}
            hosts_and_ids = [arg for id_, url in ids.items() for arg in (host_key(url), id_)]
            due = await self._poll_now(keys=[DUE_HOSTS, CLAIMED_HOSTS, HOST_FEEDS], args=hosts_and_ids)
            out += [ids[id_] for id_ in due]
        return out

    async def publisher_name(self, title: str, url: str) -> str:
        """Return *title* as the publisher of a feed, with its host if a feed of another site had the title before.

        Otherwise a feed could publish under the name of another publisher. A feed owns its latest MAX_NAMES titles.
        """
        key, site = match_key(title), host_key(url).partition(":")[0]
        if not key:
            return title
        keys, args = [PUBLISHERS, FEED_NAMES, SHARED_NAMES, FEEDS], [key, site, feed_id(url), MAX_NAMES]
        owner = (await self._claim_name(keys=keys, args=args)).decode()
        return title if owner in ("", site) else f"{title} ({site})"

    async def poll_all_now(self) -> int:
        """Make all feeds due at once; return the number of those that aren't paused."""
        return len(await self.poll_now([feed.url for feed in await self.all() if not feed.paused]))


def _batches(values: Sequence[ValueT]) -> Iterator[Sequence[ValueT]]:
    for n in range(0, len(values), ADD_FEEDS):
        yield values[n : n + ADD_FEEDS]


@lru_cache(MAX_HOSTS)
def host_key(url: str) -> str:
    """Return the registrable domain of *url*, with its port; copydesk polls one feed of them at a time."""
    netloc = urlsplit(url).netloc
    host, colon, port = netloc.rpartition(":")
    if not colon or not port.isdecimal():
        host, port = netloc, ""
    return registrable_domain(host) + (f":{port}" if port else "")


@lru_cache(4_096)  # a poll needs it twice
def feed_id(url: str) -> bytes:
    """Return the key of a feed in Redis: a hash of ID_BYTES, shorter than the URL."""
    return hashlib.blake2b(url.encode("utf-8", "replace"), digest_size=ID_BYTES).digest()


def script_source(*names: str) -> str:
    return "".join(files("workers.poller").joinpath("lua", f"{name}.lua").read_text("utf-8") for name in names)


def _decode_state(encoded: bytes) -> FeedState:
    return _decode(encoded, _decoder)


def _decode(encoded: bytes, decoder: msgspec.json.Decoder[StateT]) -> StateT:
    try:
        return decoder.decode(encoded)
    except msgspec.DecodeError as exc:
        raise UnreadableError(f"corrupt feed state: {encoded[:100].decode('utf-8', 'replace')}… ({exc})") from exc
