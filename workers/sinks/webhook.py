"""The webhook sink: POSTs articles, signed by Standard Webhooks (standardwebhooks.com, specification 1.0.0).

2xx            confirmed
408, 425, 429  retried, and so is 5xx; Retry-After is respected
other          rejected
"""

import base64
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from standardwebhooks import Webhook

from streams.cloudevents import http_headers
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Article
from workers.http.client import HttpClient, Response
from workers.http.retry_after import is_retryable, parse_retry_after
from workers.sinks.base import Sink, SinkEvent, SinkRejectedError, SinkRetryError
from workers.sinks.options import option
from workers.text.normalise import plain_text

SECRET_PREFIX = "whsec_"
MAX_DETAIL_CHARS = 500
PLAIN = {"Accept-Encoding": "identity"}  # the beginning of an error must be readable


def check_secret(secret: str) -> None:
    """Check the base64 of a `whsec_` secret. Raises ValueError."""
    try:
        if secret.startswith(SECRET_PREFIX):
            base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError as exc:
        raise ValueError(f"expected base64 after {SECRET_PREFIX} ({exc})") from exc


@dataclass(frozen=True, kw_only=True)
class WebhookOptions:
    """POST each article to a URL, signed; see [webhooks](../howto/subscribe-webhooks.md)."""

    url: str = option(
        "`http://` or `https://` URL of the receiver",
        schemes=("http", "https"),
        example='"https://newsroom.example/in"',
    )
    secret: str = option(
        "key of the signatures: 16 characters or more, or `whsec_` and base64",
        secret=True,
        minimum_chars=16,
        check=check_secret,
        example='"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"',
    )


class WebhookSink(Sink[WebhookOptions]):
    """POSTs each article to one URL."""

    options_type = WebhookOptions

    def __init__(self, settings: Settings, options: WebhookOptions) -> None:
        super().__init__(settings, options)
        self._client: HttpClient | None = None
        self._resources = AsyncExitStack()

    async def deliver(self, batch: Sequence[SinkEvent]) -> None:
        """POST the events one by one. Raises: see `Sink.deliver`."""
        for event in batch:
            await self._post(event)

    async def close(self) -> None:
        """Close the connections."""
        await self._resources.aclose()
        self._client = None

    async def _post(self, event: SinkEvent) -> None:
        if self._client is None:
            self._client = await self._resources.enter_async_context(HttpClient(self.settings))
        body = encode_event(event.article)
        signature = signature_headers(self.options.secret, event.id, int(time.time()), body)
        headers = PLAIN | http_headers(event.article) | signature
        # By Standard Webhooks a 3xx is a failure: a redirect must not pass articles on to another host.
        response = await self._client.post(self.options.url, body, headers, follow_redirects=False)
        if 200 <= response.status < 300:
            return
        error = describe_failure(response)
        if not is_retryable(response.status):
            raise SinkRejectedError(error)
        delay_s = parse_retry_after(response.headers.get("retry-after", ""), datetime.now(UTC))
        raise SinkRetryError(error, delay_s or 0.0)


def describe_failure(response: Response) -> str:
    """Return the status and the beginning of the receiver's response, as one line."""
    detail = response.body.decode("utf-8", "replace")
    if 300 <= response.status < 400:
        detail = f"redirect to {response.headers.get('location', '')}, not followed; set url to the new address"
    detail = " ".join(plain_text(detail).split())[:MAX_DETAIL_CHARS]
    return f"HTTP {response.status}" + (f": {detail}" if detail else "")


def encode_event(article: Article) -> bytes:
    """Return the body of an event: type, timestamp and article."""
    event_type = "article.new" if article.revision == 1 else "article.revised"
    envelope = {"type": event_type, "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    return msgspec.json.encode(envelope | {"data": msgspec.Raw(encode(article))})


def signature_headers(secret: str, event_id: str, time_s: int, body: bytes) -> dict[str, str]:
    """Return the headers of a delivery. A secret without SECRET_PREFIX is the key itself, not its base64 form."""
    webhook = Webhook(secret if secret.startswith(SECRET_PREFIX) else secret.encode())
    signature = webhook.sign(event_id, datetime.fromtimestamp(time_s, UTC), body.decode())
    return {
        "Content-Type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(time_s),
        "webhook-signature": signature,
    }
