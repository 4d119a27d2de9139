"""Signatures of texts, and the probability that two signatures belong to near-duplicates. Pure.

    title, text ──▶ words ──▶ signature, 272 bytes        two signatures ──▶ features ──▶ rules, trees ──▶ probability
                          └──▶ index keys: texts that share one are compared

Rules decide near-identical texts and articles of one feed (`ruled`); trees decide the rest.

A sketch is a one-permutation min-hash (Li, Owen, Zhang 2012) of a text's shingles of three words, with one byte per bin
(b-bit min-hash; Li, König 2010). The share of equal bins estimates the share of common shingles (Jaccard).
"""

import re
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from workers.clean.model.oblivious_trees import Matrix, StoredTrees, Trees, load_trees
from workers.dedupe.near_duplicates.titles import SIMILAR, read_title
from workers.dedupe.near_duplicates.words import normalise_text, split_words, tokenise

FILE = Path(__file__).with_name("model.msgpack")
Hashes = npt.NDArray[np.uint64]

BODY_BINS, LEAD_BINS, TITLE_WORDS, NUMBERS, NAMES = 128, 48, 12, 10, 12
LEAD_WORDS = 60
SHINGLE_WORDS = 3
KEY_BYTES = 5
BODY_KEYS, LEAD_KEYS = 8, 4
BODY_KEY_RUN, LEAD_KEY_RUN, LEAD_KEY_WORDS, TITLE_KEY_WORDS = 6, 4, 45, 4
MIN_SHARED = 0.3  # containment below which texts are never duplicates
MIN_WORDS = 15  # of title and text; shorter texts have no signature
NEAR_IDENTICAL = 0.9  # share of the longer text's shingles that are in the shorter text
CERTAIN, UNTITLED_COPY = 1.0, 0.99  # probabilities of near-identical texts with similar and with different titles
UNTITLED_WORDS = 15  # shorter texts with different titles are phrases that many outlets use
COLUMNS = (
    "shared", "of_shorter", "of_longer", "lead_shared", "lead_of_shorter", "title_shared", "title_of_shorter",
    "numbers_of_fewer", "numbers_smoothed", "numbers_shared", "names_of_fewer", "names_smoothed",
    "shorter_words", "longer_words", "same_publisher",
)  # fmt: skip

_SPACES = re.compile(r"[^\S\n]+")
_INSIDE = re.compile(r"(?<=[^\W\d_] )[^\W\d_]{2,}|(?<=, )[^\W\d_]{2,}")
_DIGIT = re.compile(r"\d")
_MIX_1, _MIX_2, _SHIFT = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53), np.uint64(33)
_ODD = np.array([0x9E3779B97F4A7C15 * (2 * n + 1) & 0xFFFFFFFFFFFFFFFF for n in range(8)], np.uint64)

LAYOUT = np.dtype([
    ("runs", "<u2"), ("words", "<u2"), ("lead_runs", "u1"), ("titles", "u1"), ("numbers", "u1"), ("names", "u1"),
    ("publisher", "<u4"), ("time_s", "<u4"), ("body", "u1", (BODY_BINS,)), ("lead", "u1", (LEAD_BINS,)),
    ("title", "<u2", (TITLE_WORDS,)), ("number", "<u2", (NUMBERS,)), ("name", "<u2", (NAMES,)),
    # Digests of the feed, of the title's numbers and of the text's numbers; 0 in signatures of older versions.
    ("feed", "<u4"), ("title_figures", "<u4"), ("text_figures", "<u4"),
])  # fmt: skip


class TextSignature(NamedTuple):
    """The signature and index keys of a text; both are empty for a text of fewer than MIN_WORDS words."""

    signature: bytes
    keys: tuple[bytes, ...]


def signature_of(title: str, text: str, publisher: str, time_s: float, feed: str = "") -> TextSignature:
    """Return the signature of a text of *publisher* in *feed* ("": unknown) at *time_s* (Unix seconds)."""
    text = normalise_text(text)
    titles, body = tokenise(title), split_words(text)
    if len(titles) + len(body) < MIN_WORDS:
        return TextSignature(b"", ())
    heading, hashes = read_title(title, publisher), _hashed(body)
    body_shingles = np.unique(_shingles(hashes, SHINGLE_WORDS))
    lead = np.unique(_shingles(hashes[:LEAD_WORDS], SHINGLE_WORDS))
    out = np.zeros((), LAYOUT)
    out["runs"], out["words"], out["lead_runs"] = min(len(body_shingles), 65535), min(len(body), 65535), len(lead)
    out["publisher"], out["time_s"] = zlib.crc32(publisher.casefold().encode("utf-8", "replace")), max(0, int(time_s))
    out["feed"] = _digest([feed.encode("utf-8", "replace")]) if feed else 0
    out["body"], out["lead"] = _sketch(body_shingles, BODY_BINS), _sketch(lead, LEAD_BINS)
    out["title"], out["titles"] = _sample(_hashed(sorted(heading.words)), TITLE_WORDS)
    numbers = [n for n, word in enumerate(body) if _is_number(word)]
    out["number"], out["numbers"] = _sample(hashes[numbers[:40]], NUMBERS)
    out["title_figures"] = _digest(sorted(heading.numbers))
    out["text_figures"] = _digest(sorted(body[n] for n in numbers))
    out["name"], out["names"] = _sample(_hashed(_names(text)), NAMES)
    return TextSignature(out.tobytes(), _keys(titles, hashes))


