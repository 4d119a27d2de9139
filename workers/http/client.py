"""The HTTP client: requests with limits on address, time and size. It follows redirects itself.

Every failure is an UnavailableError or UnreadableError with one of these codes:

timeout          connection       tls              bad_url            blocked_address  blocked_scheme
bad_http         truncated        bad_coding       too_large          too_many_redirects
"""

import asyncio
import base64
import re
import ssl
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import TracebackType
from urllib.parse import SplitResult, urljoin, urlsplit

import aiohttp
import msgspec
from aiohttp import http_exceptions
from yarl import URL

from streams.config.settings import Settings
from streams.errors import CopydeskError, UnavailableError
from workers.http.address_filter import (
    BlockedAddressError,
    check_public_target,
    check_scheme,
    is_allowed,
    public_socket,
)
from workers.http.bodies import BodyLimit, BodyReader, read_beginning
from workers.http.deadlines import Deadlines
from workers.http.decompress import ACCEPT_ENCODING
from workers.http.message_length import BoundedResponseHandler

MAX_REDIRECTS = 5
SUCCESSES = (200, 203)  # 203: a proxy has changed the content (RFC 9110 §15.3.4)
_SURROGATE = re.compile("[\udc80-\udcff]")  # a byte that is not UTF-8 (PEP 383)
# Shares of `poll_timeout_s` (20 s by default) for a connection, and for a pause of the server.
CONNECT_SHARE = 1 / 4
IDLE_SHARE = 1 / 2
MAX_LINE_BYTES = MAX_FIELD_BYTES = 16_384
MAX_LOCATION_CHARS = 4_096
MAX_COOKIES = 50
MAX_HOSTS = 4_096  # cached hosts of URLs
DEFAULT_PORTS = {"http": 80, "https": 443}
REDIRECTS = {301: True, 302: False, 303: False, 307: False, 308: True}  # status → permanent, RFC 9110 §15.4
METHOD_PRESERVING = {307, 308}  # redirects that a POST follows, §15.4.8, §15.4.9

Body = Mapping[str, str] | bytes


