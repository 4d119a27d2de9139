"""The poller: claims feeds that are due, fetches and parses them, and sends what is new.

claim ──▶ fetch ──▶ parse ──▶ what is new? ──▶ publish items + outcome, remember validators (one step)
"""

import asyncio
import hashlib
import logging
import random
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import aiohttp
import msgspec

from streams.codec import encode
from streams.errors import UnavailableError, UnreadableError
from streams.records import DeadLetter, Item, Poll
from streams.settings import Settings
from streams.topics import DEAD_LETTERS, ITEMS, MAX_ITEM_CHARS, POLLS
from streams.transport.broker import Broker, Message
from workers.counters import counting
from workers.poller.feeds import Feeds, FeedState, recording, split_news, turn_guard
from workers.poller.fetch import Response, Validators, fetch, open_session
from workers.poller.parse import Feed, parse_feed
from workers.poller.schedule import next_wait_s, parse_retry_after

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0  # how soon a feed that was just added is noticed
PRESSURE_EVERY_S = 2.0
MAX_PRESSURE = 0.85  # of the broker's memory; beyond it, items wait in their feeds instead
RETRY_S = 1.0
MAX_ERROR_CHARS = 500


class Result(NamedTuple):
    """What a poll comes to: its outcome for the polls topic, the feed's new state, and what it found."""

    poll: Poll
    state: FeedState
    items: Sequence[Item] = ()
    known: bytes | None = None
    dead: Sequence[tuple[str, str]] = ()


