"""Planted bugs: copydesk with one thing wrong, to show that the suite would catch it. Never imported by anything else.

python -m tests.faults.bugs BUG desk --name desk-1 …     as `copydesk`, with the bug
"""

import itertools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from streams import retry
from streams.errors import UnavailableError
from streams.records import DeadLetter
from streams.transport.broker import Command, Message, Run
from streams.transport.redis_streams.log import Log
from streams.transport.redis_streams.retention import Retention
from workers import cli, desk, service
from workers.clean.article import Copy
from workers.dedupe.seen import Seen
from workers.poller.poller import Poller, Result

_publish, _progress, _clean, _retrying = Log.publish, Log._progress, desk.clean_item, retry.retrying


async def _advance_in_two(
    log: Log, faust: Any, runs: Sequence[Run], first: tuple[Any, Any], second: tuple[Any, Any], *, fenced_first: bool
) -> bool:
    guards = [guard for run in runs for guard in _progress(log, faust, run)]
    if not await _publish(log, *first, guards if fenced_first else ()):
        return False
    return await _publish(log, *second, () if fenced_first else guards)


def ack_before_publish() -> None:
    async def advance(log: Log, faust: Any, runs: Any, messages: Any, remember: Any) -> bool:
        return await _advance_in_two(log, faust, runs, ((), ()), (messages, remember), fenced_first=True)

    Log.advance = advance  # type: ignore[method-assign]


def remember_after_publish() -> None:
    async def advance(log: Log, faust: Any, runs: Any, messages: Any, remember: Any) -> bool:
        return await _advance_in_two(log, faust, runs, (messages, ()), ((), remember), fenced_first=False)

    Log.advance = advance  # type: ignore[method-assign]


def remember_before_append() -> None:
    """The poller keeps validators and known items, then sends the items."""

    async def publish(log: Log, messages: Any, remember: Any = (), guards: Any = ()) -> bool:
        if not await _publish(log, (), remember, guards):
            return False
        return await _publish(log, messages)

    outcome = Poller._publish

    async def poll_publish(poller: Poller, result: Result, turn: str) -> None:
        Log.publish = publish  # type: ignore[method-assign]
        await outcome(poller, result, turn)

    Poller._publish = poll_publish  # type: ignore[method-assign]


def trim_too_early() -> None:
    """Streams are kept short, whoever has read them."""

    async def trim(retention: Retention) -> dict[str, int]:
        log = retention.broker
        for n in range(4):
            await log.state.xtrim(log.stream("copydesk.items", n), maxlen=2, approximate=False)
        return {}

    Retention.trim = trim  # type: ignore[method-assign]
    service.TRIM_EVERY_S = 0.1


def drop_on_exception() -> None:
    """What couldn't be published is acked all the same."""

    async def advance(log: Log, faust: Any, runs: Sequence[Run], messages: Any, remember: Any) -> bool:
        guards = [guard for run in runs for guard in _progress(log, faust, run)]
        try:
            return await _publish(log, messages, remember, guards)
        except UnavailableError:
            return await _retrying(lambda: _publish(log, (), (), guards))

    Log.advance = advance  # type: ignore[method-assign]


def no_fence() -> None:
    """A worker that wakes up writes as if nothing had happened."""

    async def advance(log: Log, faust: Any, runs: Sequence[Run], messages: Any, remember: Any) -> bool:
        done = await _publish(log, messages, remember)
        await log.commit(faust.conf.id, {run.partition_of: run.following for run in runs}, {})
        return done

    Log.advance = advance  # type: ignore[method-assign]


def half_cleaned() -> None:
    def clean(item: Any, *known: Any) -> Copy:
        copy = _clean(item, *known)
        return msgspec.structs.replace(copy, text=copy.text[:-1]) if item.key.endswith("7") else copy

    desk.clean_item = clean


def dead_letter_too() -> None:
    """An item that comes out is set aside as well."""
    count = desk.Work.count

    def both(work: desk.Work, outcome: str, item: Any, at: Any, why: str) -> None:
        count(work, outcome, item, at, why)
        if item.key.endswith("9"):
            letter = DeadLetter(
                topic=at.topic, partition=at.partition, offset=at.offset, key=item.key.encode(), error="bug",
                reason="planted", time=item.fetched_at,
            )  # fmt: skip
            work.messages.append(Message("copydesk.dead-letters", b"k", msgspec.json.encode(letter)))

    desk.Work.count = both  # type: ignore[method-assign]


def forgetful() -> None:
    """Every item is new to the desk."""

    async def recall(seen: Seen, ids: Any) -> dict[str, Any]:
        return {}

    Seen.recall = recall  # type: ignore[method-assign]


def uncounted() -> None:
    def counting(stage: str, counts: Any) -> list[Command]:
        return _counting(stage, counts) if next(counted) else []

    counted = itertools.cycle((True, False))
    _counting, desk.counting = desk.counting, counting


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
