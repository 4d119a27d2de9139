"""The poller: claims feeds that are due, fetches and parses them, and sends what is new.

claim ──▶ fetch ──▶ parse ──▶ what is new? ──▶ when again? ──▶ publish items + outcome, remember all of it (one step)
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

import msgspec

from streams.codec import encode
from streams.errors import CopydeskError, UnavailableError, UnreadableError
from streams.records import DeadLetter, Item, Poll
from streams.settings import Settings
from streams.tables import FeedRule
from streams.topics import DEAD_LETTERS, ITEMS, MAX_ITEM_CHARS, POLLS
from streams.transport.broker import Broker, Command, Guard, Message
from workers.counters import counting
from workers.fetch.fetch import Access, Fetcher, Response
from workers.heartbeats import SILENT_S
from workers.poller import schedule
from workers.poller.feeds import Clock, Feeds, FeedState, Loaded, pacing, recording
from workers.poller.news import has_new_names, split_news
from workers.poller.pages import Pages
from workers.poller.parse import Feed
from workers.poller.parsers import Document, Parsers
from workers.poller.websub import STRETCH, Push, WebSub, header_links, is_active

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0  # how soon a feed that was just added is noticed
PRESSURE_EVERY_S = 2.0
MAX_PRESSURE = 0.85  # of the broker's memory; beyond it, items wait in their feeds instead
RETRY_S = 1.0
MAX_ERROR_CHARS = 500
NAMES_CHANGE = "texts: its items come under new names"
MAX_VALIDATOR_CHARS = 1_024
DEMO_INTERVAL_S = 2.0
PUSH_TRIES = 3
MAX_UNPUSHED = 3  # a hub that lets so many polls find news is none to rely on


class Result(NamedTuple):
    """What a poll comes to: its outcome for the polls topic, the feed's new state, and what it found."""

    poll: Poll
    state: FeedState
    items: Sequence[Item] = ()
    known: bytes | None = None
    dead: Sequence[tuple[str, str]] = ()
    host: Sequence[Command] = ()


