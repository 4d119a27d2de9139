"""State transitions of one poll: from a response and its feed update to a PollOutcome.

The functions read the clock, and perform no other input or output: they don't fetch, parse or publish.
"""

import dataclasses
import hashlib
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from streams.brokers.base import OutgoingMessage, RedisCommand
from streams.codec import encode
from streams.config.settings import Settings
from streams.config.tables import FeedOptions
from streams.errors import CopydeskError
from streams.logger import get_logger
from streams.records import Item, PollResult
from streams.topics import ITEMS, POLLS
from workers.counters import count_poll, increment_commands
from workers.dead_letters import from_feed_entry
from workers.http.client import Response
from workers.http.retry_after import parse_retry_after
from workers.poller import schedule
from workers.poller.backpressure import Reservation
from workers.poller.budget import LimitedUpdate, with_page_bytes
from workers.poller.feed_update import FeedUpdate
from workers.poller.outage import RETRY_S
from workers.poller.poll_commands import poll_commands, release_host_commands
from workers.poller.registry import ClaimClock, ClaimedFeed, FeedState
from workers.poller.websub import PUSHED_INTERVAL_FACTOR, is_active, parse_link_header

log = get_logger(__name__)

MAX_VALIDATOR_CHARS = 1_024
MAX_ERROR_CHARS = 500
DEMO_INTERVAL_S = 2.0
DEFERRED_INTERVAL_S = 30.0  # until a poll of a feed whose items found no place in the desk's queue
MAX_POLLS_WITHOUT_PUSH = 3  # consecutive polls that find items that the hub didn't push; from here on it is unreliable


class PollOutcome(msgspec.Struct, frozen=True):
    """The result of a poll: the record for the polls topic, the new state of the feed, and its new items."""

    poll: PollResult
    state: FeedState
    items: Sequence[Item] = ()
    known_items: bytes | None = None
    failed_entries: Sequence[tuple[str, str]] = ()  # (entry, error)
    host_commands: Sequence[RedisCommand] = ()
    reservation: Reservation | None = None  # of places for the items in the desk's queue
    is_outage: bool = False  # the poll failed in an outage of the network
    more_writes: Sequence[RedisCommand] = ()  # state to write in the same step


def feed_options(settings: Settings, state: FeedState) -> FeedOptions:
    """Return the options of a feed: those of the settings, with the values that `feeds edit` stored."""
    options = settings.feed_options(state.url)
    if not (state.interval_s or state.type) and state.full_text is None:
        return options
    return dataclasses.replace(
        options,
        poll_interval_s=state.interval_s or options.poll_interval_s,
        full_text=options.full_text if state.full_text is None else state.full_text,
        type=state.type or options.type,
    )


def begin_poll(loaded: ClaimedFeed) -> PollResult:
    """Return the record of a poll that starts now. It is failed until it succeeds.

    Its time follows the order of all polls at the broker. The desk treats items that were fetched earlier as old.
    """
    state = loaded.state
    started = datetime.fromtimestamp(max(loaded.order_s, state.polled_s + 0.001), UTC)
    # An identity is no secret: `secrets` takes 5 µs for a system call.
    return PollResult(id=f"{random.getrandbits(64):016x}", feed=state.url, started_at=started, outcome="failed")


# -- outcomes -------------------------------------------------------------------------------------------------


def apply_update(poll: PollResult, state: FeedState, limited: LimitedUpdate, *, is_push: bool = False) -> PollOutcome:
    """Return the outcome of a parsed document. A pushed document may contain some items of the feed only."""
    update, failed_entries, budget = limited
    items = [with_user_values(item, state) for item in update.new_items]
    poll = replace(
        poll,
        items_total=update.document_items + len(failed_entries) + update.over_budget,
        items_new=len(items),
        items_unchanged=update.unchanged,
        items_failed=len(failed_entries),
        items_deferred=update.over_budget,
        error=_warning(update),
        error_kind="over_budget" if update.over_budget else "bad_entry" if failed_entries else "",
    )
    state = replace(state, budget=with_page_bytes(budget, items), items_deferred=update.over_budget)
    now_s = poll.started_at.timestamp()
    times_s = [item.published.timestamp() if item.published else now_s for item in items]
    # The times when the items of a first document appeared are unknown, so it starts a new history.
    history = schedule.update_history(state.history, now_s, times_s) if state.history else None
    state = replace(
        state,
        title=update.title or state.title,
        items_published=state.items_published + len(items),
        history=history or schedule.initial_history(now_s, times_s),
    )
    state = _with_pushed(state, update) if is_push else _with_document(state, update, bool(items))
    result = succeeded(poll, "ok", state)
    return replace(result, items=items, known_items=update.known_items, failed_entries=failed_entries)


