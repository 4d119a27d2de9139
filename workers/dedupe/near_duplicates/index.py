"""Stories: which articles tell the same copy, on one outlet or on many. An index of signatures, in Redis.

claim ──▶ nobody else has its keys: remembered
  ▲    └─▶ others have: how likely is each the original? ──▶ claim again, having seen those
  └────────────────── more came meanwhile ◀───────────────────┘

copydesk:stories:<slice>:t:<shard>    hash: ref, the first bytes of an article's id → rest of the id, story, signature
copydesk:stories:<slice>:k:<shard>    hash: rest of an index key → refs, at most BUCKET

A claim is one script: whatever desks work at the same time, one of two copies comes first and the other finds it. It
is made before the article is published; asked about it again, a desk gets the same answer again. A slice holds a number
of articles, not a time: a clock that jumps forgets nothing. What is older than the window isn't compared.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from streams.state.redis_client import map_redis_errors
from workers.dedupe.near_duplicates.signature import (
    KEY_BYTES,
    LAYOUT,
    DuplicateModel,
    Similarity,
    TextSignature,
    load_default,
    pad_record,
)

PREFIX = "copydesk:stories"
SEGMENT_ARTICLES = 500_000
SEGMENTS = 2
SHARDS = 16_384  # of texts: some 30 in a hash, which Valkey keeps most tightly
KEY_SHARDS = 131_072  # of keys, by their first 17 bits: some 50 in a hash
BUCKET = 16  # texts of one key that are compared: more have a key in common with everybody
MAX_CANDIDATES = 16
ID_BYTES, REF_BYTES = 10, 5
MIN_MEAN, NEAREST = 0.5, 3  # how like the three nearest of a story a text must be: else stories grow together in chains
NEAR_IDENTICAL = 0.9  # of the text in common: such a copy adds nothing to the index
FIRST, COPY = b"f", b"c"
NOT_ASKED = (b"others", b"", ())

_CLAIM = """#!lua flags=allow-oom
-- ARGV: prefix, slice, shards, ref, value, refs of the others that it was judged by, most candidates, bucket, keys…
local prefix, slice, shards, ref, value, seen = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
local most, bucket = tonumber(ARGV[7]), tonumber(ARGV[8])
local byte, sub, floor = string.byte, string.sub, math.floor
local function at(n, name)
  local a, b = byte(name, 1, 2)
  return prefix .. n .. ':t:' .. (a * 256 + b) % shards
end
local function key(n, name)
  local a, b, c = byte(name, 1, 3)
  return prefix .. n .. ':k:' .. (a * 512 + b * 2 + floor(c / 128)), string.char(c % 128) .. sub(name, 4, 5)
end
for n = slice, math.max(0, slice - 1), -1 do
  local own = redis.call('HGET', at(n, ref), ref)
  if own then return {'known', own} end
