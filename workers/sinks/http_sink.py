"""The parts that the sinks over HTTP share: the client, and the meaning of a status.

2xx            confirmed
408, 425, 429  retried, and so is 5xx; Retry-After is respected
other          rejected
"""

import re
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit

from streams.config.settings import Settings
from workers.http.client import HttpClient, Response
from workers.http.retry_after import is_retryable, parse_retry_after
from workers.sinks.base import Options, Sink, SinkRejectedError, SinkRetryError
from workers.text.normalise import plain_text

MAX_DETAIL_CHARS = 500
MIN_SECRET_CHARS = 16  # shorter parts of a URL are names, such as `services`
URL_SEPARATORS = re.compile("[/?&=]")
IDENTITY_ENCODING = {"Accept-Encoding": "identity"}  # the beginning of an error must be readable


class HttpSink(Sink[Options]):
    """A sink with an HTTP client, opened at the first delivery."""

    def __init__(self, settings: Settings, options: Options) -> None:
        super().__init__(settings, options)
        self._client: HttpClient | None = None
        self._resources = AsyncExitStack()

    async def client(self) -> HttpClient:
        """Return the client."""
        if self._client is None:
            self._client = await self._resources.enter_async_context(HttpClient(self.settings))
        return self._client

    async def close(self) -> None:
        """Close the connections."""
        await self._resources.aclose()
        self._client = None


def check_response(response: Response, retry_after_s: float = 0.0) -> None:
    """Return if *response* confirms. *retry_after_s*: the wait that its body asks for.

    Raises: SinkRejectedError, SinkRetryError.
    """
    if 200 <= response.status < 300:
        return
    error = describe_failure(response)
    if not is_retryable(response.status):
        raise SinkRejectedError(error)
    delay_s = parse_retry_after(response.headers.get("retry-after", ""), datetime.now(UTC))
    raise SinkRetryError(error, delay_s or retry_after_s)


def describe_failure(response: Response) -> str:
    """Return the status and the beginning of the receiver's response, as one line without secrets."""
    detail = response.body.decode("utf-8", "replace")
    if 300 <= response.status < 400:
        target = _redirect_target(response.headers.get("location", ""))
        detail = f"redirect to {target}, not followed; set url to the new URL"
    detail = _hide_secrets(" ".join(plain_text(detail).split()), response.url)[:MAX_DETAIL_CHARS]
    return f"HTTP {response.status}" + (f": {detail}" if detail else "")


def _redirect_target(location: str) -> str:
    """Return the host in a Location header. Its path may repeat a token of the request."""
    try:
        host = urlsplit(location).netloc.rpartition("@")[2]
    except ValueError:
        host = ""
    return host or "another path"


def _hide_secrets(text: str, url: str) -> str:
    """Return *text* without the long parts of *url*: many servers repeat the path in their error pages."""
    parts = urlsplit(url)
    for part in URL_SEPARATORS.split(f"{parts.path}?{parts.query}"):
        if len(part) >= MIN_SECRET_CHARS:
            for spelling in (part, unquote(part), quote(part, safe="")):
                text = text.replace(spelling, "…")
    return text
