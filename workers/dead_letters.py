"""Dead letters: failed messages and feed entries with the reason, so that nothing is lost and no partition is blocked.

copydesk:dead-letters:resolved    hash: letter → replayed or discarded; a letter that is not in it is pending
copydesk:dead-letters:removed     hash: the same for letters that resolving removes from the topic, for a day
"""

import contextlib
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from datetime import UTC, datetime
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from streams.brokers.base import Broker, Condition, ConsumedMessage, OutgoingMessage, RedisCommand
from streams.codec import decode, encode
from streams.errors import UnreadableError
from streams.records import DeadLetter, MessageId
from streams.start import Start
from streams.topics import ARCHIVE_ITEMS, DAY_S, DEAD_LETTERS, DESK_GROUP, ITEMS, SINK_REPLAYS
from workers.replay import replay_headers

MAX_ERROR_CHARS = 2_000
RESOLVED_KEY = "copydesk:dead-letters:resolved"
REMOVED_KEY = "copydesk:dead-letters:removed"
MAX_READ = 1_000  # letters that one count reads
MAX_TIME_S = 253_402_300_799.0  # end of the year 9999; producers on Kafka set any time


class PendingLetter(NamedTuple):
    """A dead letter that is neither replayed nor discarded. `name`: partition@offset in the dead-letters topic."""

    name: str
    letter: DeadLetter


Resolve = Callable[[Broker, PendingLetter], Awaitable[bool]]


def from_message(
    message: ConsumedMessage, error_kind: str, error: str, feed: str = "", attempts: int = 1
) -> OutgoingMessage:
    """Return the dead letter of a message that the desk could not process."""
    return build(
        message.message_id, message.key, message.value, message.headers, error_kind, error, feed=feed, attempts=attempts
    )


def from_sink(sink: str, message: ConsumedMessage, error: str, attempts: int) -> OutgoingMessage:
    """Return the dead letter of an article that *sink* rejected."""
    source = MessageId(message.topic, message.partition, message.offset)
    return build(source, message.key, message.value, message.headers, "sink", error, sink=sink, attempts=attempts)


def from_feed_entry(feed: str, entry: str, error: str) -> OutgoingMessage:
    """Return the dead letter of a feed entry that never became a message."""
    return build(None, b"", entry.encode("utf-8", "replace"), (), "unreadable", error, feed=feed)


def build(
    source: MessageId | None, key: bytes, payload: bytes, headers: tuple[tuple[str, bytes], ...], error_kind: str,
    error: str, *, feed: str = "", sink: str = "", attempts: int = 1,
) -> OutgoingMessage:  # fmt: skip
    """Return a dead letter. *source*: id of the message; None for an entry of *feed*, which has no message."""
    letter = DeadLetter(
        topic=source.topic if source else "",
        partition=source.partition if source else 0,
        offset=source.offset if source else 0,
        key=key,
        payload=payload,
        headers=headers,
        error_kind=error_kind,
        error=error[:MAX_ERROR_CHARS],
        attempts=attempts,
        feed=feed,
        sink=sink,
        failed_at=datetime.now(UTC),
    )
    return OutgoingMessage(DEAD_LETTERS.name, (str(source) if source else feed).encode(), encode(letter))


async def pending(broker: Broker) -> AsyncGenerator[PendingLetter, None]:
    """Yield the pending dead letters, partition by partition."""
    resolved = {name.decode() for name in await broker.state.hkeys(RESOLVED_KEY)}
    reader = await broker.open_reader(DEAD_LETTERS, "", Start.EARLIEST)
    try:
        while True:
            messages = await reader.read(0.05)
            for message in messages:
                name = f"{message.partition}@{message.offset}"
                if name not in resolved:
                    yield PendingLetter(name, _letter(message))
            if not messages and await reader.at_end():
                return
    finally:
        await reader.close()


def _letter(message: ConsumedMessage) -> DeadLetter:
    """Return the dead letter in *message*.

    A message of a newer copydesk or of another program becomes a letter about itself, which can only be discarded.
    """
    try:
        return decode(message.value, DeadLetter)
    except UnreadableError as exc:
        return DeadLetter(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            key=message.key,
            payload=message.value,
            headers=message.headers,
            error_kind="unreadable",
            error=str(exc)[:MAX_ERROR_CHARS],
            failed_at=datetime.fromtimestamp(min(max(message.time_s, 0.0), MAX_TIME_S), UTC),
        )


async def select(broker: Broker, names: Sequence[str]) -> list[PendingLetter]:
    """Return the pending letters with these *names*, in their order; all pending letters if *names* is empty.

    Raises:
        UnreadableError: a name is not pending.
    """
    if not names:
        return [letter async for letter in pending(broker)]
    letters = {letter.name: letter async for letter in _among(broker, names)}
    missing = [name for name in names if name not in letters]
    if missing:
        raise UnreadableError(f"no pending dead letter: {', '.join(missing)}; see `copydesk dead-letters list`")
    return [letters[name] for name in names]


async def _among(broker: Broker, names: Collection[str]) -> AsyncIterator[PendingLetter]:
    """Yield the pending letters with these *names*; stop reading at the last of them."""
    waiting = set(names)
    async with contextlib.aclosing(pending(broker)) as letters:
        while waiting and (letter := await anext(letters, None)):
            if letter.name in waiting:
                waiting.remove(letter.name)
                yield letter