class Poller:
    """Polls feeds until it is told to stop; any number of them share the feeds."""

    def __init__(self, settings: Settings, broker: Broker, desk_group: str) -> None:
        self.settings, self.broker, self.desk_group = settings, broker, desk_group
        self.feeds = Feeds(broker.state, settings.lease_s)
        self._random = random.Random()
        self._stopping = asyncio.Event()
        self._polls: dict[asyncio.Task[None], str] = {}
        self.paused = False
        self._next_pressure_s = 0.0
        self._next_renewal_s = time.monotonic() + self.feeds.claim_s / 4

    def stop(self) -> None:
        """Begin no more polls; `run` returns when those under way are done."""
        self._stopping.set()

    async def run(self) -> None:
        """Poll until stopped."""
        async with open_session(self.settings) as session:
            while not self._stopping.is_set():
                try:
                    wait_s = await self._start_due(session)
                except UnavailableError as exc:
                    log.warning("%s; will look for due feeds again", exc)
                    wait_s = RETRY_S
                await self._rest(wait_s)
            if self._polls:
                await asyncio.wait(self._polls, timeout=self.settings.drain_s)

    async def _rest(self, wait_s: float) -> None:
        stop = asyncio.ensure_future(self._stopping.wait())
        full = len(self._polls) >= self.settings.poll_concurrency
        await asyncio.wait({stop, *(self._polls if full else ())}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()

    async def _start_due(self, session: aiohttp.ClientSession) -> float:
        """Start what is due; returns how long to rest."""
        if time.monotonic() >= self._next_renewal_s:
            self._next_renewal_s = time.monotonic() + self.feeds.claim_s / 4
            await self.feeds.renew(list(self._polls.values()))
        if await self._under_pressure():
            return PRESSURE_EVERY_S
        free = self.settings.poll_concurrency - len(self._polls)
        due = await self.feeds.claim(free) if free > 0 else []
        for url in due:
            task = asyncio.create_task(self._poll(session, url), name=f"poll {url}")
            self._polls[task] = url
            task.add_done_callback(self._polls.pop)
        return min(LOOK_EVERY_S, self.settings.poll_interval_s / 4) if len(due) < free or free <= 0 else 0.0

    async def _under_pressure(self) -> bool:
        if time.monotonic() < self._next_pressure_s:
            return self.paused
        self._next_pressure_s = time.monotonic() + PRESSURE_EVERY_S
        pressure, lag = await self.broker.pressure(), await self.broker.lag(ITEMS.name, self.desk_group)
        paused = pressure > MAX_PRESSURE or lag > self.settings.max_lag
        if paused != self.paused:
            log.warning(
                "%s: broker memory %.0f %%, desk behind by %d items",
                "paused" if paused else "polling again", 100 * pressure, lag,
            )  # fmt: skip
        self.paused = paused
        return paused

    async def _poll(self, session: aiohttp.ClientSession, url: str) -> None:
        """Poll one feed and publish what it comes to. An unavailable broker is waited for; the claim runs out."""
        try:
            loaded = await self.feeds.load(url)
            if loaded is None:
                return
            state, turn, known = loaded
            result = await self._outcome(session, state, known)
            await self._publish(result, turn)
        except UnavailableError as exc:
            log.warning("feed=%s: %s; nothing was remembered, it will be polled again", url, exc)

    async def _outcome(self, session: aiohttp.ClientSession, state: FeedState, known: bytes) -> Result:
        # Later than the poll before even if the clock was put back: the desk takes what was fetched earlier for old.
        started = datetime.fromtimestamp(max(time.time(), state.polled_s + 0.001), UTC)
        poll = Poll(id=secrets.token_hex(8), feed=state.url, time=started, outcome="failed")
        answer: Response | None = None
        try:
            validators = Validators(state.etag, state.last_modified)
            answer = await fetch(session, state.url, validators, self.settings.feed_bytes)
            poll = msgspec.structs.replace(
                poll, status=answer.status, bytes=len(answer.body), elapsed_ms=answer.elapsed_ms
            )
            if answer.status == 304 or (answer.status == 200 and _hash(answer.body) == state.body_hash):
                return self._done(poll, "unchanged", state, answer)
            if answer.status != 200:
                raise UnavailableError(f"HTTP {answer.status}")
            feed = await asyncio.to_thread(
                parse_feed,
                answer.body,
                state.url,
                content_type=answer.content_type,
                fetched_at=started,
                poll_id=poll.id,
            )
        except (UnavailableError, UnreadableError) as exc:
            return self._failed(poll, state, answer, str(exc))
        return self._read(poll, state, answer, feed, known)

    def _read(self, poll: Poll, state: FeedState, answer: Response, feed: Feed, known: bytes) -> Result:
        found, known_after = split_news(feed.items, known)
        news = [item for item in found if _chars(item) <= MAX_ITEM_CHARS]
        dead = [*feed.dead, *(_oversized(item) for item in found if _chars(item) > MAX_ITEM_CHARS)]
        poll = msgspec.structs.replace(
            poll,
            items=len(feed.items) + len(feed.dead),
            sent=len(news),
            known=len(feed.items) - len(found),
            dead=len(dead),
            error=feed.warning and f"read in spite of: {feed.warning}",
        )
        state = msgspec.structs.replace(
            state,
            title=feed.title or state.title,
            etag=answer.validators.etag,
            last_modified=answer.validators.last_modified,
            body_hash=_hash(answer.body),
            sent=state.sent + len(news),
        )
        done = self._done(poll, "ok", state, answer)
        return done._replace(items=news, known=known_after, dead=dead)

    def _done(self, poll: Poll, outcome: str, state: FeedState, answer: Response) -> Result:
        return self._scheduled(poll, outcome, msgspec.structs.replace(state, failures=0, error=""), answer)

    def _failed(self, poll: Poll, state: FeedState, answer: Response | None, error: str) -> Result:
        # A document that couldn't be read isn't "unchanged" the next time: its validators aren't kept.
        error = " ".join(error.split())[:MAX_ERROR_CHARS]
        failed = msgspec.structs.replace(state, failures=state.failures + 1, error=error)
        return self._scheduled(msgspec.structs.replace(poll, error=error), "failed", failed, answer)

    def _scheduled(self, poll: Poll, outcome: str, state: FeedState, answer: Response | None) -> Result:
        retry_after_s = parse_retry_after(answer.retry_after, poll.time) if answer and answer.retry_after else None
        wait_s = next_wait_s(self.settings.poll_interval_s, state.failures, retry_after_s, self._random)
        now_s = time.time()
        state = msgspec.structs.replace(
            state, polled_s=poll.time.timestamp(), due_s=now_s + wait_s, status=poll.status, polls=state.polls + 1
        )
        due = datetime.fromtimestamp(state.due_s, UTC)
        return Result(msgspec.structs.replace(poll, outcome=outcome, next_due=due), state)

    async def _publish(self, result: Result, turn: str) -> None:
        """Publish items and outcome, and remember validators and known items in the same step."""
        poll = result.poll
        messages = [Message(ITEMS.name, item.key.encode("utf-8", "replace"), encode(item)) for item in result.items]
        messages += [_dead_entry(poll, entry, reason) for entry, reason in result.dead]
        messages.append(Message(POLLS.name, poll.feed.encode(), encode(poll)))
        counts = counting("poll", {"sent": poll.sent, "known": poll.known, "dead": poll.dead})
        remember = [*recording(result.state, result.known), *counts]
        if await self.broker.publish(messages, remember, [turn_guard(poll.feed, turn, poll.id)]):
            level = logging.WARNING if poll.outcome == "failed" else logging.INFO
            log.log(level, "poll feed=%s outcome=%s status=%d items=%d sent=%d ms=%d %s", poll.feed, poll.outcome,
                    poll.status, poll.items, poll.sent, poll.elapsed_ms, poll.error)  # fmt: skip
        else:
            log.info("poll feed=%s: removed, or polled by another in the meantime; nothing done", poll.feed)


def _chars(item: Item) -> int:
    return sum(len(body.value) for body in (*item.content, *([item.summary] if item.summary else [])))


def _oversized(item: Item) -> tuple[str, str]:
    """Return the dead letter of an item that no broker would carry: how it begins, and why."""
    begins = max((c.value for c in (*item.content, *([item.summary] if item.summary else []))), key=len)[:10_000]
    reason = f"item {item.key} has {_chars(item):,} characters; at most {MAX_ITEM_CHARS:,}"
    return f"{item.title}\n{begins}", reason


def _dead_entry(poll: Poll, entry: str, reason: str) -> Message:
    letter = DeadLetter(
        topic=poll.feed, partition=0, offset=0, original=entry.encode("utf-8", "replace"), error="unreadable",
        reason=reason, feed=poll.feed, time=poll.time,
    )  # fmt: skip
    return Message(DEAD_LETTERS.name, poll.feed.encode(), encode(letter))


def _hash(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()
