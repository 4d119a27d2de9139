"""The webhook sink: POSTs articles, signed by Standard Webhooks (standardwebhooks.com, specification 1.0.0).

2xx            confirmed
408, 425, 429  retried, and so is 5xx; Retry-After is respected
other          rejected
"""

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from standardwebhooks import Webhook

from streams.cloudevents import event_attributes, http_headers
from streams.codec import encode
from streams.records import Article
from workers.sinks.base import SinkEvent
from workers.sinks.http_sink import IDENTITY_ENCODING, HttpSink, check_response
from workers.sinks.options import option

SECRET_PREFIX = "whsec_"


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


class WebhookSink(HttpSink[WebhookOptions]):
    """POSTs each article to one URL."""

    options_type = WebhookOptions

    async def deliver(self, batch: Sequence[SinkEvent]) -> None:
        """POST the events one by one. Raises: see `Sink.deliver`."""
        for event in batch:
            await self._post(event)

    async def _post(self, event: SinkEvent) -> None:
        body = encode_event(event.article)
        signature = signature_headers(self.options.secret, event.id, int(time.time()), body)
        headers = IDENTITY_ENCODING | http_headers(event.article) | signature
        client = await self.client()
        # By Standard Webhooks a 3xx is a failure: a redirect must not pass articles on to another host.
        check_response(await client.post(self.options.url, body, headers, follow_redirects=False))


def encode_event(article: Article) -> bytes:
    """Return the body of an event: type, timestamp and article. The type is that of the CloudEvent."""
    event_type = event_attributes(article)["type"].removeprefix("copydesk.")
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