def _warning(update: FeedUpdate) -> str:
    parts = [update.warning and f"parsed with a warning: {update.warning}"]
    if update.over_budget:
        parts.append(f"{update.over_budget} entries over the daily budget of the feed; a later poll takes them")
    return "; ".join(filter(None, parts))


def _with_pushed(state: FeedState, update: FeedUpdate) -> FeedState:
    return replace(
        state,
        polls_since_push=0,
        websub_hub=update.hub or state.websub_hub,
        websub_topic=update.topic or state.websub_topic,
    )


def _with_document(state: FeedState, update: FeedUpdate, has_new_items: bool) -> FeedState:
    return replace(
        state,
        document_items=update.document_items,
        hints=update.hints,
        turnover=dict(update.turnover),
        identity_basis=update.identity_basis,
        polls_since_push=state.polls_since_push + has_new_items,
        websub_hub=update.hub,
        websub_topic=update.topic,
    )


def succeeded(poll: PollResult, outcome: str, state: FeedState) -> PollOutcome:
    """Return the outcome of a successful poll, `ok` or `unchanged`."""
    if outcome == "unchanged" and state.history:
        state = replace(state, history=schedule.update_history(state.history, poll.started_at.timestamp(), ()))
    return PollOutcome(replace(poll, outcome=outcome), replace(state, failures=0, error="", error_kind=""))


def failed(poll: PollResult, state: FeedState, exc: CopydeskError, *, is_outage: bool = False) -> PollOutcome:
    """Return the outcome of a failed poll. The validators stay unchanged, so the next poll repeats the request.

    During an outage of the network, the number of failures doesn't grow.
    """
    error = " ".join(str(exc).split())[:MAX_ERROR_CHARS]
    failures = max(1, state.failures) if is_outage else state.failures + 1
    # After several failures the target of the redirect seems wrong: poll the original URL.
    moved_to = "" if failures >= schedule.MOVED_AFTER else state.moved_to
    state = replace(state, failures=failures, error=error, error_kind=exc.code, moved_to=moved_to)
    return PollOutcome(replace(poll, error=error, error_kind=exc.code), state, is_outage=is_outage)


# -- next poll ------------------------------------------------------------------------------------------------


def with_next_due(
    result: PollOutcome,
    response: Response | None,
    settings: Settings,
    loaded: ClaimedFeed,
    clock: ClaimClock,
    rng: random.Random,
) -> PollOutcome:
    """Return *result* with the time of the next poll, and the commands that release the host."""
    poll, state, now_s = result.poll, result.state, clock.now_s()
    wait_s = _wait_s(poll, state, response, settings)
    if result.reservation is not None and result.reservation.is_partial:
        wait_s = min(wait_s, DEFERRED_INTERVAL_S)
    has_hub = state.polls_since_push < MAX_POLLS_WITHOUT_PUSH and not state.failures
    if has_hub and is_active(loaded.websub, time.time()):
        wait_s = max(wait_s, min(schedule.DAY_S, PUSHED_INTERVAL_FACTOR * wait_s))
    if result.is_outage:
        wait_s = min(wait_s, RETRY_S)
    wait_s = schedule.jittered_s(wait_s, rng)
    retry_after = response.headers.get("retry-after", "") if response else ""
    retry_after_s = parse_retry_after(retry_after, poll.started_at)
    if poll.outcome == "failed" and retry_after_s is not None:
        wait_s = max(wait_s, retry_after_s)
    due_s = now_s + wait_s
    state = replace(state, polled_s=poll.started_at.timestamp(), due_s=due_s, status=poll.status, polls=state.polls + 1)
    poll = replace(poll, next_due=datetime.fromtimestamp(due_s, UTC))
    retry_after_until_s = due_s if retry_after_s is not None else 0.0
    host_commands = release_host_commands(
        state.url, poll.status, loaded.host_delay_s, settings.host_delay_s, now_s, retry_after_until_s
    )
    return replace(result, poll=poll, state=state, host_commands=host_commands)


def _wait_s(poll: PollResult, state: FeedState, response: Response | None, settings: Settings) -> float:
    options = feed_options(settings, state)
    interval_s = DEMO_INTERVAL_S if state.demo else options.poll_interval_s or settings.poll_interval_s
    if state.failures:
        return schedule.backoff_s(interval_s, state.failures, poll.status)
    if options.poll_interval_s or state.demo or not settings.adaptive_polling or state.history is None:
        return interval_s
    now_s, hints = poll.started_at.timestamp(), state.hints
    if response is not None:
        fresh_s = schedule.freshness_lifetime_s(response.headers, poll.started_at)
        hints = replace(hints, wait_s=max(hints.wait_s, fresh_s))
    wait_s = schedule.expected_wait_s(state.history, now_s, interval_s)
    return schedule.apply_hints_s(wait_s, hints, state.document_items, state.history, poll.started_at)


