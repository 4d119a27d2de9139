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

from streams.transport.redis_streams.client import translated
from workers.dedupe.signature import KEY_BYTES, LAYOUT, Judge, Likeness, Signed, judge, upgraded

PREFIX = "copydesk:stories"
SLICE_ARTICLES = 500_000
SLICES = 2
SHARDS = 16_384  # of texts: some 30 in a hash, which Valkey keeps most tightly
KEY_SHARDS = 131_072  # of keys, by their first 17 bits: some 50 in a hash
BUCKET = 16  # texts of one key that are compared: more have a key in common with everybody
MAX_CANDIDATES = 16
ID_BYTES, REF_BYTES = 10, 5
LIKELY, OF_BEST = 0.5, 3  # how like the three nearest of a story a text must be: else stories grow together in chains
SAME = 0.9  # of the text in common: such a copy adds nothing to the index
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


class Told(NamedTuple):
    """What story an article tells: `copy_of` is the article that it is most like, "" for the first to tell it.

    `similarity` is the share of the shorter of both that is in the other, an estimate; `own`: who was first to
    tell the story tells it again.
    """

    story: str
    copy_of: str = ""
    similarity: float = 0.0
    own: bool = False
    same: bool = False


class Text(NamedTuple):
    """An article as the index knows it."""

    id: str
    story: str
    signature: bytes


class Stories:
    """Tells which story each article tells. *window_s*: how far apart two copies may be."""

    def __init__(self, state: Any, window_s: float, slice_articles: int = SLICE_ARTICLES) -> None:
        self.state, self.window_s, self.slice_articles = state, window_s, slice_articles
        self.slice = 0
        self._script = state.register_script(_CLAIM)
        self.judge: Judge | None = None

    async def tell(self, articles: Sequence[tuple[str, Signed]]) -> list[Told]:
        """Return what each article, by its id, tells. Of copies among them, the one before comes first."""
        await self._turn()
        signed = [(id_, one) for id_, one in articles if one.signature]
        told = {id_: Told(id_) for id_, _ in articles}
        answers = await self._claim_as_first(_unlike(signed))
        for id_, one in signed:
            told[id_] = await self._claim(id_, one, answers.pop(id_, NOT_ASKED))
        return [told[id_] for id_, _ in articles]

    async def _claim_as_first(self, signed: Sequence[tuple[str, Signed]]) -> dict[str, Any]:
        """Claim each as the first to tell its story, in one round trip; most are. Returns the script's answers."""
        if not signed:
            return {}
        with translated(self.state.url):
            async with self.state.pipeline(transaction=False) as pipe:
                for id_, one in signed:
                    value = _value(id_, Told(id_), one.signature)
                    await self._script(args=self._arguments(id_, one, value, b""), client=pipe)
                return dict(zip((id_ for id_, _ in signed), await pipe.execute(), strict=True))

    async def _claim(self, id_: str, one: Signed, look: Any) -> Told:
        while True:
            if look[0] == b"claimed":
                return Told(id_)
            if look[0] == b"known":
                return _known(id_, look[1])[1]
            refs, others = look[1], [_text(raw) for raw in look[2]]
            told = self._judged(id_, one.signature, others)
            value = _value(id_, told, one.signature)
            with translated(self.state.url):
                look = await self._script(args=self._arguments(id_, one, value, refs))
            if look[0] == b"claimed":
                return told

    def _arguments(self, id_: str, one: Signed, value: bytes, seen: bytes) -> list[Any]:
        ref = bytes.fromhex(id_)[:REF_BYTES]
        return [f"{PREFIX}:", self.slice, SHARDS, ref, value, seen, MAX_CANDIDATES, BUCKET, *one.keys]

    def _judged(self, id_: str, signature: bytes, others: Sequence[Text]) -> Told:
        """Return which of *others* an article is a copy of, if of any. Pure but for loading the trees."""
        time_s = _time_s(signature)
        near = [o for o in others if o.signature and abs(_time_s(o.signature) - time_s) <= self.window_s]
        if not near:
            return Told(id_)
        self.judge = self.judge or judge()
        stories: dict[str, list[tuple[Likeness, Text]]] = {}
        for other, like in zip(near, self.judge.compare(signature, [o.signature for o in near]), strict=True):
            stories.setdefault(other.story, []).append((like, other))
        nearest = {
            story: max(like.p for like, _ in found)
            for story, found in stories.items()
            if any(like.ruled for like, _ in found) or belongs([like.p for like, _ in found], self.judge.copy_at)
        }
        if not nearest:
            return Told(id_)
        best = max(nearest, key=lambda story: (nearest[story], story))
        like, copy_of = max(stories[best], key=lambda found: (found[0].p, found[1].id))
        first = next((found for found, text in stories[best] if text.id == best), like)
        return Told(best, copy_of.id, round(like.of_shorter, 2), first.same_publisher, like.shared >= SAME)

    async def _turn(self) -> None:
        """Begin the next slice when one is full, and drop those that nobody reads any more."""
        with translated(self.state.url):
            newest = int(await self.state.get(f"{PREFIX}:count") or 0) // self.slice_articles
            gone, self.slice = range(max(0, self.slice - SLICES), newest - SLICES + 1), max(newest, self.slice)
            for slice_ in gone[-SLICES:]:
                for kind, shards in (("t", SHARDS), ("k", KEY_SHARDS)):
                    for shard in range(0, shards, 512):
                        await self.state.unlink(*(f"{PREFIX}:{slice_}:{kind}:{shard + n}" for n in range(512)))


def _unlike(signed: Sequence[tuple[str, Signed]]) -> list[tuple[str, Signed]]:
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


def belongs(probabilities: Sequence[float], copy_at: float) -> bool:
    """Whether a text tells the story of those that it is so likely a copy of: of the nearest, and rather of more."""
    nearest = sorted(probabilities, reverse=True)[:OF_BEST]
    return nearest[0] > copy_at and sum(nearest) / len(nearest) > LIKELY


def _value(id_: str, told: Told, signature: bytes) -> bytes:
    """Return what is kept of an article, behind its ref.

    A copy to the letter is found by what it is a copy of: without signature it has no keys, and the index stays small.
    """
    head = bytes.fromhex(id_)[REF_BYTES:]
    if not told.copy_of:
        return head + FIRST + signature
    story, copy_of = bytes.fromhex(told.story), bytes.fromhex(told.copy_of)
    share = bytes((round(100 * told.similarity), told.own))
    return head + COPY + story + copy_of + share + (b"" if told.same else signature)


def _known(id_: str, value: bytes) -> tuple[bytes, Told]:
    """Return the signature and the story in a kept value."""
    rest = value[ID_BYTES - REF_BYTES + 1 :]
    if value[ID_BYTES - REF_BYTES :][:1] == FIRST:
        return rest, Told(id_)
    story, copy_of, (percent, own) = (
        rest[:ID_BYTES].hex(),
        rest[ID_BYTES : 2 * ID_BYTES].hex(),
        rest[2 * ID_BYTES :][:2],
    )
    return rest[2 * ID_BYTES + 2 :], Told(story, copy_of, percent / 100, bool(own))


def _text(raw: bytes) -> Text:
    id_ = raw[:ID_BYTES].hex()
    signature, told = _known(id_, raw[REF_BYTES:])
    return Text(id_, told.story, upgraded(signature) if signature else b"")


def _time_s(signature: bytes) -> int:
    return int(np.frombuffer(signature, LAYOUT)[0]["time_s"])


assert KEY_BYTES == REF_BYTES  # both are taken apart by the script
