"""Webhook sink: signed events in order, retries, and dead letters that can be replayed."""

import asyncio
import base64
import hmac
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from streams.brokers.base import Broker
from streams.cloudevents import http_headers
from streams.config.settings import Settings, load_settings
from streams.errors import SettingsError
from streams.records import Article
from streams.topics import ARTICLES
from tests.conftest import until
from tests.support.subscribers import article
from tests.support.webhooks import SECRET, Receiver, delivering, sink_runner
from workers import dead_letters
from workers.sinks import check_sinks
from workers.sinks.webhook import WebhookOptions, encode_event, signature_headers

VALID = '[[sinks]]\ntype = "webhook"\nname = "w"\nurl = "https://a.example"\nsecret = "0123456789abcdef"\n'


async def test_webhook_signs_and_retries_in_order(either: Settings) -> None:
    receiver = Receiver()
    receiver.statuses = [500, 429, 200, 503]
    async with delivering(either, receiver) as (broker, _, _):
        await broker.create_topics([ARTICLES])
        await broker.publish([article("a"), article("a", 2)])
        await until(lambda: len(receiver.accepted()) == 2)
        assert [(s, b["type"], h["webhook-id"]) for s, b, h in receiver.requests] == [
            (500, "article.new", "a.1"), (429, "article.new", "a.1"), (200, "article.new", "a.1"),
            (503, "article.revised", "a.2"), (200, "article.revised", "a.2"),
        ]  # fmt: skip


async def test_webhook_rejection_becomes_replayable_dead_letter(settings: Settings) -> None:
    receiver = Receiver()
    receiver.statuses = [400]
    async with delivering(settings, receiver) as (broker, _, _):
        await broker.publish([article("a"), article("a", 2)])
        await until(lambda: len(receiver.requests) == 2)
        await until(lambda: _pending_is(broker, 1))
        [letter] = await dead_letters.select(broker, [])
        assert letter.letter.error_kind == "sink"
        assert "sink desk rejected a.1 from copydesk.articles/" in letter.letter.error
        assert "HTTP 400" in letter.letter.error
        receiver.statuses = [410]
        assert await dead_letters.replay(broker, letter)
        await until(lambda: len(receiver.requests) == 3)
        await until(lambda: _pending_is(broker, 1))
        [letter] = await dead_letters.select(broker, [])
        assert await dead_letters.replay(broker, letter)
        await until(lambda: len(receiver.accepted()) == 2)
        assert [(s, h["webhook-id"]) for s, _, h in receiver.requests] == [
            (400, "a.1"),
            (200, "a.2"),
            (410, "a.1"),
            (200, "a.1"),
        ]


async def _pending_is(broker: Broker, count: int) -> bool:
    return len(await dead_letters.select(broker, [])) == count


async def test_webhook_continues_after_retries_are_exhausted(settings: Settings) -> None:
    receiver = Receiver()
    receiver.statuses = [500] * 200

    async with delivering(settings, receiver, max_retry_s=3.0) as (broker, _, _):
        await broker.publish([article("a")])
        await until(lambda: _pending_is(broker, 1))
        receiver.statuses = []
        await broker.publish([article("b")])
        await until(lambda: receiver.accepted() == ["b"])
        [letter] = await dead_letters.select(broker, [])
        assert letter.letter.attempts > 2


