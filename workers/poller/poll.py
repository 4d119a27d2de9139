"""State transitions of one poll: validators, redirects, Link headers, oversized items. Pure."""

import hashlib
import logging
import time
from datetime import UTC, datetime

import msgspec

from streams.records import Item, PollResult
from streams.topics import MAX_ITEM_CHARS
from workers.http.client import Response
from workers.poller import schedule
from workers.poller.formats.feedparser_xml import ParsedFeed
from workers.poller.registry import FeedState
from workers.poller.websub import parse_link_header

log = logging.getLogger(__name__)

MAX_VALIDATOR_CHARS = 1_024


def start_time(state: FeedState) -> datetime:
    """Return the time of a poll: later than the one before even if the clock was put back.

    The desk takes what was fetched earlier for old.
    """
    return datetime.fromtimestamp(max(time.time(), state.polled_s + 0.001), UTC)


def with_validators(state: FeedState, answer: Response, poll: PollResult) -> FeedState:
    """Return *state* with the validators of a document that came whole (RFC 9110 §8.8)."""
    etag, modified = (_validator(answer.headers.get(name, "")) for name in ("etag", "last-modified"))
    return msgspec.structs.replace(
        state,
        etag=etag,
        last_modified=modified,
        body_hash=body_hash(answer.body),
        fetched_s=poll.started_at.timestamp(),
    )


def _validator(value: str) -> str:
    """Return a validator that can be sent back; one that no sane server would give is none."""
    return value if len(value) <= MAX_VALIDATOR_CHARS and value.isascii() and value.isprintable() else ""


def track_redirect(state: FeedState, answer: Response, now_s: float) -> FeedState:
    """Return *state* with what an answer says about where the feed is.

    A permanent redirect (RFC 9110 §15.4.2, §15.4.9) is believed when it was seen several times over a day: a broken
    server or a hotel's network redirects everything for an hour. The feed keeps the name that it was added by.
    """
    if not answer.permanent_url:
        return msgspec.structs.replace(state, redirect_to="", redirect_count=0, redirect_since_s=0.0)
    if answer.permanent_url != state.redirect_to:
        return msgspec.structs.replace(
            state, redirect_to=answer.permanent_url, redirect_count=1, redirect_since_s=now_s
        )
    seen, since_s = state.redirect_count + 1, state.redirect_since_s
    if seen >= schedule.MOVED_AFTER and now_s - since_s >= schedule.MOVED_S:
        log.warning("feed=%s: has moved for good to %s", state.url, answer.permanent_url)
        return msgspec.structs.replace(
            state, moved_to=answer.permanent_url, redirect_to="", redirect_count=0, redirect_since_s=0.0
        )
    return msgspec.structs.replace(state, redirect_count=seen)


def with_header_links(feed: ParsedFeed, answer: Response) -> ParsedFeed:
    """Return *feed* with the hub of its Link header, which counts before its own (WebSub §4)."""
    links = parse_link_header(answer.headers.get("link", ""), answer.url)
    if "hub" not in links:
        return feed if feed.topic else msgspec.structs.replace(feed, topic=answer.url)
    return msgspec.structs.replace(feed, hub=links["hub"], topic=links.get("self") or feed.topic or answer.url)


def with_folder(item: Item, folder: str) -> Item:
    return msgspec.structs.replace(item, folder=folder) if folder else item


def text_length(item: Item) -> int:
    return sum(len(body.value) for body in (*item.content, *([item.summary] if item.summary else [])))


def oversized_entry(item: Item) -> tuple[str, str]:
    """Return the dead letter of an item that no broker would carry: how it begins, and why."""
    begins = max((c.value for c in (*item.content, *([item.summary] if item.summary else []))), key=len)[:10_000]
    reason = f"item {item.identity_key} has {text_length(item):,} characters; at most {MAX_ITEM_CHARS:,}"
    return f"{item.title}\n{begins}", reason


def body_hash(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=8).hexdigest()