class Poller:
    """Polls feeds until it is told to stop; any number of them share the feeds."""

    def __init__(self, settings: Settings, broker: Broker, desk_group: str) -> None:
        self.settings, self.broker, self.desk_group = settings, broker, desk_group
        self.feeds = Feeds(broker.state, settings.lease_s, settings.host_spacing_s)
        self.fetcher, self.parsers = Fetcher(settings), Parsers(settings.parsers)
        self.websub = WebSub(broker.state, settings.callback_url)
        self.pages = Pages(self.fetcher, settings.host_spacing_s)
        self._random = random.Random()
        self._stopping = asyncio.Event()
        self._polls: dict[asyncio.Task[None], str] = {}
        self.paused = False
        self._turned_s = time.monotonic()
        self._next_pressure_s = 0.0
        self._next_renewal_s = time.monotonic() + self.feeds.claim_s / 4

    def stop(self) -> None:
        """Begin no more polls; `run` returns when those under way are done."""
        self._stopping.set()

    def is_working(self) -> bool:
        """Whether the loop of `run` goes round, or finishes what is in hand."""
        return self._stopping.is_set() or time.monotonic() - self._turned_s < SILENT_S

    async def run(self) -> None:
        """Poll until stopped."""
        async with self.fetcher, self.parsers:
            taking = asyncio.create_task(self._take_pushes(), name="pushes")
            while not self._stopping.is_set():
                self._turned_s = time.monotonic()
                try:
                    wait_s = await self._start_due()
                except UnavailableError as exc:
                    log.warning("%s; will look for due feeds again", exc)
                    wait_s = RETRY_S
                await self._rest(wait_s)
            if self._polls:
                await asyncio.wait(self._polls, timeout=self.settings.drain_s)
            taking.cancel()

    async def _rest(self, wait_s: float) -> None:
        """Wait; a poll that ends before, and lets its host go, ends the wait too."""
        stop = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({stop, *self._polls}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()

    async def _start_due(self) -> float:
        """Start what is due; returns how long to rest."""
        if time.monotonic() >= self._next_renewal_s:
            self._next_renewal_s = time.monotonic() + self.feeds.claim_s / 4
            await self.feeds.renew(list(self._polls.values()))
        if await self._under_pressure():
            return PRESSURE_EVERY_S
        free = self.settings.poll_concurrency - len(self._polls)
        due = await self.feeds.claim(free) if free > 0 else []
        for url in due:
            task = asyncio.create_task(self.poll(url, self.feeds.clock), name=f"poll {url}")
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

    async def poll(self, url: str, clock: Clock) -> None:
        """Poll one feed, claimed at *clock*, and publish what it comes to.

        When the broker is unavailable nothing is remembered, and the claim runs out. A bug makes a failed poll.
        """
        try:
            loaded = await self.feeds.load(url)
            if loaded is None:
                await self.feeds.let_go(url)
                return
            result = await self._published(loaded, clock)
            if result.poll.outcome != "failed":
                await self.websub.keep(self.fetcher, url, result.state.hub, result.state.topic, time.time())
        except UnavailableError as exc:
            log.warning("feed=%s: %s; nothing was remembered, it will be polled again", url, exc)
        except Exception:
            log.exception("poll failed: feed=%s (bug); it will be polled again", url)

    async def _published(self, loaded: Loaded, clock: Clock) -> Result:
        """Poll a feed and publish the result; that of a bug is a failed poll, so that the feed's backoff grows."""
        try:
            result = await self._outcome(loaded, clock)
            await self._publish(result, [loaded.guard(result.state), clock.guard()])
        except UnavailableError:
            raise
        except Exception as exc:
            state = loaded.state
            log.exception("poll failed: feed=%s (bug); next poll after backoff", state.url)
            poll = Poll(id=secrets.token_hex(8), feed=state.url, time=_started(state), outcome="failed")
            failed = self._failed(poll, state, CopydeskError(f"bug: {exc!r}; its traceback is in the log", kind="bug"))
            result = self._scheduled(failed, None, self.settings.rule_for(state.url), loaded, clock)
            await self._publish(result, [loaded.guard(result.state), clock.guard()])
        return result

    async def _take_pushes(self) -> None:
        """Read what hubs push, as it comes."""
        while self.settings.callback_url and not self._stopping.is_set():
            push = None
            try:
                ready = not self.paused and self.feeds.clock.ticks_s
                push = await self.websub.next_push(LOOK_EVERY_S) if ready else None
                if push is not None:
                    await self._take(push)
                elif not ready:
                    await asyncio.sleep(LOOK_EVERY_S / 4)
            except UnavailableError as exc:
                log.warning("%s; what was pushed will be found by a poll", exc)
                await asyncio.sleep(RETRY_S)
            except Exception:
                log.exception("push failed: feed=%s (bug); a poll will find it", push.feed if push else "")
                await asyncio.sleep(RETRY_S)

    async def _take(self, push: Push) -> None:
        """Publish what a hub pushed of a feed. Should a poll of it end in between, the document is looked at again."""
        for _ in range(PUSH_TRIES):
            loaded, clock = await self.feeds.load(push.feed), self.feeds.clock
            if loaded is None:
                return
            started, rule = _started(loaded.state), self.settings.rule_for(push.feed)
            poll = Poll(id=secrets.token_hex(8), feed=push.feed, time=started, outcome="failed",
                        status=200, bytes=len(push.body))  # fmt: skip
            try:
                feed = await self.parsers.parse(Document(push.body, push.feed, push.content_type, started, poll.id))
            except UnreadableError as exc:
                log.warning("feed=%s: what its hub pushed can't be read: %s; it is polled", push.feed, exc)
                await self.feeds.hurry([push.feed])
                return
            if rule.full_text:
                feed = await self._with_pages(feed, loaded.known, rule)
            result = self._read(poll, loaded.state, feed, loaded.known, pushed=True)
            result = self._scheduled(result, None, rule, loaded, clock)._replace(host=())
            if await self._publish(result, [loaded.guard(result.state), clock.guard()]):
                return

    async def _outcome(self, loaded: Loaded, clock: Clock) -> Result:
        state, rule = loaded.state, self.settings.rule_for(loaded.state.url)
        started = _started(state)
        poll = Poll(id=secrets.token_hex(8), feed=state.url, time=started, outcome="failed")
        answer: Response | None = None
        try:
            answer = await self._fetched(state, rule, started)
            poll = msgspec.structs.replace(
                poll, status=answer.status, bytes=len(answer.body), elapsed_ms=answer.elapsed_ms
            )
            if answer.status in (204, 304):
                result = self._done(poll, "unchanged", state)
            elif answer.status != 200:
                raise UnavailableError(f"HTTP {answer.status}", kind="gone" if answer.status == 410 else "http_status")
            elif _hash(answer.body) == state.body_hash:
                result = self._done(poll, "unchanged", _remembered(state, answer, poll))
            else:
                content_type = answer.headers.get("content-type", "")
                document = Document(answer.body, state.url, content_type, started, poll.id, loaded.known)
                feed = await self.parsers.parse(document, suspect=state.failures > 0)
                feed = _with_header_links(feed, answer)
                if rule.full_text:
                    feed = await self._with_pages(feed, loaded.known, rule)
                # What was left out is to come again: then the document doesn't count as known.
                remembered = state if feed.later else _remembered(state, answer, poll)
                result = self._read(poll, remembered, feed, loaded.known)
            result = result._replace(state=_moved(result.state, answer, started.timestamp()))
        except (UnavailableError, UnreadableError) as exc:
            result = self._failed(poll, state, exc)
        return self._scheduled(result, answer, rule, loaded, clock)

    async def _fetched(self, state: FeedState, rule: FeedRule, now: datetime) -> Response:
        access = Access(rule.headers, rule.username, rule.password, rule.proxy)
        headers = {}
        if now.timestamp() - state.read_s < schedule.TRUST_304_S:  # else the document itself: some servers lie
            headers = {"If-None-Match": state.etag, "If-Modified-Since": state.last_modified}
            headers = {name: value for name, value in headers.items() if value}
        answer = await self.fetcher.get(state.location or state.url, headers, access)
        if answer.status == 304 and not headers:
            raise UnavailableError("HTTP 304 to a request without conditions", kind="http_status")
        return answer

    async def _with_pages(self, feed: Feed, known: bytes, rule: FeedRule) -> Feed:
        """Return *feed* with the pages of its news, without items that are to wait for theirs."""
        news, _ = split_news(feed.items, known)
        access = Access(rule.headers, rule.username, rule.password, rule.proxy)
        ready, waiting = await self.pages.attach(news, access, feed.items[0].feed if feed.items else "")
        by_key = {item.key: item for item in ready} | {item.key: None for item in waiting}
        items = (by_key.get(item.key, item) for item in feed.items)
        return msgspec.structs.replace(feed, items=tuple(i for i in items if i is not None), later=len(waiting))

    def _read(self, poll: Poll, state: FeedState, feed: Feed, known: bytes, *, pushed: bool = False) -> Result:
        """Return what a document comes to; one that was *pushed* may be a part of the feed only."""
        found, known_after = split_news(feed.items, known, part=pushed)
        news = [_filed(item, state.folder) for item in found if _chars(item) <= MAX_ITEM_CHARS]
        dead = [*feed.dead, *(_oversized(item) for item in found if _chars(item) > MAX_ITEM_CHARS)]
        poll = msgspec.structs.replace(
            poll,
            items=len(feed.items) + len(feed.dead),
            sent=len(news),
            known=len(feed.items) - len(found),
            dead=len(dead),
            error=feed.warning and f"read in spite of: {feed.warning}",
            kind="bad_entry" if dead else "",
        )
        now_s = poll.time.timestamp()
        # Of what a feed shows for the first time nobody knows when it appeared; of news, by their dates.
        times_s = [item.published.timestamp() if item.published else now_s for item in news]
        history = schedule.learned(state.history, now_s, times_s) if state.history else None
        state = msgspec.structs.replace(
            state,
            title=feed.title or state.title,
            sent=state.sent + len(news),
            window=state.window if pushed else len(feed.items),
            hints=state.hints if pushed else feed.hints,
            identity=state.identity if pushed else NAMES_CHANGE if has_new_names(feed.items, known) else feed.identity,
            unpushed=0 if pushed else state.unpushed + bool(news),
            hub=feed.hub or state.hub if pushed else feed.hub,
            topic=feed.topic or state.topic if pushed else feed.topic,
            history=history or schedule.first_history(now_s, times_s),
        )
        return self._done(poll, "ok", state)._replace(items=news, known=known_after, dead=dead)

    def _done(self, poll: Poll, outcome: str, state: FeedState) -> Result:
        if outcome == "unchanged" and state.history:
            history = schedule.learned(state.history, poll.time.timestamp(), ())
            state = msgspec.structs.replace(state, history=history)
        state = msgspec.structs.replace(state, failures=0, error="", kind="")
        return Result(msgspec.structs.replace(poll, outcome=outcome), state)

    def _failed(self, poll: Poll, state: FeedState, exc: CopydeskError) -> Result:
        # A document that couldn't be read isn't "unchanged" the next time: its validators aren't kept.
        error = " ".join(str(exc).split())[:MAX_ERROR_CHARS]
        failures = state.failures + 1
        # Where it moved to it isn't any more, it seems: ask where it was.
        location = "" if failures >= schedule.MOVED_AFTER else state.location
        state = msgspec.structs.replace(state, failures=failures, error=error, kind=exc.kind, location=location)
        return Result(msgspec.structs.replace(poll, error=error, kind=exc.kind), state)

    def _scheduled(
        self, result: Result, answer: Response | None, rule: FeedRule, loaded: Loaded, clock: Clock
    ) -> Result:
        poll, state, now_s = result.poll, result.state, clock.now_s()
        wait_s = self._wait_s(poll, state, answer, rule)
        if state.unpushed < MAX_UNPUSHED and not state.failures and is_active(loaded.websub, time.time()):
            wait_s = max(wait_s, min(schedule.DAY_S, STRETCH * wait_s))
        wait_s = schedule.jittered_s(wait_s, self._random)
        rest_s = schedule.parse_retry_after(answer.headers.get("retry-after", ""), poll.time) if answer else None
        if poll.outcome == "failed" and rest_s is not None:
            wait_s = max(wait_s, rest_s)
        due_s = now_s + wait_s
        state = msgspec.structs.replace(
            state, polled_s=poll.time.timestamp(), due_s=due_s, status=poll.status, polls=state.polls + 1
        )
        poll = msgspec.structs.replace(poll, next_due=datetime.fromtimestamp(due_s, UTC))
        rest_until_s = due_s if rest_s is not None else 0.0
        host = pacing(state.url, poll.status, loaded.gap_s, self.settings.host_spacing_s, now_s, rest_until_s)
        return result._replace(poll=poll, state=state, host=host)

    def _wait_s(self, poll: Poll, state: FeedState, answer: Response | None, rule: FeedRule) -> float:
        interval_s = DEMO_INTERVAL_S if state.demo else rule.interval_s or self.settings.poll_interval_s
        if state.failures:
            return schedule.backoff_s(interval_s, state.failures, poll.status)
        if rule.interval_s or state.demo or self.settings.adaptive == "off" or state.history is None:
            return interval_s
        now_s = poll.time.timestamp()
        hints = state.hints
        if answer is not None:
            hints = msgspec.structs.replace(
                hints, wait_s=max(hints.wait_s, schedule.fresh_for_s(answer.headers, poll.time))
            )
        wait_s = schedule.likely_wait_s(state.history, now_s, interval_s)
        return schedule.kept_to_hints_s(wait_s, hints, state.window, state.history, poll.time)

    async def _publish(self, result: Result, guards: Sequence[Guard]) -> bool:
        """Publish items and outcome, and remember validators and known items in the same step. False: not our turn."""
        poll = result.poll
        messages = [Message(ITEMS.name, item.key.encode("utf-8", "replace"), encode(item)) for item in result.items]
        messages += [_dead_entry(poll, entry, reason) for entry, reason in result.dead]
        messages.append(Message(POLLS.name, poll.feed.encode(), encode(poll)))
        counts = counting("poll", {"sent": poll.sent, "known": poll.known, "dead": poll.dead})
        remember = [*recording(result.state, result.known), *result.host, *counts]
        done = await self.broker.publish(messages, remember, guards)
        if done:
            level = logging.WARNING if poll.outcome == "failed" else logging.INFO
            log.log(level, "poll feed=%s outcome=%s status=%d items=%d sent=%d ms=%d %s", poll.feed, poll.outcome,
                    poll.status, poll.items, poll.sent, poll.elapsed_ms, poll.error)  # fmt: skip
        else:
            log.info("poll feed=%s: removed, polled by another, or the clock leapt; nothing done", poll.feed)
        return done


def _started(state: FeedState) -> datetime:
    """Return the time of a poll: later than the one before even if the clock was put back.

    The desk takes what was fetched earlier for old.
    """
    return datetime.fromtimestamp(max(time.time(), state.polled_s + 0.001), UTC)


def _remembered(state: FeedState, answer: Response, poll: Poll) -> FeedState:
    """Return *state* with the validators of a document that came whole (RFC 9110 §8.8)."""
    etag, modified = (_validator(answer.headers.get(name, "")) for name in ("etag", "last-modified"))
    return msgspec.structs.replace(
        state, etag=etag, last_modified=modified, body_hash=_hash(answer.body), read_s=poll.time.timestamp()
    )


def _validator(value: str) -> str:
    """Return a validator that can be sent back; one that no sane server would give is none."""
    return value if len(value) <= MAX_VALIDATOR_CHARS and value.isascii() and value.isprintable() else ""


def _moved(state: FeedState, answer: Response, now_s: float) -> FeedState:
    """Return *state* with what an answer says about where the feed is.

    A permanent redirect (RFC 9110 §15.4.2, §15.4.9) is believed when it was seen several times over a day: a broken
    server or a hotel's network redirects everything for an hour. The feed keeps the name that it was added by.
    """
    if not answer.moved_to:
        return msgspec.structs.replace(state, moving="", moving_seen=0, moving_since_s=0.0)
    if answer.moved_to != state.moving:
        return msgspec.structs.replace(state, moving=answer.moved_to, moving_seen=1, moving_since_s=now_s)
    seen, since_s = state.moving_seen + 1, state.moving_since_s
    if seen >= schedule.MOVED_AFTER and now_s - since_s >= schedule.MOVED_S:
        log.warning("feed=%s: has moved for good to %s", state.url, answer.moved_to)
        return msgspec.structs.replace(state, location=answer.moved_to, moving="", moving_seen=0, moving_since_s=0.0)
    return msgspec.structs.replace(state, moving_seen=seen)


def _with_header_links(feed: Feed, answer: Response) -> Feed:
    """Return *feed* with the hub of its Link header, which counts before its own (WebSub §4)."""
    links = header_links(answer.headers.get("link", ""), answer.url)
    if "hub" not in links:
        return feed if feed.topic else msgspec.structs.replace(feed, topic=answer.url)
    return msgspec.structs.replace(feed, hub=links["hub"], topic=links.get("self") or feed.topic or answer.url)


def _filed(item: Item, folder: str) -> Item:
    return msgspec.structs.replace(item, folder=folder) if folder else item


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
    return hashlib.blake2b(body, digest_size=8).hexdigest()
