"""Fetching: one GET, guarded, bounded in time and size, its redirects followed by hand; errors in words.

Every failure is an UnavailableError or UnreadableError with a `kind`:

timeout          connection       tls              bad_url            blocked_address  blocked_scheme
bad_http         truncated        bad_coding       too_large          too_many_redirects
"""

import asyncio
import base64
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp import http_exceptions

from streams.config.settings import Settings
from streams.errors import CopydeskError, UnavailableError, UnreadableError
from workers.http.address_filter import BlockedAddressError, check_scheme, is_allowed, public_socket
from workers.http.decompress import ACCEPT_ENCODING, BoundedDecompressor

MAX_REDIRECTS = 5
CONNECT_S = 5.0
IDLE_S = 10.0
MAX_RATIO_TO_FEED_BYTES = 3.2  # unpacked to on the wire: 32 MiB to 10
MAX_BUFFERED_BYTES = 256 * 1024 * 1024  # all bodies together
MAX_LINE_BYTES = MAX_FIELD_BYTES = 16_384
MAX_LOCATION_CHARS = 4_096
DEFAULT_PORTS = {"http": 80, "https": 443}
REDIRECTS = {301: True, 302: False, 303: False, 307: False, 308: True}  # status → whether for good, RFC 9110 §15.4
METHOD_PRESERVING = {307, 308}  # what a POST follows, §15.4.8, §15.4.9
ACCEPT = (
    "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, "
    "application/xml;q=0.9, */*;q=0.8"
)


Body = Mapping[str, str] | bytes


