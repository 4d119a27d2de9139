"""The web server as seen by strangers: host names, token, headers of errors, half-open connections, odd bytes."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.test_utils import make_mocked_request

from streams.config.settings import Settings
from streams.topics import DESK_GROUP
from tests.conftest import until
from workers.poller.registry import WEBSUB, WEBSUB_TOKENS
from workers.poller.websub import HubSubscription
from workers.services import connect
from workers.web.admin_api import TOKEN_HEADER
from workers.web.connections import MAX_INCOMPLETE
from workers.web.request_body import read_body
from workers.web.server import HEADERS, WebServer, host_names


class Server:
    """A running web server and raw requests to it."""

    def __init__(self, server: WebServer) -> None:
        self.server = server
        assert server._listener is not None
        self.port = int(server._listener.sockets[0].getsockname()[1])

    async def raw(self, head: bytes, body: bytes = b"") -> tuple[int, str]:
        """Return the status and the head of the response to a raw request."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(head + b"Connection: close\r\n\r\n" + body)
        answer = (await reader.read(100_000)).decode("latin-1")
        writer.close()
        return int(answer.split(" ", 2)[1]), answer.partition("\r\n\r\n")[0]

    async def get(self, path: str, host: str = "127.0.0.1", more: bytes = b"") -> tuple[int, str]:
        return await self.raw(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n".encode() + more)


@asynccontextmanager
async def open_server(settings: Settings, head_timeout_s: float = 10.0, **changes: Any) -> AsyncGenerator[Server, None]:
    """Run a web server during the block."""
    broker = await connect(settings, settings.broker_url)
    server = WebServer(replace(settings, web_port=0, **changes), broker, DESK_GROUP, head_timeout_s)
    await server.start()
    try:
        yield Server(server)
    finally:
        await server.stop()
        await broker.close()


@pytest.mark.parametrize("web_host", ["127.0.0.1", "0.0.0.0"])
async def test_unknown_host_name_is_refused(web_host: str, settings: Settings) -> None:
    async with open_server(settings, web_host=web_host, web_allowed_hosts="news.home, copydesk") as server:
        for path in ("/", "/status.json", "/topics", "/recent.json", "/metrics", "/topics/polls"):
            assert (await server.get(path, "evil.example"))[0] == 403
            assert (await server.get(path, "evil.example:8411"))[0] == 403
        for host in ("127.0.0.1", "localhost:8411", "[::1]", "News.Home", "copydesk:1"):
            assert (await server.get("/topics", host))[0] == 200
        assert (await server.get("/topics", "10.0.0.5:8411"))[0] == (200 if web_host == "0.0.0.0" else 403)
        assert (await server.get("/healthz", "10.0.0.5"))[0] == 200


async def test_unknown_host_name_is_in_the_message(settings: Settings) -> None:
    async with open_server(settings) as server, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{server.port}/topics"
        async with http.get(url, headers={"Host": "evil.example:8411"}) as response:
            assert await response.text() == "unknown host: evil.example:8411; add its name to web_allowed_hosts"


def test_host_names_include_listening_address() -> None:
    assert "192.168.1.5" in host_names(replace(Settings(), web_host="192.168.1.5"))


@pytest.mark.parametrize("topic", ["items", "dead-letters", "sink-replays"])
async def test_raw_topics_need_the_token(topic: str, settings: Settings) -> None:
    async with open_server(settings) as server:
        url, token = f"http://127.0.0.1:{server.port}/topics/{topic}", server.server.admin.token
        async with aiohttp.ClientSession() as http:
            for headers in ({}, {TOKEN_HEADER: "wrong"}):
                async with http.get(url, headers=headers) as response:
                    assert response.status == 403
                    assert TOKEN_HEADER in await response.text()
            async with http.get(url, headers={TOKEN_HEADER: token}) as response:
                assert response.status == 200
            async with http.get(url.replace(topic, "polls")) as response:
                assert response.status == 200


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET / HTTP/1.1", 200), ("GET /nothing HTTP/1.1", 404), ("PUT /topics HTTP/1.1", 405),
        ("POST /feeds HTTP/1.1", 403), ("GET /topics/articles?from=x HTTP/1.1", 400), ("NONSENSE", 400),
        ("GET /websub/none HTTP/1.1", 404), ("GET /topics/articles.atom HTTP/1.1", 200),
    ],
)  # fmt: skip
async def test_every_response_has_security_headers(request_line: str, status: int, settings: Settings) -> None:
    async with open_server(settings) as server:
        answer, head = await server.raw(f"{request_line}\r\nHost: localhost\r\n".encode())
        assert answer == status
        for name in ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"):
            assert f"{name}: {HEADERS[name]}" in head
        assert "frame-ancestors 'none'" in head
        assert "form-action 'none'" in head


NAMES = ("X-Copydesk-Token", "Last-Event-ID", "If-None-Match", "Content-Type", "Accept-Encoding", "Cookie", "Origin")


