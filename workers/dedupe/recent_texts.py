"""The texts published lately, in Redis, so that a revision can say what it changed. Bounded without a clock.

    copydesk:lately:<part>    hash: article id → its title and paragraphs, compressed

A part holds a number of articles. When it is full the next begins, and the one before the last goes.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from streams.brokers.base import RedisCommand
from streams.state.redis_client import map_redis_errors

PREFIX = "copydesk:lately"
SEGMENT_ARTICLES = 10_000  # two parts: 32 MB of articles of 600 words
SEGMENTS = 2
MAX_BYTES = 100_000  # of a text; what a longer one changed isn't said


class RecentTexts:
    """Recalls and remembers texts by article id. Remembering gives commands, for the step that publishes."""

    def __init__(self, state: Any, part_articles: int = SEGMENT_ARTICLES) -> None:
        self.state = state
        self.segment_articles = part_articles
        self.part = 0

    async def get(self, ids: Sequence[str]) -> dict[str, Sequence[str]]:
        """Return title and paragraphs of those articles that are remembered, in one round trip."""
        keys = [bytes.fromhex(id_) for id_ in ids]
        with map_redis_errors(self.state.url):
            async with self.state.pipeline(transaction=False) as pipe:
                pipe.get(f"{PREFIX}:count")
                for part in range(self.part - SEGMENTS + 1, self.part + 1) if keys else ():
                    pipe.hmget(f"{PREFIX}:{part}", keys)
                count, *replies = await pipe.execute()
            newest = int(count or 0) // self.segment_articles
            if newest > self.part:
                gone = range(max(0, self.part - SEGMENTS + 1), newest - SEGMENTS + 1)
                self.part = newest
                if gone:
                    await self.state.unlink(*(f"{PREFIX}:{part}" for part in gone[-10:]))
                return await self.get(ids)
        found: dict[str, Sequence[str]] = {}
        for values in replies:  # the newest last
            found |= {id_: _unpacked(value) for id_, value in zip(ids, values, strict=True) if value is not None}
        return found

    def set_commands(self, texts: Mapping[str, Sequence[str]]) -> list[RedisCommand]:
        """Return the commands that remember title and paragraphs of each article."""
        packed = [(bytes.fromhex(id_), _packed(text)) for id_, text in texts.items()]
        kept = [part for id_, value in packed if len(value) <= MAX_BYTES for part in (id_, value)]
        return [("HSET", f"{PREFIX}:{self.part}", *kept), ("INCRBY", f"{PREFIX}:count", len(kept) // 2)] if kept else []


def _packed(text: Sequence[str]) -> bytes:
    return zlib.compress("\n".join(line.replace("\n", " ") for line in text).encode("utf-8", "replace"), 1)


def _unpacked(value: bytes) -> Sequence[str]:
    return zlib.decompress(value).decode().split("\n")
