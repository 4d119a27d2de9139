"""Chat sinks: the bodies that each API defines, escapes, lengths, and the articles that are posted."""

import html
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from streams.config.settings import Settings
from streams.records import Article, MessageId
from workers.http.client import Response
from workers.sinks.base import Sink, SinkEvent, SinkRejectedError, SinkRetryError
from workers.sinks.chat import is_posted, retry_after_s, shorten, to_message
from workers.sinks.discord import DiscordOptions, DiscordSink
from workers.sinks.slack import SlackOptions, SlackSink
from workers.sinks.telegram import TelegramOptions, TelegramSink

ARTICLE = Article(
    id="a", revision=1, title="Ferry <sinks> & *burns*", dek="", paragraphs=("Nobody was hurt @here.", "More."),
    url="https://a.example/x?a=1&b=2", publisher="The Harbour", published=datetime(2026, 3, 4, 5, 6, tzinfo=UTC),
)  # fmt: skip
TAG = re.compile("<[^<>]*>")
TOKEN = "000000:0123456789"
CHANNEL_KEY = "invented-key-of-a-channel"


class ChatServer:
    """A server that records paths and bodies, and responds with `answers` in order, then with 200."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Any]] = []
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.repeats_path = False

    async def respond(self, request: web.Request) -> web.Response:
        self.requests.append((request.path, json.loads(await request.read())))
        if self.repeats_path:  # as the default pages of many servers do
            return web.Response(status=404, text=f"Cannot POST {request.path} ({request.raw_path})")
        status, body = self.answers.pop(0) if self.answers else (200, {"ok": True})
        return web.json_response(body, status=status)


@asynccontextmanager
async def serving() -> AsyncGenerator[tuple[ChatServer, str], None]:
    server, app = ChatServer(), web.Application()
    app.router.add_post("/{path:.*}", server.respond)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield server, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def chat(name: str, url: str, *, revisions: bool = False) -> Sink[Any]:
    settings = Settings(allowed_private_hosts="127.0.0.1:*")
    if name == "slack":
        return SlackSink(settings, SlackOptions(url=f"{url}/services/{CHANNEL_KEY}", revisions=revisions))
    if name == "discord":
        return DiscordSink(settings, DiscordOptions(url=f"{url}/webhooks/{CHANNEL_KEY}", revisions=revisions))
    return TelegramSink(settings, TelegramOptions(url=url, token=TOKEN, chat_id="@news", revisions=revisions))


async def post(sink: Sink[Any], *articles: Article) -> None:
    try:
        await sink.deliver([SinkEvent(MessageId("copydesk.articles", 0, n), a) for n, a in enumerate(articles)])
    finally:
        await sink.close()


async def test_slack_body_is_escaped() -> None:
    async with serving() as (server, url):
        await post(chat("slack", url), ARTICLE)
    [(path, body)] = server.requests
    assert path == f"/services/{CHANNEL_KEY}"
    assert body["blocks"][0]["text"] == {
        "type": "mrkdwn",
        "verbatim": True,
        "text": "*<https://a.example/x?a=1&amp;b=2|Ferry &lt;sinks&gt; &amp; *burns*>*\nNobody was hurt @here.",
    }
    assert body["blocks"][1]["elements"][0]["text"] == "The Harbour · 2026-03-04 05:06 UTC"
    assert body["text"] == "Ferry &lt;sinks&gt; &amp; *burns*"


async def test_discord_body_allows_no_mention() -> None:
    async with serving() as (server, url):
        await post(chat("discord", url), ARTICLE)
    [(path, body)] = server.requests
    [embed] = body["embeds"]
    assert path == f"/webhooks/{CHANNEL_KEY}"
    assert (embed["title"], embed["url"]) == ("Ferry <sinks> & *burns*", "https://a.example/x?a=1&b=2")
    assert body["allowed_mentions"] == {"parse": []}


async def test_telegram_body_is_html() -> None:
    async with serving() as (server, url):
        await post(chat("telegram", url), ARTICLE)
    [(path, body)] = server.requests
    assert path == f"/bot{TOKEN}/sendMessage"
    assert body["chat_id"] == "@news"
    assert body["text"] == (
        '<a href="https://a.example/x?a=1&amp;b=2"><b>Ferry &lt;sinks&gt; &amp; *burns*</b></a>\n'
        "Nobody was hurt @here.\n<i>The Harbour · 2026-03-04 05:06 UTC</i>"
    )


@pytest.mark.parametrize("name", ["slack", "discord", "telegram"])
async def test_chat_posts_articles_and_withdrawals(name: str) -> None:
    def revision(number: int, **fields: Any) -> Article:
        return Article(id="a", revision=number, title="Ferry", **fields)

    articles = [revision(1), revision(2), revision(3, withdrawn="wrong ferry")]
    async with serving() as (server, url):
        await post(chat(name, url), *articles)
        texts = [json.dumps(body) for _, body in server.requests]
        assert len(texts) == 2
        assert "Withdrawn: Ferry" in texts[1]
        assert "wrong ferry" in texts[1]
        await post(chat(name, url, revisions=True), *articles)
    assert len(server.requests) == 5
    assert "Revised: Ferry" in json.dumps(server.requests[3][1])


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("slack", {}),
        ("discord", {"message": "You are being rate limited.", "retry_after": 64.57, "global": False}),
        ("telegram", {"ok": False, "error_code": 429, "parameters": {"retry_after": 64}}),
    ],
)
async def test_chat_rate_limit_is_retried(name: str, body: dict[str, Any]) -> None:
    async with serving() as (server, url):
        server.answers = [(429, body)]
        with pytest.raises(SinkRetryError) as error:
            await post(chat(name, url), ARTICLE)
    assert (error.value.delay_s > 60) == bool(body)


@pytest.mark.parametrize("name", ["slack", "discord", "telegram"])
async def test_chat_refusal_is_rejected_without_secret(name: str) -> None:
    async with serving() as (server, url):
        server.answers = [(400, {"ok": False, "description": "Bad Request: chat not found"})]
        with pytest.raises(SinkRejectedError, match="HTTP 400: .*chat not found") as error:
            await post(chat(name, url), ARTICLE)
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize("name", ["slack", "discord", "telegram"])
async def test_chat_failure_hides_repeated_path(name: str) -> None:
    async with serving() as (server, url):
        server.repeats_path = True
        with pytest.raises(SinkRejectedError, match="HTTP 404: Cannot POST ") as error:
            await post(chat(name, url), ARTICLE)
    assert TOKEN.partition(":")[2] not in str(error.value)
    assert CHANNEL_KEY not in str(error.value)


@pytest.mark.parametrize("letter", "w&")
@pytest.mark.parametrize("name", ["slack", "discord", "telegram"])
def test_chat_body_stays_below_limits(name: str, letter: str) -> None:
    huge = replace_texts(letter * 9_000 + " x", url="https://a.example/" + letter * 1_900)
    sink = chat(name, "http://a.example")
    body: Any = sink.payload(to_message(huge), huge)  # type: ignore[attr-defined]
    if name == "slack":
        assert len(body["blocks"][0]["text"]["text"]) <= 3_000
    elif name == "discord":
        [embed] = body["embeds"]
        assert len(embed["title"]) <= 256
        assert len(embed["description"]) <= 4_096
        assert len(embed["url"]) <= 2_048
    else:
        assert len(html.unescape(TAG.sub("", body["text"]))) <= 4_096  # "after entities parsing"


def replace_texts(text: str, url: str) -> Article:
    return Article(id="a", revision=2, title=text, dek=text, publisher=text, url=url)


def test_message_omits_unusable_link() -> None:
    for url in ("", "javascript:alert(1)", "https://a.example/" + "y" * 2_000):
        assert to_message(Article(id="a", revision=1, title="x", url=url)).url == ""


def test_shorten_cuts_at_a_word() -> None:
    assert shorten("one two three", 8) == "one two…"
    assert shorten("onetwothree", 8) == "onetwot…"
    assert shorten("  one\n two ", 8) == "one two"


def test_retry_after_ignores_other_bodies() -> None:
    deep = b'{"x": ' + 1_000 * b"[" + 1_000 * b"]" + b"}"
    for body in (b"", b"[]", b'"x"', b"\xff", b'{"retry_after": "x"}', deep):
        assert retry_after_s(Response(429, "http://a.example/", body, {}, 1)) == 0.0


def test_is_posted_selects_by_revision() -> None:
    first, second = Article(id="a", revision=1), Article(id="a", revision=2)
    withdrawn = Article(id="a", revision=2, withdrawn="mistake")
    assert [is_posted(a, revisions=False) for a in (first, second, withdrawn)] == [True, False, True]
    assert [is_posted(a, revisions=True) for a in (first, second, withdrawn)] == [True, True, True]
