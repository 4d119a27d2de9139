"""WebSub: hubs push what is new, for feeds that name one (W3C Recommendation, 23 January 2018).

poller ──subscribe──▶ hub ──GET, a challenge──▶ our callback ──▶ Redis          asked ▸ active ▸ renewed
                      hub ──POST, the news────▶ our callback ──▶ Redis ──▶ poller

copydesk:websub         hash: feed → Subscription
copydesk:websub:tokens  hash: token, the secret part of a callback's address → feed
copydesk:websub:pushed  list: what came and wasn't read yet

A subscription makes polls rarer, it doesn't end them: hubs forget, and what they push isn't always all.
"""

import hashlib
import hmac
import logging
import re
import secrets
import time
from typing import Any

import msgspec

from streams.errors import CopydeskError
from streams.state.redis_client import map_redis_errors
from workers.http.client import HttpClient
from workers.poller.registry import WEBSUB
from workers.urls.web_url import web_url

log = logging.getLogger(__name__)

TOKENS, PUSHED = f"{WEBSUB}:tokens", f"{WEBSUB}:pushed"
LEASE_S = 10 * 86_400  # what we ask for, §5.1; hubs grant what they like
RENEW_AT = 0.8  # of the lease
RETRY_S = 3_600.0  # a hub that didn't verify is asked again
DENIED_S = 86_400.0
PUSHED_INTERVAL_FACTOR = 4  # polls of a feed that is pushed are so many times rarer
MAX_LEASE_S = 90 * 86_400
MAX_WAITING = 100  # pushes; beyond it the feed is polled instead
MAX_PUSH_BYTES = 1024 * 1024  # likewise
DIGESTS = {"sha1", "sha256", "sha384", "sha512"}  # §7.1
_LINK = re.compile(r"<([^<>\s]{1,2000})>((?:[^,<\"]{1,200}|\"[^\"]{0,200}\"){0,20})")
_REL = re.compile(r"""\brel\s{0,5}=\s{0,5}(?:"([^"]{0,200})"|([^\s;,"]{1,200}))""", re.IGNORECASE)


