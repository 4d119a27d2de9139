"""The poller: claims feeds that are due, fetches and parses them, and sends what is new.

claim ──▶ fetch ──▶ parse ──▶ what is new? ──▶ when again? ──▶ publish items + outcome, remember all of it (one step)
"""

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from streams.brokers.base import Broker, Condition, OutgoingMessage, RedisCommand
from streams.codec import encode
from streams.config.settings import Settings
from streams.config.tables import FeedOptions
from streams.errors import CopydeskError, UnavailableError, UnreadableError
from streams.records import Item, PollResult
from streams.topics import ITEMS, MAX_ITEM_CHARS, POLLS
from workers.counters import increment_commands
from workers.heartbeats import SILENT_S
from workers.http.client import Credentials, HttpClient, Response
from workers.poller import schedule
from workers.poller.formats.feedparser_xml import ParsedFeed
from workers.poller.full_text import FullTextFetcher
from workers.poller.new_items import find_new_items, most_renamed
from workers.poller.parser_pool import ParseRequest, ParserPool
from workers.poller.poll import (
    body_hash,
    dead_entry,
    oversized_entry,
    start_time,
    text_length,
    track_redirect,
    with_folder,
    with_header_links,
    with_validators,
)
from workers.poller.registry import (
    ClaimClock,
    ClaimedFeed,
    FeedRegistry,
    FeedState,
    poll_commands,
    release_host_commands,
)
from workers.poller.websub import PUSHED_INTERVAL_FACTOR, Push, WebSub, is_active

log = logging.getLogger(__name__)

IDLE_SLEEP_S = 1.0  # how soon a feed that was just added is noticed
MEMORY_CHECK_S = 2.0
MAX_MEMORY_USAGE = 0.85  # of the broker's memory; beyond it, items wait in their feeds instead
RETRY_S = 1.0
MAX_ERROR_CHARS = 500
RENAMED = "texts: its items come under new names"
DEMO_INTERVAL_S = 2.0
PUSH_TRIES = 3
MAX_POLLS_WITHOUT_PUSH = 3  # a hub that lets so many polls find news is none to rely on


class PollOutcome(NamedTuple):
    """What a poll comes to: its outcome for the polls topic, the feed's new state, and what it found."""

    poll: PollResult
    state: FeedState
    items: Sequence[Item] = ()
    known_items: bytes | None = None
    dead: Sequence[tuple[str, str]] = ()
    host_commands: Sequence[RedisCommand] = ()


