"""Hashes in Redis, bounded by the number of entries. They need no clock, so a clock jump removes no entries.

    <prefix>:count                  entries written
    <prefix>:<segment>:<shard>      hash: field → value

A segment holds a fixed number of entries. The newest segment is `count // entries`; readers read the newest `segments`
of them, and older ones are unlinked. Writing an entry again moves it to the newest segment. Counting is not exact:
workers that write at the same time may put a few entries more into a segment.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from streams.state.lookup import Lookup, OutdatedError, RedisCommand, look_up

UNLINK_KEYS = 512  # keys per UNLINK command
SHARD_BYTES = 4
FEW_SHARDS, CACHED_SEGMENTS = 16, 256  # keys of segments that are computed once; at most 0.5 MB


class Segments(NamedTuple):
    """Key names and bounds of one segmented hash.

    `entries`: entries per segment. `segments`: segments that are read. `shards`: hashes per segment. Valkey and Redis
    store small hashes in the least memory (`hash-max-listpack-entries`).
    """

    prefix: str
    entries: int
    segments: int
    shards: int = 1

    @property
    def count_key(self) -> str:
        return f"{self.prefix}:count"

    def key(self, segment: int, shard: int) -> str:
        return f"{self.prefix}:{segment}:{shard}"

    def keys(self, segment: int) -> Sequence[str]:
        """Return the keys of all hashes of *segment*."""
        return (_few_keys if self.shards <= FEW_SHARDS else _keys)(self, segment)

    def newest(self, count: int) -> int:
        """Return the newest segment after *count* entries."""
        return count // self.entries

    def live(self, newest: int) -> range:
        """Return the segments that are read, oldest first."""
        return range(max(0, newest - self.segments + 1), newest + 1)

    def expired(self, before: int, newest: int) -> range:
        """Return the segments to unlink when the newest segment moves from *before* to *newest*.

        The range starts one segment early: a slow worker may have written to a segment that another had unlinked.
        """
        stop = max(0, newest - self.segments + 1)
        return range(max(0, before - self.segments, stop - self.segments), stop)

    async def unlink_expired(self, state: Any, before: int, newest: int) -> None:
        """Unlink the segments that expire when the newest segment moves from *before* to *newest*."""
        for segment in self.expired(before, newest):
            keys = self.keys(segment)
            for n in range(0, len(keys), UNLINK_KEYS):
                await state.unlink(*keys[n : n + UNLINK_KEYS])


def _keys(segments: Segments, segment: int) -> Sequence[str]:
    return tuple(segments.key(segment, shard) for shard in range(segments.shards))


_few_keys = lru_cache(CACHED_SEGMENTS)(_keys)


class SegmentedHash:
    """A hash of bytes bounded by count. Fields are digests: their first 4 bytes choose the shard.

    `set_commands` returns Redis commands, so that the caller's atomic step writes them.
    """

    def __init__(self, state: Any, segments: Segments) -> None:
        self.state, self.segments = state, segments
        self.newest = 0
        self._segment_of: dict[bytes, int] = {}

    async def get(self, fields: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the newest value of each stored field. One round trip; more when a new segment has begun."""
        [values] = await look_up(self.state, self.lookup(fields))
        return dict(values)

    def lookup(self, fields: Sequence[bytes]) -> Lookup[dict[bytes, bytes]]:
        """Return the look-up of the newest value of each stored field."""
        unique, groups = list(dict.fromkeys(fields)), list[tuple[int, list[bytes]]]()

        def commands() -> list[RedisCommand]:
            keys = [(key, group, segment) for segment in self._live() for key, group in self._by_key(segment, unique)]
            groups[:] = [(segment, group) for _, group, segment in keys]
            out: list[RedisCommand] = [("GET", self.segments.count_key)]
            out += [("HMGET", key, *group) for key, group, _ in keys]
            return out

        async def read(replies: Sequence[Any]) -> dict[bytes, bytes]:
            await self._follow(int(replies[0] or 0))
            return self._values(groups, replies[1:])

        return Lookup(commands, read)

    async def _follow(self, count: int) -> None:
        """Switch to the newest segment after *count* entries; raise OutdatedError if it has changed."""
        newest = self.segments.newest(count)
        if newest != self.newest:
            await self._rotate(newest)
            raise OutdatedError

    def _values(self, groups: Sequence[tuple[int, list[bytes]]], replies: Sequence[Any]) -> dict[bytes, bytes]:
        values: dict[bytes, bytes] = {}
        self._segment_of = {}
        for (segment, group), reply in zip(groups, replies, strict=True):  # oldest segment first
            for field, value in zip(group, reply, strict=True):
                if value is not None:
                    values[field], self._segment_of[field] = value, segment
        return values

    def set_commands(self, values: Mapping[bytes, bytes]) -> list[RedisCommand]:
        """Return the commands that write *values* to the newest segment."""
        commands: list[RedisCommand] = [
            ("HSET", key, *(part for field in group for part in (field, values[field])))
            for key, group in self._by_key(self.newest, values)
        ]
        moved = [field for field in values if self._segment_of.get(field) != self.newest]
        self._segment_of |= dict.fromkeys(moved, self.newest)
        return [*commands, ("INCRBY", self.segments.count_key, len(moved))] if moved else commands

    def expires_soon(self, field: bytes) -> bool:
        """Return whether half of the segments have begun since *field* was written; write it again to keep it."""
        return self.newest - self._segment_of.get(field, self.newest) >= max(1, self.segments.segments // 2)

    def _live(self) -> range:
        return self.segments.live(self.newest)

    def _by_key(self, segment: int, fields: Iterable[bytes]) -> list[tuple[str, list[bytes]]]:
        """Return the fields of each hash of *segment*."""
        start, shards = f"{self.segments.prefix}:{segment}:", self.segments.shards
        groups: defaultdict[int, list[bytes]] = defaultdict(list)
        for field in fields:
            groups[int.from_bytes(field[:SHARD_BYTES], "big") % shards].append(field)
        return [(f"{start}{shard}", group) for shard, group in groups.items()]

    async def _rotate(self, newest: int) -> None:
        await self.segments.unlink_expired(self.state, self.newest, newest)
        self.newest = newest
