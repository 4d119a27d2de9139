"""The seen memory: what the desk has published, in Redis, bounded without a clock.

    copydesk:seen:<slice>:<shard>    hash: article id → revision, fetch time, fingerprints

A slice holds a fixed number of articles. When it is full, the next begins and the oldest goes, so that a jumping
clock can't forget everything at once. What is still being offered moves along into the newest slice.
"""

import struct
from collections.abc import Sequence
from typing import Any

from streams.transport.broker import Command
from streams.transport.redis_streams.client import translated
from workers.dedupe.fingerprint import DIGEST_BYTES
from workers.dedupe.verdict import KEPT_FINGERPRINTS, Memory

PREFIX = "copydesk:seen"
SLICE_ARTICLES = 500_000
SLICES = 4  # two million articles: about 60 days of 200 busy feeds
SHARDS = 4096  # keeps hashes at about 60 fields, where they are stored most tightly
_HEAD = struct.Struct(">Id")


class Seen:
    """Recalls and remembers articles by id. Remembering gives commands, for the step that publishes."""

    def __init__(self, state: Any, slice_articles: int = SLICE_ARTICLES) -> None:
        self.state = state
        self.slice_articles = slice_articles
        self.current = 0
        self._found_in: dict[str, int] = {}

    async def recall(self, ids: Sequence[str]) -> dict[str, Memory]:
        """Return what is remembered of *ids*, in one round trip."""
        wanted = list(dict.fromkeys(ids))
        async with self.state.pipeline(transaction=False) as pipe:
            pipe.get(f"{PREFIX}:count")
            for article in wanted:
                for age in range(SLICES):
                    pipe.hget(self._key(self.current - age, article), bytes.fromhex(article))
            with translated(self.state.url):
                count, *replies = await pipe.execute()
        newest = int(count or 0) // self.slice_articles
        if newest != self.current:
            await self._turn(newest)
            return await self.recall(ids)
        found, self._found_in = {}, {}
        for n, article in enumerate(wanted):
            for age, value in enumerate(replies[n * SLICES : (n + 1) * SLICES]):
                if value is not None:
                    found[article], self._found_in[article] = unpacked(value), self.current - age
                    break
        return found

    def remember(self, article: str, memory: Memory) -> list[Command]:
        """Return the commands that remember *memory*."""
        commands: list[Command] = [("HSET", self._key(self.current, article), bytes.fromhex(article), packed(memory))]
        if self._found_in.get(article) != self.current:
            commands.append(("INCR", f"{PREFIX}:count"))
            self._found_in[article] = self.current
        return commands

    def fading(self, article: str) -> bool:
        """Whether what is remembered would be forgotten soon; remember it anew if it is still being offered."""
        return self.current - self._found_in.get(article, self.current) >= SLICES // 2

    def _key(self, slice_: int, article: str) -> str:
        return f"{PREFIX}:{slice_}:{int(article[:8], 16) % SHARDS}"

    async def _turn(self, newest: int) -> None:
        """Begin a slice, and drop those that no worker reads any more."""
        gone = range(max(0, self.current - SLICES), newest - SLICES + 1)
        self.current = newest
        with translated(self.state.url):
            for slice_ in gone[-SLICES:]:
                for shard in range(0, SHARDS, 256):
                    await self.state.unlink(*(f"{PREFIX}:{slice_}:{shard + n}" for n in range(256)))


def packed(memory: Memory) -> bytes:
    """Return *memory* in 12 + 8n bytes."""
    return _HEAD.pack(memory.revision, memory.fetched_s) + b"".join(memory.fingerprints[:KEPT_FINGERPRINTS])


def unpacked(value: bytes) -> Memory:
    """Return the memory in *value*."""
    revision, fetched_s = _HEAD.unpack_from(value)
    rest = value[_HEAD.size :]
    return Memory(revision, fetched_s, tuple(rest[n : n + DIGEST_BYTES] for n in range(0, len(rest), DIGEST_BYTES)))