end
local hits, order, lists = {}, {}, {}
for i = 9, #ARGV do
  for n = slice, math.max(0, slice - 1), -1 do
    local list = redis.call('HGET', key(n, ARGV[i]))
    if n == slice then lists[i] = list end
    if list then
      for p = 1, #list, 5 do
        local other = sub(list, p, p + 4)
        if not hits[other] then order[#order + 1] = other end
        hits[other] = (hits[other] or 0) + 5 / #list  -- what few have in common tells more
      end
    end
  end
end
table.sort(order, function(a, b) if hits[a] ~= hits[b] then return hits[a] > hits[b] end return a < b end)
local found, refs = {}, ''
for i = 1, math.min(most, #order) do
  local text
  for n = slice, math.max(0, slice - 1), -1 do
    text = text or redis.call('HGET', at(n, order[i]), order[i])
  end
  if text then found[#found + 1] = order[i] .. text; refs = refs .. order[i] end
end
if refs ~= seen then return {'others', refs, found} end
redis.call('HSET', at(slice, ref), ref, value)
if #value > 60 then  -- it has a signature
  for i = 9, #ARGV do
    local list = lists[i] or ''
    if #list < 5 * bucket then
      local hash, field = key(slice, ARGV[i])
      redis.call('HSET', hash, field, list .. ref)
    end
  end
end
redis.call('INCR', prefix .. 'count')
return {'claimed'}
"""


class StoryAssignment(NamedTuple):
    """What story an article tells: `copy_of` is the article that it is most like, "" for the first to tell it.

    `similarity` is the share of the shorter of both that is in the other, an estimate; `own`: who was first to
    tell the story tells it again.
    """

    story: str
    duplicate_of: str = ""
    similarity: float = 0.0
    same_publisher: bool = False
    near_identical: bool = False


class IndexedArticle(NamedTuple):
    """An article as the index knows it."""

    id: str
    story: str
    signature: bytes


class StoryIndex:
    """Tells which story each article tells. *window_s*: how far apart two copies may be."""

    def __init__(self, state: Any, window_s: float, slice_articles: int = SEGMENT_ARTICLES) -> None:
        self.state, self.window_s, self.segment_articles = state, window_s, slice_articles
        self.slice = 0
        self._script = state.register_script(_CLAIM)
        self.model: DuplicateModel | None = None

    async def assign(self, articles: Sequence[tuple[str, TextSignature]]) -> list[StoryAssignment]:
        """Return what each article, by its id, tells. Of copies among them, the one before comes first."""
        await self._turn()
        signed = [(id_, one) for id_, one in articles if one.signature]
        told = {id_: StoryAssignment(id_) for id_, _ in articles}
        answers = await self._claim_as_first(_independent(signed))
        for id_, one in signed:
            told[id_] = await self._claim(id_, one, answers.pop(id_, NOT_ASKED))
        return [told[id_] for id_, _ in articles]

    async def _claim_as_first(self, signed: Sequence[tuple[str, TextSignature]]) -> dict[str, Any]:
        """Claim each as the first to tell its story, in one round trip; most are. Returns the script's answers."""
        if not signed:
            return {}
        with map_redis_errors(self.state.url):
            async with self.state.pipeline(transaction=False) as pipe:
                for id_, one in signed:
                    value = _value(id_, StoryAssignment(id_), one.signature)
                    await self._script(args=self._arguments(id_, one, value, b""), client=pipe)
                return dict(zip((id_ for id_, _ in signed), await pipe.execute(), strict=True))

    async def _claim(self, id_: str, one: TextSignature, look: Any) -> StoryAssignment:
        while True:
            if look[0] == b"claimed":
                return StoryAssignment(id_)
            if look[0] == b"known":
                return _known(id_, look[1])[1]
            refs, others = look[1], [_text(raw) for raw in look[2]]
            told = self._compared(id_, one.signature, others)
            value = _value(id_, told, one.signature)
            with map_redis_errors(self.state.url):
                look = await self._script(args=self._arguments(id_, one, value, refs))
            if look[0] == b"claimed":
                return told

    def _arguments(self, id_: str, one: TextSignature, value: bytes, seen: bytes) -> list[Any]:
        ref = bytes.fromhex(id_)[:REF_BYTES]
        return [f"{PREFIX}:", self.slice, SHARDS, ref, value, seen, MAX_CANDIDATES, BUCKET, *one.keys]

    def _compared(self, id_: str, signature: bytes, others: Sequence[IndexedArticle]) -> StoryAssignment:
        """Return which of *others* an article is a copy of, if of any. Pure but for loading the trees."""
        time_s = _time_s(signature)
        near = [o for o in others if o.signature and abs(_time_s(o.signature) - time_s) <= self.window_s]
        if not near:
            return StoryAssignment(id_)
        self.model = self.model or load_default()
        stories: dict[str, list[tuple[Similarity, IndexedArticle]]] = {}
        for other, like in zip(near, self.model.compare(signature, [o.signature for o in near]), strict=True):
            stories.setdefault(other.story, []).append((like, other))
        nearest = {
            story: max(like.probability for like, _ in found)
            for story, found in stories.items()
            if any(like.ruled for like, _ in found)
            or joins([like.probability for like, _ in found], self.model.threshold)
        }
        if not nearest:
            return StoryAssignment(id_)
        best = max(nearest, key=lambda story: (nearest[story], story))
        like, copy_of = max(stories[best], key=lambda found: (found[0].probability, found[1].id))
        first = next((found for found, text in stories[best] if text.id == best), like)
        return StoryAssignment(
            best, copy_of.id, round(like.containment, 2), first.same_publisher, like.jaccard >= NEAR_IDENTICAL
        )

    async def _turn(self) -> None:
        """Begin the next slice when one is full, and drop those that nobody reads any more."""
        with map_redis_errors(self.state.url):
            newest = int(await self.state.get(f"{PREFIX}:count") or 0) // self.segment_articles
            gone, self.slice = range(max(0, self.slice - SEGMENTS), newest - SEGMENTS + 1), max(newest, self.slice)
            for slice_ in gone[-SEGMENTS:]:
                for kind, shards in (("t", SHARDS), ("k", KEY_SHARDS)):
                    for shard in range(0, shards, 512):
                        await self.state.unlink(*(f"{PREFIX}:{slice_}:{kind}:{shard + n}" for n in range(512)))


def _independent(signed: Sequence[tuple[str, TextSignature]]) -> list[tuple[str, TextSignature]]:
    """Return those that share no key and no id with one before them: the others can't be asked about at the same time.

    Two revisions of one article would both claim it, and the answer to the second would hide that to the first.
    """
    shown: set[bytes] = set()
    ids: set[str] = set()
    out = []
    for id_, one in signed:
        if id_ not in ids and shown.isdisjoint(one.keys):
            out.append((id_, one))
        shown.update(one.keys)
        ids.add(id_)
    return out


def joins(probabilities: Sequence[float], copy_at: float) -> bool:
    """Whether a text tells the story of those that it is so likely a copy of: of the nearest, and rather of more."""
    nearest = sorted(probabilities, reverse=True)[:NEAREST]
    return nearest[0] > copy_at and sum(nearest) / len(nearest) > MIN_MEAN


def _value(id_: str, told: StoryAssignment, signature: bytes) -> bytes:
    """Return what is kept of an article, behind its ref.

    A copy to the letter is found by what it is a copy of: without signature it has no keys, and the index stays small.
    """
    head = bytes.fromhex(id_)[REF_BYTES:]
    if not told.duplicate_of:
        return head + FIRST + signature
    story, copy_of = bytes.fromhex(told.story), bytes.fromhex(told.duplicate_of)
    share = bytes((round(100 * told.similarity), told.same_publisher))
    return head + COPY + story + copy_of + share + (b"" if told.near_identical else signature)


def _known(id_: str, value: bytes) -> tuple[bytes, StoryAssignment]:
    """Return the signature and the story in a kept value."""
    rest = value[ID_BYTES - REF_BYTES + 1 :]
    if value[ID_BYTES - REF_BYTES :][:1] == FIRST:
        return rest, StoryAssignment(id_)
    story, copy_of, (percent, own) = (
        rest[:ID_BYTES].hex(),
        rest[ID_BYTES : 2 * ID_BYTES].hex(),
        rest[2 * ID_BYTES :][:2],
    )
    return rest[2 * ID_BYTES + 2 :], StoryAssignment(story, copy_of, percent / 100, bool(own))


def _text(raw: bytes) -> IndexedArticle:
    id_ = raw[:ID_BYTES].hex()
    signature, told = _known(id_, raw[REF_BYTES:])
    return IndexedArticle(id_, told.story, pad_record(signature) if signature else b"")


def _time_s(signature: bytes) -> int:
    return int(np.frombuffer(signature, LAYOUT)[0]["time_s"])


assert KEY_BYTES == REF_BYTES  # both are taken apart by the script
