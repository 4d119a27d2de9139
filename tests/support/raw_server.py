"""A server on loopback that answers with given bytes."""

import asyncio
from collections.abc import Callable

from streams.config.settings import Settings
from workers.http.client import HttpClient, Response

SETTINGS = Settings(allowed_private_hosts="127.0.0.1:*", poll_timeout_s=20)


async def fetch(answer: Callable[[bytes], bytes], paths: tuple[str, ...] = ("f",)) -> list[Response]:
    """Return the responses to *paths* from a server that sends the bytes of *answer* to each request head."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                raw = answer(head)
                writer.write(raw)
                await writer.drain()
                if b"close\r\n" in raw:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:  # also when the end of the loop cancels this task
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, HttpClient(SETTINGS) as client:
        return [await client.get(f"http://127.0.0.1:{port}/{path}") for path in paths]
