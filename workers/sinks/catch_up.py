"""Delivers again the articles that the group of a sink has committed and the sink's store has lost.

A store that keeps the offsets beside the articles may return with an older state, for example from a backup. Its
offsets then are below those of the group.
"""

from collections.abc import Sequence
from typing import Any

from streams.brokers.base import Broker, ConsumedMessage
from streams.codec import decode
from streams.config.tables import SinkTable
from streams.errors import UnreadableError
from streams.logger import get_logger
from streams.records import Article
from streams.start import Offsets
from streams.topics import resolve_topic
from workers.sinks.base import Sink, SinkEvent, SinkRejectedError

log = get_logger(__name__)


async def catch_up(broker: Broker, table: SinkTable, sink: Sink[Any]) -> None:
    """Deliver the messages between the destination's offsets and those of the group. The sink ignores known ones.

    Raises: CopydeskError, SinkRetryError as `Sink.deliver` does.
    """
    topic = resolve_topic(table.topic)
    stored = await sink.positions(topic.name)
    committed = {
        partition: progress.position
        for (_, partition), progress in (await broker.progress(topic.name, f"sink.{table.name}")).items()
    } if stored else {}  # fmt: skip
    behind = {p: offset for p, offset in committed.items() if stored.get(p, offset) < offset}
    if not behind:
        return
    reader = await broker.open_reader(topic, "", Offsets(committed | {p: stored[p] for p in behind}))
    try:
        count = 0
        while any(reader.position().get(p, end) < end for p, end in behind.items()):
            messages = await reader.read(0.05)
            lost = [m for m in messages if m.offset < behind.get(m.partition, 0)]
            for start in range(0, len(lost), sink.batch_size):
                await _deliver(sink, lost[start : start + sink.batch_size])
            count += len(lost)
            if not messages and await reader.at_end():
                break
    finally:
        await reader.close()
    log.info("sink caught up", sink=table.name, topic=topic.name, count=count)


async def _deliver(sink: Sink[Any], messages: Sequence[ConsumedMessage]) -> None:
    """Deliver *messages*. A rejected event has its dead letter: the group has committed it."""
    events = [event for event in map(_to_event, messages) if event is not None]
    try:
        if events:
            await sink.deliver(events)
    except SinkRejectedError:
        for event in events:
            try:
                await sink.deliver([event])
            except SinkRejectedError as exc:
                log.warning(
                    "article rejected again", article_id=event.article.id, revision=event.article.revision, error=exc
                )


def _to_event(message: ConsumedMessage) -> SinkEvent | None:
    """Return the event of a message, or None for an unreadable one, which the subscription has reported."""
    try:
        return SinkEvent(message.message_id, decode(message.value, Article))
    except UnreadableError:
        return None
