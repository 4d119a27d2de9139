"""WebSub subscriptions: hubs push new items of feeds that declare a hub (W3C Recommendation, 23 January 2018).

poller ──subscribe──▶ hub ──GET, challenge─▶ callback ──▶ Redis          requested ▸ active ▸ renewed
                      hub ──POST, document─▶ callback ──▶ Redis ──▶ poller

copydesk:websub         hash: feed → HubSubscription
copydesk:websub:tokens  hash: token, the secret part of a callback URL → feed
copydesk:websub:pushed  list: pushes that no poller has read yet

A feed with a subscription is polled less often, but still polled: hubs lose subscriptions and omit items.
"""

import hashlib
import hmac
import re
import secrets
import time
from typing import Any

import msgspec

from streams.errors import CopydeskError
from streams.logger import get_logger
from workers.http.client import HttpClient
from workers.poller.registry import FEEDS, WEBSUB, WEBSUB_TOKENS, feed_id, script_source
from workers.urls.web_url import web_url

log = get_logger(__name__)

PUSHED = f"{WEBSUB}:pushed"
LEASE_S = 10 * 86_400  # requested lease, §5.1; the hub may grant another
RENEW_AT = 0.8  # fraction of the lease
RETRY_S = 3_600.0  # until a subscription without verification is requested again, or one at another hub
DENIED_S = 86_400.0  # until a denied subscription is requested again
PUSHED_INTERVAL_FACTOR = 4  # interval of a feed with an active subscription
MAX_LEASE_S = 90 * 86_400
MAX_WAITING = 100  # pushes; beyond this limit the feed is polled instead
MAX_PUSH_BYTES = 1024 * 1024  # likewise
DIGESTS = {"sha1", "sha256", "sha384", "sha512"}  # §7.1
_LINK = re.compile(r"<([^<>\s]{1,2000})>((?:[^,<\"]{1,200}|\"[^\"]{0,200}\"){0,20})")
_REL = re.compile(r"""\brel\s{0,5}=\s{0,5}(?:"([^"]{0,200})"|([^\s;,"]{1,200}))""", re.IGNORECASE)


class HubSubscription(msgspec.Struct, omit_defaults=True, frozen=True):
    """A requested subscription and its state. Times are Unix seconds."""

    feed: str
    hub: str
    topic: str
    token: str
    secret: str
    requested_s: float = 0.0
    active_since_s: float = 0.0
    expires_s: float = 0.0
    denied: bool = False

    def is_active(self, now_s: float) -> bool:
        """Return whether the hub should push."""
        return self.active_since_s <= now_s < self.expires_s and not self.denied

    def is_due(self, now_s: float) -> bool:
        """Return whether to request the subscription, also after the clock was set back."""
        if 0 <= now_s - self.requested_s < (DENIED_S if self.denied else RETRY_S):
            return False
        return (
            not self.active_since_s <= now_s < self.active_since_s + RENEW_AT * (self.expires_s - self.active_since_s)
        )


class Push(msgspec.Struct, frozen=True):
    """A document that a hub pushed."""

    feed: str
    content_type: str
    body: bytes