@dataclass(frozen=True)
class Credentials:
    """Credentials and proxy of a feed. They are never logged, and only used for requests to the origin of the feed."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)

    def request_headers(self) -> dict[str, str]:
        """Return the headers of a request with these credentials."""
        headers = dict(self.headers)
        if self.username:
            pair = f"{self.username}:{self.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"  # RFC 7617
        return headers

    def limited_to(self, origin_url: str, url: str) -> "Credentials":
        """Return the credentials for a request to *url*: none unless it has the origin of *origin_url* (RFC 6454)."""
        return self if url == origin_url or urlsplit(url)[:2] == urlsplit(origin_url)[:2] else NO_CREDENTIALS


NO_CREDENTIALS = Credentials()


class Response(msgspec.Struct, frozen=True):
    """A response; header names are lower case.

    `body` of a GET is empty unless the status is 200. `body` of a failed POST is its beginning; else it is empty.

    `permanent_url` is the final URL if every redirect was permanent; "" otherwise.
    """

    status: int
    url: str
    body: bytes
    headers: Mapping[str, str]
    elapsed_ms: int
    permanent_url: str = ""


class HttpClient:
    """The shared HTTP client of a process. It ignores proxies of the environment.

    Cookies live for one chain of redirects: some servers set one and redirect to the same URL.
    *accept*: the default Accept header of its requests.
    """

    def __init__(self, settings: Settings, accept: str = "*/*") -> None:
        self.settings, self.accept = settings, accept
        self._bodies = BodyReader(settings.max_feed_bytes)

    async def __aenter__(self) -> "HttpClient":
        self._deadlines = Deadlines(self.settings.poll_timeout_s)
        self._read_deadlines = Deadlines(IDLE_SHARE * self.settings.poll_timeout_s)
        context = ssl.create_default_context()
        self._public = self._session(context, public_socket)
        self._private = self._session(context, None)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._public.close()
        await self._private.close()

    def _session(self, context: ssl.SSLContext, socket_factory: object) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0, ssl=context, ttl_dns_cache=60, socket_factory=socket_factory,  # type: ignore[arg-type]
        )  # fmt: skip
        limit_s = self.settings.poll_timeout_s
        handler = partial(BoundedResponseHandler, asyncio.get_running_loop(), self._read_deadlines)
        connector._factory = handler  # type: ignore[assignment]
        return aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=CONNECT_SHARE * limit_s, sock_read=self._read_deadlines.length_s
            ),
            headers={
                "User-Agent": self.settings.user_agent,
                "Accept": self.accept,
                "Accept-Encoding": ACCEPT_ENCODING,
            },
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_FIELD_BYTES,
        )

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        credentials: Credentials = NO_CREDENTIALS,
        max_bytes: int = 0,
        *,
        truncate: bool = False,
    ) -> Response:
        """Return the response to a GET of *url*, with any status.

        The body has at most *max_bytes* on the wire; 0 stands for the setting `max_feed_bytes`.
        *truncate*: the body consists of its first *max_bytes*, instead of an error.

        Raises:
            UnavailableError, UnreadableError: there is no response, or an invalid one.
        """
        start_s = time.monotonic()
        try:
            with self._deadlines.timeout():
                return await self._follow(url, headers or {}, credentials, BodyLimit(max_bytes, truncate), start_s)
        except CopydeskError:
            raise
        except (aiohttp.ClientError, OSError, ValueError) as exc:  # TimeoutError is an OSError
            raise map_http_errors(exc, time.monotonic() - start_s) from exc

    async def post(
        self, url: str, body: Body, headers: Mapping[str, str] | None = None, *, follow_redirects: bool = True
    ) -> Response:
        """Return the response to a POST of a form or of bytes. Raises as `get` does."""
        start_s = time.monotonic()
        try:
            with self._deadlines.timeout():
                redirects = METHOD_PRESERVING if follow_redirects else frozenset[int]()
                return await self._follow(url, headers or {}, NO_CREDENTIALS, BodyLimit(), start_s, body, redirects)
        except CopydeskError:
            raise
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise map_http_errors(exc, time.monotonic() - start_s) from exc

    async def send(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None, *, max_bytes: int = 0
    ) -> Response:
        """Return the response of a service that a setting names. Redirects are not followed.

        The body has at most *max_bytes* on the wire, at any status. Raises as `get` does.
        """
        start_s = time.monotonic()
        try:
            with self._deadlines.timeout():
                async with await self._request(
                    url, headers or {}, NO_CREDENTIALS, "bad_url", body, method=method
                ) as response:
                    content = b"" if method == "HEAD" else await self._bodies.read(response, BodyLimit(max_bytes))
                    fields = {name.lower(): ", ".join(response.headers.getall(name)) for name in response.headers}
                    return Response(response.status, url, content, fields, round((time.monotonic() - start_s) * 1000))
        except CopydeskError:
            raise
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise map_http_errors(exc, time.monotonic() - start_s) from exc

    async def _follow(
        self, url: str, headers: Mapping[str, str], credentials: Credentials, limit: BodyLimit, start_s: float,
        body: Body | None = None, redirects: Collection[int] = REDIRECTS,
    ) -> Response:  # fmt: skip
        """Return the response after redirects with the statuses *redirects*; a GET unless there is a *body* to POST."""
        permanent, current = True, url
        cookies: aiohttp.CookieJar | None = None
        for _ in range(MAX_REDIRECTS + 1):
            allowed = credentials.limited_to(url, current)
            url_error = "bad_url" if current == url else "bad_http"
            response = await self._request(
                current, with_cookies(headers, allowed, cookies, current), allowed, url_error, body
            )
            try:
                status, fields = response.status, response.headers
                if status not in redirects or "Location" not in fields:
                    has_content = status in SUCCESSES or body is not None
                    return Response(
                        200 if status in SUCCESSES and body is None else status,
                        current,
                        await self._content(response, limit, is_post=body is not None) if has_content else b"",
                        _joined_headers(response),
                        round((time.monotonic() - start_s) * 1000),
                        current if permanent and current != url else "",
                    )
                cookies = cookies or aiohttp.CookieJar(unsafe=True)  # also for IP addresses
                cookies.update_cookies(response.cookies, response.url)
                permanent = permanent and REDIRECTS[status]
                current = resolve_redirect(current, fields["Location"])
            finally:
                if body is None:
                    response.release()
                else:
                    await response.wait_for_close()  # for the task that writes the body
        raise UnavailableError(f"more than {MAX_REDIRECTS} redirects", code="too_many_redirects")

    async def _request(
        self, url: str, headers: Mapping[str, str], credentials: Credentials, url_error: str, body: Body | None = None,
        method: str = "",
    ) -> aiohttp.ClientResponse:  # fmt: skip
        check_scheme(url)
        host, port = _host_and_port(*urlsplit(url)[:2])
        may_be_private = is_allowed(host, port, self.settings.private_host_patterns)
        if credentials.proxy and not may_be_private:
            await check_public_target(host, port)
        session = self._private if may_be_private or credentials.proxy else self._public
        if credentials is not NO_CREDENTIALS:
            headers = {**credentials.request_headers(), **headers}
        try:
            return await session.request(
                method or ("GET" if body is None else "POST"), url, headers=headers, data=body,
                proxy=credentials.proxy or None, allow_redirects=False,
            )  # fmt: skip
        except aiohttp.InvalidURL as exc:  # aiohttp rejects other spellings of 127.0.0.1
            raise UnavailableError(f"invalid URL: {exc}"[:300], code=url_error) from exc

    async def _content(self, response: aiohttp.ClientResponse, limit: BodyLimit, *, is_post: bool) -> bytes:
        """Return the content of a response that its caller needs; see `Response`."""
        if is_post:
            is_error = not 200 <= response.status < 300
            return await read_beginning(response) if is_error else b""
        return await self._bodies.read(response, limit)


@lru_cache(MAX_HOSTS)
def _host_and_port(scheme: str, netloc: str) -> tuple[str, int]:
    """Return the host and the port of a URL. Raises ValueError for an invalid port."""
    parts = SplitResult(scheme, netloc, "", "", "")
    return parts.hostname or "", parts.port or DEFAULT_PORTS[scheme.lower()]


def _joined_headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the headers by lower-case name; several fields of a name are one list (RFC 9110 §5.3)."""
    joined: dict[str, str] = {}
    for field_name, value in response.headers.items():
        name = field_name.lower()
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def with_cookies(
    headers: Mapping[str, str], credentials: Credentials, cookies: aiohttp.CookieJar | None, url: str
) -> Mapping[str, str]:
    """Return *headers* with the cookies for *url*, after those of the feed's credentials."""
    if not cookies:
        return headers
    pairs = [f"{cookie.key}={cookie.value}" for cookie in cookies.filter_cookies(URL(url)).values()]
    if not pairs:
        return headers
    own = [value for name, value in (*credentials.headers.items(), *headers.items()) if name.lower() == "cookie"]
    return {**headers, "Cookie": "; ".join((*own, *pairs[:MAX_COOKIES]))}