def pad_record(signature: bytes) -> bytes:
    """Return a signature of another version in this version's layout: versions only append fields."""
    return signature[: LAYOUT.itemsize].ljust(LAYOUT.itemsize, b"\0")


def _digest(words: list[bytes]) -> int:
    return zlib.crc32(b" ".join(words), 1)  # 0 is reserved for "unknown"


def _names(text: str) -> list[bytes]:
    """Return capitalised words within sentences; they differ between filled-in copies of one template."""
    return [
        word.encode("utf-8", "replace")
        for word in _INSIDE.findall(_SPACES.sub(" ", text[:20_000]))
        if word[0].isupper()
    ]


def _is_number(word: bytes) -> bool:
    return not word.isalpha() and _DIGIT.search(word.decode("utf-8", "replace")) is not None


def _hashed(words: list[bytes]) -> Hashes:
    return _mixed(np.fromiter(map(zlib.crc32, words), np.uint64, len(words)))


def _mixed(hashes: Hashes) -> Hashes:
    """Return *hashes* with every bit depending on every other (MurmurHash3's finaliser; Appleby, public domain)."""
    hashes = (hashes ^ (hashes >> _SHIFT)) * _MIX_1
    hashes = (hashes ^ (hashes >> _SHIFT)) * _MIX_2
    return hashes ^ (hashes >> _SHIFT)


def _shingles(hashes: Hashes, length: int) -> Hashes:
    """Return the hash of each shingle of *length* words; of the whole text if it is shorter."""
    if len(hashes) < length:
        return _mixed((hashes * _ODD[: len(hashes)]).sum(keepdims=True, dtype=np.uint64)) if len(hashes) else hashes
    last = len(hashes) - length + 1
    out = hashes[:last] * _ODD[0]
    for n in range(1, length):
        out += hashes[n : n + last] * _ODD[n]
    return _mixed(out)


def _sketch(hashes: Hashes, bins: int) -> npt.NDArray[np.uint8]:
    """Return one byte of the least hash in each bin, 0 for an empty bin. *hashes* are sorted."""
    out = np.zeros(bins, np.uint8)
    if len(hashes):
        bin_of = ((hashes >> np.uint64(40)) * np.uint64(bins) >> np.uint64(24)).astype(np.intp)
        first = np.concatenate(([True], bin_of[1:] != bin_of[:-1]))
        out[bin_of[first]] = np.maximum(hashes[first] & np.uint64(0xFF), np.uint64(1))
    return out


def _sample(hashes: Hashes, most: int) -> tuple[npt.NDArray[np.uint16], int]:
    sample = np.unique((hashes >> np.uint64(48)).astype(np.uint16) | np.uint16(1))[:most]
    out = np.zeros(most, np.uint16)
    out[: len(sample)] = sample
    return out, len(sample)


def _keys(titles: list[bytes], hashes: Hashes) -> tuple[bytes, ...]:
    """Return the index keys: the least shingles of the body and of its lead, and the whole title."""
    body = np.unique(_shingles(hashes, BODY_KEY_RUN))[:BODY_KEYS]
    lead = np.unique(_shingles(hashes[:LEAD_KEY_WORDS], LEAD_KEY_RUN) ^ _ODD[1])[:LEAD_KEYS]
    keys = [int(n).to_bytes(8, "big")[:KEY_BYTES] for n in (*body, *lead)]
    if len(titles) >= TITLE_KEY_WORDS:
        keys.append(
            int(_mixed(np.array([zlib.crc32(b" ".join(titles))], np.uint64) ^ _ODD[2])[0]).to_bytes(8, "big")[
                :KEY_BYTES
            ]
        )
    return tuple(dict.fromkeys(keys))


def pair_features(one: bytes, others: list[bytes]) -> Matrix:
    """Return one row of `COLUMNS` for each of *others*, compared with the signature *one*."""
    a, b = np.frombuffer(one, LAYOUT)[0], np.frombuffer(b"".join(others), LAYOUT)
    runs, words = b["runs"].astype(np.float32), b["words"].astype(np.float32)
    shared = _shared(a["body"], b["body"])
    common = shared * (runs + float(a["runs"])) / (1 + shared)
    fewer, more = np.maximum(1, np.minimum(runs, a["runs"])), np.maximum(1, np.maximum(runs, a["runs"]))
    lead, lead_runs = _shared(a["lead"], b["lead"]), b["lead_runs"].astype(np.float32)
    lead_common = lead * (lead_runs + float(a["lead_runs"])) / (1 + lead)
    title, number, name = (_common(a[kind], b[kind]) for kind in ("title", "number", "name"))
    title_fewer, number_fewer, name_fewer = (np.minimum(b[kind], a[kind]) for kind in ("titles", "numbers", "names"))
    rows = (
        shared, np.minimum(1, common / fewer), np.minimum(1, common / more),
        lead, np.minimum(1, lead_common / np.maximum(1, np.minimum(lead_runs, a["lead_runs"]))),
        title / np.maximum(1, b["titles"] + float(a["titles"]) - title), title / np.maximum(1, title_fewer),
        number / np.maximum(1, number_fewer), (number + 1) / (number_fewer + 2.0),
        number / np.maximum(1, b["numbers"] + float(a["numbers"]) - number),
        name / np.maximum(1, name_fewer), (name + 1) / (name_fewer + 2.0),
        np.minimum(words, a["words"]), np.maximum(words, a["words"]), b["publisher"] == a["publisher"],
    )  # fmt: skip
    return np.stack(rows, axis=1).astype(np.float32)


