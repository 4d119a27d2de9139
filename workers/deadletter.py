"""Dead letters: a message set aside with its reason, so that nothing is lost and nothing blocks the rest."""

from datetime import UTC, datetime

from streams.app import Incoming
from streams.codec import encode
from streams.records import DeadLetter
from streams.topics import DEAD_LETTERS
from streams.transport.broker import Message

MAX_REASON_CHARS = 2_000


def dead_letter(incoming: Incoming, error: str, reason: str, feed: str = "") -> Message:
    """Return the message that sets *incoming* aside. *error* is the kind: unreadable, timeout or bug."""
    letter = DeadLetter(
        topic=incoming.at.topic,
        partition=incoming.at.partition,
        offset=incoming.at.offset,
        key=incoming.key,
        original=incoming.value,
        headers=incoming.headers,
        error=error,
        reason=reason[:MAX_REASON_CHARS],
        feed=feed,
        time=datetime.now(UTC),
    )
    return Message(DEAD_LETTERS.name, str(incoming.at).encode(), encode(letter))
