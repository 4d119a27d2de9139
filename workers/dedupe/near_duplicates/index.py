"""Story index: assigns near-duplicate articles of one outlet or of many to one story. Signatures in Redis.

    claim ──▶ no other article shares an index key: the article starts a story
      ▲   └─▶ others do: compare signatures ──▶ claim again with the compared articles as expected state
      └────────────── more articles have come meanwhile ◀────────────┘

    copydesk:stories:count                      articles in the index
    copydesk:stories:texts:<segment>:<shard>    hash: ref → rest of the id, story, signature
    copydesk:stories:keys:<segment>:<shard>     hash: rest of an index key → refs, at most BUCKET

A ref is the first REF_BYTES of an article's id. A claim is one script (`lua/claim.lua`): of two concurrent duplicates
one is first and the other finds it. The desk claims before it publishes; a claim is idempotent, so a redelivered item
gets the same story. The index is bounded by count (`streams.state.segments`). Articles outside the time window are not
compared.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from streams.state.segments import Segments
from workers.dedupe.near_duplicates.model import DuplicateModel, Similarity, load_default
from workers.dedupe.near_duplicates.signature import KEY_BYTES, LAYOUT, TextSignature

PREFIX = "copydesk:stories"
COUNT_KEY = f"{PREFIX}:count"
SEGMENT_ARTICLES = 500_000
SEGMENTS = 2
TEXT_SHARDS = 16_384  # about 30 texts in each hash of a full segment, below hash-max-listpack-entries (512)
KEY_SHARDS = 32_768  # about 200 keys in each hash; the shard is the first 15 bits of a key (`lua/claim.lua`)
UNLINKED_KEY_SHARDS = 131_072  # earlier versions wrote more hashes
BUCKET = 16  # refs per index key; a key that more texts share does not distinguish them
MAX_CANDIDATES = 16
ID_BYTES, REF_BYTES = 10, 5
# Mean probability of the NEAREST articles of a story, below which a text does not join: single links would chain
# different stories together. Below a half, because rules separate articles of one source.
MIN_MEAN, NEAREST = 0.4, 3
NEAR_IDENTICAL = 0.9  # share of the text in common (Jaccard) from which a duplicate adds no keys to the index
FIRST, DUPLICATE = b"f", b"c"
SAME_PUBLISHER, BY_TITLE, RETITLED = 1, 2, 4  # flags of a duplicate
assert LAYOUT.fields is not None
TIME_OFFSET = LAYOUT.fields["time_s"][1]  # in a signature


class StoryAssignment(NamedTuple):
    """The story of an article. `duplicate_of`: the most similar article, "" for the first article of a story.

    `similarity`: estimated share of the shorter text that the other contains. `same_publisher`: the first article of
    the story has the same publisher. `kind` of a duplicate: "text", or "title" if only the titles agree. `retitled`:
    the titles are not similar.
    """

    story: str
    duplicate_of: str = ""
    similarity: float = 0.0
    same_publisher: bool = False
    near_identical: bool = False
    kind: str = ""
    retitled: bool = False


class IndexedArticle(NamedTuple):
    """An article in the index; near-identical duplicates and articles of other versions have no signature."""

    id: str
    story: str
    signature: bytes


class Claim(NamedTuple):
    """A claim of an article's story. `compared_refs`: refs of the articles that it was compared with."""

    id: str
    signed: TextSignature
    assignment: StoryAssignment
    compared_refs: bytes


