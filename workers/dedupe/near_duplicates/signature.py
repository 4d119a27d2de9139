"""Signatures of texts, and index keys: texts that share one are compared. Pure.

    title, text ──▶ words ──▶ signature, about 200 bytes
                          └──▶ index keys

A sketch is a one-permutation min-hash (Li, Owen, Zhang 2012) of a text's shingles of three words, with four bits per
bin (b-bit min-hash; Li, König 2010). The share of equal bins estimates the share of common shingles (Jaccard).
Signatures are computed for a batch of texts, because a call of numpy costs as much as a hundred words.
"""

import zlib
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from workers.dedupe.near_duplicates.titles import Title, read_title
from workers.dedupe.near_duplicates.word_arrays import (
    ADDRESS_PART,
    NAME,
    NUMBER,
    PLAIN,
    Hashes,
    Places,
    TextWords,
    hash_words,
    mixed,
    read_words,
)
from workers.dedupe.near_duplicates.words import MIN_OTHER_BYTES

BODY_BINS, LONG_BINS, LEAD_BINS, PLAIN_BINS = 96, 64, 32, 32
BIN_VALUES = 15  # of four bits; 0 is an empty bin
TITLE_WORDS, NUMBERS, NAMES = 12, 8, 10
LEAD_WORDS = 60
SHINGLE_WORDS = 3
LONG_SHINGLE_WORDS = 10  # a filled-in form has no common run of this length, an edited copy has many
ABOUT_BYTES = 5  # "with" and "from" are in every text
MAX_TIME_S = 2**32 - 1
NO_LIMIT = 2**62
MAX_COUNT = DIGEST_MASK = 0xFFFF
KEY_BYTES = 5
BODY_KEYS, LEAD_KEYS = 4, 5
BODY_KEY_RUN, LEAD_KEY_RUN, LEAD_KEY_WORDS, TITLE_KEY_WORDS = 6, 4, 45, 4
RUNS = (SHINGLE_WORDS, LEAD_KEY_RUN, BODY_KEY_RUN, LONG_SHINGLE_WORDS)
MIN_WORDS = 15  # of title and text; shorter texts are compared by title only
MIN_TITLE_WORDS = 7  # shorter titles are phrases that many articles have
COMPARED_NUMBERS = 40

# Marks: an agency says that this is an update; the text has a web address; the source repeats sentences of the text;
# the title names a part ("part two").
UPDATE, ADDRESS, REPEATS, PART = 1, 2, 4, 8

NO_STEM = 2**64 - 1  # belongs to no row
_TOP, _FOUR_BITS = np.uint64(48), np.uint64(16)
_ODD = np.array([0x9E3779B97F4A7C15 * (2 * n + 1) & 0xFFFFFFFFFFFFFFFF for n in range(10)], np.uint64)

