"""Embargoes: items that must not be published before a time.

copydesk:embargoed    hash: identity key → end of the embargo (Unix time), a line break, the item as JSON

A later version of an item replaces the held one. A withdrawn item is published at once and removes it.
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
CHECK_INTERVAL_S = 1.0
ClockS = Callable[[], float]


def item_message(item: Item, topic: Topic = ITEMS) -> OutgoingMessage:
    """Return the message of *item* for *topic*."""
    return OutgoingMessage(topic.name, item.identity_key.encode("utf-8", "replace"), encode(item))


def hold_commands(held: Sequence[tuple[datetime, Item]]) -> list[RedisCommand]:
    """Return the commands that hold items until their times."""
    return [("HSET", KEY, message.key, _encode(until, message)) for until, message in _messages(held)]


def drop_commands(items: Sequence[Item]) -> list[RedisCommand]:
    """Return the commands that forget held versions of *items*, which are published now."""
    return [("HDEL", KEY, item_message(item).key) for item in items if item.withdrawn]


def _messages(held: Sequence[tuple[datetime, Item]]) -> list[tuple[datetime, OutgoingMessage]]:
    return [(until, item_message(item)) for until, item in held]


def _encode(until: datetime, message: OutgoingMessage) -> bytes:
    return b"%d\n%s" % (math.ceil(until.timestamp()), message.value)


async def release_due(broker: Broker, now_s: float) -> int:
    """Publish the items whose embargo ended before *now_s*; return their number.

    The condition of the step is the held value, so that several workers release an item once.
    """
    count = 0
    for key, value in (await broker.state.hgetall(KEY)).items():
        until_s, _, item = value.partition(b"\n")
        if int(until_s) <= now_s:
            condition = Condition(KEY, key, expected=value, new=value)
            message = OutgoingMessage(ITEMS.name, key, item)
            if await broker.publish([message], [("HDEL", KEY, key)], [condition]):
                log.info("embargo ended", identity_key=key.decode("utf-8", "replace"))
                count += 1
    return count


async def release_loop(broker: Broker, clock_s: ClockS, interval_s: float = CHECK_INTERVAL_S) -> None:
    """Release items, checked every *interval_s*. *clock_s* returns the Unix time."""
    while True:
        try:
            await release_due(broker, clock_s())
        except UnavailableError as exc:
            log.warning("embargoes not checked", error=exc, retry_s=interval_s)
        await asyncio.sleep(interval_s)