class HubSubscription(msgspec.Struct, omit_defaults=True, frozen=True):
    """What we asked a hub for, and what it answered. Times are Unix seconds."""

    feed: str
    hub: str
    topic: str
    token: str
    secret: str
    requested_s: float = 0.0
    active_since_s: float = 0.0  # since when
    expires_s: float = 0.0
    denied: bool = False

    def is_active(self, now_s: float) -> bool:
        """Whether pushes are to be expected."""
        return self.active_since_s <= now_s < self.expires_s and not self.denied

    def is_due(self, now_s: float) -> bool:
        """Whether to ask the hub, for the first time or again. A clock that was put back doesn't stop it."""
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
    """The subscriptions of all pollers, in Redis. *callback_url* empty: there are none."""

    def __init__(self, state: Any, callback_url: str) -> None:
        self.state, self.callback_url = state, callback_url.rstrip("/")

    async def ensure_subscribed(self, fetcher: HttpClient, feed: str, hub: str, topic: str, now_s: float) -> None:
        """Ask *hub* for pushes of *feed*, known there as *topic*, when it is time. What fails is tried again later."""
        if not (self.callback_url and hub):
            return
        kept = await self.get(feed)
        if kept is None or (kept.hub, kept.topic) != (hub, topic):
            kept = HubSubscription(feed, hub, topic, secrets.token_urlsafe(24), secrets.token_urlsafe(32))
        if not kept.is_due(now_s):
            return
        # First remembered, then asked: hubs may verify before they answer.
        await self._save(msgspec.structs.replace(kept, requested_s=now_s, denied=False))
        form = {
            "hub.mode": "subscribe",
            "hub.topic": topic,
            "hub.secret": kept.secret,
            "hub.callback": f"{self.callback_url}/websub/{kept.token}",
            "hub.lease_seconds": str(LEASE_S),
        }
        try:
            answer = await fetcher.post(hub, form)
        except CopydeskError as exc:
            log.warning("feed=%s hub=%s: %s; it is polled", feed, hub, exc)
            return
        if not 200 <= answer.status < 300:
            log.warning("feed=%s hub=%s: HTTP %d to a subscription; it is polled", feed, hub, answer.status)

    async def verify(self, token: str, mode: str, topic: str, lease_s: str) -> bool:
        """Return whether we agree with what a hub asks of us, §5.3; what it grants or denies is remembered."""
        kept = await self.get_by_token(token)
        if kept is None or topic != kept.topic:
            return False
        if mode == "denied":
            log.warning("feed=%s hub=%s: subscription denied; it is polled", kept.feed, kept.hub)
            await self._save(msgspec.structs.replace(kept, denied=True, expires_s=0.0))
            return True
        now_s = time.time()
        if mode != "subscribe" or not 0 <= now_s - kept.requested_s < RETRY_S:
            return False  # nobody here asked for it
        granted_s = min(MAX_LEASE_S, int(lease_s)) if lease_s.isdecimal() and len(lease_s) < 12 else LEASE_S
        log.info("feed=%s hub=%s: will be pushed for %d s", kept.feed, kept.hub, granted_s)
        await self._save(msgspec.structs.replace(kept, active_since_s=now_s, expires_s=now_s + granted_s, denied=False))
        return True

    async def accept(self, kept: HubSubscription, signature: str, content_type: str, body: bytes) -> bool:
        """Put what a hub pushed where pollers find it; False when it is to be polled instead.

        What isn't signed with our secret (§7.1) may be from anybody and counts for nothing, not even for a poll.
        """
        if not verify_signature(kept.secret, signature, body):
            log.warning("feed=%s hub=%s: a push without our signature; ignored", kept.feed, kept.hub)
            return True
        with map_redis_errors(self.state.url):
            if len(body) > MAX_PUSH_BYTES or not body or await self.state.llen(PUSHED) >= MAX_WAITING:
                return False
            await self.state.rpush(PUSHED, msgspec.msgpack.encode(Push(kept.feed, content_type, body)))
        return True

    async def next_push(self, wait_s: float) -> Push | None:
        """Return what was pushed first, None when nothing is within *wait_s*."""
        with map_redis_errors(self.state.url):
            found = await self.state.blpop([PUSHED], wait_s)
        return msgspec.msgpack.decode(found[1], type=Push) if found else None

    async def get(self, feed: str) -> HubSubscription | None:
        """Return the subscription of a feed."""
        with map_redis_errors(self.state.url):
            raw = await self.state.hget(WEBSUB, feed)
        return msgspec.json.decode(raw, type=HubSubscription) if raw else None

    async def get_by_token(self, token: str) -> HubSubscription | None:
        """Return the subscription whose callback has *token*; None for a feed that was removed, too."""
        with map_redis_errors(self.state.url):
            feed = await self.state.hget(TOKENS, token)
        kept = await self.get(feed.decode()) if feed else None
        return kept if kept and hmac.compare_digest(kept.token.encode(), token.encode()) else None

    async def _save(self, kept: HubSubscription) -> None:
        with map_redis_errors(self.state.url):
            await self.state.hset(TOKENS, kept.token, kept.feed)
            await self.state.hset(WEBSUB, kept.feed, msgspec.json.encode(kept))


def is_active(raw: bytes, now_s: float) -> bool:
    """Whether the subscription in *raw*, as `WEBSUB` has it, lets pushes be expected."""
    return bool(raw) and msgspec.json.decode(raw, type=HubSubscription).is_active(now_s)


def verify_signature(secret: str, signature: str, body: bytes) -> bool:
    """Whether *signature*, an `X-Hub-Signature`, is that of *body*: `method=hexadecimal`, §7.1."""
    method, _, given = signature.strip().partition("=")
    if method.lower() not in DIGESTS or not given.isascii():
        return False
    right = hmac.new(secret.encode(), body, getattr(hashlib, method.lower())).hexdigest()
    return hmac.compare_digest(right, given.lower())


def parse_link_header(value: str, url: str) -> dict[str, str]:
    """Return rel → URL of a Link header (RFC 8288), the first of each. It counts before the feed's own links, §4."""
    out: dict[str, str] = {}
    for target, parameters in _LINK.findall(value[:10_000]):
        found = _REL.search(parameters)
        for rel in (found[1] or found[2]).lower().split() if found else ():
            if to := web_url(target, url):
                out.setdefault(rel, to)
    return out
