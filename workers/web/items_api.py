"""The push API: items that no feed delivers.

POST /items?source=NAME    one JSON object, a list of objects, or NDJSON (application/x-ndjson)

`workers/intake/pushed_items.py` has the fields. The status is one of:

    202  the broker has confirmed all items
    400  not JSON, or no source      413  body or number of items too large       415  unknown content type
    409  another request with this idempotency key is in progress; see Retry-After
    422  an invalid item, or an idempotency key that was used for another body; nothing is published
    429  the desk lags, the broker's memory is full, or too many items per minute; see Retry-After
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aiohttp import web

from streams.brokers.base import Broker
from streams.codec import encode
from streams.config.settings import Settings
from streams.errors import UnavailableError, UnreadableError
from streams.records import Item
from streams.topics import ARCHIVE_ITEMS
from workers.intake.publish import publish
from workers.intake.pushed_items import as_archived, decode_rows, is_archived, source_url, to_item
from workers.poller.backpressure import CHECK_INTERVAL_S, Backpressure
from workers.web.idempotency import CLAIM_S, Claim, IdempotencyKeys

JSON_TYPES = ("application/json", "application/feed+json")
LINES_TYPES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
MAX_ITEMS = 1_000  # per request
MAX_ERRORS = 20  # in a response
MAX_KEY_CHARS = 255


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
    """A token bucket of *per_minute* items, refilled at *per_minute* items per minute."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute, self._left, self._filled_s = per_minute, float(per_minute), time.monotonic()

    def take(self, count: int) -> float:
        """Take *count* items. Return 0.0, or the seconds until they fit, in which case none is taken."""
        now_s = time.monotonic()
        self._left = min(self.per_minute, self._left + (now_s - self._filled_s) * self.per_minute / 60)
        self._filled_s = now_s
        missing = min(count, self.per_minute) - self._left
        if missing > 0:
            return missing * 60 / self.per_minute
        self._left -= count
        return 0.0

    def put_back(self, count: int) -> None:
        """Return *count* items that were taken and not published."""
        self._left = min(self.per_minute, self._left + count)


class Push(NamedTuple):
    """A request: its body, source and idempotency key, and the digest of body and query."""

    body: bytes
    one_per_line: bool
    source: str
    key: str
    digest: str


class PushRefusedError(Exception):
    """Nothing was published. *reply* states the reason."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


class ItemsApi:
    """Handler of the push API. The caller checks the token."""

    def __init__(self, settings: Settings, broker: Broker, desk_group: str) -> None:
        self.broker, self.desk_group, self.max_desk_lag = broker, desk_group, settings.max_desk_lag
        self.backpressure = Backpressure(broker, desk_group, settings.max_desk_lag)
        self.budget = ItemBudget(settings.push_items_per_minute)
        self.keys = IdempotencyKeys(broker)

    async def push(self, request: web.Request) -> web.StreamResponse:
        """Publish the items of a request; answer after the broker confirmed them."""
        try:
            push = await _read_push(request)
            reply = await (self._publish_once(push) if push.key else self._publish(push, Claim()))
        except PushRefusedError as exc:
            reply = exc.reply
        return reply.response()

    async def _publish_once(self, push: Push) -> Reply:
        """Publish the items, or return the reply to an earlier request with the same idempotency key."""
        claim = await self.keys.claim(push.key)
        if claim.reply is not None:
            if claim.reply.digest != push.digest:
                raise _refusal(422, "Idempotency-Key was used for another request; use a new one")
            return Reply(202, claim.reply.body)
        if not claim.owner:
            detail = f"{push.key[:40]!r} (another request is in progress)"
            raise _refusal(409, f"Idempotency-Key in use: {detail}; repeat after Retry-After", CHECK_INTERVAL_S)
        try:
            return await self._publish(push, claim)
        except (PushRefusedError, UnavailableError):
            with suppress(UnavailableError):  # the claim expires
                await self.keys.release(claim)
            raise

    async def _publish(self, push: Push, claim: Claim) -> Reply:
        """Publish the items if they are valid and within the limits."""
        items = _items_of(push)
        if wait_s := self.budget.take(len(items)):
            raise _refusal(429, f"more than {self.budget.per_minute} items per minute; try again later", wait_s)
        try:
            return await self._publish_items(items, push, claim)
        except (PushRefusedError, UnavailableError):
            self.budget.put_back(len(items))
            raise

    async def _publish_items(self, items: Sequence[tuple[Item, bool]], push: Push, claim: Claim) -> Reply:
        """Publish *items* and store the reply in one step, unless the desk lags or the claim has expired."""
        archived = [item for item, is_old in items if is_old]
        live = [item for item, is_old in items if not is_old]
        reservation = await self.backpressure.reserve([len(encode(item)) for item, _ in items])
        if reservation.is_partial or (archived and await self._archive_lags()):
            await self.backpressure.release(reservation)
            detail = f"desk lag above max_desk_lag = {self.max_desk_lag:,}, or broker memory full"
            message = f"items refused: {len(items):,} ({detail}); repeat after Retry-After"
            raise _refusal(429, message, CHECK_INTERVAL_S)
        body = {"accepted": len(items), "identity_keys": [item.identity_key for item, _ in items]}
        writes = [*claim.store_commands(push.digest, body), reservation.publish_command()]
        if not await publish(self.broker, live, archived=archived, state_writes=writes, conditions=claim.conditions()):
            await self.backpressure.release(reservation)
            detail = f"{push.key[:40]!r} (the push took more than {CLAIM_S} s)"
            raise _refusal(409, f"Idempotency-Key expired: {detail}; repeat after Retry-After", CHECK_INTERVAL_S)
        return Reply(202, body)

    async def _archive_lags(self) -> bool:
        return await self.broker.lag(ARCHIVE_ITEMS.name, self.desk_group) > self.max_desk_lag


async def _read_push(request: web.Request) -> Push:
    """Return the request. Raises PushRefusedError for an unknown content type and a long key."""
    content_type, key = request.content_type.lower(), request.headers.get("Idempotency-Key", "")
    if content_type not in (*JSON_TYPES, *LINES_TYPES):
        raise _refusal(415, f"unknown content type: {content_type}; use {JSON_TYPES[0]} or {LINES_TYPES[0]}")
    if len(key) > MAX_KEY_CHARS:
        raise _refusal(400, f"Idempotency-Key too long: {len(key)} characters (maximum {MAX_KEY_CHARS})")
    body = await request.read()
    digest = hashlib.sha256(request.query_string.encode() + b"\n" + body).hexdigest()
    return Push(body, content_type in LINES_TYPES, request.query.get("source", ""), key, digest)


def _items_of(push: Push) -> list[tuple[Item, bool]]:
    """Return each item and whether it is archived. Raises PushRefusedError unless all are valid."""
    try:
        source, rows = source_url(push.source), decode_rows(push.body, one_per_line=push.one_per_line)
    except UnreadableError as exc:
        raise _refusal(400, str(exc)) from exc
    if not 1 <= len(rows) <= MAX_ITEMS:
        raise _refusal(413 if rows else 422, f"invalid number of items: {len(rows)} (1 to {MAX_ITEMS} allowed)")
    items, errors = _to_items(rows, source)
    if errors:
        message = f"invalid items: {len(errors)} of {len(rows)} (copydesk published none); correct them and send all"
        raise PushRefusedError(Reply(422, {"message": message, "errors": errors[:MAX_ERRORS]}))
    return items


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


def _refusal(status: int, message: str, retry_s: float = 0.0) -> PushRefusedError:
    return PushRefusedError(Reply(status, {"message": message}, retry_s))
