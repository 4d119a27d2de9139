"""The poller: claims due feeds, fetches and parses them, and publishes their new items.

claim ──▶ fetch ──▶ parse, compare with known items ──▶ schedule next poll ──▶ publish items and result, store state
                                                                               (one step)
poll.py computes the state transitions. This module performs the input and output.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from streams.brokers.base import Broker, Condition
from streams.codec import encode
from streams.config.settings import Settings
from streams.config.tables import FeedOptions
from streams.errors import CopydeskError, UnavailableError, UnreadableError
from streams.logger import get_logger
from streams.records import PollResult
from streams.retry import Backoff
from workers.heartbeats import STALLED_S
from workers.http.client import NO_CREDENTIALS, Credentials, HttpClient, Response
from workers.poller import poll as transitions
from workers.poller import schedule
from workers.poller.backpressure import CHECK_INTERVAL_S, Backpressure, Reservation
from workers.poller.budget import LimitedUpdate, limit_update, with_first_items, with_link_pages
from workers.poller.feed_update import FeedUpdate, with_pages, with_publisher
from workers.poller.feed_urls import unregistered_feeds
from workers.poller.formats import ACCEPT
from workers.poller.full_text import ACCEPT as PAGE_ACCEPT
from workers.poller.full_text import FullTextFetcher
from workers.poller.guid_keys import with_known_guids
from workers.poller.outage import NETWORK_ERRORS, OutageDetector
from workers.poller.parser_pool import MAX_PAGES, ParseRequest, ParserPool
from workers.poller.poll import PollOutcome
from workers.poller.poll_log import PollLog
from workers.poller.recheck import Rechecks
from workers.poller.registry import ClaimClock, ClaimedFeed, FeedRegistry, FeedState, host_key
from workers.poller.sitemaps import newest_links, read_index
from workers.poller.websub import Push, WebSub

log = get_logger(__name__)

IDLE_SLEEP_S = 1.0  # delay until a new feed is noticed
CLAIM_PAUSE_S = 0.02  # between the end of a poll and the next claim
PUSH_TRIES = 3
PUSH_FAILED = "the next poll will find its items"


class Poller:
    """Polls feeds until it is stopped. Any number of pollers share the feeds."""

    def __init__(self, settings: Settings, broker: Broker, desk_group: str) -> None:
        self.settings, self.broker = settings, broker
        self.feeds = FeedRegistry(broker.state, settings.lease_timeout_s, settings.host_delay_s)
        self.http, self.parsers = HttpClient(settings, ACCEPT), ParserPool(settings.parser_processes)
        self.websub = WebSub(broker.state, settings.websub_callback_url)
        self.page_fetcher = FullTextFetcher(self.http, self.parsers, settings.host_delay_s)
        self.backpressure = Backpressure(broker, desk_group, settings.max_desk_lag)
        self.rechecks = Rechecks(broker, self.page_fetcher, settings, self._credentials_of)
        self._random, self._outage = random.Random(), OutageDetector()
        self._stopping, self._woken = asyncio.Event(), asyncio.Event()
        self._is_idle = False  # no feed was due at the last claim
        self._polls: dict[asyncio.Task[None], str] = {}
        self._log = PollLog()
        self._last_turn_s = time.monotonic()
        self._next_renewal_s = time.monotonic() + self.feeds.claim_s / 4

    def stop(self) -> None:
        """Start no more polls; `run` returns after the polls in progress."""
        self._stopping.set()
        self._woken.set()

    def is_working(self) -> bool:
        """Return whether the loop of `run` makes progress, or finishes its last polls."""
        return self._stopping.is_set() or time.monotonic() - self._last_turn_s < STALLED_S

    async def run(self) -> None:
        """Poll until stopped."""
        async with self.http, self.parsers:
            # Beside the polls: it takes a minute for 200,000 feeds.
            check = asyncio.create_task(self._check_registry(), name="check of the feed registry")
            pushes = asyncio.create_task(self._consume_pushes(), name="pushes")
            rechecks = asyncio.create_task(self.rechecks.run(time.time), name="rechecks")
            backoff = Backoff()
            while not self._stopping.is_set():
                self._last_turn_s = time.monotonic()
                try:
                    wait_s = await self._start_due_polls()
                    backoff.reset()
                except UnavailableError as exc:
                    wait_s = backoff.next_delay_s()
                    log.warning("claim failed", error=exc, retry_s=wait_s)
                await self._sleep(wait_s)
            if self._polls:
                await asyncio.wait(self._polls, timeout=self.settings.shutdown_timeout_s)
            for task in (check, pushes, rechecks):
                task.cancel()
            self._log.flush()

    async def _check_registry(self) -> None:
        """Schedule feeds that a crash left unscheduled. Warn of options for a single feed that isn't registered."""
        try:
            if count := await self.feeds.reconcile():
                log.warning("feeds rescheduled", count=count, reason="they were registered, but no poll was due")
            registered = {feed.url for feed in await self.feeds.all()} if self.settings.feeds else set()
        except UnavailableError as exc:
            log.warning("check of the feed registry failed", error=exc, next_step="will retry at the next start")
            return
        for url in unregistered_feeds(self.settings.feeds, registered):
            log.warning(
                "[[feeds]] table without registered feed", feed=url, next_step=f"run `copydesk feeds add {url}`"
            )

    async def _sleep(self, wait_s: float) -> None:
        """Wait for *wait_s*, or until polls end and release their hosts; one claim follows several of them."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._woken.wait()
                await asyncio.sleep(CLAIM_PAUSE_S)
        self._woken.clear()  # an end during the next claim must wake, too

    def _end_poll(self, task: "asyncio.Task[None]") -> None:
        del self._polls[task]
        self._woken.set()

    async def _start_due_polls(self) -> float:
        """Start due polls; return the seconds until the next call."""
        if time.monotonic() >= self._next_renewal_s:
            self._next_renewal_s = time.monotonic() + self.feeds.claim_s / 4
            await self.feeds.renew(list(self._polls.values()))
        if await self.backpressure.check(is_idle=self._is_idle):
            return CHECK_INTERVAL_S
        free = self.settings.poll_concurrency - len(self._polls)
        due = await self.feeds.claim(free) if free > 0 else []
        if due and await self.backpressure.check():  # the claims expire
            return CHECK_INTERVAL_S
        self._is_idle = not due and not self._polls
        for feed in due:
            task = asyncio.create_task(self.poll(feed, self.feeds.clock), name=f"poll {feed.state.url}")
            self._polls[task] = feed.state.url
            task.add_done_callback(self._end_poll)
        return min(IDLE_SLEEP_S, self.settings.poll_interval_s / 4) if len(due) < free or free <= 0 else 0.0

    # -- polls ------------------------------------------------------------------------------------------------

    async def poll(self, loaded: ClaimedFeed, clock: ClaimClock) -> None:
        """Poll one feed, claimed at *clock*, and publish the outcome.

        If the broker is unavailable, nothing is stored and the claim expires. A bug results in a failed poll.
        """
        url = loaded.state.url
        try:
            if loaded.state.paused:
                await self.feeds.release(url)
                return
            result = await self._poll_and_publish(loaded, clock)
            if self.websub.callback_url and result.poll.outcome != "failed":
                await self.websub.ensure_subscribed(
                    self.http, url, result.state.websub_hub, result.state.websub_topic, time.time()
                )
        except UnavailableError as exc:
            log.warning("poll not recorded", feed=url, error=exc, next_step="will retry")
        except Exception:
            log.exception("poll failed", feed=url, error_kind="bug", next_step="will retry")

    async def _poll_and_publish(self, loaded: ClaimedFeed, clock: ClaimClock) -> PollOutcome:
        """Poll a feed and publish the outcome. A bug is published as a failed poll, so that the backoff grows."""
        try:
            result = await self._poll_once(loaded, clock)
            await self._publish(result, [loaded.condition(result.state), clock.condition()])
        except UnavailableError:
            raise
        except Exception as exc:
            state = loaded.state
            log.exception("poll failed", feed=state.url, error_kind="bug", next_step="next poll after backoff")
            error = CopydeskError(f"bug: {exc!r}; its traceback is in the log", code="bug")
            result = transitions.failed(transitions.begin_poll(loaded), state, error)
            result = self._with_next_due(result, None, loaded, clock)
            await self._publish(result, [loaded.condition(result.state), clock.condition()])
        return result

    async def _poll_once(self, loaded: ClaimedFeed, clock: ClaimClock) -> PollOutcome:
        state, options = loaded.state, transitions.feed_options(self.settings, loaded.state)
        poll = transitions.begin_poll(loaded)
        response: Response | None = None
        try:
            response = await self._fetch(state, options, poll.started_at)
            poll = replace(poll, status=response.status, body_bytes=len(response.body), elapsed_ms=response.elapsed_ms)
            result = await self._handle_response(poll, loaded, options, response)
            state = transitions.track_redirect(result.state, response, poll.started_at.timestamp())
            if state is not result.state:
                result = replace(result, state=state)
        except (UnavailableError, UnreadableError) as exc:
            if isinstance(exc, UnavailableError) and not exc.code:
                raise  # the broker failed; each failure of a feed has a code
            is_outage = await self._record_reachability(state.url, exc.code not in NETWORK_ERRORS)
            result = transitions.failed(poll, loaded.state, exc, is_outage=is_outage)
        else:
            await self._record_reachability(state.url, is_reachable=True)
        return self._with_next_due(result, response, loaded, clock)

    async def _record_reachability(self, feed: str, is_reachable: bool) -> bool:
        """Record whether the host of *feed* responded. Return whether *feed* failed in an outage of the network."""
        was_outage = self._outage.is_outage
        failed = self._outage.record(feed, host_key(feed), time.monotonic(), is_reachable=is_reachable)
        if self._outage.is_outage and not was_outage:
            log.error("network outage", reason="most hosts are unreachable", next_step="backoff does not grow")
        elif was_outage and not self._outage.is_outage:
            log.warning("network outage ended", count=len(failed), next_step="polling the feeds that failed")
            await self.feeds.poll_now(failed)
        return self._outage.is_outage and not is_reachable

    async def _fetch(self, state: FeedState, options: FeedOptions, now: datetime) -> Response:
        """Return the response of a feed. The request is conditional, except once a day."""
        headers = {}
        if now.timestamp() - state.fetched_s < schedule.TRUST_304_S:
            validators = {"If-None-Match": state.etag, "If-Modified-Since": state.last_modified}
            headers = {name: value for name, value in validators.items() if value}
        url = state.moved_to or state.url
        credentials = _credentials(options).limited_to(state.url, url)  # a redirect isn't the operator's decision
        if options.type == "page":
            response = await self._fetch_section_page(url, headers, credentials)
        else:
            response = await self.http.get(url, headers, credentials)
        if response.status == 304 and not headers:
            raise UnavailableError("HTTP 304 to a request without conditions", code="http_status")
        return response

    async def _fetch_section_page(self, url: str, headers: Mapping[str, str], credentials: Credentials) -> Response:
        """Return the response of a section page, which is no feed: robots.txt must permit it."""
        response = await self.page_fetcher.get_allowed(url, credentials, url, {**headers, **PAGE_ACCEPT})
        if response is None:
            raise UnavailableError(f"forbidden by robots.txt: {url}", code="robots")
        return response

    async def _handle_response(
        self, poll: PollResult, loaded: ClaimedFeed, options: FeedOptions, response: Response
    ) -> PollOutcome:
        """Return the outcome of a response. Raises UnavailableError or UnreadableError for a failed poll."""
        state = loaded.state
        if response.status in (204, 304):
            return transitions.succeeded(poll, "unchanged", state)
        if response.status != 200:
            code = "gone" if response.status == 410 else "http_status"
            raise UnavailableError(f"HTTP {response.status}", code=code)
        fetched = transitions.with_validators(state, response, poll)
        if fetched.body_hash == state.body_hash:
            return transitions.succeeded(poll, "unchanged", fetched)
        content_type, known_items = response.headers.get("content-type", ""), await self.feeds.known_items(state.url)
        request = ParseRequest(
            response.body, state.url, content_type, poll.started_at, poll.id, known_items,
            is_first_poll=not known_items, type=options.type, turnover=state.turnover,
        )  # fmt: skip
        update = await self.parsers.parse(request, is_suspect=state.failures > 0)
        if update.sitemaps:
            fetched = state  # an unchanged index may list changed sitemaps
            update = await self._read_sitemaps(update, request, options)
        update = transitions.with_header_links(update, response)
        update = newest_links(update, MAX_PAGES, is_first_poll=request.is_first_poll)
        update, guid_writes = await with_known_guids(self.broker.state, state.url, update)
        limited, reservation = await self._limit(update, poll, state, options)
        # Without validators the next poll fetches the document again, with its deferred items.
        result = transitions.apply_update(poll, state if limited.update.deferred else fetched, limited)
        rechecks = await self.rechecks.commands(result.items, options.recheck)
        return replace(result, reservation=reservation, more_writes=[*guid_writes, *rechecks])

    async def _read_sitemaps(self, index: FeedUpdate, request: ParseRequest, options: FeedOptions) -> FeedUpdate:
        """Return the update of the sitemaps that *index* lists."""
        credentials = _credentials(options)

        async def fetch(url: str) -> Response | None:
            return await self.page_fetcher.get_allowed(url, credentials, request.url, {})

        async def parse(response: Response, known_items: bytes, is_archive: bool) -> FeedUpdate:
            child = replace(
                request, body=response.body, content_type=response.headers.get("content-type", ""),
                known_items=known_items, is_first_poll=request.is_first_poll or is_archive,
            )  # fmt: skip
            return await self.parsers.parse(child)

        return await read_index(index, request.url, request.known_items, fetch, parse)

    async def _limit(
        self, update: FeedUpdate, poll: PollResult, state: FeedState, options: FeedOptions
    ) -> tuple[LimitedUpdate, Reservation | None]:
        """Return the part of *update* within the feed's budget and the desk's queue, and the place in the queue.

        The items get their pages if the option `full_text` of the feed is true.
        """
        limited = limit_update(update, state.budget, self.settings, poll.started_at)
        if limited.update.new_items and not state.name:
            publisher = await self.feeds.publisher_name(limited.update.title, state.url)
            limited = limited._replace(update=with_publisher(limited.update, publisher))
        if limited.update.is_link_list and state.full_text is not False:
            links = limited.update.new_items
            pages = await self.page_fetcher.fetch_link_pages(links, _credentials(options), state.url)
            limited = with_link_pages(limited, pages, self.settings)
        elif options.full_text:
            limited = limited._replace(update=await self._fetch_pages(limited.update, state.url, options))
        items = limited.update.new_items
        if not items:
            return limited, None
        reservation = await self.backpressure.reserve([len(encode(item)) for item in items])
        if reservation.is_partial:
            count = len(items) - reservation.items
            log.warning("items deferred", feed=state.url, count=count, reason="the queue of the desk is full",
                        next_step="a later poll publishes them")  # fmt: skip
        return with_first_items(limited, reservation.items), reservation

    async def _fetch_pages(self, update: FeedUpdate, feed: str, options: FeedOptions) -> FeedUpdate:
        """Return *update* with the pages of its new items, without the items that wait for their pages."""
        ready, deferred = await self.page_fetcher.fetch_pages(update.new_items, _credentials(options), feed)
        return with_pages(update, ready, deferred)

    def _credentials_of(self, feed: str) -> Credentials:
        return _credentials(self.settings.feed_options(feed))

    def _with_next_due(
        self, result: PollOutcome, response: Response | None, loaded: ClaimedFeed, clock: ClaimClock
    ) -> PollOutcome:
        return transitions.with_next_due(result, response, self.settings, loaded, clock, self._random)

    async def _publish(self, result: PollOutcome, conditions: Sequence[Condition]) -> bool:
        """Publish items and poll result, and store state and known items, in one step.

        Return False if a condition fails; then nothing is published or stored.
        """
        poll, (messages, state_writes) = result.poll, transitions.publication(result)
        is_published = await self.broker.publish(messages, state_writes, conditions)
        if result.reservation is not None and not is_published:
            await self.backpressure.release(result.reservation)
        if is_published:
            self._log.add(poll)
        else:
            reason = "removed, paused, polled by another poller, or clock jump"
            log.info("poll discarded", feed=poll.feed, reason=reason)
        return is_published

    # -- pushes -----------------------------------------------------------------------------------------------

    async def _consume_pushes(self) -> None:
        """Handle pushed documents until stopped."""
        backoff = Backoff()
        while self.settings.websub_callback_url and not self._stopping.is_set():
            push = None
            try:
                is_ready = not self.backpressure.is_paused and self.feeds.clock.ticks_s
                push = await self.websub.next_push(IDLE_SLEEP_S) if is_ready else None
                if push is not None:
                    await self._handle_push(push)
                elif not is_ready:
                    await asyncio.sleep(IDLE_SLEEP_S / 4)
                backoff.reset()
            except UnavailableError as exc:
                log.warning("push failed", feed=push.feed if push else "", error=exc, next_step=PUSH_FAILED)
                await asyncio.sleep(backoff.next_delay_s())
            except Exception:
                log.exception("push failed", feed=push.feed if push else "", error_kind="bug", next_step=PUSH_FAILED)
                await asyncio.sleep(backoff.next_delay_s())

    async def _handle_push(self, push: Push) -> None:
        """Publish the new items of a pushed document. Compare it again if a poll of the feed ends in between."""
        for _ in range(PUSH_TRIES):
            loaded, clock = await self.feeds.load(push.feed), self.feeds.clock
            if loaded is None:
                return
            options = transitions.feed_options(self.settings, loaded.state)
            poll = replace(transitions.begin_poll(loaded), status=200, body_bytes=len(push.body))
            known_items = await self.feeds.known_items(push.feed)
            request = ParseRequest(
                push.body, push.feed, push.content_type, poll.started_at, poll.id, known_items, is_partial=True
            )
            try:
                update = await self.parsers.parse(request)
            except UnreadableError as exc:
                log.warning("push unreadable", feed=push.feed, error=exc, next_step="polling the feed")
                await self.feeds.poll_now([push.feed])
                return
            update, guid_writes = await with_known_guids(self.broker.state, push.feed, update)
            limited, reservation = await self._limit(update, poll, loaded.state, options)
            result = transitions.apply_update(poll, loaded.state, limited, is_push=True)
            rechecks = await self.rechecks.commands(result.items, options.recheck)
            result = replace(
                self._with_next_due(result, None, loaded, clock),
                host_commands=(), reservation=reservation, more_writes=[*guid_writes, *rechecks],
            )  # fmt: skip
            if await self._publish(result, [loaded.condition(result.state), clock.condition()]):
                return


def _credentials(options: FeedOptions) -> Credentials:
    if not (options.headers or options.username or options.password or options.proxy):
        return NO_CREDENTIALS
    return Credentials(options.headers, options.username, options.password, options.proxy)
