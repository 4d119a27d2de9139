"""Signatures: what is kept of a text to tell its copies, and how likely two texts are copies by theirs. Pure.

    title, text ──▶ words ──▶ signature, 272 bytes          two signatures ──▶ likeness ──▶ rules, trees ──▶ probability
                          └──▶ index keys: texts that share one are compared

Rules decide near-identical texts and articles of one feed (`ruled`); trees decide the rest.

A sketch is a one-permutation min-hash (Li, Owen, Zhang 2012) of a text's runs of three words, with a byte a bin (b-bit
min-hash; Li, König 2010): the share of equal bins estimates the share of common runs.
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
MIN_SHARED = 0.3  # of the shorter text: who shares less copies nobody, whatever else is alike
MIN_WORDS = 15  # of title and text: less is nobody's own
NEAR_IDENTICAL = 0.9  # of the longer text in the shorter, and so the other way round, in runs
CERTAIN, UNTITLED_COPY = 1.0, 0.99  # probabilities of near-identical texts under similar titles, and under others
UNTITLED_WORDS = 15  # of each text: shorter ones under different titles are phrases that many outlets use
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
    # Digests, 0 in records that older versions wrote: of the feed, of the title's numbers, of the text's numbers.
    ("feed", "<u4"), ("title_figures", "<u4"), ("text_figures", "<u4"),
])  # fmt: skip


class TextSignature(NamedTuple):
    """A text's signature and index keys; both empty for a text too short to be anybody's own."""

    signature: bytes
    keys: tuple[bytes, ...]


def signature_of(title: str, text: str, publisher: str, time_s: float, feed: str = "") -> TextSignature:
    """Return the signature of a text that *publisher* showed in *feed* at *time_s* (Unix seconds); "": feed unknown."""
    text = normalise_text(text)
    titles, body = tokenise(title), split_words(text)
    if len(titles) + len(body) < MIN_WORDS:
        return TextSignature(b"", ())
    heading, hashes = read_title(title, publisher), _hashed(body)
    runs, lead = np.unique(_shingles(hashes, SHINGLE_WORDS)), np.unique(_shingles(hashes[:LEAD_WORDS], SHINGLE_WORDS))
    out = np.zeros((), LAYOUT)
    out["runs"], out["words"], out["lead_runs"] = min(len(runs), 65535), min(len(body), 65535), len(lead)
    out["publisher"], out["time_s"] = zlib.crc32(publisher.casefold().encode("utf-8", "replace")), max(0, int(time_s))
    out["feed"] = _digest([feed.encode("utf-8", "replace")]) if feed else 0
    out["body"], out["lead"] = _sketch(runs, BODY_BINS), _sketch(lead, LEAD_BINS)
    out["title"], out["titles"] = _sample(_hashed(sorted(heading.words)), TITLE_WORDS)
    numbers = [n for n, word in enumerate(body) if _is_number(word)]
    out["number"], out["numbers"] = _sample(hashes[numbers[:40]], NUMBERS)
    out["title_figures"] = _digest(sorted(heading.numbers))
    out["text_figures"] = _digest(sorted(body[n] for n in numbers))
    out["name"], out["names"] = _sample(_hashed(_names(text)), NAMES)
    return TextSignature(out.tobytes(), _keys(titles, hashes))


def pad_record(signature: bytes) -> bytes:
    """Return a signature that another version wrote in this one's layout: fields are only ever appended."""
    return signature[: LAYOUT.itemsize].ljust(LAYOUT.itemsize, b"\0")


def _digest(words: list[bytes]) -> int:
    return zlib.crc32(b" ".join(words), 1)  # 0 is kept for "unknown"


def _names(text: str) -> list[bytes]:
    """Return the words with a capital inside a sentence: in a form that is filled in anew, they differ."""
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
    """Return the hash of each run of so many words; of all of them, where there are fewer."""
    if len(hashes) < length:
        return _mixed((hashes * _ODD[: len(hashes)]).sum(keepdims=True, dtype=np.uint64)) if len(hashes) else hashes
    last = len(hashes) - length + 1
    out = hashes[:last] * _ODD[0]
    for n in range(1, length):
        out += hashes[n : n + last] * _ODD[n]
    return _mixed(out)


