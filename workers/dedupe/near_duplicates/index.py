"""Story index: assigns near-duplicate articles of one outlet or of many to one story. Signatures in Redis.

    read: articles that share an index key ──▶ decide (`stories`) ──▶ claim
      ▲                                                                 │
      └──────────────── another desk has claimed meanwhile ◀────────────┘

    copydesk:stories:count                      articles in the index
    copydesk:stories:texts:<segment>:<shard>    hash: ref → rest of the id, story, signature
    copydesk:stories:keys:<segment>:<shard>     hash: rest of an index key → refs, at most BUCKET

A ref is the first REF_BYTES of an article's id. A batch takes three round trips: two that read, one that claims.
The claim (`lua/claim.lua`) writes nothing if another desk wrote to a list in between. The second of two concurrent
duplicates therefore finds the first one. The desk claims before it publishes. A claim is idempotent, so a redelivered
item gets the same story. The index is bounded by count (`streams.state.segments`).
Articles outside the time window are not compared.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from streams.state.lookup import RedisCommand
from streams.state.segments import Segments
from workers.dedupe.near_duplicates.signature import KEY_BYTES, TextSignature
from workers.dedupe.near_duplicates.stories import (
    REF_BYTES,
    BatchDecisions,
    Decided,
    NewArticle,
    Snapshot,
    StoryAssignment,
)

PREFIX = "copydesk:stories"
COUNT_KEY = f"{PREFIX}:count"
SEGMENT_ARTICLES = 500_000
SEGMENTS = 2
TEXT_SHARDS = 4_096  # about 120 texts in each hash of a full segment, below hash-max-listpack-entries (512)
KEY_SHARDS = 16_384  # about 360 keys in each hash; the shard is the first bits of a key (`lua/claim.lua`)
UNLINKED_TEXT_SHARDS, UNLINKED_KEY_SHARDS = 16_384, 131_072  # earlier versions wrote more hashes
assert KEY_BYTES == REF_BYTES  # the scripts rely on it


class StoryIndex:
    """Assigns articles to stories. *window_s*: greatest time between two duplicates."""

    def __init__(self, state: Any, window_s: float, segment_articles: int = SEGMENT_ARTICLES) -> None:
        self.state, self.window_s = state, window_s
        self.texts = Segments(f"{PREFIX}:texts", segment_articles, SEGMENTS, TEXT_SHARDS)
        self.keys = Segments(f"{PREFIX}:keys", segment_articles, SEGMENTS, KEY_SHARDS)
        self.newest = 0
        source = files("workers.dedupe.near_duplicates").joinpath("lua", "claim.lua").read_text("utf-8")
        self._claim_script = state.register_script(source)

    async def assign(self, articles: Sequence[tuple[str, TextSignature]]) -> list[StoryAssignment]:
        """Return the story of each article (id, signature). Of duplicates among *articles* the earlier is first."""
        batch = [
            NewArticle(id_, bytes.fromhex(id_)[:REF_BYTES], signature)
            for id_, signature in articles
            if signature.signature
        ]
        found: list[StoryAssignment] | None = [] if not batch else None
        while found is None:
            found = await self._assign(batch)
        assigned = iter(found)
        return [next(assigned) if signature.signature else StoryAssignment(id_) for id_, signature in articles]

    async def _assign(self, batch: Sequence[NewArticle]) -> list[StoryAssignment] | None:
        """Return the stories of *batch* after claiming them; None if another desk wrote to the index meanwhile."""
        keys = list(dict.fromkeys(key for article in batch for key in article.text_signature.keys))
        refs = list(dict.fromkeys(article.ref for article in batch))
        places = {key: key_place(self.newest, key) for key in keys}
        count, texts, lists = await self._read_index(refs, places)
        newest = self.texts.newest(count)
        if newest != self.newest:
            await self._rotate(newest)
            return None
        snapshot = Snapshot(lists, texts)
        await self._read_candidates(batch, snapshot)
        decided = BatchDecisions(snapshot, self.window_s).decide(batch)
        compared = {key: len(lists[0].get(key, b"")) // REF_BYTES for key in keys}
        return (
            decided.assignments if not decided.claims or await self._claim(count, decided, compared, places) else None
        )

    async def _read_index(
        self, refs: Sequence[bytes], keys: Mapping[bytes, tuple[str, bytes]]
    ) -> tuple[int, dict[bytes, bytes], list[dict[bytes, bytes]]]:
        """Return the number of articles in the index, the values of known *refs*, and the lists of known *keys*.

        The number is read first: the claim then notices everything that another desk writes from here on. *keys*: index
        key → its hash and field in the newest segment.
        """
        live = self.texts.live(self.newest)[::-1]  # the newest first
        commands: list[RedisCommand] = [("GET", COUNT_KEY)]
        commands += [("HGET", *text_place(segment, ref)) for segment in live for ref in refs]
        commands += [("HGET", *place) for place in keys.values()]
        commands += [("HGET", *key_place(segment, key)) for segment in live[1:] for key in keys]
        count, *values = await self.state.execute_many(commands)
        texts: dict[bytes, bytes] = {}
        for ref, value in zip([*refs] * len(live), values, strict=False):
            if value is not None:
                texts.setdefault(ref, value)
        starts = [len(live) * len(refs) + n * len(keys) for n in range(len(live))]
        lists = [
            {key: value for key, value in zip(keys, values[start:], strict=False) if value is not None}
            for start in starts
        ]
        return int(count or 0), texts, lists

    async def _read_candidates(self, batch: Sequence[NewArticle], snapshot: Snapshot) -> None:
        """Add the values of the articles that the batch may be compared with."""
        new = [article for article in batch if article.ref not in snapshot.texts]
        refs = {ref for article in new for ref in snapshot.candidates(article, {})}
        if missing := sorted(refs - snapshot.texts.keys()):
            snapshot.texts |= (await self._read_index(missing, {}))[1]

    async def _claim(
        self, count: int, decided: Decided, compared: Mapping[bytes, int], places: Mapping[bytes, tuple[str, bytes]]
    ) -> bool:
        """Write the claims; return whether no other desk wrote to the compared lists meanwhile.

        *compared*: index key → number of its refs. *places*: index key → its hash and field in the newest segment.
        """
        args: list[Any] = [
            self.texts.prefix, self.keys.prefix, COUNT_KEY, self.newest, TEXT_SHARDS, KEY_SHARDS, count,
            b"".join(compared), bytes(compared.values()), len(decided.claims),
            *(part for claim in decided.claims for part in claim),
        ]  # fmt: skip
        for key, refs in decided.lists.items():
            args += (*places[key], refs)
        return bool(await self._claim_script(args=args))

    async def _rotate(self, newest: int) -> None:
        """Begin segment *newest*, and unlink expired segments."""
        before, self.newest = self.newest, newest
        texts, keys = self.texts._replace(shards=UNLINKED_TEXT_SHARDS), self.keys._replace(shards=UNLINKED_KEY_SHARDS)
        for segments in (texts, keys):
            await segments.unlink_expired(self.state, before, newest)


def text_place(segment: int, ref: bytes) -> tuple[str, bytes]:
    """Return the hash and the field of an article. `lua/claim.lua` has the same rule."""
    return f"{PREFIX}:texts:{segment}:{int.from_bytes(ref[:2], 'big') % TEXT_SHARDS}", ref


def key_place(segment: int, key: bytes) -> tuple[str, bytes]:
    """Return the hash and the field of an index key. `lua/claim.lua` has the same rule."""
    return f"{PREFIX}:keys:{segment}:{int.from_bytes(key[:2], 'big') * KEY_SHARDS >> 16}", key[2:]