@pytest.mark.parametrize("value", [b"\xff\xfe", "ä€".encode(), b"\xed\xa0\x80", b"1:\xff", b'"\xff', b"%ED%A0%80"])
async def test_unusual_header_bytes_are_no_server_error(value: bytes, settings: Settings) -> None:
    async with open_server(settings) as server:
        for name in NAMES:
            for path in ("/topics/articles.atom", "/topics/items", "/dead-letters", "/articles/x", "/websub/x"):
                status, head = await server.get(path, more=name.encode() + b": " + value + b"\r\n")
                assert status < 500, (name, path, head)
            status, _ = await server.get("/topics/nothing", more=name.encode() + b": " + value + b"\r\n")
            assert status == 404
        assert (await server.raw(b"GET / HTTP/1.1\r\nHost: " + value + b"\r\n"))[0] in (400, 403)
        assert (await server.raw(b"GET /topics/articles HTTP/1.1\r\nHost: a\r\nLast-Event-ID: \xff\r\n"))[0] == 403
        status, _ = await server.get("/topics/articles", more=b"Last-Event-ID: 1:" + value + b"\r\n")
        assert status == 400


@pytest.mark.parametrize("url", ["http://[::1", "http://a:x/", "\\ud800", "http://a.example/\\u0000"])
@pytest.mark.parametrize("action", ["add", "remove", "pause", "resume", "poll-now"])
async def test_odd_feed_url_is_no_server_error(action: str, url: str, settings: Settings) -> None:
    async with open_server(settings) as server:
        body = f'{{"action": "{action}", "url": "{url}"}}'.encode()
        head = f"POST /feeds HTTP/1.1\r\nHost: localhost\r\n{TOKEN_HEADER}: {server.server.admin.token}\r\n"
        status, answer = await server.raw(f"{head}Content-Length: {len(body)}\r\n".encode(), body)
        assert status == 400, answer


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("POST /items?source=a", 403), ("POST /feeds", 403), ("POST /feeds/discover", 403), ("POST /feeds/import", 403),
        ("POST /dead-letters", 403), ("POST /websub/unknown", 410), ("POST /nothing", 404), ("GET /topics", 200),
    ],
)  # fmt: skip
async def test_body_without_authorisation_is_not_read(request_line: str, status: int, settings: Settings) -> None:
    async with open_server(settings) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"{request_line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")  # while no byte of the body has arrived
        writer.close()
        assert int(head.split(b" ", 2)[1]) == status


async def test_incomplete_body_is_refused_in_time() -> None:
    loop = asyncio.get_running_loop()
    connection = BaseProtocol(loop)
    connection.connection_made(asyncio.Transport())
    payload = aiohttp.StreamReader(connection, 2**16, loop=loop)
    request = make_mocked_request("POST", "/items", payload=payload)
    with pytest.raises(web.HTTPRequestTimeout) as error:
        await read_body(request, timeout_s=0.0)
    assert error.value.text == "incomplete request body: POST /items (no end within 0 s); send it again"


async def test_websub_push_above_max_feed_bytes_is_refused(settings: Settings) -> None:
    async with open_server(settings, max_feed_bytes=2_000) as server:
        subscription = HubSubscription(
            "https://a.example/f", "https://hub.example/", "https://a.example/t", "known", "s"
        )
        state = server.server.broker.state
        await state.hset(WEBSUB, subscription.feed, msgspec.json.encode(subscription))
        await state.hset(WEBSUB_TOKENS, subscription.token, subscription.feed)
        for size, status in ((1_000, 202), (3_000, 413)):
            head = f"POST /websub/known HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n".encode()
            assert (await server.raw(head, b"x" * size))[0] == status


async def test_half_open_connections_leave_the_server_reachable(settings: Settings) -> None:
    async with open_server(settings) as server:
        sockets = []
        try:
            for n in range(400):
                connection = socket.create_connection(("127.0.0.1", server.port))
                connection.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n" if n % 2 else b"")
                sockets.append(connection)
                await asyncio.sleep(0)
            assert (await server.get("/healthz"))[0] == 200
            limits = len(sockets) - MAX_INCOMPLETE
            await until(lambda: sum(is_closed(connection) for connection in sockets) >= limits)
        finally:
            for connection in sockets:
                connection.close()


async def test_incomplete_head_is_closed_in_time(settings: Settings) -> None:
    async with open_server(settings, head_timeout_s=1.0) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" in await reader.readuntil(b"\r\n\r\n")
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")  # a second head that stays incomplete
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            while True:
                await reader.readexactly(1)
        writer.close()


async def test_connections_are_limited(settings: Settings) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        open_server(settings, web_max_connections=10) as server,
        aiohttp.ClientSession(connector=connector) as http,
    ):
        url = f"http://127.0.0.1:{server.port}/topics/articles"
        streams = [await http.get(url) for _ in range(10)]
        with pytest.raises(aiohttp.ClientError):
            await http.get(url)
        streams[0].close()
        await until(lambda: reachable(server))
        for stream in streams:
            stream.close()


async def reachable(server: Server) -> bool:
    try:
        return (await server.get("/healthz"))[0] == 200
    except (OSError, IndexError):
        return False


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
