"""The seen memory: what the desk has published, in Redis, bounded without a clock.

    copydesk:seen:<slice>:<shard>    hash: article id → revision, fetch time, fingerprints

A slice holds a fixed number of articles. When it is full, the next begins and the oldest goes, so that a jumping
clock can't forget everything at once. What is still being offered moves along into the newest slice.
"""

import struct
from collections.abc import Sequence
from typing import Any

from streams.brokers.base import RedisCommand
from streams.state.redis_client import map_redis_errors
from workers.dedupe.classify import MAX_FINGERPRINTS, ArticleMemory
from workers.dedupe.fingerprint import DIGEST_BYTES

PREFIX = "copydesk:seen"
SEGMENT_ARTICLES = 500_000
SEGMENTS = 4  # two million articles: about 60 days of 200 busy feeds
SHARDS = 4096  # keeps hashes at about 60 fields, where they are stored most tightly
_HEAD = struct.Struct(">Id")


class SeenStore:
    """Recalls and remembers articles by id. Remembering gives commands, for the step that publishes."""

    def __init__(self, state: Any, slice_articles: int = SEGMENT_ARTICLES) -> None:
        self.state = state
        self.segment_articles = slice_articles
        self.current = 0
        self._found_in: dict[str, int] = {}

    async def get(self, ids: Sequence[str]) -> dict[str, ArticleMemory]:
        """Return what is remembered of *ids*, in one round trip."""
        wanted = list(dict.fromkeys(ids))
        async with self.state.pipeline(transaction=False) as pipe:
            pipe.get(f"{PREFIX}:count")
            for article in wanted:
                for age in range(SEGMENTS):
                    pipe.hget(self._key(self.current - age, article), bytes.fromhex(article))
            with map_redis_errors(self.state.url):
                count, *replies = await pipe.execute()
        newest = int(count or 0) // self.segment_articles
        if newest != self.current:
            await self._rotate(newest)
            return await self.get(ids)
        found, self._found_in = {}, {}
        for n, article in enumerate(wanted):
            for age, value in enumerate(replies[n * SEGMENTS : (n + 1) * SEGMENTS]):
                if value is not None:
                    found[article], self._found_in[article] = decode(value), self.current - age
                    break
        return found

    def set_commands(self, article: str, memory: ArticleMemory) -> list[RedisCommand]:
        """Return the commands that remember *memory*."""
        commands: list[RedisCommand] = [
            ("HSET", self._key(self.current, article), bytes.fromhex(article), encode(memory))
        ]
        if self._found_in.get(article) != self.current:
            commands.append(("INCR", f"{PREFIX}:count"))
            self._found_in[article] = self.current
        return commands

    def expires_soon(self, article: str) -> bool:
        """Whether what is remembered would be forgotten soon; remember it anew if it is still being offered."""
        return self.current - self._found_in.get(article, self.current) >= SEGMENTS // 2

    def _key(self, slice_: int, article: str) -> str:
        return f"{PREFIX}:{slice_}:{int(article[:8], 16) % SHARDS}"

    async def _rotate(self, newest: int) -> None:
        """Begin a slice, and drop those that no worker reads any more."""
        gone = range(max(0, self.current - SEGMENTS), newest - SEGMENTS + 1)
        self.current = newest
        with map_redis_errors(self.state.url):
            for slice_ in gone[-SEGMENTS:]:
                for shard in range(0, SHARDS, 256):
                    await self.state.unlink(*(f"{PREFIX}:{slice_}:{shard + n}" for n in range(256)))


def encode(memory: ArticleMemory) -> bytes:
    """Return *memory* in 12 + 8n bytes."""
    return _HEAD.pack(memory.revision, memory.fetched_s) + b"".join(memory.fingerprints[:MAX_FINGERPRINTS])


def decode(value: bytes) -> ArticleMemory:
    """Return the memory in *value*."""
    revision, fetched_s = _HEAD.unpack_from(value)
    rest = value[_HEAD.size :]
    return ArticleMemory(
        revision, fetched_s, tuple(rest[n : n + DIGEST_BYTES] for n in range(0, len(rest), DIGEST_BYTES))
    )