@dataclass(frozen=True)
class Credentials:
    """What a feed's owner gave us to get at it. Secrets: never logged, and sent to the host that they are for only."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)


@dataclass(frozen=True)
class Response:
    """What came back. `body` is empty unless the status is 200; header names are lower case.

    `moved_to` is where the document is now, if all the way there was marked as permanent.
    """

    status: int
    url: str
    body: bytes
    headers: Mapping[str, str]
    elapsed_ms: int
    permanent_url: str = ""


class HttpClient:
    """The HTTP client that everything in this process shares: no cookies, no proxies from the environment."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._buffered_bytes = 0

    async def __aenter__(self) -> "HttpClient":
        context = ssl.create_default_context()
        self._public = self._session(context, public_socket)
        self._private = self._session(context, None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._public.close()
        await self._private.close()

    def _session(self, context: ssl.SSLContext, socket_factory: object) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0, ssl=context, ttl_dns_cache=60, socket_factory=socket_factory,  # type: ignore[arg-type]
        )  # fmt: skip
        return aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=IDLE_S),
            headers={
                "User-Agent": self.settings.user_agent,
                "Accept": ACCEPT,
                "Accept-Encoding": ACCEPT_ENCODING,
            },
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_FIELD_BYTES,
        )

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        access: Credentials = Credentials(),
        max_bytes: int = 0,
    ) -> Response:
        """Return the answer to a GET of *url*. Any status is an answer.

        At most *max_bytes* come over the wire (the setting `max_feed_bytes` when 0). Raises UnavailableError or
        UnreadableError when there is no answer, or none that can be taken.
        """
        start_s = time.monotonic()
        try:
            async with asyncio.timeout(self.settings.poll_timeout_s):
                return await self._follow(
                    url, headers or {}, access, max_bytes or self.settings.max_feed_bytes, start_s
                )
        except CopydeskError:
            raise
        except (aiohttp.ClientError, OSError, ValueError) as exc:  # TimeoutError is an OSError
            raise map_http_errors(exc, time.monotonic() - start_s) from exc

    async def post(self, url: str, body: Body, headers: Mapping[str, str] | None = None) -> Response:
        """Return the answer to a POST of a form or of bytes; its own body isn't read. Raises as `get` does."""
        start_s = time.monotonic()
        try:
            async with asyncio.timeout(self.settings.poll_timeout_s):
                return await self._follow(url, headers or {}, Credentials(), 0, start_s, body)
        except CopydeskError:
            raise
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise map_http_errors(exc, time.monotonic() - start_s) from exc

    async def _follow(
        self, url: str, headers: Mapping[str, str], access: Credentials, max_bytes: int, start_s: float,
        posted: Body | None = None,
    ) -> Response:  # fmt: skip
        origin, for_good = urlsplit(url)[:2], True
        at = url
        for _ in range(MAX_REDIRECTS + 1):
            own = access if urlsplit(at)[:2] == origin else Credentials(proxy=access.proxy)
            kind = "bad_url" if at == url else "bad_http"
            async with await self._request(at, headers, own, kind, posted) as answer:
                followed = METHOD_PRESERVING if posted is not None else REDIRECTS
                if answer.status not in followed or "Location" not in answer.headers:
                    body = await self._read(answer, max_bytes) if answer.status == 200 and posted is None else b""
                    return Response(
                        answer.status,
                        at,
                        body,
                        {name.lower(): ", ".join(answer.headers.getall(name)) for name in answer.headers},
                        round((time.monotonic() - start_s) * 1000),
                        at if for_good and at != url else "",
                    )
                for_good = for_good and REDIRECTS[answer.status]
                at = resolve_redirect(at, answer.headers["Location"])
        raise UnavailableError(f"more than {MAX_REDIRECTS} redirects", code="too_many_redirects")

    async def _request(
        self, url: str, headers: Mapping[str, str], access: Credentials, kind: str, posted: Body | None = None
    ) -> aiohttp.ClientResponse:
        check_scheme(url)
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS[parts.scheme.lower()]
        listed = is_allowed(parts.hostname or "", port, self.settings.private_host_patterns)
        # A proxy is its owner's choice; where it connects to is for the proxy to decide.
        session = self._private if listed or access.proxy else self._public
        secrets = dict(access.headers)
        if access.username:
            pair = f"{access.username}:{access.password}".encode()
            secrets["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"  # RFC 7617
        try:
            return await session.request(
                "GET" if posted is None else "POST", url, headers={**secrets, **headers}, data=posted,
                proxy=access.proxy or None, allow_redirects=False,
            )  # fmt: skip
        except aiohttp.InvalidURL as exc:  # aiohttp knows 127.0.0.1 in its one right spelling only
            raise UnavailableError(f"not a URL that can be fetched: {exc}"[:300], code=kind) from exc

    async def _read(self, answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
        """Return the body, unpacked. What is too long is given up when that is seen, not when it has come."""
        if answer.content_length and answer.content_length > max_bytes:
            raise UnreadableError(f"longer than {max_bytes:,} bytes (max_feed_bytes)", code="too_large")
        unpacker = BoundedDecompressor(
            answer.headers.get("Content-Encoding", ""), max_bytes, int(max_bytes * MAX_RATIO_TO_FEED_BYTES)
        )
        body = bytearray()
        try:
            async for chunk in answer.content.iter_any():
                for piece in unpacker.feed(chunk):
                    body += piece
                    self._buffered_bytes += len(piece)
                    if self._buffered_bytes > MAX_BUFFERED_BYTES:
                        raise UnavailableError("too many long documents at once; this one later", code="too_large")
            unpacker.close()
            return bytes(body)
        finally:
            self._buffered_bytes -= len(body)


def resolve_redirect(at: str, location: str) -> str:
    """Return where a redirect leads. Raises UnavailableError for what is no place to go."""
    if not location.strip() or len(location) > MAX_LOCATION_CHARS or not location.isprintable():
        raise UnavailableError("a redirect to nowhere", code="bad_http")
    try:
        target = urljoin(at, location.strip())
        check_scheme(target)
        parts = urlsplit(target)
        _ = parts.port
    except ValueError as exc:
        raise UnavailableError(f"a redirect to nowhere: {exc}", code="bad_http") from exc
    host = parts.netloc.rpartition("@")[2]  # whose password that is we don't know
    return parts._replace(netloc=host).geturl()


# The first that fits counts: what aiohttp raises → the kind of failure, and its words.
_FAILURES: tuple[tuple[type[BaseException], str, str], ...] = (
    (TimeoutError, "timeout", "no answer within {seconds:.0f} s"),
    (aiohttp.InvalidURL, "bad_url", "not a URL that can be fetched"),
    (aiohttp.ClientSSLError, "tls", "no secure connection"),
    (aiohttp.ClientConnectorError, "connection", "unreachable"),
    (aiohttp.ServerDisconnectedError, "connection", "hung up without an answer"),
    (aiohttp.ClientResponseError, "bad_http", "not an answer in HTTP"),
    (http_exceptions.HttpProcessingError, "bad_http", "not an answer in HTTP"),
    (aiohttp.ClientPayloadError, "truncated", "broken off"),
    (OSError, "connection", "unreachable"),
    (ValueError, "bad_url", "not a URL that can be fetched"),
)


def map_http_errors(exc: BaseException, seconds: float) -> UnavailableError:
    why = " ".join((str(exc) or type(exc).__name__).split())[:300]
    if isinstance(exc, TimeoutError):
        why = ""
    if BlockedAddressError.MESSAGE in why:  # one of several addresses, maybe
        return UnavailableError(why, code="blocked_address")
    for kind, name, words in _FAILURES:
        if isinstance(exc, kind):
            return UnavailableError(words.format(seconds=seconds) + (f": {why}" if why else ""), code=name)
    return UnavailableError(f"unreachable: {why}", code="connection")
