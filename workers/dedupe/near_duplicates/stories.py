"""Stories of a batch of articles, decided from what the index knows. Pure.

    known articles, lists of index keys ──▶ candidates of each article ──▶ similarities ──▶ story of each article

Articles of the batch are candidates for later ones, so the stories are decided in order, in rounds. One call compares
all groups of candidates that are new in a round. The last round has none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from workers.dedupe.near_duplicates.model import Similarity, load_default
from workers.dedupe.near_duplicates.signature import LAYOUT, TextSignature

BUCKET = 16  # refs per index key; a key that more texts share does not distinguish them
MAX_CANDIDATES = 16
ID_BYTES, REF_BYTES = 10, 5
# Mean probability of the NEAREST articles of a story below which a text does not join. Single links would chain
# different stories together. Below a half, because rules separate articles of one source. A text that is certainly a
# copy of one article joins. Decision 137.
MIN_MEAN, NEAREST, CERTAIN = 0.4, 3, 0.9
NEAR_IDENTICAL = 0.9  # share of the text in common (Jaccard) from which a duplicate adds no keys to the index
FIRST, DUPLICATE = b"f", b"c"
SAME_PUBLISHER, BY_TITLE, RETITLED = 1, 2, 4  # flags of a duplicate
assert LAYOUT.fields is not None
TIME_OFFSET = LAYOUT.fields["time_s"][1]  # in a signature

Group = tuple[bytes, ...]  # ref of an article, then refs of its candidates
Missing = dict[Group, tuple[bytes, list[bytes]]]  # signatures of the article and of its candidates


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
    time_s: int = 0


class NewArticle(NamedTuple):
    """An article of the batch. `ref`: beginning of its id, which the index uses."""

    id: str
    ref: bytes
    text_signature: TextSignature


@dataclass
class Snapshot:
    """The index as a batch sees it.

    `lists`: refs of each index key, concatenated, by segment, the newest first. `texts`: stored values by ref.
    """

    lists: list[dict[bytes, bytes]]
    texts: dict[bytes, bytes] = field(default_factory=dict)
    _cached: dict[bytes, tuple[list[bytes], list[bytes]]] = field(default_factory=dict)

    def candidates(self, article: NewArticle, added: Mapping[bytes, bytes]) -> list[bytes]:
        """Return the refs of the articles that share most index keys. *added*: newest lists that the batch extended."""
        newest, *older = self.lists
        lists: list[bytes] = []
        for key in article.text_signature.keys:
            for list_ in (added.get(key) or newest.get(key), *[segment.get(key) for segment in older]):
                if list_:
                    lists.append(list_)
        cached = self._cached.get(article.ref)
        if cached is None or cached[0] != lists:  # rounds repeat most lists
            cached = self._cached[article.ref] = lists, _nearest(lists)
        return cached[1]


def _nearest(lists: Sequence[bytes]) -> list[bytes]:
    """Return the refs that occur most in *lists*. A list of few refs weighs more."""
    weights: dict[bytes, float] = {}
    for list_ in lists:
        size = len(list_)
        weight = REF_BYTES / size
        for ref in [list_[at : at + REF_BYTES] for at in range(0, size, REF_BYTES)]:
            weights[ref] = weights.get(ref, 0.0) + weight
    ordered = sorted([(-weight, ref) for ref, weight in weights.items()])[:MAX_CANDIDATES]
    return [ref for _, ref in ordered]


class Claim(NamedTuple):
    """A value to store under `ref`."""

    ref: bytes
    value: bytes


class Decided(NamedTuple):
    """Stories of a batch, the claims of articles that the index lacks, and the new lists of index keys."""

    assignments: list[StoryAssignment]
    claims: Sequence[Claim]
    lists: Mapping[bytes, bytes]


class _Round(NamedTuple):
    """Stories of a batch by the similarities so far. `new`: by ref, the articles that the index lacks."""

    assignments: list[StoryAssignment]
    new: Mapping[bytes, tuple[NewArticle, StoryAssignment]]
    lists: Mapping[bytes, bytes]

    def claimed(self) -> Decided:
        """Return the stories with the claims of the new articles."""
        claims = [
            Claim(ref, encode(article.id, assignment, article.text_signature.signature))
            for ref, (article, assignment) in self.new.items()
        ]
        return Decided(self.assignments, claims, self.lists)


@dataclass
class BatchDecisions:
    """Stories of the articles of a batch."""

    snapshot: Snapshot
    window_s: float
    similarities: dict[Group, Sequence[Similarity]] = field(default_factory=dict)
    indexed: dict[bytes, IndexedArticle] = field(init=False)

    def __post_init__(self) -> None:
        self.indexed = {ref: indexed_article(ref, value) for ref, value in self.snapshot.texts.items()}

    def decide(self, articles: Sequence[NewArticle]) -> Decided:
        """Return the story of each article, and the claims of those that the index lacks."""
        while True:
            missing: Missing = {}
            decided = self._round(articles, missing)
            if not missing:
                return decided.claimed()
            compared = load_default().compare_all(list(missing.values()))
            self.similarities.update(zip(missing, compared, strict=True))

    def _round(self, articles: Sequence[NewArticle], missing: Missing) -> "_Round":
        """Decide with the similarities so far; add the groups without any to *missing*."""
        known, texts, added = self.snapshot.texts, dict(self.indexed), dict[bytes, bytes]()
        assignments, new = [], dict[bytes, tuple[NewArticle, StoryAssignment]]()
        for article in articles:
            if article.ref in known:
                assignments.append(decode(article.id, known[article.ref])[1])
            elif article.ref in new:
                assignments.append(new[article.ref][1]._replace(near_identical=False))
            else:
                assignment = self._assign(article, texts, added, missing)
                signature = b"" if assignment.near_identical else article.text_signature.signature
                if signature:
                    self._add_keys(article, added)
                texts[article.ref] = IndexedArticle(article.id, assignment.story, signature, _time_s(signature))
                new[article.ref] = article, assignment
                assignments.append(assignment)
        return _Round(assignments, new, added)

    def _assign(
        self,
        article: NewArticle,
        texts: Mapping[bytes, IndexedArticle],
        added: Mapping[bytes, bytes],
        missing: Missing,
    ) -> StoryAssignment:
        signature, refs = article.text_signature.signature, self.snapshot.candidates(article, added)
        if not refs:
            return StoryAssignment(article.id)
        time_s = _time_s(signature)
        near = [
            (ref, other)
            for ref in refs
            if (other := texts.get(ref)) and other.signature and abs(other.time_s - time_s) <= self.window_s
        ]
        if not near:
            return StoryAssignment(article.id)
        group = (article.ref, *(ref for ref, _ in near))
        similarities = self.similarities.get(group)
        if similarities is None:
            missing[group] = signature, [other.signature for _, other in near]
            return StoryAssignment(article.id)
        others = [other for _, other in near]
        return nearest_story(article.id, list(zip(similarities, others, strict=True)), load_default().threshold)

    def _add_keys(self, article: NewArticle, added: dict[bytes, bytes]) -> None:
        newest, ref = self.snapshot.lists[0], article.ref
        for key in article.text_signature.keys:
            list_ = added.get(key) or newest.get(key, b"")
            if len(list_) < REF_BYTES * BUCKET:
                added[key] = list_ + ref


def nearest_story(id_: str, near: Sequence[tuple[Similarity, IndexedArticle]], threshold: float) -> StoryAssignment:
    """Return the story among those of *near* that the article belongs to, else its own."""
    stories: dict[str, list[tuple[Similarity, IndexedArticle]]] = {}
    for similarity, other in near:
        stories.setdefault(other.story, []).append((similarity, other))
    weights = {
        story: story_weight([similarity.probability for similarity, _ in members])
        for story, members in stories.items()
        if any(similarity.ruled for similarity, _ in members)
        or joins([similarity.probability for similarity, _ in members], threshold)
    }
    if not weights:
        return StoryAssignment(id_)
    best = max(weights, key=lambda story: (weights[story], story))
    similarity, duplicate_of = max(stories[best], key=lambda m: (m[0].ruled, m[0].probability, m[0].jaccard, m[1].id))
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


def joins(probabilities: Sequence[float], threshold: float) -> bool:
    """Return whether a text joins a story, by the probabilities that it duplicates each of the story's articles."""
    nearest = sorted(probabilities, reverse=True)[:NEAREST]
    return nearest[0] > threshold and (nearest[0] > CERTAIN or sum(nearest) / len(nearest) > MIN_MEAN)


def story_weight(probabilities: Sequence[float]) -> float:
    """Return the weight of a story among those that a text may join: the sum for its nearest articles.

    A text that duplicates articles of two stories joins the one with more of them.
    """
    return sum(sorted(probabilities, reverse=True)[:NEAREST])


def encode(id_: str, assignment: StoryAssignment, signature: bytes) -> bytes:
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


def decode(id_: str, value: bytes) -> tuple[bytes, StoryAssignment]:
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


def indexed_article(ref: bytes, value: bytes) -> IndexedArticle:
    """Return the article of a stored value."""
    id_ = (ref + value[: ID_BYTES - REF_BYTES]).hex()
    signature, assignment = decode(id_, value)
    signature = signature if len(signature) == LAYOUT.itemsize else b""
    return IndexedArticle(id_, assignment.story, signature, _time_s(signature))


def _time_s(signature: bytes) -> int:
    return int.from_bytes(signature[TIME_OFFSET : TIME_OFFSET + 4], "little")
