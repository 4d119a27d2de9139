"""Idempotency keys of pushes: a repeated request publishes nothing and gets the reply to the first one.

    copydesk:idempotency:DIGEST          string: JSON of the reply and of the digest of its request, for 24 hours
    copydesk:idempotency:DIGEST:claim    hash: `owner`, the request in progress, for a minute

The step that publishes requires the claim. So a request whose claim has expired publishes nothing. On Kafka, the
messages precede the check (`Broker.publish`).
"""

import hashlib
import secrets
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from streams.brokers.base import Broker, Condition, RedisCommand
from streams.state.redis_client import ALLOW_OOM

KEY_PREFIX = "copydesk:idempotency:"
KEY_LIFETIME_S = 86_400
CLAIM_S = 60  # longer than a push takes; a killed web server blocks its keys for as long
OWNER = "owner"


class StoredReply(msgspec.Struct, frozen=True):
    """The body of the reply to the first request, and the digest of that request."""

    digest: str
    body: dict[str, Any]


class Claim(NamedTuple):
    """The claim of one request on its idempotency key; without *owner*, another request holds or held the key."""

    name: str = ""
    owner: str = ""
    reply: StoredReply | None = None

    @property
    def key(self) -> str:
        """The key of the claim in the state."""
        return f"{self.name}:claim"

    def conditions(self) -> list[Condition]:
        """Return the condition that the request still holds the key; none for a request without a key.

        The step changes the owner, so a release after it has no effect.
        """
        return [Condition(self.key, OWNER, self.owner, f"{self.owner} published")] if self.owner else []

    def store_commands(self, digest: str, body: Mapping[str, Any]) -> list[RedisCommand]:
        """Return the commands that store the reply; none for a request without a key."""
        record = msgspec.json.encode(StoredReply(digest, dict(body)))
        return [("SET", self.name, record, "EX", KEY_LIFETIME_S)] if self.owner else []


class IdempotencyKeys:
    """The idempotency keys of all web servers of a broker."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        source = files("workers.web").joinpath("lua", "claim_key.lua").read_text("utf-8")
        self._claim = broker.state.register_script(ALLOW_OOM + source)  # with full memory, the answer is a 429

    async def claim(self, key: str) -> Claim:
        """Claim *key* for one request, unless it has a reply or another request holds it."""
        name = KEY_PREFIX + hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:32]
        claim = Claim(name, secrets.token_hex(8))
        is_owner, stored = await self._claim(keys=[name, claim.key], args=[claim.owner, CLAIM_S])
        if is_owner:
            return claim
        return Claim(name, reply=msgspec.json.decode(stored, type=StoredReply) if stored else None)

    async def release(self, claim: Claim) -> None:
        """Free the key after a refused push. It has no effect if the claim has expired or its step was done."""
        held = Condition(claim.key, OWNER, claim.owner, claim.owner)
        await self.broker.publish((), [("DEL", claim.key)], [held])