class StoryIndex:
    """Assigns articles to stories. *window_s*: greatest time between two duplicates."""

    def __init__(self, state: Any, window_s: float, segment_articles: int = SEGMENT_ARTICLES) -> None:
        self.state, self.window_s = state, window_s
        self.texts = Segments(f"{PREFIX}:texts", segment_articles, SEGMENTS, TEXT_SHARDS)
        self.keys = Segments(f"{PREFIX}:keys", segment_articles, SEGMENTS, KEY_SHARDS)
        self.newest = 0
        source = files("workers.dedupe.near_duplicates").joinpath("lua", "claim.lua").read_text("utf-8")
        self._script = state.register_script(source)
        self.model: DuplicateModel | None = None

    async def assign(self, articles: Sequence[tuple[str, TextSignature]]) -> list[StoryAssignment]:
        """Return the story of each article (id, signature). Of duplicates among *articles* the earlier is first.

        Each round claims the articles that share no index key with an earlier one, in one round trip.
        """
        await self._rotate()
        assignments = {id_: StoryAssignment(id_) for id_, _ in articles}
        pending = [Claim(id_, signed, StoryAssignment(id_), b"") for id_, signed in articles if signed.signature]
        while pending:
            ready = _independent(pending)
            replies = await self._claim(ready)
            others: list[tuple[Claim, bytes, list[IndexedArticle]]] = []
            for claim, reply in zip(ready, replies, strict=True):
                if reply[0] == b"others":
                    others.append((claim, reply[1], [_indexed_article(raw) for raw in reply[2]]))
                else:
                    is_known = reply[0] == b"known"
                    assignments[claim.id] = _decode(claim.id, reply[1])[1] if is_known else claim.assignment
            compared = dict(zip((id(claim) for claim, _, _ in others), self._compare(others), strict=True))
            done = {id(claim) for claim in ready} - compared.keys()
            pending = [compared.get(id(claim), claim) for claim in pending if id(claim) not in done]
        return [assignments[id_] for id_, _ in articles]

    async def _claim(self, claims: Sequence[Claim]) -> list[Any]:
        """Claim the stories in one round trip. Returns the script's replies."""
        async with self.state.pipeline(transaction=False) as pipe:
            for claim in claims:
                value = _encode(claim.id, claim.assignment, claim.signed.signature)
                args = self._arguments(claim.id, claim.signed, value, claim.compared_refs)
                await self._script(args=args, client=pipe)
            replies: list[Any] = await pipe.execute()
            return replies

    def _arguments(self, id_: str, signature: TextSignature, value: bytes, compared_refs: bytes) -> list[Any]:
        """Return the arguments of `lua/claim.lua`."""
        ref = bytes.fromhex(id_)[:REF_BYTES]
        live = self.texts.live(self.newest)
        return [
            self.texts.prefix, self.keys.prefix, COUNT_KEY, live.start, self.newest, TEXT_SHARDS, MAX_CANDIDATES,
            BUCKET, ref, value, compared_refs, *signature.keys,
        ]  # fmt: skip

    def _compare(self, claims: Sequence[tuple[Claim, bytes, Sequence[IndexedArticle]]]) -> list[Claim]:
        """Return the next claim of each article, with its story among the others. Pure but for loading the model."""
        near = [self._in_window(claim.signed.signature, others) for claim, _, others in claims]
        if any(near):
            self.model = self.model or load_default()
        comparisons = [
            (claim.signed.signature, [other.signature for other in others])
            for (claim, _, _), others in zip(claims, near, strict=True)
        ]
        similarities = self.model.compare_all(comparisons) if self.model else [[] for _ in claims]
        return [
            claim._replace(
                assignment=self._nearest_story(claim.id, list(zip(pairs, others, strict=True))), compared_refs=refs
            )
            for (claim, refs, _), others, pairs in zip(claims, near, similarities, strict=True)
        ]

    def _in_window(self, signature: bytes, others: Sequence[IndexedArticle]) -> list[IndexedArticle]:
        time_s = _time_s(signature)
        return [o for o in others if o.signature and abs(_time_s(o.signature) - time_s) <= self.window_s]

    def _nearest_story(self, id_: str, near: Sequence[tuple[Similarity, IndexedArticle]]) -> StoryAssignment:
        """Return the story among those of *near* that the article belongs to, else its own."""
        if not near or self.model is None:
            return StoryAssignment(id_)
        stories: dict[str, list[tuple[Similarity, IndexedArticle]]] = {}
        for similarity, other in near:
            stories.setdefault(other.story, []).append((similarity, other))
        nearest = {
            story: max(similarity.probability for similarity, _ in members)
            for story, members in stories.items()
            if any(similarity.ruled for similarity, _ in members)
            or joins([similarity.probability for similarity, _ in members], self.model.threshold)
        }
        if not nearest:
            return StoryAssignment(id_)
        best = max(nearest, key=lambda story: (nearest[story], story))
        similarity, duplicate_of = max(
            stories[best], key=lambda m: (m[0].ruled, m[0].probability, m[0].jaccard, m[1].id)
        )
        first = next((member for member, article in stories[best] if article.id == best), similarity)
        return StoryAssignment(
            best,
            duplicate_of.id,
            round(similarity.containment, 2),
            first.same_publisher,
            similarity.jaccard >= NEAR_IDENTICAL,
            similarity.kind,
            similarity.retitled,
        )

    async def _rotate(self) -> None:
        """Begin the next segment when one is full, and unlink expired segments."""
        newest = self.texts.newest(int(await self.state.get(COUNT_KEY) or 0))
        if newest != self.newest:
            before, self.newest = self.newest, newest
            for segments in (self.texts, self.keys._replace(shards=UNLINKED_KEY_SHARDS)):
                await segments.unlink_expired(self.state, before, newest)


