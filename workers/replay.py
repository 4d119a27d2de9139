"""Replay: sends retained items through the current cleaning rules. Changed content becomes a new revision.

Only the last item of each article is sent: the desk would classify the earlier ones as stale. Unchanged content is
classified as a duplicate.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

from streams.brokers.base import Broker, ConsumedMessage, OutgoingMessage
from streams.config.settings import Settings
from streams.errors import SettingsError
from streams.records import MessageId
from streams.start import Start
from streams.topics import DESK_GROUP, ITEMS
from workers.progress import progress
from workers.text.counts import format_count

REPLAY_HEADER = "copydesk-replay-of"  # the first position of the message
BATCH_ITEMS = 200
LAG_CHECK_S = 0.5
_AGO = re.compile(r"\A(\d+)\s*([dhm])")
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def replay_headers(message: ConsumedMessage) -> tuple[tuple[str, bytes], ...]:
    """Return the headers for sending *message* again: its own, and its first position."""
    if any(name == REPLAY_HEADER for name, _ in message.headers):
        return message.headers
    position = str(MessageId(message.topic, message.partition, message.offset))
    return (*message.headers, (REPLAY_HEADER, position.encode()))


async def replay_items(settings: Settings, broker: Broker, since: datetime, report: Callable[[str], None]) -> int:
    """Send the last item of each article that arrived since *since* to the desk. Returns the number of items."""
    last: dict[tuple[int, bytes], int] = {}  # (partition, key) → offset of its last message
    async for message in items_since(broker, since):
        last[(message.partition, message.key)] = message.offset
    report(f"{format_count(len(last), 'article')} since {since:%Y-%m-%d %H:%M}")
    batch: list[OutgoingMessage] = []
    sent = 0
    with progress("articles", len(last)) as advance:
        async for message in items_since(broker, since):
            if last.get((message.partition, message.key)) == message.offset:
                batch.append(OutgoingMessage(message.topic, message.key, message.value, replay_headers(message)))
            if len(batch) == BATCH_ITEMS:
                await _send(settings, broker, batch)
                advance(len(batch))
                sent += len(batch)
                batch.clear()
        await _send(settings, broker, batch)
    return sent + len(batch)


async def items_since(broker: Broker, since: datetime) -> AsyncIterator[ConsumedMessage]:
    """Yield the messages of the items topic that were sent since *since*, up to its current end."""
    reader = await broker.open_reader(ITEMS, "", Start.EARLIEST)
    try:
        while True:
            messages = await reader.read(0.05)
            for message in messages:
                if message.time_s >= since.timestamp():
                    yield message
            if not messages and await reader.at_end():
                return
    finally:
        await reader.close()


async def _send(settings: Settings, broker: Broker, batch: list[OutgoingMessage]) -> None:
    """Publish as soon as the desk's lag is at most half of max_desk_lag."""
    while await broker.lag(ITEMS.name, DESK_GROUP) > settings.max_desk_lag // 2:
        await asyncio.sleep(LAG_CHECK_S)
    await broker.publish(batch)


def parse_since(text: str, now: datetime) -> datetime:
    """Return the time in *text*: `2026-11-20`, `2026-11-20T08:00`, `7d`, `12h` or `30m` ago. Default zone: UTC.

    Raises:
        SettingsError: *text* is none of these.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        time = now - int(ago[1]) * _UNITS[ago[2]] if ago else datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError) as exc:  # OverflowError: before the year 1
        raise SettingsError(
            f"invalid time: {text!r}; write it as 2026-11-20, 2026-11-20T08:00, 7d, 12h or 30m"
        ) from exc
    return time if time.tzinfo else time.replace(tzinfo=UTC)
