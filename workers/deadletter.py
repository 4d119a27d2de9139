"""Dead letters: a message set aside with its reason, so that nothing is lost and nothing blocks the rest.

copydesk:dead-letters:settled    hash: letter → replayed or dropped; what isn't there waits for a person
"""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from streams.codec import decode, encode
from streams.errors import UnreadableError
from streams.records import Coordinates, DeadLetter
from streams.topics import DEAD_LETTERS, ITEMS, WEBHOOKS
from streams.transport.broker import Broker, Delivery, Guard, Message
from streams.transport.redis_streams.client import translated
from workers.replay import replay_of

if TYPE_CHECKING:
    from streams.app import Incoming  # Faust costs memory: only the desk pays for it

MAX_REASON_CHARS = 2_000
SETTLED = "copydesk:dead-letters:settled"


class Waiting(NamedTuple):
    """A dead letter that nobody has dealt with. `name` is what a person calls it: partition@offset of its topic."""

    name: str
    letter: DeadLetter


def dead_letter(incoming: "Incoming", error: str, reason: str, feed: str = "") -> Message:
    """Return the message that sets *incoming* aside. *error* is the kind: unreadable, timeout or bug."""
    return letter_of(incoming.at, incoming.key, incoming.value, incoming.headers, error, reason, feed)


def letter_of(
    at: Coordinates, key: bytes, original: bytes, headers: tuple[tuple[str, bytes], ...], error: str, reason: str,
    feed: str = "", attempts: int = 1,
) -> Message:  # fmt: skip
    """Return the dead letter of the message at *at*."""
    letter = DeadLetter(
        topic=at.topic,
        partition=at.partition,
        offset=at.offset,
        key=key,
        original=original,
        headers=headers,
        error=error,
        reason=reason[:MAX_REASON_CHARS],
        attempts=attempts,
        feed=feed,
        time=datetime.now(UTC),
    )
    return Message(DEAD_LETTERS.name, str(at).encode(), encode(letter))


async def waiting(broker: Broker) -> AsyncIterator[Waiting]:
    """Yield the dead letters that are neither replayed nor dropped, partition by partition."""
    with translated(broker.state.url):
        settled = {name.decode() for name in await broker.state.hkeys(SETTLED)}
    reader = await broker.reader(DEAD_LETTERS, "", "start")
    try:
        while True:
            found = await reader.read(0.05)
            for d in found:
                name = f"{d.partition}@{d.offset}"
                if name not in settled:
                    yield Waiting(name, decode(d.value, DeadLetter))
            if not found and await reader.at_end():
                return
    finally:
        await reader.close()


async def chosen(broker: Broker, names: Sequence[str]) -> list[Waiting]:
    """Return the waiting letters of these *names*, in their order; all of them for no names.

    Raises UnreadableError for a name that isn't waiting.
    """
    found = {w.name: w async for w in waiting(broker)}
    missing = [name for name in names if name not in found]
    if missing:
        raise UnreadableError(f"no dead letter {', '.join(missing)} is waiting; see `copydesk dead-letters list`")
    return [found[name] for name in names] if names else list(found.values())


async def replay(broker: Broker, one: Waiting) -> bool:
    """Send a letter's message through the desk, or to its webhook, again; False if settled since.

    Its first coordinates go along in a header. Raises UnreadableError for one that never was a message.
    """
    letter = one.letter
    if letter.topic not in (ITEMS.name, WEBHOOKS.name):
        raise UnreadableError(f"dead letter {one.name} is an entry of feed {letter.topic}: its next poll tries again")
    first = Delivery(letter.topic, letter.partition, letter.offset, 0.0, letter.key, letter.original, letter.headers)
    headers = replay_of(first)
    message = Message(letter.topic, letter.key, letter.original, headers)
    return await broker.publish([message], guards=[Guard(SETTLED, one.name, "", "replayed")])


async def drop(broker: Broker, one: Waiting) -> bool:
    """Settle a letter without doing anything with it; False if it was settled since."""
    return await broker.publish([], guards=[Guard(SETTLED, one.name, "", "dropped")])