class WebSub:
    """The subscriptions of all pollers, in Redis. An empty *callback_url* disables them."""

    def __init__(self, state: Any, callback_url: str) -> None:
        self.state, self.callback_url = state, callback_url.rstrip("/")
        self._store = state.register_script(script_source("token_of", "save_subscription"))

    async def ensure_subscribed(self, http: HttpClient, feed: str, hub: str, topic: str, now_s: float) -> None:
        """Request a subscription to *topic* at *hub* if it is due. A failed request is repeated later."""
        if not (self.callback_url and hub):
            return
        subscription = due_subscription(await self.get(feed), feed, hub, topic, now_s)
        if subscription is None:
            return
        # Save first: hubs may verify before they respond.
        if not await self._save(msgspec.structs.replace(subscription, requested_s=now_s, denied=False)):
            return
        form = {
            "hub.mode": "subscribe",
            "hub.topic": topic,
            "hub.secret": subscription.secret,
            "hub.callback": f"{self.callback_url}/websub/{subscription.token}",
            "hub.lease_seconds": str(LEASE_S),
        }
        try:
            response = await http.post(hub, form)
        except CopydeskError as exc:
            log.warning("WebSub request failed", feed=feed, hub=hub, error=exc, next_step="polling instead")
            return
        if not 200 <= response.status < 300:
            log.warning(
                "WebSub request failed", feed=feed, hub=hub, status=response.status, next_step="polling instead"
            )

    async def verify(self, token: str, mode: str, topic: str, lease_s: str) -> bool:
        """Return whether a hub's verification request matches a pending subscription, §5.3, and save its decision."""
        subscription = await self.get_by_token(token)
        if subscription is None or topic != subscription.topic:
            return False
        if mode == "denied":
            log.warning(
                "WebSub subscription denied", feed=subscription.feed, hub=subscription.hub, next_step="polling instead"
            )
            await self._save(msgspec.structs.replace(subscription, denied=True, expires_s=0.0))
            return True
        now_s = time.time()
        if mode != "subscribe" or not 0 <= now_s - subscription.requested_s < RETRY_S:
            return False  # not requested
        granted_s = min(MAX_LEASE_S, int(lease_s)) if lease_s.isdecimal() and len(lease_s) < 12 else LEASE_S
        log.info("WebSub subscription active", feed=subscription.feed, hub=subscription.hub, lease_s=granted_s)
        await self._save(
            msgspec.structs.replace(subscription, active_since_s=now_s, expires_s=now_s + granted_s, denied=False)
        )
        return True

    async def accept(self, subscription: HubSubscription, signature: str, content_type: str, body: bytes) -> bool:
        """Queue a pushed document for the pollers; return False if the feed should be polled instead.

        A push without a valid signature (§7.1) is ignored. Its sender is unknown, so it doesn't cause a poll either.
        """
        if not verify_signature(subscription.secret, signature, body):
            log.warning("push ignored", feed=subscription.feed, hub=subscription.hub, reason="invalid signature")
            return True
        if len(body) > MAX_PUSH_BYTES or not body or await self.state.llen(PUSHED) >= MAX_WAITING:
            return False
        await self.state.rpush(PUSHED, msgspec.msgpack.encode(Push(subscription.feed, content_type, body)))
        return True

    async def next_push(self, wait_s: float) -> Push | None:
        """Return the oldest push; None if there is none within *wait_s*."""
        popped = await self.state.blpop([PUSHED], wait_s)
        return msgspec.msgpack.decode(popped[1], type=Push) if popped else None

    async def get(self, feed: str) -> HubSubscription | None:
        """Return the subscription of a feed."""
        raw = await self.state.hget(WEBSUB, feed)
        return msgspec.json.decode(raw, type=HubSubscription) if raw else None

    async def get_by_token(self, token: str) -> HubSubscription | None:
        """Return the subscription whose callback has *token*; None also for a removed feed."""
        feed = await self.state.hget(WEBSUB_TOKENS, token)
        subscription = await self.get(feed.decode()) if feed else None
        return (
            subscription if subscription and hmac.compare_digest(subscription.token.encode(), token.encode()) else None
        )

    async def _save(self, subscription: HubSubscription) -> bool:
        """Store *subscription* in place of the feed's former one. Return False if the feed is removed."""
        feed = subscription.feed
        args = [feed_id(feed), feed, subscription.token, msgspec.json.encode(subscription)]
        return bool(await self._store(keys=[FEEDS, WEBSUB, WEBSUB_TOKENS], args=args))


def due_subscription(
    current: HubSubscription | None, feed: str, hub: str, topic: str, now_s: float
) -> HubSubscription | None:
    """Return the subscription to request; None if none is due.

    A feed that names another hub or topic in each poll gets a new subscription after RETRY_S.
    """
    if current is not None and (current.hub, current.topic) == (hub, topic):
        return current if current.is_due(now_s) else None
    if current is not None and 0 <= now_s - current.requested_s < RETRY_S:
        return None
    return HubSubscription(feed, hub, topic, secrets.token_urlsafe(24), secrets.token_urlsafe(32))


def is_active(raw: bytes, now_s: float) -> bool:
    """Return whether the encoded subscription *raw* is active."""
    return bool(raw) and msgspec.json.decode(raw, type=HubSubscription).is_active(now_s)


def verify_signature(secret: str, signature: str, body: bytes) -> bool:
    """Return whether *signature*, an `X-Hub-Signature` of the form `method=hexadecimal`, matches *body*, §7.1."""
    method, _, digest = signature.strip().partition("=")
    if method.lower() not in DIGESTS or not digest.isascii():
        return False
    expected = hmac.new(secret.encode(), body, getattr(hashlib, method.lower())).hexdigest()
    return hmac.compare_digest(expected, digest.lower())


def parse_link_header(value: str, url: str) -> dict[str, str]:
    """Return rel → URL of a Link header (RFC 8288), the first of each rel. It precedes links in the feed, §4."""
    links: dict[str, str] = {}
    for target, parameters in _LINK.findall(value[:10_000]):
        rels = _REL.search(parameters)
        for rel in (rels[1] or rels[2]).lower().split() if rels else ():
            if link := web_url(target, url):
                links.setdefault(rel, link)
    return links
