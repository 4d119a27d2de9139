"""Webhooks: articles, POSTed to whoever asked for them, signed, in order, until they are taken.

topic ──▶ POST ──▶ 2xx: done
            ├── no answer: wait for the server, however long; the group stays where it is
            ├── 408, 425, 429, 5xx: again with backoff, Retry-After kept; after GIVE_UP_S a dead letter
            └── other: a dead letter at once

What goes over the wire is Standard Webhooks (standardwebhooks.com, specification 1.0.0): its libraries check it.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import logging
import random
import time
from contextlib import aclosing
from datetime import UTC, datetime

import msgspec

from streams.brokers.base import Broker, Delivery
from streams.codec import encode
from streams.config.settings import Settings
from streams.config.tables import Webhook
from streams.errors import CopydeskError, UnavailableError
from streams.records import Article, MessageId
from streams.subscribe import Subscription
from streams.topics import WEBHOOKS
from workers.dead_letters import from_webhook
from workers.http.client import HttpClient
from workers.http.retry_after import is_retryable, parse_retry_after

log = logging.getLogger(__name__)

INITIAL_DELAY_S, MAX_DELAY_S = 1.0, 300.0
MAX_RETRY_S = 3600.0  # for an event that is answered, but not taken
KEEP_EVERY_S = 30.0
SECRET_PREFIX = "whsec_"


class Webhooks:
    """Delivers to all webhooks of one copydesk. Several processes share the partitions of each topic."""

    def __init__(self, settings: Settings, broker: Broker, *, first_retry_s: float = INITIAL_DELAY_S,
                 give_up_s: float = MAX_RETRY_S) -> None:  # fmt: skip
        self.settings, self.broker = settings, broker
        self.initial_delay_s, self.max_retry_s = first_retry_s, give_up_s
        self.fetcher = HttpClient(settings)

    async def run(self) -> None:
        """Deliver until cancelled, event by event for each: a later revision never arrives before an earlier one."""
        async with self.fetcher, asyncio.TaskGroup() as tasks:
            for hook in self.settings.webhooks:
                tasks.create_task(self._consume(hook, hook.topic, hook.start_from), name=f"webhook {hook.name}")
                tasks.create_task(self._consume(hook, WEBHOOKS.name, "start"), name=f"webhook {hook.name}, replayed")

    async def _consume(self, hook: Webhook, topic: str, start: str) -> None:
        group = f"webhook.{hook.name}" + (".replayed" if topic == WEBHOOKS.name else "")
        async with (
            Subscription(  # a process that is killed repeats one event at most
                topic, group=group, start=start, auto_commit=True, commit_every=1, settings=self.settings
            ) as found,
            aclosing(found.messages()) as deliveries,
        ):
            async for delivery, record in deliveries:
                if topic != WEBHOOKS.name or delivery.key == hook.name.encode():
                    await self._deliver(hook, found, delivery, record)

    async def _deliver(self, hook: Webhook, found: Subscription, delivery: Delivery, record: Article) -> None:
        """POST one article until it is taken, or set it aside, or until its lease is lost.

        The lease is checked before each POST: under a lost one, an event would arrive behind later revisions.
        """
        at = MessageId(delivery.topic, delivery.partition, delivery.offset)
        name, body = build_event(record)
        answered_s, delay_s = 0.0, self.initial_delay_s
        for attempt in range(1, 1_000_000):
            try:
                if not await found.holds():
                    log.warning("webhook %s: lease lost: %s from %s; another process delivers it", hook.name, name, at)
                    return
                answer = await self.fetcher.post(
                    hook.url, body, signature_headers(hook.secret, name, int(time.time()), body)
                )
                if 200 <= answer.status < 300:
                    log.info("webhook %s took %s from %s", hook.name, name, at)
                    return
                answered_s = answered_s or time.monotonic()
                rest_s = parse_retry_after(answer.headers.get("retry-after", ""), datetime.now(UTC)) or 0.0
                wait_s, why = max(delay_s, rest_s), f"HTTP {answer.status}"
                if not is_retryable(answer.status) or time.monotonic() + wait_s - answered_s > self.max_retry_s:
                    await self._dead_letter(hook, delivery, at, why, attempt)
                    return
            except CopydeskError as exc:
                answered_s, wait_s, why = 0.0, delay_s, str(exc)
            log.warning("webhook %s: %s from %s wasn't taken: %s; again in %.1f s", hook.name, name, at, why, wait_s)
            await self._wait(found, wait_s * random.uniform(1, 1.1))
            delay_s = min(2 * delay_s, MAX_DELAY_S)

    @staticmethod
    async def _wait(found: Subscription, wait_s: float) -> None:
        """Wait, and keep the lease: a member that is silent for minutes is taken for stuck."""
        end_s = time.monotonic() + wait_s
        while (left_s := end_s - time.monotonic()) > 0:
            await asyncio.sleep(min(left_s, KEEP_EVERY_S))
            with contextlib.suppress(UnavailableError):
                if not await found.holds():
                    return

    async def _dead_letter(self, hook: Webhook, delivery: Delivery, at: MessageId, why: str, attempts: int) -> None:
        log.error("dead letter webhook=%s at=%s: %s", hook.name, at, why)
        error = f"webhook {hook.name} answered {why} to {at}"
        await self.broker.publish([from_webhook(hook.name, delivery, error, attempts)])


def build_event(record: Article) -> tuple[str, bytes]:
    """Return the id of the event that *record* makes, the same at every attempt, and the body that tells of it."""
    kind, name = "article.new" if record.revision == 1 else "article.revised", f"{record.id}.{record.revision}"
    head = {"type": kind, "timestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    return name, msgspec.json.encode(head | {"data": msgspec.Raw(encode(record))})


def signature_headers(secret: str, name: str, time_s: int, body: bytes) -> dict[str, str]:
    """Return the headers of a delivery: HMAC-SHA256 over id, time and body, in base64."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX)) if secret.startswith(SECRET_PREFIX) else secret.encode()
    digest = hmac.new(key, b"%s.%d.%s" % (name.encode(), time_s, body), hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(time_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
