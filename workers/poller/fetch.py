"""Fetching: one conditional GET, bounded in time and size, with errors in words."""

import ssl
import time
from dataclasses import dataclass

import aiohttp

from streams.errors import UnavailableError
from streams.settings import Settings

MAX_REDIRECTS = 5
CHUNK_BYTES = 64 * 1024
ACCEPT = (
    "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, "
    "application/xml;q=0.9, */*;q=0.8"
)


@dataclass(frozen=True)
class Validators:
    """What a server gave us to ask "changed since?" with (RFC 9110 §8.8)."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True)
class Response:
    """What came back. `body` is empty unless the status is 200."""

    status: int
    url: str
    body: bytes
    content_type: str
    validators: Validators
    retry_after: str
    elapsed_ms: int


def open_session(settings: Settings) -> aiohttp.ClientSession:
    """Return the session that all polls share: one connection per host, one SSL context, no cookies, no proxies."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, limit_per_host=1, ssl=ssl.create_default_context(), ttl_dns_cache=300),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=settings.poll_timeout_s),
        headers={"User-Agent": settings.user_agent, "Accept": ACCEPT},
        max_line_size=16_384,
        max_field_size=16_384,
    )


async def fetch(session: aiohttp.ClientSession, url: str, known: Validators, max_bytes: int) -> Response:
    """Return the answer to a conditional GET of *url*. Any status is an answer.

    Raises UnavailableError when there is none: no such host, refused, too slow, too long, or broken off.
    """
    headers = {}
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    start_s = time.monotonic()
    try:
        async with session.get(url, headers=headers, max_redirects=MAX_REDIRECTS) as answer:
            body = await _read(answer, max_bytes) if answer.status == 200 else b""
            return Response(
                answer.status,
                str(answer.url),
                body,
                answer.headers.get("Content-Type", ""),
                Validators(answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")),
                answer.headers.get("Retry-After", ""),
                round((time.monotonic() - start_s) * 1000),
            )
    except TimeoutError as exc:
        raise UnavailableError(f"no answer within {time.monotonic() - start_s:.0f} s") from exc
    except aiohttp.TooManyRedirects as exc:
        raise UnavailableError(f"more than {MAX_REDIRECTS} redirects") from exc
    except aiohttp.InvalidURL as exc:
        raise UnavailableError(f"not a URL that can be fetched: {exc}") from exc
    except (aiohttp.ClientError, OSError, ValueError) as exc:
        raise UnavailableError(f"unreachable: {str(exc) or type(exc).__name__}") from exc


async def _read(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    parts, size = [], 0
    async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
        size += len(chunk)
        if size > max_bytes:
            raise UnavailableError(f"longer than {max_bytes:,} bytes (feed_bytes)")
        parts.append(chunk)
    return b"".join(parts)