def resolve_redirect(url: str, location: str) -> str:
    """Return the target of a redirect from *url*. Raises UnavailableError for an invalid *location*.

    Bytes that aren't UTF-8 are percent-encoded, as browsers do; aiohttp decodes them as lone surrogates.
    """
    if not location.isascii():
        location = _SURROGATE.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", location)
    if not location.strip() or len(location) > MAX_LOCATION_CHARS or not location.isprintable():
        raise UnavailableError("redirect with an invalid Location header", code="bad_http")
    try:
        target = urljoin(url, location.strip())
        check_scheme(target)
        parts = urlsplit(target)
        _ = parts.port
    except ValueError as exc:
        raise UnavailableError(f"redirect with an invalid Location header: {exc}", code="bad_http") from exc
    netloc = parts.netloc.rpartition("@")[2]  # the owner of a password in a Location header is unknown
    return parts._replace(netloc=netloc).geturl()


# Exception of aiohttp → code and message; the first match counts.
_FAILURES: tuple[tuple[type[BaseException], str, str], ...] = (
    (TimeoutError, "timeout", "no response within {seconds:.0f} s"),
    (aiohttp.InvalidURL, "bad_url", "invalid URL"),
    (aiohttp.ClientSSLError, "tls", "TLS handshake failed"),
    (aiohttp.ClientConnectorError, "connection", "unreachable"),
    (aiohttp.ServerDisconnectedError, "connection", "connection closed without a response"),
    (aiohttp.ClientResponseError, "bad_http", "invalid HTTP response"),
    (http_exceptions.HttpProcessingError, "bad_http", "invalid HTTP response"),
    (aiohttp.ClientPayloadError, "truncated", "incomplete body"),
    (OSError, "connection", "unreachable"),
    (ValueError, "bad_url", "invalid URL"),
)


def _describe(exc: BaseException) -> str:
    """Return the text of *exc* without URLs, which may hold credentials, and without aiohttp's internals."""
    if isinstance(exc, aiohttp.ClientResponseError):
        return f"{exc.status} {exc.message}"
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        return f"{exc.host}:{exc.port} ({exc.certificate_error})"
    if isinstance(exc, aiohttp.ClientConnectorError):
        return f"{exc.host}:{exc.port} ({exc.os_error.strerror or exc.os_error})"
    return str(exc)


def map_http_errors(exc: BaseException, seconds: float) -> UnavailableError:
    """Return the UnavailableError for an exception of aiohttp after *seconds*."""
    detail = " ".join((_describe(exc) or type(exc).__name__).split())[:300]
    if isinstance(exc, TimeoutError):
        detail = ""
    if BlockedAddressError.MESSAGE in detail:  # possibly one of several addresses
        return UnavailableError(detail, code="blocked_address")
    for exception_type, code, message in _FAILURES:
        if isinstance(exc, exception_type):
            return UnavailableError(message.format(seconds=seconds) + (f": {detail}" if detail else ""), code=code)
    return UnavailableError(f"unreachable: {detail}", code="connection")
