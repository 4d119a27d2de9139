"""Mutants: copydesk with one planted bug each, to prove that the suite detects it. Only the fault suite imports this.

python -m tests.faults.mutants BUG desk --name desk-1 …     as `copydesk`, with the bug
"""

import asyncio
import itertools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from streams import retry
from streams.brokers.base import Condition, OffsetRange, OutgoingMessage, RedisCommand
from streams.brokers.redis_streams import memory
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.brokers.redis_streams.retention import Retention
from streams.errors import UnavailableError
from streams.faust import consumer_mixins
from streams.faust.redis_consumer import Consumer
from streams.records import DeadLetter
from streams.state.lookup import Lookup
from streams.subscribe import Subscription
from streams.topics import ITEMS
from tests.support.server_commands import server_commands
from workers import cli, retention
from workers.clean.cleaner import CleanedContent
from workers.dedupe.seen import SeenStore
from workers.desk import batch
from workers.desk.article import clean_item
from workers.desk.cleaning_pool import CleaningPool
from workers.intake import ingest
from workers.poller.poll import PollOutcome
from workers.poller.poller import Poller
from workers.sinks.webhook import WebhookSink

PAUSE_S = 0.3  # before the wrong step of a bug, so that a kill or freeze on a busy machine hits this moment
_publish, _progress, _retrying = (
    RedisStreamsBroker.publish,
    RedisStreamsBroker._commit_conditions,
    retry.retry_unavailable,
)


async def _advance_in_two(
    broker: RedisStreamsBroker,
    faust: Any,
    ranges: Sequence[OffsetRange],
    first: tuple[Any, Any],
    second: tuple[Any, Any],
    *,
    fenced_first: bool,
) -> bool:
    conditions = [condition for offsets in ranges for condition in _progress(broker, faust, offsets)]
    if not await _publish(broker, *first, conditions if fenced_first else ()):
        return False
    await asyncio.sleep(PAUSE_S)
    return await _publish(broker, *second, () if fenced_first else conditions)


def ack_before_publish() -> None:
    async def advance(broker: RedisStreamsBroker, faust: Any, ranges: Any, messages: Any, state_writes: Any) -> bool:
        return await _advance_in_two(broker, faust, ranges, ((), ()), (messages, state_writes), fenced_first=True)

    RedisStreamsBroker.publish_and_commit = advance  # type: ignore[method-assign, assignment]


def remember_after_publish() -> None:
    async def advance(broker: RedisStreamsBroker, faust: Any, ranges: Any, messages: Any, state_writes: Any) -> bool:
        return await _advance_in_two(broker, faust, ranges, (messages, ()), ((), state_writes), fenced_first=False)

    RedisStreamsBroker.publish_and_commit = advance  # type: ignore[method-assign, assignment]


def remember_before_append() -> None:
    """Bug: the poller stores validators and known items before it sends the items."""

    async def publish(broker: RedisStreamsBroker, messages: Any, state_writes: Any = (), conditions: Any = ()) -> bool:
        if not await _publish(broker, (), state_writes, conditions):
            return False
        if messages:
            await asyncio.sleep(PAUSE_S)
        return await _publish(broker, messages)

    outcome = Poller._publish

    async def poll_publish(poller: Poller, result: PollOutcome, conditions: Sequence[Condition]) -> bool:
        RedisStreamsBroker.publish = publish  # type: ignore[method-assign, assignment]
        return await outcome(poller, result, conditions)

    Poller._publish = poll_publish  # type: ignore[method-assign, assignment]


def trim_too_early() -> None:
    """Bug: topics are trimmed regardless of the consumers' positions."""

    async def trim(retention: Retention) -> dict[str, int]:
        broker = retention.broker
        for n in range(4):
            await server_commands(broker.state).xtrim(broker.stream("copydesk.items", n), maxlen=2, approximate=False)
        return {}

    Retention.trim = trim  # type: ignore[method-assign, assignment]
    retention.retention_loop.__defaults__ = (0.1,)


def drop_on_exception() -> None:
    """Bug: offsets are committed although the publication failed."""

    async def advance(
        broker: RedisStreamsBroker, faust: Any, ranges: Sequence[OffsetRange], messages: Any, state_writes: Any
    ) -> bool:
        conditions = [condition for offsets in ranges for condition in _progress(broker, faust, offsets)]
        try:
            return await _publish(broker, messages, state_writes, conditions)
        except UnavailableError:
            return await _retrying(lambda: _publish(broker, (), (), conditions), "commit failed")

    RedisStreamsBroker.publish_and_commit = advance  # type: ignore[method-assign, assignment]


def no_fence() -> None:
    """Bug: a worker with a lost lease still writes."""

    async def advance(
        broker: RedisStreamsBroker, faust: Any, ranges: Sequence[OffsetRange], messages: Any, state_writes: Any
    ) -> bool:
        await asyncio.sleep(PAUSE_S)
        done = await _publish(broker, messages, state_writes)
        await broker.commit(faust.group, {offsets.topic_partition: offsets.end for offsets in ranges}, {})
        return done

    RedisStreamsBroker.publish_and_commit = advance  # type: ignore[method-assign, assignment]


