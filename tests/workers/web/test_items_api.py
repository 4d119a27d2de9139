"""The push API: statuses, idempotency, limits, and items on the topic."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from streams.config.settings import Settings
from streams.records import Item
from streams.topics import DESK_GROUP
from tests.support.pipeline import everything
from workers.intake.publish import publish
from workers.intake.pushed_items import to_item
from workers.services import connect
from workers.web.idempotency import CLAIM_S, IdempotencyKeys
from workers.web.items_api import MAX_ITEMS
from workers.web.server import WebServer

JSON, LINES = {"Content-Type": "application/json"}, {"Content-Type": "application/x-ndjson"}
ROW = {"url": "https://courier.example/1", "title": "Canal reopens"}


class Api:
    """A client of the push API of one server."""

    def __init__(self, server: WebServer, http: aiohttp.ClientSession) -> None:
        self.server, self.http = server, http

    async def push(
        self, body: Any, headers: Mapping[str, str] = JSON, query: str = "source=courier", token: str | None = None
    ) -> tuple[int, Any, Mapping[str, str]]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"X-Copydesk-Token": self.server.admin.token if token is None else token, **headers}
        async with self.http.post(f"{self.server.url}items?{query}", data=data, headers=sent) as response:
            is_json = response.content_type == "application/json"
            return response.status, await (response.json() if is_json else response.text()), response.headers


@asynccontextmanager
async def api(settings: Settings) -> AsyncGenerator[Api, None]:
    broker = await connect(settings, settings.broker_url)
    server = WebServer(replace(settings, web_port=0), broker, DESK_GROUP)
    await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield Api(server, http)
    finally:
        await server.stop()
        await broker.close()


async def test_push_publishes_items_before_it_answers(settings: Settings) -> None:
    async with api(settings) as site:
        status, body, _ = await site.push(ROW)
        assert (status, body) == (202, {"accepted": 1, "identity_keys": ["courier.example/1"]})
        lines = b'{"title": "Two"}\n{"title": "Three", "page_text": "Three\\nIt opened."}\n'
        assert (await site.push(lines, LINES))[0] == 202
        bearer = {**JSON, "Authorization": f"Bearer {site.server.admin.token}"}
        assert (await site.push([{"title": "Four"}], bearer, token=""))[0] == 202
    items: list[Item] = await everything(settings, "items")
    assert {item.title for item in items} == {"Canal reopens", "Two", "Three", "Four"}
    assert {item.feed for item in items} == {"source:courier"}


@pytest.mark.parametrize(
    ("body", "headers", "query", "status", "message"),
    [
        (b"{", JSON, "source=a", 400, "not JSON: request body"),
        (b"", JSON, "source=a", 400, "not JSON"),
        (b"3", JSON, "source=a", 400, "not a JSON object: item 1"),
        (b"\xff", JSON, "source=a", 400, "not JSON"),
        (b"[" * 50_000, JSON, "source=a", 400, "not JSON"),
        (b'{"id": 1}\n{', LINES, "source=a", 400, "line 2"),
        (ROW, JSON, "", 400, "invalid source"),
        (ROW, JSON, "source=..", 400, "invalid source"),
        (ROW, {**JSON, "Idempotency-Key": "k" * 300}, "source=a", 400, "Idempotency-Key too long"),
        (ROW, {"Content-Type": "text/plain"}, "source=a", 415, "unknown content type: text/plain"),
        ([], JSON, "source=a", 422, "invalid number of items: 0 (1 to"),
        (b"\n\n", LINES, "source=a", 422, "invalid number of items: 0 (1 to"),
        ({}, JSON, "source=a", 422, "invalid items: 1 of 1"),
        ([ROW, {"title": 1}, {"title": ["x"]}], JSON, "source=a", 422, "invalid items: 1 of 3"),
        ([ROW] * (MAX_ITEMS + 1), JSON, "source=a", 413, "invalid number of items: 1001 (1 to"),
        ({"title": "a", "page_text": "x" * 1_000_001}, JSON, "source=a", 422, "invalid items: 1 of 1"),
    ],
)
async def test_malformed_push_is_refused_whole(
    settings: Settings, body: Any, headers: dict[str, str], query: str, status: int, message: str
) -> None:
    async with api(settings) as site:
        actual, reply, _ = await site.push(body, headers, query)
        assert (actual, message in reply["message"]) == (status, True), reply
    assert await everything(settings, "items") == []


async def test_push_without_token_or_too_large_is_refused(settings: Settings) -> None:
    async with api(replace(settings, max_feed_bytes=2_000)) as site:
        assert (await site.push(ROW, token="wrong"))[0] == 403
        assert (await site.push(ROW, token=""))[0] == 403
        assert (await site.push({"title": "x" * 3_000}))[0] == 413
    assert await everything(settings, "items") == []


async def test_invalid_items_are_named_by_number(settings: Settings) -> None:
    async with api(settings) as site:
        _, reply, _ = await site.push([ROW, {}, {"url": "ftp://x"}])
        assert [error["item"] for error in reply["errors"]] == [2, 3]


async def test_idempotency_key_publishes_once(settings: Settings) -> None:
    async with api(settings) as site:
        headers = {**JSON, "Idempotency-Key": "push-1"}
        first, again = await site.push(ROW, headers), await site.push(ROW, headers)
        assert first[:2] == again[:2] == (202, {"accepted": 1, "identity_keys": ["courier.example/1"]})
        status, reply, _ = await site.push({"title": "Another"}, headers)
        assert (status, "Idempotency-Key was used" in reply["message"]) == (422, True)
    assert len(await everything(settings, "items")) == 1


async def test_concurrent_pushes_with_a_key_publish_once(settings: Settings) -> None:
    async with api(settings) as site, api(settings) as other:  # two web servers
        headers = {**JSON, "Idempotency-Key": "push-1"}
        answers = await asyncio.gather(*(server.push(ROW, headers) for server in (site, other) * 10))
        assert {status for status, _, _ in answers} <= {202, 409}
        assert (await site.push(ROW, headers))[0] == 202, "a repetition gets the stored reply"
    assert len(await everything(settings, "items")) == 1


async def test_push_whose_first_request_still_runs_is_told_to_retry(settings: Settings) -> None:
    async with api(settings) as site:
        keys = IdempotencyKeys(site.server.broker)
        claim = await keys.claim("push-1")
        headers = {**JSON, "Idempotency-Key": "push-1"}
        status, reply, sent = await site.push(ROW, headers)
        assert (status, sent["Retry-After"]) == (409, "2")
        assert reply["message"].startswith("Idempotency-Key in use: 'push-1' (")
        assert 0 < await site.server.broker.state.execute_command("TTL", claim.key) <= CLAIM_S, "a killed server"
        await keys.release(claim)
        assert (await site.push(ROW, headers))[0] == 202
        await keys.release(claim)  # late, and without effect
        assert (await site.push(ROW, headers))[:2] == (202, {"accepted": 1, "identity_keys": ["courier.example/1"]})
    assert len(await everything(settings, "items")) == 1


async def test_push_whose_claim_expired_publishes_nothing(settings: Settings) -> None:
    async with api(settings) as site:
        keys = IdempotencyKeys(site.server.broker)
        late = await keys.claim("push-1")
        await site.server.broker.state.delete(late.key)  # as after CLAIM_S seconds
        assert (await site.push(ROW, {**JSON, "Idempotency-Key": "push-1"}))[0] == 202
        item = to_item({"title": "Late"}, "source:x", datetime.now(UTC))
        assert not await publish(site.server.broker, [item], conditions=late.conditions())
    assert len(await everything(settings, "items")) == 1


async def test_refused_push_frees_its_key(settings: Settings) -> None:
    async with api(settings) as site:
        headers = {**JSON, "Idempotency-Key": "push-1"}
        for body, status in ((b"{", 400), ({}, 422), ([], 422), (ROW, 202)):
            assert (await site.push(body, headers))[0] == status


async def test_refused_push_takes_no_budget(settings: Settings) -> None:
    async with api(replace(settings, push_items_per_minute=5, max_desk_lag=3)) as site:
        rows = [{"title": f"Story {n}"} for n in range(5)]
        for _ in range(3):
            status, reply, _ = await site.push(rows)
            assert (status, "max_desk_lag" in reply["message"]) == (429, True), reply
        assert (await site.push(rows[:3]))[0] == 202
    assert len(await everything(settings, "items")) == 3


async def test_push_above_budget_is_told_to_retry(settings: Settings) -> None:
    async with api(replace(settings, push_items_per_minute=2)) as site:
        assert (await site.push([ROW, {"title": "Two"}]))[0] == 202
        status, reply, headers = await site.push({"title": "Three"})
        assert (status, "more than 2 items per minute" in reply["message"]) == (429, True)
        assert 1 <= int(headers["Retry-After"]) <= 60
    assert len(await everything(settings, "items")) == 2


async def test_push_waits_for_a_lagging_desk(settings: Settings) -> None:
    async with api(replace(settings, max_desk_lag=3)) as site:
        rows = [{"title": f"Story {n}"} for n in range(5)]
        await publish(site.server.broker, [to_item(r, "source:x", datetime.now(UTC)) for r in rows])
        status, _, headers = await site.push(ROW)
        assert (status, headers["Retry-After"]) == (429, "2")
