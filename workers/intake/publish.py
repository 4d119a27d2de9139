"""Publishing of items that no poller delivers."""

from collections.abc import Sequence
from datetime import datetime

from streams.brokers.base import Broker, Condition, RedisCommand
from streams.records import Item
from streams.topics import ARCHIVE_ITEMS
from workers.counters import increment_commands
from workers.dead_letters import from_feed_entry
from workers.intake.embargo import drop_commands, hold_commands, item_message


async def publish(
    broker: Broker,
    items: Sequence[Item],
    *,
    archived: Sequence[Item] = (),
    failed: Sequence[tuple[str, str, str]] = (),
    held: Sequence[tuple[datetime, Item]] = (),
    state_writes: Sequence[RedisCommand] = (),
    conditions: Sequence[Condition] = (),
) -> bool:
    """Publish *items*, *archived* items in the archive lane, dead letters, and *state_writes*, in one step.

    Returns False if a condition failed.

    *failed*: (source, entry, error) for each dead letter. *held*: (end of the embargo, item);
    `embargo.release_loop` publishes these items later. The counters of the stage `intake` change in the same step.
    """
    messages = [item_message(item) for item in items] + [item_message(item, ARCHIVE_ITEMS) for item in archived]
    messages += [from_feed_entry(source, entry, error) for source, entry, error in failed]
    counts = increment_commands("intake", {"new": len(items) + len(archived) + len(held), "failed": len(failed)})
    embargoes = [*hold_commands(held), *drop_commands([*items, *archived])]
    return await broker.publish(messages, [*counts, *embargoes, *state_writes], conditions)
