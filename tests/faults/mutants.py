"""Mutants: copydesk with one planted bug each, to prove that the suite detects it. Only the fault suite imports this.

python -m tests.faults.mutants BUG desk --name desk-1 …     as `copydesk`, with the bug
"""

import itertools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from streams import retry
from streams.brokers.base import OffsetRange, OutgoingMessage, RedisCommand
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.brokers.redis_streams.retention import Retention
from streams.errors import UnavailableError
from streams.records import DeadLetter
from workers import cli, retention
from workers.clean.cleaner import CleanedContent
from workers.dedupe.seen import SeenStore
from workers.desk import batch, desk
from workers.poller.poller import Poller, PollOutcome

_publish, _progress, _clean, _retrying = (
    RedisStreamsBroker.publish,
    RedisStreamsBroker._commit_conditions,
    desk.clean_item,
    retry.retry_unavailable,
)


async def _advance_in_two(
    log: RedisStreamsBroker,
    faust: Any,
    runs: Sequence[OffsetRange],
    first: tuple[Any, Any],
    second: tuple[Any, Any],
    *,
    fenced_first: bool,
) -> bool:
    guards = [guard for run in runs for guard in _progress(log, faust, run)]
    if not await _publish(log, *first, guards if fenced_first else ()):
        return False
    return await _publish(log, *second, () if fenced_first else guards)


def ack_before_publish() -> None:
    async def advance(log: RedisStreamsBroker, faust: Any, runs: Any, messages: Any, remember: Any) -> bool:
        return await _advance_in_two(log, faust, runs, ((), ()), (messages, remember), fenced_first=True)

    RedisStreamsBroker.publish_and_commit = advance  # type: ignore[method-assign]


def remember_after_publish() -> None:
    async def advance(log: RedisStreamsBroker, faust: Any, runs: Any, messages: Any, remember: Any) -> bool:
        return await _advance_in_two(log, faust, runs, (messages, ()), ((), remember), fenced_first=False)

    RedisStreamsBroker.publish_and_commit = advance  # type: ignore[method-assign]


def remember_before_append() -> None:
    """Bug: the poller stores validators and known items before it sends the items."""

    async def publish(log: RedisStreamsBroker, messages: Any, remember: Any = (), guards: Any = ()) -> bool:
        if not await _publish(log, (), remember, guards):
            return False
        return await _publish(log, messages)

    outcome = Poller._publish

    async def poll_publish(poller: Poller, result: PollOutcome, turn: str) -> None:
        RedisStreamsBroker.publish = publish  # type: ignore[method-assign]
        await outcome(poller, result, turn)

    Poller._publish = poll_publish  # type: ignore[method-assign]


def trim_too_early() -> None:
    """Bug: topics are trimmed regardless of the consumers' positions."""

    async def trim(retention: Retention) -> dict[str, int]:
        log = retention.broker
        for n in range(4):
            await log.state.xtrim(log.stream("copydesk.items", n), maxlen=2, approximate=False)
        return {}

    Retention.trim = trim  # type: ignore[method-assign]
    retention.retention_loop.__defaults__ = (0.1,)


def drop_on_exception() -> None:
    """Bug: offsets are committed although the publication failed."""

    async def advance(
        log: RedisStreamsBroker, faust: Any, runs: Sequence[OffsetRange], messages: Any, remember: Any
    ) -> bool:
        guards = [guard for run in runs for guard in _progress(log, faust, run)]
        try:
            return await _publish(log, messages, remember, guards)
        except UnavailableError:
            return await _retrying(lambda: _publish(log, (), (), guards))

    RedisStreamsBroker.publish_and_commit = advance  # type: ignore[method-assign]


def no_fence() -> None:
    """Bug: a worker with a lost lease still writes."""

    async def advance(
        log: RedisStreamsBroker, faust: Any, runs: Sequence[OffsetRange], messages: Any, remember: Any
    ) -> bool:
        done = await _publish(log, messages, remember)
        await log.commit(faust.group, {run.topic_partition: run.end for run in runs}, {})
        return done

    RedisStreamsBroker.publish_and_commit = advance  # type: ignore[method-assign]


def half_cleaned() -> None:
    def clean(item: Any, *known: Any) -> CleanedContent:
        copy = _clean(item, *known)
        return (
            msgspec.structs.replace(copy, paragraphs=copy.paragraphs[:-1]) if item.identity_key.endswith("7") else copy
        )

    desk.clean_item = clean


def dead_letter_too() -> None:
    """Bug: a published item becomes a dead letter, too."""
    count = batch.BatchState.count

    def both(work: batch.BatchState, outcome: str, item: Any, at: Any, why: str) -> None:
        count(work, outcome, item, at, why)
        if item.identity_key.endswith("9"):
            letter = DeadLetter(
                topic=at.topic, partition=at.partition, offset=at.offset, key=item.identity_key.encode(), error_kind="bug",
                error="planted", failed_at=item.fetched_at,
            )  # fmt: skip
            work.messages.append(OutgoingMessage("copydesk.dead-letters", b"k", msgspec.json.encode(letter)))

    batch.BatchState.count = both  # type: ignore[method-assign]


def forgetful() -> None:
    """Bug: the desk treats every item as new."""

    async def recall(seen: SeenStore, ids: Any) -> dict[str, Any]:
        return {}

    SeenStore.get = recall  # type: ignore[method-assign]


def uncounted() -> None:
    def counting(stage: str, counts: Any) -> list[RedisCommand]:
        return _counting(stage, counts) if next(counted) else []

    counted = itertools.cycle((True, False))
    _counting, batch.increment_commands = batch.increment_commands, counting


BUGS: dict[str, Callable[[], None]] = {
    bug.__name__: bug
    for bug in (
        ack_before_publish, remember_after_publish, remember_before_append, trim_too_early, drop_on_exception, no_fence,
        half_cleaned, dead_letter_too, forgetful, uncounted,
    )
}  # fmt: skip

if __name__ == "__main__":
    BUGS[sys.argv[1]]()
    sys.exit(cli.main(sys.argv[2:]))
