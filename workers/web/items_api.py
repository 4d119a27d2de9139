"""The push API: items that no feed delivers.

POST /items?source=NAME    one JSON object, a list of objects, or NDJSON (application/x-ndjson)

`workers/intake/pushed_items.py` has the fields. The status is one of:

    202  the broker has confirmed all items
    400  not JSON, or no source      413  body or number of items too large       415  unknown content type
    422  an invalid item, or an idempotency key that was used for another body; nothing is published
    429  the desk lags, the broker's memory is full, or too many items per minute; see Retry-After
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aiohttp import web

from streams.brokers.base import Broker, RedisCommand
from streams.codec import encode
from streams.config.settings import Settings
from streams.errors import UnreadableError
from streams.records import Item
from streams.topics import ARCHIVE_ITEMS
from workers.intake.publish import publish
from workers.intake.pushed_items import as_archived, decode_rows, is_archived, source_url, to_item
from workers.poller.backpressure import CHECK_INTERVAL_S, Backpressure

JSON_TYPES = ("application/json", "application/feed+json")
LINES_TYPES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
MAX_ITEMS = 1_000  # per request
MAX_ERRORS = 20  # in a response
MAX_KEY_CHARS = 255
KEY_LIFETIME_S = 86_400
KEY_PREFIX = "copydesk:idempotency:"


class Reply(NamedTuple):
    """A status and its JSON body."""

    status: int
    body: Mapping[str, Any]
    retry_s: float = 0.0

    def response(self) -> web.Response:
        """Return the HTTP response."""
        headers = {"Retry-After": str(max(1, round(self.retry_s)))} if self.retry_s else {}
        return web.json_response(self.body, status=self.status, headers=headers)


class ItemBudget:
    """Items that may be pushed now: a token bucket, refilled with *per_minute* and as large."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute, self._left, self._filled_s = per_minute, float(per_minute), time.monotonic()

    def take(self, count: int) -> float:
        """Take *count* items; return 0, or the seconds to wait if the budget is too small for them now."""
        now_s = time.monotonic()
        self._left = min(self.per_minute, self._left + (now_s - self._filled_s) * self.per_minute / 60)
        self._filled_s = now_s
        missing = min(count, self.per_minute) - self._left
        if missing > 0:
            return missing * 60 / self.per_minute
        self._left -= count
        return 0.0


class ItemsApi:
    """Handler of the push API. The caller checks the token."""

    def __init__(self, settings: Settings, broker: Broker, desk_group: str) -> None:
        self.broker, self.desk_group, self.max_desk_lag = broker, desk_group, settings.max_desk_lag
        self.backpressure = Backpressure(broker, desk_group, settings.max_desk_lag)
        self.budget = ItemBudget(settings.push_items_per_minute)

    async def push(self, request: web.Request) -> web.StreamResponse:
        """Publish the items of a request; answer after the broker confirmed them."""
        content_type = request.content_type.lower()
        if content_type not in (*JSON_TYPES, *LINES_TYPES):
            message = f"unknown content type: {content_type}; use {JSON_TYPES[0]} or {LINES_TYPES[0]}"
            return _reply(415, message).response()
        body = await request.read()
        key = request.headers.get("Idempotency-Key", "")
        if len(key) > MAX_KEY_CHARS:
            message = f"Idempotency-Key too long: {len(key)} characters (maximum {MAX_KEY_CHARS})"
            return _reply(400, message).response()
        digest = hashlib.sha256(request.query_string.encode() + b"\n" + body).hexdigest()
        if key and (earlier := await self._earlier(key, digest)):
            return earlier.response()
        try:
            source = source_url(request.query.get("source", ""))
            rows = decode_rows(body, one_per_line=content_type in LINES_TYPES)
        except UnreadableError as exc:
            return _reply(400, str(exc)).response()
        return (await self._publish(rows, source, key, digest)).response()

    async def _publish(self, rows: Sequence[Mapping[str, Any]], source: str, key: str, digest: str) -> Reply:
        if not 1 <= len(rows) <= MAX_ITEMS:
            return _reply(413 if rows else 422, f"invalid number of items: {len(rows)} (1 to {MAX_ITEMS} allowed)")
        items, errors = _to_items(rows, source)
        if errors:
            message = f"{len(errors)} invalid items; nothing was published"
            return Reply(422, {"message": message, "errors": errors[:MAX_ERRORS]})
        if wait_s := self.budget.take(len(rows)):
            return _reply(429, f"more than {self.budget.per_minute} items per minute; try again later", wait_s)
        archived = [item for item, is_old in items if is_old]
        reservation = await self.backpressure.reserve([len(encode(item)) for item, _ in items])
        if reservation.is_partial or (archived and await self._archive_lags()):
            await self.backpressure.release(reservation)
            return _reply(429, "desk lag or broker memory above its limit; try again later", CHECK_INTERVAL_S)
        body = {"accepted": len(items), "identity_keys": [item.identity_key for item, _ in items]}
        state_writes = [*_store_commands(key, digest, body), reservation.publish_command()]
        live = [item for item, is_old in items if not is_old]
        await publish(self.broker, live, archived=archived, state_writes=state_writes)
        return Reply(202, body)

    async def _archive_lags(self) -> bool:
        return await self.broker.lag(ARCHIVE_ITEMS.name, self.desk_group) > self.max_desk_lag

    async def _earlier(self, key: str, digest: str) -> Reply | None:
        """Return the reply to an earlier request with this idempotency key; 422 if its body was another one."""
        stored = await self.broker.state.get(_state_key(key))
        if stored is None:
            return None
        record = json.loads(stored)
        if record["digest"] != digest:
            return _reply(422, "Idempotency-Key was used for another request; use a new one")
        return Reply(202, record["body"])


def _to_items(
    rows: Sequence[Mapping[str, Any]], source: str
) -> tuple[list[tuple[Item, bool]], list[Mapping[str, Any]]]:
    """Return each item and whether it is archived, and the errors with the number of their item, from 1."""
    now = datetime.now(UTC)
    items: list[tuple[Item, bool]] = []
    errors: list[Mapping[str, Any]] = []
    for number, row in enumerate(rows, 1):
        try:
            item, is_old = to_item(row, source, now), is_archived(row)
            items.append((as_archived(item) if is_old else item, is_old))
        except UnreadableError as exc:
            errors.append({"item": number, "error": str(exc)})
    return items, errors


def _store_commands(key: str, digest: str, body: Mapping[str, Any]) -> list[RedisCommand]:
    record = json.dumps({"digest": digest, "body": body})
    return [("SET", _state_key(key), record, "EX", KEY_LIFETIME_S)] if key else []


def _state_key(key: str) -> str:
    return KEY_PREFIX + hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32]


def _reply(status: int, message: str, retry_s: float = 0.0) -> Reply:
    return Reply(status, {"message": message}, retry_s)
