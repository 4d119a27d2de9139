"""Webhooks: signed, in order, again until they are taken; what isn't becomes a dead letter that can be replayed."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from streams.brokers.base import Broker
from streams.config.settings import Settings, load_settings
from streams.config.tables import Webhook
from streams.errors import SettingsError
from streams.topics import ARTICLES
from tests.conftest import until
from tests.contract.brokers.test_subscribe import article
from workers import dead_letters
from workers.services import connect
from workers.sinks.webhook import Webhooks, signature_headers

SECRET = "a secret of more than 16 letters"


class Receiver:
    """A server that answers as it is told, 200 when there is nothing more to tell."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.got: list[tuple[int, Any, dict[str, str]]] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert (
            request.headers["webhook-signature"]
            == signature_headers(
                SECRET, request.headers["webhook-id"], int(request.headers["webhook-timestamp"]), body
            )["webhook-signature"]
        )
        status = self.statuses.pop(0) if self.statuses else 200
        self.got.append((status, json.loads(body), dict(request.headers)))
        return web.Response(status=status, headers={"Retry-After": "0"})

    def taken(self) -> list[str]:
        return [body["data"]["id"] for status, body, _ in self.got if status == 200]


@asynccontextmanager
async def delivering(
    settings: Settings, receiver: Receiver, *, give_up_s: float = 3_600.0, **changes: Any
) -> AsyncGenerator[tuple[Broker, web.TCPSite, str], None]:
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    hook = Webhook("desk", url, SECRET, start_from="start", **changes)
    settings = replace(settings, webhooks=(hook,), allowed_private_hosts="127.0.0.1:*")
    broker = await connect(settings, settings.broker_url)
    work = asyncio.create_task(Webhooks(settings, broker, first_retry_s=0.02, give_up_s=give_up_s).run())
    yield broker, site, url
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await broker.close()
    await runner.cleanup()


def test_events_are_signed_and_come_again_until_they_are_taken(either: Settings) -> None:
    async def go() -> None:
        receiver = Receiver()
        receiver.statuses = [500, 429, 200, 503]
        async with delivering(either, receiver) as (broker, _, _):
            await broker.create_topics([ARTICLES])
            await broker.publish([article("a"), article("a", 2)])
            await until(lambda: len(receiver.taken()) == 2)
            assert [(s, b["type"], h["webhook-id"]) for s, b, h in receiver.got] == [
                (500, "article.new", "a.1"), (429, "article.new", "a.1"), (200, "article.new", "a.1"),
                (503, "article.revised", "a.2"), (200, "article.revised", "a.2"),
            ]  # fmt: skip

    asyncio.run(go())


def test_what_is_refused_is_set_aside_and_can_be_replayed_to_its_webhook_only(settings: Settings) -> None:
    async def go() -> None:
        receiver = Receiver()
        receiver.statuses = [400]
        async with delivering(settings, receiver) as (broker, _, _):
            await broker.publish([article("a"), article("a", 2)])
            await until(lambda: len(receiver.got) == 2)
            await until(lambda: _waiting(broker, 1))
            [letter] = await dead_letters.select(broker, [])
            assert letter.letter.error_kind == "webhook"
            assert "webhook desk answered HTTP 400 to copydesk.articles/" in letter.letter.error
            receiver.statuses = [410]
            assert await dead_letters.replay(broker, letter)
            await until(lambda: len(receiver.got) == 3)
            await until(lambda: _waiting(broker, 1))
            [letter] = await dead_letters.select(broker, [])
            assert await dead_letters.replay(broker, letter)
            await until(lambda: len(receiver.taken()) == 2)
            assert [(s, h["webhook-id"]) for s, _, h in receiver.got] == [
                (400, "a.1"),
                (200, "a.2"),
                (410, "a.1"),
                (200, "a.1"),
            ]

    asyncio.run(go())


async def _waiting(broker: Broker, count: int) -> bool:
    return len(await dead_letters.select(broker, [])) == count


def test_one_event_that_is_never_taken_does_not_stop_the_others(settings: Settings) -> None:
    async def go() -> None:
        receiver = Receiver()
        receiver.statuses = [500] * 200

        async with delivering(settings, receiver, give_up_s=3.0) as (broker, _, _):
            await broker.publish([article("a")])
            await until(lambda: _waiting(broker, 1))
            receiver.statuses = []
            await broker.publish([article("b")])
            await until(lambda: receiver.taken() == ["b"])
            [letter] = await dead_letters.select(broker, [])
            assert letter.letter.attempts > 2

    asyncio.run(go())


def test_a_server_that_is_gone_is_waited_for(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    async def go() -> None:
        receiver = Receiver()
        async with delivering(settings, receiver, give_up_s=0.5) as (broker, site, url):
            await site.stop()
            await broker.publish([article("a"), article("b")])
            await until(lambda: "again in 0.6 s" in caplog.text)  # longer than an answer that refuses is put up with
            assert not await dead_letters.select(broker, [])
            runner = site._runner
            await web.TCPSite(runner, "127.0.0.1", int(url.split(":")[2].split("/")[0])).start()
            await until(lambda: sorted(receiver.taken()) == ["a", "b"])

    asyncio.run(go())


def test_addresses_that_are_not_public_are_not_reached(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    async def go() -> None:
        receiver = Receiver()
        async with delivering(settings, receiver) as (broker, _, url):
            outside = replace(
                settings, allowed_private_hosts="", webhooks=(Webhook("other", url, SECRET, start_from="start"),)
            )
            work = asyncio.create_task(Webhooks(outside, broker, first_retry_s=0.02).run())
            await broker.publish([article("a")])
            await until(lambda: "webhook other: a.1" in caplog.text)
            assert "not a public address" in caplog.text or "blocked" in caplog.text or "private" in caplog.text
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    asyncio.run(go())


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of its documentation."""
    headers = signature_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


REFUSED = [
    ("url = 'https://a.example'\nsecret = '0123456789abcdef'", "missing key: webhooks[1].name"),
    ("name = 'w'\nurl = 'ftp://a.example'\nsecret = '0123456789abcdef'", "http:// or https://"),
    ("name = 'w'\nurl = 'https://a.example'\nsecret = 'short'", "16 characters"),
    ("name = 'w'\nurl = 'https://a.example'\nsecret = 'whsec_0123456789abcd!'", "webhooks[1].secret 'w'"),
    (
        "name = 'w'\nurl = 'https://a.example'\nsecret = '0123456789abcdef'\ntopic = 'polls'",
        "expected articles or articles.<route>",
    ),
    (
        "name = 'w'\nurl = 'https://a.example'\nsecret = '0123456789abcdef'\ntopic = 'articles.x'",
        "unknown route: topic = 'articles.x' (webhook w)",
    ),
    (
        "name = 'w'\nurl = 'https://a.example'\nsecret = '0123456789abcdef'\ntpoic = 'x'",
        "unknown key: webhooks[1].tpoic",
    ),
]


@pytest.mark.parametrize(("table", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_a_bad_table_is_refused_and_its_secret_not_told(table: str, said: str, tmp_path: Any) -> None:
    path = tmp_path / "copydesk.toml"
    path.write_text(f"[[webhooks]]\n{table}\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(environ={"COPYDESK_CONFIG": str(path)})
    assert said in str(caught.value)
    assert "0123456789" not in str(caught.value)
    assert SECRET not in repr(Webhook("w", "u", SECRET))