def _sketch(hashes: Hashes, bins: int) -> npt.NDArray[np.uint8]:
    """Return for each bin a byte of its least hash; *hashes* are sorted. 0: nothing fell into it."""
    out = np.zeros(bins, np.uint8)
    if len(hashes):
        at = ((hashes >> np.uint64(40)) * np.uint64(bins) >> np.uint64(24)).astype(np.intp)
        first = np.concatenate(([True], at[1:] != at[:-1]))
        out[at[first]] = np.maximum(hashes[first] & np.uint64(0xFF), np.uint64(1))
    return out


def _sample(hashes: Hashes, most: int) -> tuple[npt.NDArray[np.uint16], int]:
    kept = np.unique((hashes >> np.uint64(48)).astype(np.uint16) | np.uint16(1))[:most]
    out = np.zeros(most, np.uint16)
    out[: len(kept)] = kept
    return out, len(kept)


def _keys(titles: list[bytes], hashes: Hashes) -> tuple[bytes, ...]:
    """Return what texts are looked up by: the least runs of the body and of its beginning, and the whole title."""
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
    """Return what *one* signature has in common with each of *others*: a row each, of `COLUMNS`."""
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
    """Return the estimated share of common runs (Jaccard), less what bytes that are equal by chance add."""
    used = ((others > 0) | (one > 0)).sum(axis=1)
    equal = ((others == one) & (one > 0)).sum(axis=1)
    return np.maximum(0, equal / np.maximum(1, used) - 1 / 256) / (1 - 1 / 256)


def _common(one: Any, others: Any) -> Any:
    return ((others[:, :, None] == one) & (one > 0)).any(axis=2).sum(axis=1).astype(np.float32)


def apply_copy_rules(one: bytes, others: list[bytes], rows: Matrix) -> Matrix:
    """Return for each row of `likeness` the probability that a rule sets; NaN where the trees decide.

    Near-identical texts with equal numbers are copies if their titles are similar, or if their publishers differ.
    Articles of one feed with different titles are no copies. A text that one feed shows under different titles
    describes the feed: only articles with similar titles are copies of it.
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
    """The trees as they lie in the file, and from which probability on two texts are copies."""

    trees: StoredTrees
    copy_at: float


class Similarity(NamedTuple):
    """How likely two texts are copies; the share of runs in common, of all and of the shorter's; whose they are.

    `ruled`: a rule says that they are copies.
    """

    probability: float
    jaccard: float
    containment: float
    same_publisher: bool
    ruled: bool = False


class DuplicateModel(NamedTuple):
    """What tells copies. `copy_at`: from this probability on."""

    trees: Trees
    threshold: float

    def compare(self, one: bytes, others: list[bytes]) -> list[Similarity]:
        """Return for each of *others* how likely it is that *one* is a copy of it, and what they share."""
        rows = pair_features(one, others)
        rules, grown = apply_copy_rules(one, others, rows), self.probabilities(rows)
        copies = rules > self.threshold
        agreed = np.isnan(rules) | (copies & (grown > self.threshold))  # the trees' order of copies counts
        found = zip(np.where(agreed, grown, rules).tolist(), rows.tolist(), copies.tolist(), strict=True)
        return [Similarity(p, row[0], row[1], bool(row[-1]), is_ruled) for p, row, is_ruled in found]

    def probabilities(self, rows: Matrix) -> Matrix:
        """Return for each row of `likeness` how likely it is that of a copy."""
        out: Matrix = np.where(rows[:, 1] < MIN_SHARED, np.float32(0), self.trees.probabilities(rows))
        return out


def load(data: bytes) -> DuplicateModel:
    """Return what is in *data*. Raises ValueError when it wants columns that this code doesn't give."""
    stored = msgspec.msgpack.decode(data, type=StoredModel)
    return DuplicateModel(load_trees(stored.trees, COLUMNS), stored.copy_at)


@lru_cache
def load_default() -> DuplicateModel:
    """Return the judge that came with this copydesk."""
    return load(FILE.read_bytes())
