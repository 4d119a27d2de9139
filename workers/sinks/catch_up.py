"""Delivers again the articles that the group of a sink has committed and the sink's store has lost.

A store that keeps the offsets beside the articles may return with an older state, for example from a backup. Its
offsets then are below those of the group.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from streams.brokers.base import Broker, ConsumedMessage, Reader
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

    A store without any offset is new: it gets the offsets of the group, and no former articles. From then on it has
    an offset of each partition. A partition that it lacks was created later; all its messages count as lost.

    Raises: CopydeskError, SinkRetryError as `Sink.deliver` does.
    """
    topic = resolve_topic(table.topic)
    stored = await sink.positions(topic.name)
    if stored is None:
        return
    committed = {
        partition: progress.position
        for (_, partition), progress in (await broker.progress(topic.name, f"sink.{table.name}")).items()
    }
    behind = {p: offset for p, offset in committed.items() if stored and stored.get(p, 0) < offset}
    if behind:
        starts = {p: offset for p, offset in committed.items() if p not in behind}
        starts |= {p: stored[p] for p in behind if p in stored}
        count = await _deliver_again(await broker.open_reader(topic, "", Offsets(starts)), sink, table.name, behind)
        log.info("sink caught up", sink=table.name, topic=topic.name, count=count)
    # Also past the rejected and unreadable messages, which would come again at each start.
    if higher := {p: offset for p, offset in committed.items() if stored.get(p, -1) < offset}:
        await sink.record_positions(topic.name, higher)


async def _deliver_again(reader: Reader, sink: Sink[Any], name: str, ends: Mapping[int, int]) -> int:
    """Deliver the messages of *reader* up to *ends*, the next offset of each partition; return their number."""
    count = 0
    try:
        while any(reader.position().get(p, end) < end for p, end in ends.items()):
            messages = await reader.read(0.05)
            lost = [m for m in messages if m.offset < ends.get(m.partition, 0)]
            for start in range(0, len(lost), sink.batch_size):
                await _deliver(sink, name, lost[start : start + sink.batch_size])
            count += len(lost)
            if not messages and await reader.at_end():
                break
    finally:
        await reader.close()
    return count


async def _deliver(sink: Sink[Any], name: str, messages: Sequence[ConsumedMessage]) -> None:
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
                    "article rejected again", sink=name, **event.log_fields, error=exc,
                    next_step="its dead letter exists",
                )  # fmt: skip


def _to_event(message: ConsumedMessage) -> SinkEvent | None:
    """Return the event of a message, or None for an unreadable one, which the subscription has reported."""
    try:
        return SinkEvent(message.message_id, decode(message.value, Article))
    except UnreadableError:
        return None