def _independent(claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims that share no index key and no id with an earlier one; only these can be claimed together.

    Two revisions of one article would both claim it, and the second reply would hide the first.
    """
    keys: set[bytes] = set()
    ids: set[str] = set()
    independent = []
    for claim in claims:
        if claim.id not in ids and keys.isdisjoint(claim.signed.keys):
            independent.append(claim)
        keys.update(claim.signed.keys)
        ids.add(claim.id)
    return independent


def joins(probabilities: Sequence[float], threshold: float) -> bool:
    """Return whether a text joins a story, by the probabilities that it duplicates each of the story's articles."""
    nearest = sorted(probabilities, reverse=True)[:NEAREST]
    return nearest[0] > threshold and sum(nearest) / len(nearest) > MIN_MEAN


def _encode(id_: str, assignment: StoryAssignment, signature: bytes) -> bytes:
    """Return the stored value of an article; its ref is the field.

    A near-identical duplicate has no signature and no keys: the article that it duplicates is found instead. That
    keeps the index small.
    """
    rest_of_id = bytes.fromhex(id_)[REF_BYTES:]
    if not assignment.duplicate_of:
        return rest_of_id + FIRST + signature
    story, duplicate_of = bytes.fromhex(assignment.story), bytes.fromhex(assignment.duplicate_of)
    flags = assignment.same_publisher * SAME_PUBLISHER | (assignment.kind == "title") * BY_TITLE
    flags |= assignment.retitled * RETITLED
    similarity = bytes((round(100 * assignment.similarity), flags))
    return (
        rest_of_id + DUPLICATE + story + duplicate_of + similarity + (b"" if assignment.near_identical else signature)
    )


def _decode(id_: str, value: bytes) -> tuple[bytes, StoryAssignment]:
    """Return the signature and the story in a stored value."""
    type_, body = value[ID_BYTES - REF_BYTES :][:1], value[ID_BYTES - REF_BYTES + 1 :]
    if type_ == FIRST:
        return body, StoryAssignment(id_)
    story, duplicate_of = body[:ID_BYTES].hex(), body[ID_BYTES : 2 * ID_BYTES].hex()
    percent, flags = body[2 * ID_BYTES :][:2]
    kind = "title" if flags & BY_TITLE else "text"
    assignment = StoryAssignment(
        story, duplicate_of, percent / 100, bool(flags & SAME_PUBLISHER), kind=kind, retitled=bool(flags & RETITLED)
    )
    return body[2 * ID_BYTES + 2 :], assignment


def _indexed_article(raw: bytes) -> IndexedArticle:
    """Return the article in *raw*: ref and stored value."""
    id_ = raw[:ID_BYTES].hex()
    signature, assignment = _decode(id_, raw[REF_BYTES:])
    return IndexedArticle(id_, assignment.story, signature if len(signature) == LAYOUT.itemsize else b"")


def _time_s(signature: bytes) -> int:
    return int.from_bytes(signature[TIME_OFFSET : TIME_OFFSET + 4], "little")


assert KEY_BYTES == REF_BYTES  # lua/claim.lua relies on it