LAYOUT = np.dtype([
    ("runs", "<u2"), ("long_runs", "<u2"), ("plain_runs", "<u2"), ("words", "<u2"),
    ("lead_runs", "u1"), ("publisher", "<u2"), ("time_s", "<u4"),
    ("body", "u1", (BODY_BINS // 2,)), ("long", "u1", (LONG_BINS // 2,)), ("lead", "u1", (LEAD_BINS // 2,)),
    ("plain", "u1", (PLAIN_BINS // 2,)),
    ("title", "<u2", (TITLE_WORDS,)), ("number", "<u2", (NUMBERS,)), ("name", "<u2", (NAMES,)),
    # Digests of the feed (0: unknown), of the title's numbers and of the text's numbers.
    ("feed", "<u2"), ("title_figures", "<u2"), ("text_figures", "<u2"),
    # Time of publication (0: unknown); digests of the title, and of the title without an outlet's name (0: equal).
    ("published_s", "<u4"), ("whole_title", "<u4"), ("base_title", "<u4"),
    # Words of the title; marks; bits of the words in `title`: long words, and those of them that the text has.
    ("title_words", "u1"), ("marks", "u1"), ("long_words", "<u2"), ("in_text", "<u2"),
])  # fmt: skip


class SignatureInput(NamedTuple):
    """The input of a signature: a text of *publisher* in *feed* ("": unknown).

    Times are in Unix seconds; `published_s` is 0 if unknown.
    `repeats`: sentences that the source repeats were left out.
    """

    title: str
    text: str
    publisher: str
    time_s: float
    feed: str = ""
    published_s: float = 0.0
    repeats: bool = False


class TextSignature(NamedTuple):
    """The signature and index keys of a text; both are empty for a text that is too short to compare."""

    signature: bytes
    keys: tuple[bytes, ...]


class _Words(NamedTuple):
    """The words of a title and of a text. `marks`: a sum of UPDATE, ADDRESS, REPEATS and PART."""

    text: SignatureInput
    title: Title
    body: TextWords
    marks: int


NOTHING = TextSignature(b"", ())
_OTHER_KINDS = bytes(kind for kind in range(256) if not kind & ADDRESS_PART)


def signature_of(
    title: str, text: str, publisher: str, time_s: float, feed: str = "", published_s: float = 0.0,
    *, repeats: bool = False,
) -> TextSignature:  # fmt: skip
    """Return the signature of one text; see `SignatureInput`."""
    return signatures_of([SignatureInput(title, text, publisher, time_s, feed, published_s, repeats)])[0]


def signatures_of(texts: Sequence[SignatureInput]) -> list[TextSignature]:
    """Return the signature of each text."""
    return signatures_of_words(texts, read_words([text.text for text in texts]))


def signatures_of_words(texts: Sequence[SignatureInput], bodies: Sequence[TextWords]) -> list[TextSignature]:
    """Return the signature of each text, whose words are *bodies*."""
    read = [_read(text, body) for text, body in zip(texts, bodies, strict=True)]
    table = [words for words in read if words is not None]
    signatures = iter(_signatures(table) if table else ())
    return [NOTHING if words is None else next(signatures) for words in read]


def _read(text: SignatureInput, body: TextWords) -> _Words | None:
    """Return the words of a text; None if it is too short."""
    title = read_title(text.title, text.publisher)
    if title.length + len(body.hashes) < MIN_WORDS and title.length < MIN_TITLE_WORDS:
        return None
    has_address = bool(body.kinds.tobytes().translate(None, _OTHER_KINDS))
    marks = title.is_update * UPDATE | has_address * ADDRESS | text.repeats * REPEATS | title.is_part * PART
    return _Words(text, title, body, marks)


def _signatures(table: Sequence[_Words]) -> list[TextSignature]:
    """Return the signatures and keys of texts."""
    out = np.zeros(len(table), LAYOUT)
    body = _rows([words.body.hashes for words in table])
    plain = _rows([words.body.hashes[(words.body.kinds & PLAIN) > 0] for words in table], (SHINGLE_WORDS,))
    _write_sketches(out, body, plain)
    columns = _word_columns(table) | _title_columns(table) | _source_columns(table)
    for name, column in columns.items():
        out[name] = column
    raw, size = out.tobytes(), LAYOUT.itemsize
    return [TextSignature(raw[n * size : (n + 1) * size], keys) for n, keys in enumerate(_keys(table, body))]


class _Rows(NamedTuple):
    """Hashes of the words of texts, one after the other, with zeros between them.

    `starts`, `sizes`: place and number of words of each text. `runs`: shingles by their number of words, at each place.
    """

    starts: Places
    sizes: Places
    runs: dict[int, Hashes]


def _rows(texts: Sequence[Hashes], lengths: Sequence[int] = RUNS) -> _Rows:
    """Return the shingles of texts, of *lengths* words. A text that is shorter than a shingle is one shingle."""
    sizes = np.array([len(words) for words in texts], np.intp)
    starts = np.concatenate(([0], np.cumsum(sizes[:-1] + LONG_SHINGLE_WORDS - 1)))
    total = int(starts[-1] + sizes[-1])
    hashes = np.zeros(total + LONG_SHINGLE_WORDS - 1, np.uint64)
    words = np.concatenate(texts)
    hashes[np.arange(len(words)) + np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)] = words
    sums, products, runs = np.zeros(total, np.uint64), np.empty(total, np.uint64), dict[int, Hashes]()
    for n in range(max(lengths)):
        sums += np.multiply(hashes[n : n + total], _ODD[n], out=products)
        if n + 1 in lengths:
            runs[n + 1] = mixed(sums)
    return _Rows(starts, sizes, runs)


def _distinct(rows: _Rows, length: int, max_words: int = NO_LIMIT) -> tuple[Places, Hashes]:
    """Return the distinct shingles of each text's first *max_words* words, sorted: row numbers and hashes."""
    sizes = np.minimum(rows.sizes, max_words)
    counts = np.where(sizes > 0, np.maximum(1, sizes - length + 1), 0)
    ends = np.cumsum(counts)
    numbers = np.repeat(np.arange(len(counts)), counts)
    hashes = rows.runs[length][np.arange(len(numbers)) + np.repeat(rows.starts - (ends - counts), counts)]
    for start, end in zip((ends - counts).tolist(), ends.tolist(), strict=True):
        hashes[start:end].sort()
    first = np.ones(len(hashes), bool)
    first[1:] = (hashes[1:] != hashes[:-1]) | (numbers[1:] != numbers[:-1])
    return numbers[first], hashes[first]


def _write_sketches(out: Any, body: _Rows, plain: _Rows) -> None:
    """Write the sketches of shingles and their numbers."""
    for rows, length, max_words, sketch, count, bins in (
        (body, SHINGLE_WORDS, NO_LIMIT, "body", "runs", BODY_BINS),
        (body, SHINGLE_WORDS, LEAD_WORDS, "lead", "lead_runs", LEAD_BINS),
        (body, LONG_SHINGLE_WORDS, NO_LIMIT, "long", "long_runs", LONG_BINS),
        (plain, SHINGLE_WORDS, NO_LIMIT, "plain", "plain_runs", PLAIN_BINS),
    ):
        numbers, hashes = _distinct(rows, length, max_words)
        out[count] = np.minimum(np.bincount(numbers, minlength=len(out)), MAX_COUNT)
        out[sketch] = _sketches(numbers, hashes, len(out), bins)
    out["words"] = np.minimum(body.sizes, MAX_COUNT)


def _sketches(numbers: Any, hashes: Hashes, count: int, bins: int) -> npt.NDArray[np.uint8]:
    """Return four bits of the smallest hash in each bin of each row, 0 for an empty bin; two bins per byte."""
    bin_of = ((hashes >> np.uint64(40)) * np.uint64(bins) >> np.uint64(24)).astype(np.intp)
    first = np.ones(len(hashes), bool)
    first[1:] = (bin_of[1:] != bin_of[:-1]) | (numbers[1:] != numbers[:-1])
    values = (hashes[first] & np.uint64(0xFFFF)) * np.uint64(BIN_VALUES) >> _FOUR_BITS
    out = np.zeros((count, bins), np.uint8)
    out[numbers[first], bin_of[first]] = values.astype(np.uint8) + 1
    packed: npt.NDArray[np.uint8] = out[:, ::2] | out[:, 1::2] << np.uint8(4)
    return packed


def _word_columns(table: Sequence[_Words]) -> dict[str, Any]:
    """Return the samples of names and numbers, and a digest of all numbers."""
    count = len(table)
    numbers = np.repeat(np.arange(count), [len(words.body.hashes) for words in table])
    hashes = np.concatenate([words.body.hashes for words in table])
    kinds = np.concatenate([words.body.kinds for words in table])
    is_name, is_number = (kinds & NAME) > 0, (kinds & NUMBER) > 0
    rows, values = numbers[is_number], hashes[is_number]
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(values, dtype=np.uint64)))
    ends = np.searchsorted(rows, np.arange(count), side="right")
    figures = np.diff(sums[ends], prepend=np.uint64(0))
    compared = _ranks(rows, count) < COMPARED_NUMBERS
    return {
        "name": _samples(numbers[is_name], hashes[is_name], count, NAMES),
        "number": _samples(rows[compared], values[compared], count, NUMBERS),
        "text_figures": mixed(figures) >> _TOP,
    }


def _title_columns(table: Sequence[_Words]) -> dict[str, Any]:
    """Return the samples of words of the title, which of them are long, and which the text has."""
    words = [word for text in table for word in text.title.words]
    hashes, stems = hash_words(words)
    numbers = np.repeat(np.arange(len(table)), [len(text.title.words) for text in table])
    long = np.array([len(word) >= (ABOUT_BYTES if word.isascii() else MIN_OTHER_BYTES) for word in words], bool)
    in_text_of = _occur(numbers, stems, table) & long
    title = _samples(numbers, hashes, len(table), TITLE_WORDS)
    return {
        "title": title,
        "long_words": _bits(title, numbers[long], hashes[long]),
        "in_text": _bits(title, numbers[in_text_of], hashes[in_text_of]),
    }


def _occur(rows: Places, stems: Any, table: Sequence[_Words]) -> Any:
    """Return whether each of *stems* is among those of the text of its row."""
    texts = np.repeat(np.arange(len(table), dtype=np.uint64), [len(words.body.stems) for words in table])
    known = np.concatenate([words.body.stems for words in table]) | texts << np.uint64(32)
    known.sort()
    known = np.append(known, np.uint64(NO_STEM))
    wanted = stems | rows.astype(np.uint64) << np.uint64(32)
    return known[np.searchsorted(known, wanted)] == wanted


def _samples(rows: Places, hashes: Hashes, count: int, width: int) -> npt.NDArray[np.uint16]:
    """Return the smallest short hashes of each row, padded with zeros to *width*."""
    codes = np.unique(rows.astype(np.uint64) << _FOUR_BITS | _short(hashes))
    row = (codes >> _FOUR_BITS).astype(np.intp)
    rank = _ranks(row, count)
    used = rank < width
    out = np.zeros((count, width), np.uint16)
    out[row[used], rank[used]] = codes[used] & np.uint64(0xFFFF)
    return out


def _ranks(rows: Places, count: int) -> Places:
    """Return the number of each entry within its row. *rows* are sorted."""
    sizes = np.bincount(rows, minlength=count)
    return np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def _bits(samples: npt.NDArray[np.uint16], rows: Places, hashes: Hashes) -> npt.NDArray[np.uint16]:
    """Return a bit for each hash of *samples* that is among the *hashes* of its row."""
    out = np.zeros(len(samples), np.uint16)
    match = samples[rows] == _short(hashes).astype(np.uint16)[:, None]
    np.bitwise_or.at(out, rows, (match << np.arange(samples.shape[1], dtype=np.uint16)).sum(axis=1).astype(np.uint16))
    return out


def _source_columns(table: Sequence[_Words]) -> dict[str, list[int]]:
    """Return the fields of the title as a whole, the source and the times."""
    return {
        "publisher": [_name_digest(words.text.publisher.casefold()) for words in table],
        "feed": [_name_digest(words.text.feed) for words in table],
        "time_s": [min(max(0, int(words.text.time_s)), MAX_TIME_S) for words in table],
        "published_s": [min(max(0, int(words.text.published_s)), MAX_TIME_S) for words in table],
        "title_figures": [_digest(sorted(words.title.numbers)) & DIGEST_MASK for words in table],
        "whole_title": [_digest([words.title.whole]) for words in table],
        "base_title": [_digest([words.title.base]) if words.title.base else 0 for words in table],
        "title_words": [min(words.title.length, 255) for words in table],
        "marks": [words.marks for words in table],
    }


def _digest(words: Iterable[bytes]) -> int:
    return zlib.crc32(b" ".join(words), 1)


def _name_digest(name: str) -> int:
    """Return the digest of a publisher or feed; 0 is reserved for "unknown"."""
    return max(1, _digest([name.encode("utf-8", "replace")]) & DIGEST_MASK) if name else 0


NO_FIGURES = _digest([]) & DIGEST_MASK


def _short(hashes: Hashes) -> Hashes:
    return hashes >> _TOP | np.uint64(1)


def _keys(table: Sequence[_Words], body: _Rows) -> list[tuple[bytes, ...]]:
    """Return the index keys: the smallest shingle hashes of body and lead, and the title with and without outlet."""
    keys = _first_keys(*_distinct(body, BODY_KEY_RUN), len(table), BODY_KEYS)
    lead = body._replace(runs={LEAD_KEY_RUN: body.runs[LEAD_KEY_RUN] ^ _ODD[1]})
    leads = _first_keys(*_distinct(lead, LEAD_KEY_RUN, LEAD_KEY_WORDS), len(table), LEAD_KEYS)
    wholes = [_whole_titles(words.title) for words in table]
    digests = np.array([zlib.crc32(whole) for row in wholes for whole in row], np.uint64)
    raw = iter(_bytes(mixed(digests ^ _ODD[2])))
    titles = [[next(raw) for _ in row] for row in wholes]
    return [tuple(dict.fromkeys(chain(*rows))) for rows in zip(keys, leads, titles, strict=True)]


def _whole_titles(title: Title) -> list[bytes]:
    """Return the title, with and without the outlet; none if it is short."""
    return [whole for whole in (title.whole, title.base) if whole] if title.length >= TITLE_KEY_WORDS else []


def _first_keys(numbers: Any, hashes: Hashes, count: int, limit: int) -> list[list[bytes]]:
    """Return the first *limit* hashes of each row as keys."""
    used = _ranks(numbers, count) < limit
    sizes = np.minimum(np.bincount(numbers, minlength=count), limit)
    raw = iter(_bytes(hashes[used]))
    return [[next(raw) for _ in range(size)] for size in sizes.tolist()]


def _bytes(hashes: Hashes) -> list[bytes]:
    raw = hashes.astype(">u8").tobytes()
    return [raw[n : n + KEY_BYTES] for n in range(0, len(raw), 8)]