class Poller:
    """Polls feeds until it is told to stop; any number of them share the feeds."""

    def __init__(self, settings: Settings, broker: Broker, desk_group: str) -> None:
        self.settings, self.broker, self.desk_group = settings, broker, desk_group
        self.feeds = FeedRegistry(broker.state, settings.lease_timeout_s, settings.host_delay_s)
        self.fetcher, self.parsers = HttpClient(settings), ParserPool(settings.parser_processes)
        self.websub = WebSub(broker.state, settings.websub_callback_url)
        self.pages = FullTextFetcher(self.fetcher, settings.host_delay_s)
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
            taking = asyncio.create_task(self._consume_pushes(), name="pushes")
            while not self._stopping.is_set():
                self._turned_s = time.monotonic()
                try:
                    wait_s = await self._start_due_polls()
                except UnavailableError as exc:
                    log.warning("%s; will look for due feeds again", exc)
                    wait_s = RETRY_S
                await self._sleep(wait_s)
            if self._polls:
                await asyncio.wait(self._polls, timeout=self.settings.shutdown_timeout_s)
            taking.cancel()

    async def _sleep(self, wait_s: float) -> None:
        """Wait; a poll that ends before, and lets its host go, ends the wait too."""
        stop = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({stop, *self._polls}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()

    async def _start_due_polls(self) -> float:
        """Start what is due; returns how long to rest."""
        if time.monotonic() >= self._next_renewal_s:
            self._next_renewal_s = time.monotonic() + self.feeds.claim_s / 4
            await self.feeds.renew(list(self._polls.values()))
        if await self._backpressure():
            return MEMORY_CHECK_S
        free = self.settings.poll_concurrency - len(self._polls)
        due = await self.feeds.claim(free) if free > 0 else []
        for url in due:
            task = asyncio.create_task(self.poll(url, self.feeds.clock), name=f"poll {url}")
            self._polls[task] = url
            task.add_done_callback(self._polls.pop)
        return min(IDLE_SLEEP_S, self.settings.poll_interval_s / 4) if len(due) < free or free <= 0 else 0.0

    async def _backpressure(self) -> bool:
        if time.monotonic() < self._next_pressure_s:
            return self.paused
        self._next_pressure_s = time.monotonic() + MEMORY_CHECK_S
        pressure, lag = await self.broker.memory_usage(), await self.broker.lag(ITEMS.name, self.desk_group)
        paused = pressure > MAX_MEMORY_USAGE or lag > self.settings.max_desk_lag
        if paused != self.paused:
            log.warning(
                "%s: broker memory %.0f %%, desk behind by %d items",
                "paused" if paused else "polling again", 100 * pressure, lag,
            )  # fmt: skip
        self.paused = paused
        return paused

    async def poll(self, url: str, clock: ClaimClock) -> None:
        """Poll one feed, claimed at *clock*, and publish what it comes to.

        When the broker is unavailable nothing is remembered, and the claim runs out. A bug makes a failed poll.
        """
        try:
            loaded = await self.feeds.load(url)
            if loaded is None:
                await self.feeds.release(url)
                return
            result = await self._published(loaded, clock)
            if result.poll.outcome != "failed":
                await self.websub.ensure_subscribed(
                    self.fetcher, url, result.state.websub_hub, result.state.websub_topic, time.time()
                )
        except UnavailableError as exc:
            log.warning("feed=%s: %s; nothing was remembered, it will be polled again", url, exc)
        except Exception:
            log.exception("poll failed: feed=%s (bug); it will be polled again", url)

    async def _published(self, loaded: ClaimedFeed, clock: ClaimClock) -> PollOutcome:
        """Poll a feed and publish the result; that of a bug is a failed poll, so that the feed's backoff grows."""
        try:
            result = await self._poll_once(loaded, clock)
            await self._publish(result, [loaded.guard(result.state), clock.guard()])
        except UnavailableError:
            raise
        except Exception as exc:
            state = loaded.state
            log.exception("poll failed: feed=%s (bug); next poll after backoff", state.url)
            poll = PollResult(id=secrets.token_hex(8), feed=state.url, started_at=start_time(state), outcome="failed")
            failed = self._failed(poll, state, CopydeskError(f"bug: {exc!r}; its traceback is in the log", code="bug"))
            result = self._with_next_due(failed, None, self.settings.feed_options(state.url), loaded, clock)
            await self._publish(result, [loaded.guard(result.state), clock.guard()])
        return result

    async def _consume_pushes(self) -> None:
        """Read what hubs push, as it comes."""
        while self.settings.websub_callback_url and not self._stopping.is_set():
            push = None
            try:
                ready = not self.paused and self.feeds.clock.ticks_s
                push = await self.websub.next_push(IDLE_SLEEP_S) if ready else None
                if push is not None:
                    await self._handle_push(push)
                elif not ready:
                    await asyncio.sleep(IDLE_SLEEP_S / 4)
            except UnavailableError as exc:
                log.warning("%s; what was pushed will be found by a poll", exc)
                await asyncio.sleep(RETRY_S)
            except Exception:
                log.exception("push failed: feed=%s (bug); a poll will find it", push.feed if push else "")
                await asyncio.sleep(RETRY_S)

    async def _handle_push(self, push: Push) -> None:
        """Publish what a hub pushed of a feed. Should a poll of it end in between, the document is looked at again."""
        for _ in range(PUSH_TRIES):
            loaded, clock = await self.feeds.load(push.feed), self.feeds.clock
            if loaded is None:
                return
            started, rule = start_time(loaded.state), self.settings.feed_options(push.feed)
            poll = PollResult(id=secrets.token_hex(8), feed=push.feed, started_at=started, outcome="failed",
                        status=200, body_bytes=len(push.body))  # fmt: skip
            try:
                feed = await self.parsers.parse(ParseRequest(push.body, push.feed, push.content_type, started, poll.id))
            except UnreadableError as exc:
                log.warning("feed=%s: what its hub pushed can't be read: %s; it is polled", push.feed, exc)
                await self.feeds.poll_now([push.feed])
                return
            if rule.full_text:
                feed = await self._with_pages(feed, loaded.known_items, rule)
            result = self._apply_document(poll, loaded.state, feed, loaded.known_items, pushed=True)
            result = self._with_next_due(result, None, rule, loaded, clock)._replace(host_commands=())
            if await self._publish(result, [loaded.guard(result.state), clock.guard()]):
                return

    async def _poll_once(self, loaded: ClaimedFeed, clock: ClaimClock) -> PollOutcome:
        state, rule = loaded.state, self.settings.feed_options(loaded.state.url)
        started = start_time(state)
        poll = PollResult(id=secrets.token_hex(8), feed=state.url, started_at=started, outcome="failed")
        answer: Response | None = None
        try:
            answer = await self._fetched(state, rule, started)
            poll = msgspec.structs.replace(
                poll, status=answer.status, body_bytes=len(answer.body), elapsed_ms=answer.elapsed_ms
            )
            if answer.status in (204, 304):
                result = self._succeeded(poll, "unchanged", state)
            elif answer.status != 200:
                raise UnavailableError(f"HTTP {answer.status}", code="gone" if answer.status == 410 else "http_status")
            elif body_hash(answer.body) == state.body_hash:
                result = self._succeeded(poll, "unchanged", with_validators(state, answer, poll))
            else:
                content_type = answer.headers.get("content-type", "")
                document = ParseRequest(answer.body, state.url, content_type, started, poll.id, loaded.known_items)
                feed = await self.parsers.parse(document, suspect=state.failures > 0)
                feed = with_header_links(feed, answer)
                if rule.full_text:
                    feed = await self._with_pages(feed, loaded.known_items, rule)
                # What was left out is to come again: then the document doesn't count as known.
                remembered = state if feed.deferred else with_validators(state, answer, poll)
                result = self._apply_document(poll, remembered, feed, loaded.known_items)
            result = result._replace(state=track_redirect(result.state, answer, started.timestamp()))
        except (UnavailableError, UnreadableError) as exc:
            result = self._failed(poll, state, exc)
        return self._with_next_due(result, answer, rule, loaded, clock)

    async def _fetched(self, state: FeedState, rule: FeedOptions, now: datetime) -> Response:
        access = Credentials(rule.headers, rule.username, rule.password, rule.proxy)
        headers = {}
        if now.timestamp() - state.fetched_s < schedule.TRUST_304_S:  # else the document itself: some servers lie
            headers = {"If-None-Match": state.etag, "If-Modified-Since": state.last_modified}
            headers = {name: value for name, value in headers.items() if value}
        answer = await self.fetcher.get(state.moved_to or state.url, headers, access)
        if answer.status == 304 and not headers:
            raise UnavailableError("HTTP 304 to a request without conditions", code="http_status")
        return answer

    async def _with_pages(self, feed: ParsedFeed, known: bytes, rule: FeedOptions) -> ParsedFeed:
        """Return *feed* with the pages of its news, without items that are to wait for theirs."""
        news, _ = find_new_items(feed.items, known)
        access = Credentials(rule.headers, rule.username, rule.password, rule.proxy)
        ready, waiting = await self.pages.fetch_pages(news, access, feed.items[0].feed if feed.items else "")
        by_key = {item.identity_key: item for item in ready} | {item.identity_key: None for item in waiting}
        items = (by_key.get(item.identity_key, item) for item in feed.items)
        return msgspec.structs.replace(feed, items=tuple(i for i in items if i is not None), deferred=len(waiting))

    def _apply_document(
        self, poll: PollResult, state: FeedState, feed: ParsedFeed, known: bytes, *, pushed: bool = False
    ) -> PollOutcome:
        """Return what a document comes to; one that was *pushed* may be a part of the feed only."""
        found, known_after = find_new_items(feed.items, known, part=pushed)
        news = [with_folder(item, state.folder) for item in found if text_length(item) <= MAX_ITEM_CHARS]
        dead = [*feed.unreadable, *(oversized_entry(item) for item in found if text_length(item) > MAX_ITEM_CHARS)]
        poll = msgspec.structs.replace(
            poll,
            items_total=len(feed.items) + len(feed.unreadable),
            items_new=len(news),
            items_unchanged=len(feed.items) - len(found),
            items_failed=len(dead),
            error=feed.warning and f"read in spite of: {feed.warning}",
            error_kind="bad_entry" if dead else "",
        )
        now_s = poll.started_at.timestamp()
        # Of what a feed shows for the first time nobody knows when it appeared; of news, by their dates.
        times_s = [item.published.timestamp() if item.published else now_s for item in news]
        history = schedule.update_history(state.history, now_s, times_s) if state.history else None
        state = msgspec.structs.replace(
            state,
            title=feed.title or state.title,
            items_total=state.items_total + len(news),
            document_items=state.document_items if pushed else len(feed.items),
            hints=state.hints if pushed else feed.hints,
            identity_basis=state.identity_basis
            if pushed
            else RENAMED
            if most_renamed(feed.items, known)
            else feed.identity,
            polls_since_push=0 if pushed else state.polls_since_push + bool(news),
            websub_hub=feed.hub or state.websub_hub if pushed else feed.hub,
            websub_topic=feed.topic or state.websub_topic if pushed else feed.topic,
            history=history or schedule.initial_history(now_s, times_s),
        )
        return self._succeeded(poll, "ok", state)._replace(items=news, known_items=known_after, dead=dead)

    def _succeeded(self, poll: PollResult, outcome: str, state: FeedState) -> PollOutcome:
        if outcome == "unchanged" and state.history:
            history = schedule.update_history(state.history, poll.started_at.timestamp(), ())
            state = msgspec.structs.replace(state, history=history)
        state = msgspec.structs.replace(state, failures=0, error="", error_kind="")
        return PollOutcome(msgspec.structs.replace(poll, outcome=outcome), state)

    def _failed(self, poll: PollResult, state: FeedState, exc: CopydeskError) -> PollOutcome:
        # A document that couldn't be read isn't "unchanged" the next time: its validators aren't kept.
        error = " ".join(str(exc).split())[:MAX_ERROR_CHARS]
        failures = state.failures + 1
        # Where it moved to it isn't any more, it seems: ask where it was.
        location = "" if failures >= schedule.MOVED_AFTER else state.moved_to
        state = msgspec.structs.replace(state, failures=failures, error=error, error_kind=exc.code, moved_to=location)
        return PollOutcome(msgspec.structs.replace(poll, error=error, error_kind=exc.code), state)

    def _with_next_due(
        self, result: PollOutcome, answer: Response | None, rule: FeedOptions, loaded: ClaimedFeed, clock: ClaimClock
    ) -> PollOutcome:
        poll, state, now_s = result.poll, result.state, clock.now_s()
        wait_s = self._wait_s(poll, state, answer, rule)
        if (
            state.polls_since_push < MAX_POLLS_WITHOUT_PUSH
            and not state.failures
            and is_active(loaded.websub, time.time())
        ):
            wait_s = max(wait_s, min(schedule.DAY_S, PUSHED_INTERVAL_FACTOR * wait_s))
        wait_s = schedule.jittered_s(wait_s, self._random)
        rest_s = schedule.parse_retry_after(answer.headers.get("retry-after", ""), poll.started_at) if answer else None
        if poll.outcome == "failed" and rest_s is not None:
            wait_s = max(wait_s, rest_s)
        due_s = now_s + wait_s
        state = msgspec.structs.replace(
            state, polled_s=poll.started_at.timestamp(), due_s=due_s, status=poll.status, polls=state.polls + 1
        )
        poll = msgspec.structs.replace(poll, next_due=datetime.fromtimestamp(due_s, UTC))
        rest_until_s = due_s if rest_s is not None else 0.0
        host = release_host_commands(
            state.url, poll.status, loaded.host_delay_s, self.settings.host_delay_s, now_s, rest_until_s
        )
        return result._replace(poll=poll, state=state, host_commands=host)

    def _wait_s(self, poll: PollResult, state: FeedState, answer: Response | None, rule: FeedOptions) -> float:
        interval_s = DEMO_INTERVAL_S if state.demo else rule.poll_interval_s or self.settings.poll_interval_s
        if state.failures:
            return schedule.backoff_s(interval_s, state.failures, poll.status)
        if rule.poll_interval_s or state.demo or not self.settings.adaptive_polling or state.history is None:
            return interval_s
        now_s = poll.started_at.timestamp()
        hints = state.hints
        if answer is not None:
            hints = msgspec.structs.replace(
                hints, wait_s=max(hints.wait_s, schedule.freshness_lifetime_s(answer.headers, poll.started_at))
            )
        wait_s = schedule.expected_wait_s(state.history, now_s, interval_s)
        return schedule.apply_hints_s(wait_s, hints, state.document_items, state.history, poll.started_at)

    async def _publish(self, result: PollOutcome, guards: Sequence[Condition]) -> bool:
        """Publish items and outcome, and remember validators and known items in the same step. False: not our turn."""
        poll = result.poll
        messages = [
            OutgoingMessage(ITEMS.name, item.identity_key.encode("utf-8", "replace"), encode(item))
            for item in result.items
        ]
        messages += [dead_entry(poll, entry, reason) for entry, reason in result.dead]
        messages.append(OutgoingMessage(POLLS.name, poll.feed.encode(), encode(poll)))
        counts = increment_commands(
            "poll", {"sent": poll.items_new, "known": poll.items_unchanged, "dead": poll.items_failed}
        )
        remember = [*poll_commands(result.state, result.known_items), *result.host_commands, *counts]
        done = await self.broker.publish(messages, remember, guards)
        if done:
            level = logging.WARNING if poll.outcome == "failed" else logging.INFO
            log.log(level, "poll feed=%s outcome=%s status=%d items=%d sent=%d ms=%d %s", poll.feed, poll.outcome,
                    poll.status, poll.items_total, poll.items_new, poll.elapsed_ms, poll.error)  # fmt: skip
        else:
            log.info("poll feed=%s: removed, polled by another, or the clock leapt; nothing done", poll.feed)
        return done
