"""Replay: kept items go through the present cleaning rules again; what comes out changed is a new revision.

Of each story only its last item is sent, for the desk would find the ones before it stale. It finds an unchanged
copy to be a duplicate.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

from streams.brokers.base import Broker, Delivery, OutgoingMessage
from streams.config.settings import Settings
from streams.errors import SettingsError
from streams.topics import DESK_GROUP, ITEMS
from workers.progress import progress

REPLAY_HEADER = "copydesk-replay-of"  # the coordinates that the message had at first
BATCH = 200
LAG_CHECK_S = 0.5
_AGO = re.compile(r"\A(\d+)\s*([dhm])")
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


def replay_headers(message: Delivery) -> tuple[tuple[str, bytes], ...]:
    """Return the headers for sending *message* again: its own, and where it stood at first."""
    if any(name == REPLAY_HEADER for name, _ in message.headers):
        return message.headers
    at = f"{message.topic}/{message.partition}@{message.offset}".encode()
    return (*message.headers, (REPLAY_HEADER, at))


async def replay_items(settings: Settings, broker: Broker, since: datetime, say: Callable[[str], None]) -> int:
    """Send the last item of each story that arrived since then through the desk again; returns how many."""
    last: dict[tuple[int, bytes], int] = {}
    async for message in items_since(broker, since):
        last[(message.partition, message.key)] = message.offset
    say(f"{len(last)} stories since {since:%Y-%m-%d %H:%M}")
    batch: list[OutgoingMessage] = []
    sent = 0
    with progress("stories", len(last)) as done:
        async for message in items_since(broker, since):
            if last.get((message.partition, message.key)) == message.offset:
                batch.append(OutgoingMessage(message.topic, message.key, message.value, replay_headers(message)))
            if len(batch) == BATCH:
                await _send(settings, broker, batch)
                done(len(batch))
                sent += len(batch)
                batch.clear()
        await _send(settings, broker, batch)
    return sent + len(batch)


async def items_since(broker: Broker, since: datetime) -> AsyncIterator[Delivery]:
    reader = await broker.open_reader(ITEMS, "", "start")
    try:
        while True:
            found = await reader.read(0.05)
            for message in found:
                if message.time_s >= since.timestamp():
                    yield message
            if not found and await reader.at_end():
                return
    finally:
        await reader.close()


async def _send(settings: Settings, broker: Broker, batch: list[OutgoingMessage]) -> None:
    """Publish when the desk has room, as a poller would."""
    while await broker.lag(ITEMS.name, DESK_GROUP) > settings.max_desk_lag // 2:
        await asyncio.sleep(LAG_CHECK_S)
    await broker.publish(batch)


def parse_since(text: str, now: datetime) -> datetime:
    """Return the moment that *text* means: `2026-11-20`, `2026-11-20T08:00`, `7d`, `12h`, `30m`; UTC if not said."""
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return now - int(ago[1]) * _UNITS[ago[2]]
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as exc:
        raise SettingsError(f"time {text!r}; write it as 2026-11-20, 2026-11-20T08:00, 7d, 12h or 30m") from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
