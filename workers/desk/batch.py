"""One batch of the desk: its accumulated results, its time limits, and dead letters for items that fail."""

import asyncio
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from streams.brokers.base import ConsumedMessage, OutgoingMessage, RedisCommand
from streams.errors import UnreadableError
from streams.faust.agents import BatchResult
from streams.logger import get_logger, log_together
from streams.records import Item, MessageId
from streams.state.commands import merge_commands
from workers.counters import increment_commands
from workers.dead_letters import from_message
from workers.dedupe.classify import ArticleMemory

log = get_logger(__name__)
ResultT = TypeVar("ResultT")

PAUSE_INTERVAL_S = 0.1
MAX_STEP_BYTES = 2 * 1024 * 1024  # of encoded items; their blocks and articles take about 20 times as much memory


class CleaningError(Exception):
    """An item could not be cleaned in *attempts* attempts. *kind*: the `error_kind` of its dead letter."""

    def __init__(self, kind: str, error: str, attempts: int = 2) -> None:
        super().__init__(error)
        self.kind, self.attempts = kind, attempts


class BatchBuilder:
    """Accumulates the result of one batch. *limit_s*: its time limit.

    Texts: title, dek and paragraphs by article id.
    """

    def __init__(self, batch: Sequence[ConsumedMessage], limit_s: float) -> None:
        self.handled, self.limit_s = batch, limit_s
        self.memories: dict[str, ArticleMemory] = {}
        self.written_memories: dict[str, ArticleMemory] = {}  # to be remembered, or to be written again
        self.previous_texts: dict[str, Sequence[str]] = {}
        self.published_texts: dict[str, Sequence[str]] = {}
        self.numbered_texts: dict[str, Sequence[str]] = {}  # of articles with a number before the slug of their link
        self.messages: list[OutgoingMessage] = []
        self.dead_letters: dict[MessageId, OutgoingMessage] = {}
        self.holds: dict[MessageId, Sequence[RedisCommand]] = {}
        self.state_writes: list[RedisCommand] = []
        self.counts: Counter[str] = Counter()
        self.changed_templates: set[tuple[str, str]] = set()  # site and feed
        self._outcomes: list[dict[str, Any]] = []
        self._started_s = self._paused_s = time.monotonic()
        self._bytes = 0

    def ends_by_size_before(self, message: ConsumedMessage) -> bool:
        """Return whether the batch ends before *message*, because it would exceed MAX_STEP_BYTES."""
        self._bytes += len(message.value)
        if message is self.handled[0] or self._bytes <= MAX_STEP_BYTES:
            return False
        self._end_before(message)
        return True

    async def ends_before(self, message: ConsumedMessage, share: float) -> bool:
        """Return whether the batch ends before *message*, because it has taken more than *share* of its limit.

        The first message is always handled, so every step makes progress. Lets the event loop run between items:
        heartbeats and signals wait there.
        """
        if time.monotonic() - self._paused_s > PAUSE_INTERVAL_S:
            await asyncio.sleep(0)
            self._paused_s = time.monotonic()
        if message is self.handled[0] or time.monotonic() - self._started_s <= share * self.limit_s:
            return False
        self._end_before(message)
        return True

    def _end_before(self, message: ConsumedMessage) -> None:
        self.handled = self.handled[: self.handled.index(message)]

    def hold(self, item: Item, message: ConsumedMessage, commands: Sequence[RedisCommand]) -> None:
        """Hold a slow item, or a later version of one. Its outcome is counted after its release."""
        self.holds[message.message_id] = commands
        log.info(
            "slow item held", identity_key=item.identity_key, feed=item.feed,
            topic=message.topic, partition=message.partition, offset=message.offset,
        )  # fmt: skip

    def count(self, outcome: str, item: Item, message: ConsumedMessage, **detail: str) -> None:
        """Count the outcome of an item, and keep it for the log. *detail*: `title` or `reason`."""
        self.counts[outcome] += 1
        self._outcomes.append({
            "outcome": outcome, "identity_key": item.identity_key, "feed": item.feed,
            "topic": message.topic, "partition": message.partition, "offset": message.offset, **detail,
        })  # fmt: skip

    def result(self) -> BatchResult:
        """Log the outcomes, and return the result for the handled messages.

        Dead letters and holds of later ones wait for their own step.
        """
        log_together(__name__, "item handled", self._outcomes)
        ids = [m.message_id for m in self.handled] if self.dead_letters or self.holds else []
        dead_letters = [self.dead_letters[id_] for id_ in ids if id_ in self.dead_letters]
        counts = self.counts + Counter(failed=len(dead_letters))
        holds = [command for id_ in ids for command in self.holds.get(id_, ())]
        state_writes = [*self.state_writes, *holds, *increment_commands("desk", counts)]
        return BatchResult([*dead_letters, *self.messages], merge_commands(state_writes), len(self.handled))