async def chosen(
    broker: Broker, names: Sequence[str] = (), matches: Callable[[DeadLetter], bool] = lambda letter: True
) -> AsyncIterator[PendingLetter]:
    """Yield the letters with these *names*; without names, the letters that match and are pending at the call.

    Without names, only one letter is in memory. Letters that replays add meanwhile are left out: they might never end.

    Raises:
        UnreadableError: a name is not pending.
    """
    for letter in await select(broker, names) if names else ():
        yield letter
    if not names:
        matching = [letter.name async for letter in pending(broker) if matches(letter.letter)]
        async for letter in _among(broker, matching):
            yield letter


def is_replayable(letter: DeadLetter) -> bool:
    return bool(letter.sink) or letter.topic in (ITEMS.name, ARCHIVE_ITEMS.name)


async def replay(broker: Broker, pending_letter: PendingLetter) -> bool:
    """Send the letter's message to the desk or to its sink again. Returns False if it has been discarded.

    Idempotent: a second replay sends nothing. A header keeps the first position of the message.

    Raises:
        UnreadableError: the letter is unreadable, or is no message: an entry of a feed or a record of a source.
    """
    name, letter = pending_letter
    if not is_replayable(letter):
        raise _not_replayable(name, letter)
    source = ConsumedMessage(
        letter.topic, letter.partition, letter.offset, 0.0, letter.key, letter.payload, letter.headers
    )
    headers = replay_headers(source)
    if letter.sink:
        message = OutgoingMessage(SINK_REPLAYS.name, letter.sink.encode(), letter.payload, headers)
    else:
        message = OutgoingMessage(letter.topic, letter.key, letter.payload, headers)
    return await _resolve(broker, name, "replayed", [message])


def _not_replayable(name: str, letter: DeadLetter) -> UnreadableError:
    if letter.topic == DEAD_LETTERS.name:
        origin, next_step = "unreadable letter", "discard it"
    elif letter.feed.startswith("source:"):
        origin, next_step = f"record of {letter.feed}", "correct it and send it again"
    else:
        origin, next_step = f"entry of feed {letter.feed}", "the next poll tries again"
    return UnreadableError(f"dead letter not replayable: {name} ({origin}); {next_step}")


async def discard(broker: Broker, pending_letter: PendingLetter) -> bool:
    """Resolve a letter without reprocessing, and free its memory. Returns False if it has been replayed."""
    return await _resolve(broker, pending_letter.name, "discarded", [])


async def resolve_all(broker: Broker, letters: AsyncIterable[PendingLetter], resolve: Resolve) -> tuple[int, list[str]]:
    """Apply *resolve*, `replay` or `discard`; return the number of resolved letters, and the errors of the others."""
    done, failures = 0, []
    async for letter in letters:
        try:
            done += await resolve(broker, letter)
        except UnreadableError as exc:
            failures.append(str(exc))
    return done, failures


async def _resolve(broker: Broker, name: str, resolution: str, messages: Sequence[OutgoingMessage]) -> bool:
    """Publish *messages* and remove a letter from the broker's memory, once."""
    partition, _, offset = name.partition("@")
    removal = broker.removal_commands(MessageId(DEAD_LETTERS.name, int(partition), int(offset)))
    # The mark of a removed letter only decides between commands at the same time.
    key, expiry = (REMOVED_KEY, _expiring(name, resolution)) if removal else (RESOLVED_KEY, [])
    return await broker.publish(messages, [*removal, *expiry], [Condition(key, name, "", resolution)])


def _expiring(name: str, resolution: str) -> list[RedisCommand]:
    """Return the commands of the mark. Conditions are written last, so EXPIRE alone would find no key."""
    return [("HSET", REMOVED_KEY, name, resolution), ("EXPIRE", REMOVED_KEY, DAY_S)]


_counts: WeakKeyDictionary[Broker, tuple[Any, int]] = WeakKeyDictionary()  # until the topic or the marks change


async def count_pending(broker: Broker, max_read: int = MAX_READ) -> int:
    """Return the number of pending dead letters; on Kafka an estimate above *max_read*.

    Offsets of Kafka include the markers of transactions, so the letters are read if there are few.
    """
    if _is_in_memory(broker):
        return max(0, await broker.message_count(DEAD_LETTERS.name) - len(await broker.state.hkeys(RESOLVED_KEY)))
    progress = await broker.progress(DEAD_LETTERS.name, DESK_GROUP)  # which commits nothing there
    resolved = await _forget_removed(broker, {number: row.position for (_, number), row in progress.items()})
    estimate = sum(row.lag for row in progress.values()) - resolved
    if not 0 < estimate <= max_read:
        return max(0, estimate)
    key, known = (progress, resolved), _counts.get(broker)
    if known is None or known[0] != key:
        _counts[broker] = known = key, len([name async for name, _ in pending(broker)])
    return known[1]


def _is_in_memory(broker: Broker) -> bool:
    """Return whether resolved letters leave the topic."""
    return bool(broker.removal_commands(MessageId(DEAD_LETTERS.name, 0, 0)))


async def _forget_removed(broker: Broker, first: Mapping[int, int]) -> int:
    """Delete the marks of letters before the *first* offset of their partition; return the number of other marks."""
    names = [name.decode() for name in await broker.state.hkeys(RESOLVED_KEY)]
    positions = [tuple(map(int, name.split("@"))) for name in names]
    removed = [name for name, (number, offset) in zip(names, positions, strict=True) if offset < first.get(number, 0)]
    if removed:
        await broker.state.hdel(RESOLVED_KEY, *removed)
    return len(names) - len(removed)