# -- state of the feed ----------------------------------------------------------------------------------------


def with_validators(state: FeedState, response: Response, poll: PollResult) -> FeedState:
    """Return *state* with the validators of a complete document (RFC 9110 §8.8)."""
    etag, modified = (_validator(response.headers.get(name, "")) for name in ("etag", "last-modified"))
    return replace(
        state,
        etag=etag,
        last_modified=modified,
        body_hash=body_hash(response.body),
        fetched_s=poll.started_at.timestamp(),
    )


def _validator(value: str) -> str:
    """Return a validator that can be sent back; "" for an implausible one."""
    return value if len(value) <= MAX_VALIDATOR_CHARS and value.isascii() and value.isprintable() else ""


def track_redirect(state: FeedState, response: Response, now_s: float) -> FeedState:
    """Return *state* with the permanent redirect of a response.

    A permanent redirect (RFC 9110 §15.4.2, §15.4.9) is accepted after MOVED_AFTER polls over MOVED_S.
    Broken servers and captive portals redirect everything for an hour.
    The original URL still identifies the feed.
    """
    if not response.permanent_url and not state.redirect_count:
        return state
    if not response.permanent_url:
        return replace(state, redirect_to="", redirect_count=0, redirect_since_s=0.0)
    if response.permanent_url != state.redirect_to:
        return replace(state, redirect_to=response.permanent_url, redirect_count=1, redirect_since_s=now_s)
    count, since_s = state.redirect_count + 1, state.redirect_since_s
    if count >= schedule.MOVED_AFTER and now_s - since_s >= schedule.MOVED_S:
        log.warning(
            "feed moved permanently", feed=state.url, moved_to=response.permanent_url,
            next_step="another origin gets no credentials; to send them, add its URL as a feed",
        )  # fmt: skip
        return replace(state, moved_to=response.permanent_url, redirect_to="", redirect_count=0, redirect_since_s=0.0)
    return replace(state, redirect_count=count)


def with_header_links(update: FeedUpdate, response: Response) -> FeedUpdate:
    """Return *update* with the hub of the Link header, which precedes the hub in the document (WebSub §4)."""
    links = parse_link_header(response.headers.get("link", ""), response.url)
    if "hub" not in links:
        return update if update.topic else replace(update, topic=response.url)
    return replace(update, hub=links["hub"], topic=links.get("self") or update.topic or response.url)


def body_hash(body: bytes) -> str:
    """Return the hash by which an unchanged body is recognised. SHA-1 takes half the time of BLAKE2b."""
    return hashlib.sha1(body, usedforsecurity=False).hexdigest()[:16]


# -- publication ----------------------------------------------------------------------------------------------


def publication(result: PollOutcome) -> tuple[list[OutgoingMessage], list[RedisCommand]]:
    """Return the messages of a poll, and the state to write with them: known items, counters, place in the queue."""
    poll = result.poll
    messages = [
        OutgoingMessage(ITEMS.name, item.identity_key.encode("utf-8", "replace"), encode(item)) for item in result.items
    ]
    messages += [from_feed_entry(poll.feed, entry, error) for entry, error in result.failed_entries]
    messages.append(OutgoingMessage(POLLS.name, poll.feed.encode(), encode(poll)))
    commands = [*poll_commands(result.state, result.known_items), *result.host_commands, count_poll(poll.outcome)]
    if poll.items_new or poll.items_unchanged or poll.items_failed:
        counts = {"new": poll.items_new, "unchanged": poll.items_unchanged, "failed": poll.items_failed}
        commands += increment_commands("poll", counts)
    commands += result.more_writes
    if result.reservation is not None:
        commands.append(result.reservation.publish_command())
    return messages, commands


def log_fields(poll: PollResult) -> dict[str, Any]:
    """Return the fields of the log event of a published poll."""
    return {
        "feed": poll.feed, "outcome": poll.outcome, "status": poll.status, "items_total": poll.items_total,
        "items_new": poll.items_new, "elapsed_ms": poll.elapsed_ms, "error_kind": poll.error_kind, "error": poll.error,
    }  # fmt: skip


# -- items ----------------------------------------------------------------------------------------------------


def with_user_values(item: Item, state: FeedState) -> Item:
    """Return *item* with the folder of its feed, and with the user's title as its publisher."""
    if not (state.folder or state.name):
        return item
    return replace(item, folder=state.folder or item.folder, publisher=state.name or item.publisher)