def attempt_twice(work: Callable[[], ResultT], message: ConsumedMessage, feed: str) -> ResultT:
    """Return the result of *work*; repeat it once after a failure, which a signal or too little memory may cause.

    Raises:
        UnreadableError: at once, since no repetition makes the input readable.
        Exception: *work* failed twice.
    """
    try:
        return work()
    except UnreadableError:
        raise
    except Exception as exc:  # noqa: BLE001 - a second failure becomes a dead letter
        log.warning("item failed", feed=feed, topic=message.topic, partition=message.partition,
                    offset=message.offset, error=repr(exc), next_step="will retry once")  # fmt: skip
    return work()


class dead_letter_on_error:
    """Turn an exception in the block into a dead letter of *message*; the rest of the batch continues."""

    __slots__ = ("builder", "feed", "message")

    def __init__(self, message: ConsumedMessage, builder: BatchBuilder, feed: str = "") -> None:
        self.message, self.builder, self.feed = message, builder, feed

    def __enter__(self) -> None: ...

    def __exit__(self, type_: object, exc: BaseException | None, traceback_: object) -> bool:
        if not isinstance(exc, Exception):
            return False
        _add_dead_letter(self.message, self.builder, self.feed, exc)
        return True


def _add_dead_letter(message: ConsumedMessage, builder: BatchBuilder, feed: str, exc: Exception) -> None:
    bug: Exception | None = None
    attempts = 2
    match exc:
        case UnreadableError():
            error_kind, error, attempts = "unreadable", str(exc), 1
        case TimeoutError():
            error_kind, error = "timeout", str(exc)
        case CleaningError():
            error_kind, error, attempts = exc.kind, str(exc), exc.attempts
        case _:  # one item must not stop a partition; after a fix it can be replayed
            bug, error_kind = exc, "bug"
            error = f"{exc!r}\n{''.join(traceback.format_tb(exc.__traceback__)[-3:])}"
    key = message.key.decode("utf-8", "replace")
    log.error(
        "dead letter", identity_key=key, feed=feed, topic=message.topic, partition=message.partition,
        offset=message.offset, error_kind=error_kind, error=repr(bug) if bug else error, exc_info=bug,
    )  # fmt: skip
    builder.dead_letters[message.message_id] = from_message(message, error_kind, error, feed, attempts)


def give_up(message: ConsumedMessage, attempts: int) -> BatchResult:
    """Return the dead letter of a message that has ended its desk in each of *attempts* attempts.

    The message is not read: reading it may be what ends the desk.
    """
    log.error(
        "dead letter", topic=message.topic, partition=message.partition, offset=message.offset,
        identity_key=message.key.decode("utf-8", "replace"), error_kind="crash", attempts=attempts,
    )  # fmt: skip
    error = f"its desk ended {attempts} times while it only handled this message"
    letter = from_message(message, "crash", error, attempts=attempts)
    return BatchResult([letter], increment_commands("desk", {"failed": 1}))
