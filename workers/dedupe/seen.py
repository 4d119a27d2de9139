"""Published articles, remembered for deduplication. Bounded by count (`streams.state.segments`).

    copydesk:seen:<segment>:<shard>    hash: article id → revision, fetch time, fingerprints, feed

An article that feeds still offer is written again before its segment expires.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

from streams.brokers.base import RedisCommand
from streams.state.lookup import Lookup, look_up
from streams.state.segments import SegmentedHash, Segments
from workers.dedupe.classify import FEED_BYTES, MAX_FINGERPRINTS, ArticleMemory
from workers.dedupe.fingerprint import DIGEST_BYTES

PREFIX = "copydesk:seen"
SEGMENT_ARTICLES = 500_000
SEGMENTS = 4  # two million articles: about 60 days of 200 busy feeds
SHARDS = 4096  # about 120 entries in each hash of a full segment, below hash-max-listpack-entries (512)
_HEADER = struct.Struct(">Id")


class SeenStore:
    """Memory of published articles by id."""

    def __init__(self, state: Any, segment_articles: int = SEGMENT_ARTICLES) -> None:
        self.state = state
        self._hash = SegmentedHash(state, Segments(PREFIX, segment_articles, SEGMENTS, SHARDS))

    async def get(self, ids: Sequence[str]) -> dict[str, ArticleMemory]:
        """Return the memory of each of *ids* that is stored."""
        [memories] = await look_up(self.state, self.lookup(ids))
        return dict(memories)

    def lookup(self, ids: Sequence[str]) -> Lookup[dict[str, ArticleMemory]]:
        """Return the look-up of the memory of each of *ids* that is stored."""
        return self._hash.lookup([bytes.fromhex(id_) for id_ in ids]).map(_decode_all)

    def set_commands(self, id_: str, memory: ArticleMemory) -> list[RedisCommand]:
        """Return the commands that store *memory*."""
        return self.set_all_commands({id_: memory})

    def set_all_commands(self, memories: Mapping[str, ArticleMemory]) -> list[RedisCommand]:
        """Return the commands that store the memory of each article id."""
        return self._hash.set_commands({bytes.fromhex(id_): encode(memory) for id_, memory in memories.items()})

    def expires_soon(self, id_: str) -> bool:
        """Return whether the memory of an article expires soon; write it again while feeds offer the article."""
        return self._hash.expires_soon(bytes.fromhex(id_))


def _decode_all(values: Mapping[bytes, bytes]) -> dict[str, ArticleMemory]:
    return {field.hex(): decode(value) for field, value in values.items()}


def encode(memory: ArticleMemory) -> bytes:
    """Return *memory* in 12 + 8n bytes for n fingerprints, and 7 more if its feed is known."""
    fingerprints = b"".join(memory.fingerprints[:MAX_FINGERPRINTS])
    return _HEADER.pack(memory.revision, memory.fetched_s) + fingerprints + memory.feed + memory.site


def decode(value: bytes) -> ArticleMemory:
    """Return the memory in *value*."""
    revision, fetched_s = _HEADER.unpack_from(value)
    digests = value[_HEADER.size :]
    end = len(digests) - len(digests) % DIGEST_BYTES  # feed and site are shorter than a fingerprint
    fingerprints = tuple(digests[n : n + DIGEST_BYTES] for n in range(0, end, DIGEST_BYTES))
    return ArticleMemory(
        revision, fetched_s, fingerprints, digests[end : end + FEED_BYTES], digests[end + FEED_BYTES :]
    )