def _shared(one: Any, others: Any) -> Any:
    """Return the estimated Jaccard similarity, corrected for bytes that are equal by chance (1/256)."""
    used = ((others > 0) | (one > 0)).sum(axis=1)
    equal = ((others == one) & (one > 0)).sum(axis=1)
    return np.maximum(0, equal / np.maximum(1, used) - 1 / 256) / (1 - 1 / 256)


def _common(one: Any, others: Any) -> Any:
    return ((others[:, :, None] == one) & (one > 0)).any(axis=2).sum(axis=1).astype(np.float32)


def apply_copy_rules(one: bytes, others: list[bytes], rows: Matrix) -> Matrix:
    """Return for each row of `pair_features` the probability that a rule sets; NaN if the trees decide.

    Near-identical texts with equal numbers are duplicates if their titles are similar, or if their publishers differ.
    Articles of one feed with different titles are not duplicates. A text with different titles in one feed describes
    the feed: only articles with similar titles are duplicates of it.
    """
    a, b = np.frombuffer(one, LAYOUT)[0], np.frombuffer(b"".join(others), LAYOUT)
    column = dict(zip(COLUMNS, rows.T, strict=True))
    similar = (b["title_figures"] == a["title_figures"]) & (column["title_shared"] >= SIMILAR)
    similar |= (b["titles"] == 0) & (a["titles"] == 0)
    near = (column["of_longer"] >= NEAR_IDENTICAL) & (b["text_figures"] == a["text_figures"])
    elsewhere = (b["publisher"] != a["publisher"]) & (column["shorter_words"] >= UNTITLED_WORDS)
    feeds = [a["feed"], *b["feed"][near & ~similar & (b["feed"] > 0)]]
    out = np.full(len(others), np.nan, np.float32)
    out[near & elsewhere] = UNTITLED_COPY
    out[near & similar] = CERTAIN
    out[(b["feed"] == a["feed"]) & (a["feed"] > 0) & ~similar] = 0
    if len(set(feeds)) < len(feeds):
        out[near & ~similar] = 0
    return out


class StoredModel(msgspec.Struct, frozen=True):
    """The model file: the trees, and the least probability of a duplicate."""

    trees: StoredTrees
    copy_at: float


class Similarity(NamedTuple):
    """Probability that two texts are duplicates, and the estimated shares of their shingles.

    `jaccard`: of all shingles. `containment`: of the shorter text's shingles. `ruled`: a rule decided for a duplicate.
    """

    probability: float
    jaccard: float
    containment: float
    same_publisher: bool
    ruled: bool = False


class DuplicateModel(NamedTuple):
    """The duplicate model. `threshold`: texts above this probability are duplicates."""

    trees: Trees
    threshold: float

    def compare(self, one: bytes, others: list[bytes]) -> list[Similarity]:
        """Return the similarity of the signature *one* to each of *others*."""
        rows = pair_features(one, others)
        by_rules, by_trees = apply_copy_rules(one, others, rows), self.probabilities(rows)
        ruled = by_rules > self.threshold
        # Where rule and trees agree on a duplicate, the trees' probability ranks it among other duplicates.
        use_trees = np.isnan(by_rules) | (ruled & (by_trees > self.threshold))
        probabilities = np.where(use_trees, by_trees, by_rules).tolist()
        pairs = zip(probabilities, rows.tolist(), ruled.tolist(), strict=True)
        return [Similarity(p, row[0], row[1], bool(row[-1]), is_ruled) for p, row, is_ruled in pairs]

    def probabilities(self, rows: Matrix) -> Matrix:
        """Return the trees' probability for each row of `pair_features`."""
        out: Matrix = np.where(rows[:, 1] < MIN_SHARED, np.float32(0), self.trees.probabilities(rows))
        return out


def load(data: bytes) -> DuplicateModel:
    """Return the model in *data*.

    Raises:
        ValueError: the model needs columns that are not in `COLUMNS`.
    """
    stored = msgspec.msgpack.decode(data, type=StoredModel)
    return DuplicateModel(load_trees(stored.trees, COLUMNS), stored.copy_at)


@lru_cache
def load_default() -> DuplicateModel:
    """Return the model in this package."""
    return load(FILE.read_bytes())
