"""Dead letters: a message set aside with its reason, so that nothing is lost and nothing blocks the rest.

copydesk:dead-letters:settled    hash: letter → replayed or dropped; what isn't there waits for a person
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from streams.brokers.base import Broker, Condition, Delivery, OutgoingMessage
from streams.codec import decode, encode
from streams.errors import UnreadableError
from streams.records import DeadLetter, MessageId
from streams.state.redis_client import map_redis_errors
from streams.topics import DEAD_LETTERS, ITEMS, SINK_REPLAYS
from workers.replay import replay_headers

if TYPE_CHECKING:
    from streams.faust.agents import ConsumedMessage  # Faust costs memory: only the desk pays for it

MAX_REASON_CHARS = 2_000
RESOLVED_KEY = "copydesk:dead-letters:settled"


class PendingLetter(NamedTuple):
    """A dead letter that nobody has dealt with. `name` is what a person calls it: partition@offset of its topic."""

    name: str
    letter: DeadLetter


def from_message(incoming: "ConsumedMessage", error: str, reason: str, feed: str = "") -> OutgoingMessage:
    """Return the message that sets *incoming* aside. *error* is the kind: unreadable, timeout or bug."""
    return build(incoming.at, incoming.key, incoming.value, incoming.headers, error, reason, feed)


def build(
    at: MessageId, key: bytes, original: bytes, headers: tuple[tuple[str, bytes], ...], error: str, reason: str,
    feed: str = "", attempts: int = 1,
) -> OutgoingMessage:  # fmt: skip
    """Return the dead letter of the message at *at*."""
    letter = DeadLetter(
        topic=at.topic,
        partition=at.partition,
        offset=at.offset,
        key=key,
        payload=original,
        headers=headers,
        error_kind=error,
        error=reason[:MAX_REASON_CHARS],
        attempts=attempts,
        feed=feed,
        failed_at=datetime.now(UTC),
    )
    return OutgoingMessage(DEAD_LETTERS.name, str(at).encode(), encode(letter))


async def pending(broker: Broker) -> AsyncIterator[PendingLetter]:
    """Yield the dead letters that are neither replayed nor dropped, partition by partition."""
    with map_redis_errors(broker.state.url):
        settled = {name.decode() for name in await broker.state.hkeys(RESOLVED_KEY)}
    reader = await broker.open_reader(DEAD_LETTERS, "", "start")
    try:
        while True:
            found = await reader.read(0.05)
            for d in found:
                name = f"{d.partition}@{d.offset}"
                if name not in settled:
                    yield PendingLetter(name, decode(d.value, DeadLetter))
            if not found and await reader.at_end():
                return
    finally:
        await reader.close()


async def select(broker: Broker, names: Sequence[str]) -> list[PendingLetter]:
    """Return the waiting letters of these *names*, in their order; all of them for no names.

    Raises UnreadableError for a name that isn't waiting.
    """
    found = {w.name: w async for w in pending(broker)}
    missing = [name for name in names if name not in found]
    if missing:
        raise UnreadableError(f"no dead letter {', '.join(missing)} is waiting; see `copydesk dead-letters list`")
    return [found[name] for name in names] if names else list(found.values())


async def replay(broker: Broker, one: PendingLetter) -> bool:
    """Send a letter's message through the desk, or to its sink, again; False if settled since.

    Its first coordinates go along in a header. Raises UnreadableError for one that never was a message.
    """
    letter = one.letter
    if letter.topic not in (ITEMS.name, SINK_REPLAYS.name):
        raise UnreadableError(f"dead letter {one.name} is an entry of feed {letter.topic}: its next poll tries again")
    first = Delivery(letter.topic, letter.partition, letter.offset, 0.0, letter.key, letter.payload, letter.headers)
    headers = replay_headers(first)
    message = OutgoingMessage(letter.topic, letter.key, letter.payload, headers)
    return await broker.publish([message], conditions=[Condition(RESOLVED_KEY, one.name, "", "replayed")])


async def discard(broker: Broker, one: PendingLetter) -> bool:
    """Settle a letter without doing anything with it; False if it was settled since."""
    return await broker.publish([], conditions=[Condition(RESOLVED_KEY, one.name, "", "dropped")])
