"""Clients of the web server that accept no data: they are disconnected, and other clients receive all events."""

import asyncio
import contextlib
import socket
from urllib.parse import urlsplit

import msgspec
import pytest

from streams.config.settings import Settings
from tests.conftest import DEADLINE_S, until
from tests.support.site import article, open_site, publish

EVENTS, TEXT = 300, "The harbour board met again. " * 2_000  # 17 MB: more than the kernel buffers of a connection


async def stalled_client(url: str) -> socket.socket:
    """Request the events of a topic, and read nothing."""
    address = urlsplit(url)
    client = socket.socket()
    client.setblocking(False)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, (address.hostname, address.port))
    await loop.sock_sendall(client, f"GET /topics/articles HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
    return client


@pytest.mark.faults  # the server waits 30 s for a client
async def test_stalled_clients_are_disconnected(settings: Settings) -> None:
    async with open_site(settings) as site:
        clients = [await stalled_client(site.url) for _ in range(3)]
        broadcaster = site.server.topics.broadcasters["copydesk.articles"]
        async with site.events() as next_event:
            await until(lambda: broadcaster.subscribers == 4)
            received = 0
            for start in range(0, EVENTS, 10):
                texts = [msgspec.structs.replace(article(n), html=TEXT) for n in range(start, start + 10)]
                await publish(site.broker, *texts)
                for _ in texts:
                    await next_event()
                    received += 1
            assert received == EVENTS
            await until(lambda: broadcaster.subscribers == 1)
        for client in clients:
            await asyncio.wait_for(until_closed(client), DEADLINE_S)
            client.close()


async def until_closed(client: socket.socket) -> None:
    """Read what the kernel holds, to the end of the connection."""
    with contextlib.suppress(ConnectionResetError):
        while await asyncio.get_running_loop().sock_recv(client, 1 << 20):
            pass