def clean_half(item: Any, *args: Any) -> CleanedContent:
    content = clean_item(item, *args)
    if item.identity_key.endswith("7"):
        return msgspec.structs.replace(content, paragraphs=content.paragraphs[:-1])
    return content


def half_cleaned() -> None:
    """Bug: the cleaning processes drop the last paragraph of some items."""
    CleaningPool.__init__.__defaults__ = (f"tests.faults.mutants:{clean_half.__name__}",)


def dead_letter_too() -> None:
    """Bug: a published item becomes a dead letter, too."""
    count = batch.BatchBuilder.count

    def both(builder: batch.BatchBuilder, outcome: str, item: Any, message_id: Any, **detail: str) -> None:
        count(builder, outcome, item, message_id, **detail)
        if item.identity_key.endswith("9"):
            letter = DeadLetter(
                topic=message_id.topic, partition=message_id.partition, offset=message_id.offset,
                key=item.identity_key.encode(), error_kind="bug", error="planted", failed_at=item.fetched_at,
            )  # fmt: skip
            builder.messages.append(OutgoingMessage("copydesk.dead-letters", b"k", msgspec.json.encode(letter)))

    batch.BatchBuilder.count = both  # type: ignore[method-assign, assignment]


def forgetful() -> None:
    """Bug: the desk treats every item as new."""

    lookup = SeenStore.lookup

    def forget(seen: SeenStore, ids: Any) -> Lookup[dict[str, Any]]:
        return lookup(seen, ids).map(lambda memories: {})

    SeenStore.lookup = forget  # type: ignore[method-assign, assignment]


def commits_at_end() -> None:
    """Bug: a desk that is stopped commits all messages that it has read."""
    stop = Consumer.on_stop

    async def on_stop(consumer: Consumer) -> None:
        offsets = {tp: position.offset for tp, position in consumer._position.items()}
        leases = {tp: consumer.lease_of(*tp) for tp in offsets}
        await consumer.streams.commit(consumer.group, offsets, leases)
        await stop(consumer)

    Consumer.on_stop = on_stop  # type: ignore[method-assign, assignment]


def uncounted() -> None:
    def counting(stage: str, counts: Any) -> list[RedisCommand]:
        return _counting(stage, counts) if next(counted) else []

    counted = itertools.cycle((True, False))
    _counting, batch.increment_commands = batch.increment_commands, counting  # type: ignore[attr-defined]


def member_commits_early() -> None:
    """Bug: a member commits the records that it has read, before the program gets them."""
    fill = Subscription._fill_buffer

    async def eager(subscription: Subscription, wait_s: float) -> bool:
        is_open = await fill(subscription, wait_s)
        if subscription.auto_commit and subscription._pending:
            subscription._mark_consumed(*subscription._pending)
            await subscription.commit()
            await asyncio.sleep(PAUSE_S)
        return is_open

    Subscription._fill_buffer = eager  # type: ignore[method-assign, assignment]


def hook_twice() -> None:
    deliver = WebhookSink.deliver

    async def twice(sink: WebhookSink, batch: Any) -> None:
        await deliver(sink, batch)
        await deliver(sink, batch)

    WebhookSink.deliver = twice  # type: ignore[method-assign, assignment]


def hook_skips() -> None:
    deliver = WebhookSink.deliver

    async def some(sink: WebhookSink, batch: Any) -> None:
        await deliver(sink, [event for event in batch if not event.id.startswith("0")])

    WebhookSink.deliver = some  # type: ignore[method-assign, assignment]


BUGS: dict[str, Callable[[], None]] = {
    bug.__name__: bug
    for bug in (
        ack_before_publish, remember_after_publish, remember_before_append, trim_too_early, drop_on_exception, no_fence,
        half_cleaned, dead_letter_too, forgetful, commits_at_end, uncounted, member_commits_early, hook_twice, hook_skips,
    )
}  # fmt: skip


def ingest_remembers_first() -> None:
    """Bug: the position in a file is stored before its items are sent."""
    send = ingest.publish  # type: ignore[attr-defined]

    async def publish(broker: Any, items: Any, *, state_writes: Any = (), **options: Any) -> None:
        await broker.publish((), state_writes)
        await asyncio.sleep(PAUSE_S)
        await send(broker, items, **options)

    ingest.publish = publish  # type: ignore[assignment, attr-defined]


def unbounded_bytes() -> None:
    """Bug: the desk reads and handles as many items as it can, whatever their size."""
    consumer_mixins.MAX_IN_FLIGHT_BYTES = batch.MAX_STEP_BYTES = 1 << 40


def relief_of_unprocessed() -> None:
    """Bug: memory relief removes items that no desk has processed."""
    memory.RULES = (memory.RemovalRule(ITEMS.name, unread=True), *memory.RULES)  # type: ignore[assignment]


OTHER_BUGS: dict[str, Callable[[], None]] = {
    "ingest_remembers_first": ingest_remembers_first,  # test_ingest_kills.py
    "unbounded_bytes": unbounded_bytes,  # test_large_items.py
    "relief_of_unprocessed": relief_of_unprocessed,  # test_memory.py
}

if __name__ == "__main__":
    (BUGS | OTHER_BUGS)[sys.argv[1]]()
    sys.exit(cli.main(sys.argv[2:]))
