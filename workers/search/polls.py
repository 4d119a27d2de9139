"""The latest polls of each feed, at most MAX_POLLS, for as long as the topic of polls keeps them."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from streams.brokers.base import Broker, ConsumedMessage
from streams.codec import decode
from streams.errors import UnreadableError
from streams.records import PollResult
from streams.start import Last
from streams.topics import DAY_S, POLLS
from workers.search.database import Database
from workers.search.follow import Follower

MAX_POLLS = 50  # per feed
START_POLLS = 2_000  # per partition, read when the table is empty
RETENTION_S = 7 * DAY_S

SCHEMA = """
CREATE TABLE IF NOT EXISTS polls (
    feed TEXT NOT NULL, started_s REAL NOT NULL, row TEXT NOT NULL, PRIMARY KEY (feed, started_s)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS polls_by_time ON polls (started_s);
CREATE TABLE IF NOT EXISTS poll_positions (partition INTEGER PRIMARY KEY, offset INTEGER NOT NULL);
"""


class PollIndex:
    """The polls in *database*."""

    def __init__(self, broker: Broker, database: Database) -> None:
        self.database = database
        self.follower = Follower(broker, POLLS, self, Last(START_POLLS))

    async def position(self) -> Mapping[int, int]:
        """Return the next offset of each partition."""
        return await self.database.run(_position)

    async def apply(self, messages: Sequence[ConsumedMessage]) -> None:
        """Add the polls in *messages* and store the position after them."""
        await self.database.run(_apply, messages)

    async def remove_expired(self, first: Mapping[int, int]) -> None:
        """Remove polls that are older than RETENTION_S; offsets do not matter."""
        await self.database.run(_remove_expired)

    async def clear(self) -> None:
        """Forget the position; the polls stay until they expire."""
        await self.database.run(lambda connection: connection.execute("DELETE FROM poll_positions"))

    async def polls(self, feed: str) -> list[dict[str, Any]]:
        """Return the latest polls of *feed*, the newest first."""
        return await self.database.run(_polls, feed)


def _position(connection: sqlite3.Connection) -> dict[int, int]:
    return dict(map(tuple, connection.execute("SELECT partition, offset FROM poll_positions")))


def _apply(connection: sqlite3.Connection, messages: Sequence[ConsumedMessage]) -> None:
    position = _position(connection)
    feeds: set[str] = set()
    for message in messages:
        position[message.partition] = max(position.get(message.partition, 0), message.offset + 1)
        try:
            poll = decode(message.value, PollResult)
        except UnreadableError:
            continue
        feeds.add(poll.feed)
        row = (poll.feed, poll.started_at.timestamp(), msgspec.json.encode(_row(poll)).decode())
        connection.execute("REPLACE INTO polls VALUES (?, ?, ?)", row)
    for feed in feeds:
        connection.execute(
            "DELETE FROM polls WHERE feed = ? AND started_s <= "
            "(SELECT started_s FROM polls WHERE feed = ? ORDER BY started_s DESC LIMIT 1 OFFSET ?)",
            (feed, feed, MAX_POLLS),
        )
    connection.executemany("REPLACE INTO poll_positions VALUES (?, ?)", position.items())


def _row(poll: PollResult) -> dict[str, Any]:
    return {
        "started_at": poll.started_at.isoformat(), "outcome": poll.outcome, "status": poll.status,
        "items_total": poll.items_total, "items_new": poll.items_new, "items_failed": poll.items_failed,
        "items_deferred": poll.items_deferred, "body_bytes": poll.body_bytes, "elapsed_ms": poll.elapsed_ms,
        "error": poll.error, "error_kind": poll.error_kind,
    }  # fmt: skip


def _remove_expired(connection: sqlite3.Connection) -> None:
    newest = "(SELECT max(started_s) FROM polls)"  # not the clock of this machine
    connection.execute(f"DELETE FROM polls WHERE started_s < {newest} - ?", (RETENTION_S,))


def _polls(connection: sqlite3.Connection, feed: str) -> list[dict[str, Any]]:
    query = "SELECT row FROM polls WHERE feed = ? ORDER BY started_s DESC LIMIT ?"
    return [msgspec.json.decode(row["row"]) for row in connection.execute(query, (feed, MAX_POLLS))]