async def test_webhook_waits_for_unreachable_server(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    async with delivering(settings, receiver, max_retry_s=0.5) as (broker, site, url):
        await site.stop()
        await broker.publish([article("a"), article("b")])
        await until(lambda: "attempts=6" in caplog.text)  # after 0.5 s at least, longer than max_retry_s
        assert not await dead_letters.select(broker, [])
        runner = site._runner
        await web.TCPSite(runner, "127.0.0.1", int(url.split(":")[2].split("/")[0])).start()
        await until(lambda: sorted(receiver.accepted()) == ["a", "b"])


async def test_webhook_rejects_private_addresses(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    async with delivering(settings, receiver) as (broker, _, url):
        strict = replace(settings, allowed_private_hosts="")
        sink_task = asyncio.create_task(sink_runner(strict, broker, "other", url).run())
        await broker.publish([article("a")])
        await until(lambda: "sink=other article_id=a revision=1" in caplog.text)
        assert "not a public address" in caplog.text or "blocked" in caplog.text or "private" in caplog.text
        sink_task.cancel()
        await asyncio.gather(sink_task, return_exceptions=True)


@pytest.mark.parametrize(
    ("record", "event_type"),
    [
        (Article(id="a", revision=1), "article.new"),
        (Article(id="a", revision=2), "article.revised"),
        (Article(id="a", revision=2, withdrawn="mistake"), "article.withdrawn"),
        (Article(id="a", revision=1, withdrawn="mistake"), "article.withdrawn"),
    ],
)
def test_webhook_body_has_type_of_event(record: Article, event_type: str) -> None:
    body = json.loads(encode_event(record))
    assert body["type"] == event_type
    assert http_headers(record)["ce-type"] == f"copydesk.{event_type}"


def test_webhook_signature() -> None:
    """Check the example of the Standard Webhooks documentation."""
    headers = signature_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_webhook_plain_secret_is_the_key() -> None:
    body = '{"title": "Übergabe"}'.encode()
    digest = hmac.digest(SECRET.encode(), b"a.1.1614265330." + body, "sha256")
    headers = signature_headers(SECRET, "a.1", 1614265330, body)
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


INVALID = [
    ("url = 'https://a.example'\nsecret = '0123456789abcdef'", "missing key: sinks[1].name"),
    ("name = 'w'\nurl = 7\nsecret = '0123456789abcdef'", "expected a string"),
    ("name = 'w'\nurl = 'https://a.example'", "missing key: sinks[1].secret 'w'"),
    ("name = 'w'\nurl = 'ftp://a.example'\nsecret = '0123456789abcdef'", "http:// or https://"),
    ("name = 'w'\nurl = 'https://a.example'\nsecret = 'short'", "16 characters"),
    ("name = 'w'\nurl = 'https://a.example'\nsecret = 'whsec_0123456789abcd!'", "sinks[1].secret 'w'"),
    (
        "name = 'w'\nurl = 'https://a.example'\nsecret = '0123456789abcdef'\ntopic = 'polls'",
        "expected articles or articles.<route>",
    ),
    (
        "name = 'w'\nurl = 'https://a.example'\nsecret = '0123456789abcdef'\ntopic = 'articles.x'",
        "unknown route: topic = 'articles.x' (sink w)",
    ),
    (
        "name = 'w'\nurl = 'https://a.example'\nsecret = '0123456789abcdef'\ntpoic = 'x'",
        "unknown key: sinks[1].tpoic",
    ),
]


@pytest.mark.parametrize(("table", "message"), INVALID, ids=[message for _, message in INVALID])
def test_sink_table_error_hides_secret(table: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "copydesk.toml"
    path.write_text(f'[[sinks]]\ntype = "webhook"\n{table}\n')
    with pytest.raises(SettingsError) as caught:
        check_sinks(load_settings(environ={"COPYDESK_CONFIG": str(path)}))
    assert message in str(caught.value)
    assert "0123456789" not in str(caught.value)
    assert SECRET not in repr(WebhookOptions(url="u", secret=SECRET))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[[sinks]]\nname = "w"\n',
            "expected one of webhook, sqlite, postgresql, jsonl, slack, discord, telegram, opensearch, parquet, s3",
        ),
        (
            '[[sinks]]\ntype = "carrier-pigeon"\nname = "w"\n',
            "expected one of webhook, sqlite, postgresql, jsonl, slack, discord, telegram, opensearch, parquet, s3",
        ),
        (2 * VALID, "duplicate sink name: w"),
        (VALID + 'start_from = "middle"\n', "expected start or end"),
    ],
)
def test_sink_table_rejects_unknown_values(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "copydesk.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=re.escape(message)):
        check_sinks(load_settings(environ={"COPYDESK_CONFIG": str(path)}))
