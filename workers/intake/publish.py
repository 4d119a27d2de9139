"""Publishing of items that no poller delivers."""

from collections.abc import Sequence

from streams.brokers.base import Broker, OutgoingMessage, RedisCommand
from streams.codec import encode
from streams.records import Item
from streams.topics import ITEMS
from workers.counters import increment_commands
from workers.dead_letters import from_feed_entry


async def publish(
    broker: Broker,
    items: Sequence[Item],
    *,
    failed: Sequence[tuple[str, str, str]] = (),
    state_writes: Sequence[RedisCommand] = (),
) -> None:
    """Publish *items*, a dead letter for each of *failed* (source, entry, error), and *state_writes*.

    The counters of the stage `intake` change in the same step.
    """
    messages = [
        OutgoingMessage(ITEMS.name, item.identity_key.encode("utf-8", "replace"), encode(item)) for item in items
    ]
    messages += [from_feed_entry(source, entry, error) for source, entry, error in failed]
    counts = increment_commands("intake", {"new": len(items), "failed": len(failed)})
    await broker.publish(messages, [*counts, *state_writes])
