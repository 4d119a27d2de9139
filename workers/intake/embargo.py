"""Embargoes: items that must not be published before a time.

copydesk:embargoed          hash: identity key → end of the embargo (Unix time), a line break, the item as JSON
copydesk:embargoed:times    sorted set: identity key, by the end of its embargo; a check transfers only due items

A later version of an item replaces the held one. A withdrawn item is published at once and removes it.
Earlier versions of copydesk write the hash only, so it decides.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from datetime import datetime

from streams.brokers.base import Broker, Condition, OutgoingMessage, RedisCommand
from streams.codec import encode
from streams.errors import UnavailableError
from streams.logger import get_logger
from streams.records import Item
from streams.topics import ITEMS, Topic

log = get_logger(__name__)

KEY = "copydesk:embargoed"
TIMES = "copydesk:embargoed:times"
ITEMS_PER_READ = 100  # of about 20 kB
CHECK_INTERVAL_S = 1.0
ClockS = Callable[[], float]


def item_message(item: Item, topic: Topic = ITEMS) -> OutgoingMessage:
    """Return the message of *item* for *topic*."""
    return OutgoingMessage(topic.name, item.identity_key.encode("utf-8", "replace"), encode(item))


def hold_commands(held: Sequence[tuple[datetime, Item]]) -> list[RedisCommand]:
    """Return the commands that hold items until their times."""
    commands: list[RedisCommand] = []
    for until, item in held:
        message, until_s = item_message(item), math.ceil(until.timestamp())
        commands += [
            ("HSET", KEY, message.key, b"%d\n%s" % (until_s, message.value)),
            ("ZADD", TIMES, until_s, message.key),
        ]
    return commands


def drop_commands(items: Sequence[Item]) -> list[RedisCommand]:
    """Return the commands that forget the held versions of those *items* that are withdrawn."""
    keys = [item_message(item).key for item in items if item.withdrawn]
    return [command for key in keys for command in _removal(key)]


def _removal(key: bytes) -> list[RedisCommand]:
    return [("HDEL", KEY, key), ("ZREM", TIMES, key)]


async def release_due(broker: Broker, now_s: float) -> int:
    """Publish the items whose embargo ended before *now_s*; return their number.

    The condition of the step is the held value, so that several workers release an item once.
    """
    due, count = await _due_keys(broker, now_s), 0
    for start in range(0, len(due), ITEMS_PER_READ):
        keys = due[start : start + ITEMS_PER_READ]
        for key, value in zip(keys, await broker.state.hmget(KEY, keys), strict=True):
            count += await _release(broker, key, value, now_s)
    return count


async def _due_keys(broker: Broker, now_s: float) -> list[bytes]:
    """Return the keys of the items whose time has come."""
    query = ("ZRANGEBYSCORE", TIMES, "-inf", now_s)
    held, timed, due = await broker.state.execute_many([("HLEN", KEY), ("ZCARD", TIMES), query])
    if held > timed:  # an earlier version has held items
        values = await broker.state.hgetall(KEY)
        await broker.publish((), [("ZADD", TIMES, "NX", _until_s(value), key) for key, value in values.items()])
        due = await broker.state.execute_command(*query)
    return list(due)


def _until_s(value: bytes) -> int:
    return int(value.partition(b"\n")[0])


async def _release(broker: Broker, key: bytes, value: bytes | None, now_s: float) -> bool:
    """Publish a held item; return False if another worker has released it, or an earlier version postponed it."""
    condition = Condition(KEY, key, expected=value or b"", new=value or b"")
    if value and _until_s(value) > now_s:
        await broker.publish((), [("ZADD", TIMES, _until_s(value), key)], [condition])
        return False
    messages = [OutgoingMessage(ITEMS.name, key, value.partition(b"\n")[2])] if value else []
    is_done = await broker.publish(messages, _removal(key), [condition])
    if value and is_done:
        log.info("embargo ended", identity_key=key.decode("utf-8", "replace"))
    return bool(value) and is_done


async def release_loop(broker: Broker, clock_s: ClockS, interval_s: float = CHECK_INTERVAL_S) -> None:
    """Release items, checked every *interval_s*. *clock_s* returns the Unix time."""
    while True:
        try:
            await release_due(broker, clock_s())
        except UnavailableError as exc:
            log.warning("embargoes not checked", error=exc, retry_s=interval_s)
        await asyncio.sleep(interval_s)
