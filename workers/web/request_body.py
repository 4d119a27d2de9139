"""Bodies of requests. A handler reads one after it has authorised the request: a body has up to `max_feed_bytes`."""

import asyncio

from aiohttp import web

BODY_TIMEOUT_S = 30.0


async def read_body(request: web.Request, timeout_s: float = BODY_TIMEOUT_S) -> bytes:
    """Return the body of *request*, which also caches it.

    Raises:
        HTTPRequestTimeout: the body is incomplete after *timeout_s*.
        HTTPRequestEntityTooLarge: the body is larger than `max_feed_bytes`.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await request.read()
    except TimeoutError as exc:
        detail = f"{request.method} {request.path} (no end within {timeout_s:.0f} s)"
        raise web.HTTPRequestTimeout(text=f"incomplete request body: {detail}; send it again") from exc
