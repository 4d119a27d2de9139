"""Signatures of texts, and index keys: texts that share one are compared. Pure.

    title, text ──▶ words ──▶ signature, about 200 bytes
                          └──▶ index keys

A sketch is a one-permutation min-hash (Li, Owen, Zhang 2012) of a text's shingles of three words, with four bits per
bin (b-bit min-hash; Li, König 2010). The share of equal bins estimates the share of common shingles (Jaccard).
Signatures are computed for a batch of texts, because a call of numpy costs as much as a hundred words.
"""

import re
import zlib
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain, pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from workers.dedupe.near_duplicates.titles import Title, read_title
from workers.dedupe.near_duplicates.words import content_words, normalise_text, split_words

Hashes = npt.NDArray[np.uint64]

BODY_BINS, LONG_BINS, LEAD_BINS, PLAIN_BINS = 96, 64, 32, 32
BIN_VALUES = 15  # of four bits; 0 is an empty bin
TITLE_WORDS, NUMBERS, NAMES = 12, 8, 10
LEAD_WORDS = 60
SHINGLE_WORDS = 3
LONG_SHINGLE_WORDS = 10  # a filled-in form has no common run of this length, an edited copy has many
STEM_LETTERS = ABOUT_BYTES = 5  # "with" and "from" are in every text
MAX_TIME_S = 2**32 - 1
NO_LIMIT = 2**62
MAX_COUNT = DIGEST_MASK = 0xFFFF
KEY_BYTES = 5
BODY_KEYS, LEAD_KEYS = 6, 4
BODY_KEY_RUN, LEAD_KEY_RUN, LEAD_KEY_WORDS, TITLE_KEY_WORDS = 6, 4, 45, 4
MIN_WORDS = 15  # of title and text; shorter texts are compared by title only
MIN_TITLE_WORDS = 7  # shorter titles are phrases that many articles have
COMPARED_NUMBERS = 40

# Marks: an agency says that this is an update; the text has a web address; the source repeats sentences of the text.
UPDATE, ADDRESS, REPEATS = 1, 2, 4

_ADDRESS = re.compile(r"(?:https?://|www\.)\S")
_DIGIT = re.compile(r"\d")
_MIX_1, _MIX_2, _SHIFT = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53), np.uint64(33)
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


class SignedText(NamedTuple):
    """A text to sign, of *publisher* in *feed* ("": unknown). Times in Unix seconds; `published_s`: 0 if unknown.

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
    """The words of a text. `plain`: those without capitals. `marks`: see above."""

    text: SignedText
    title: Title
    content: list[bytes]
    body: list[bytes]
    plain: list[bytes]
    names: list[bytes]
    marks: int


NOTHING = TextSignature(b"", ())


def signature_of(
    title: str, text: str, publisher: str, time_s: float, feed: str = "", published_s: float = 0.0,
    *, repeats: bool = False,
) -> TextSignature:  # fmt: skip
    """Return the signature of one text; see `SignedText`."""
    return signatures_of([SignedText(title, text, publisher, time_s, feed, published_s, repeats)])[0]


def signatures_of(texts: Sequence[SignedText]) -> list[TextSignature]:
    """Return the signature of each text."""
    read = [_read(text) for text in texts]
    table = [words for words in read if words is not None]
    signed = iter(_sign(table) if table else ())
    return [NOTHING if words is None else next(signed) for words in read]


def _read(signed: SignedText) -> _Words | None:
    """Return the words of a text; None if it is too short."""
    text = normalise_text(signed.text)
    title, body = read_title(signed.title, signed.publisher), split_words(text)
    if title.length + len(body) < MIN_WORDS and title.length < MIN_TITLE_WORDS:
        return None
    marks = title.is_update * UPDATE | _has_address(text) * ADDRESS | signed.repeats * REPEATS
    content = sorted(word for word in content_words(title.words) if not (word.isascii() and len(word) < ABOUT_BYTES))
    return _Words(signed, title, content, body, *_cased_words(text), marks)


def _sign(table: Sequence[_Words]) -> list[TextSignature]:
    """Return the signatures and keys of texts."""
    out = np.zeros(len(table), LAYOUT)
    body, plain = _rows([words.body for words in table]), _rows([words.plain for words in table])
    _write_sketches(out, body, plain)
    columns = _word_columns(table, body) | _source_columns(table)
    for name, column in columns.items():
        out[name] = column
    raw, size = out.tobytes(), LAYOUT.itemsize
    return [TextSignature(raw[n * size : (n + 1) * size], keys) for n, keys in enumerate(_keys(table, body))]


class _Rows(NamedTuple):
    """Hashes of the words of texts, one after the other, with zeros between them.

    `starts`, `sizes`: place and number of words of each text. `runs`: shingles by their number of words, at each place.
    """

    hashes: Hashes
    starts: npt.NDArray[np.intp]
    sizes: npt.NDArray[np.intp]
    runs: dict[int, Hashes]


def _rows(texts: Sequence[list[bytes]]) -> _Rows:
    """Return the hashes and shingles of texts. A text that is shorter than a shingle is one shingle."""
    sizes = np.array([len(words) for words in texts], np.intp)
    starts = np.concatenate(([0], np.cumsum(sizes[:-1] + LONG_SHINGLE_WORDS - 1)))
    total = int(starts[-1] + sizes[-1])
    hashes = np.zeros(total + LONG_SHINGLE_WORDS - 1, np.uint64)
    words = [word for text in texts for word in text]
    places = np.arange(len(words)) + np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)
    hashes[places] = _hashed(words)
    sums, runs = np.zeros(total, np.uint64), dict[int, Hashes]()
    for n in range(LONG_SHINGLE_WORDS):
        sums += hashes[n : n + total] * _ODD[n]
        if n + 1 in (SHINGLE_WORDS, LEAD_KEY_RUN, BODY_KEY_RUN, LONG_SHINGLE_WORDS):
            runs[n + 1] = _mixed(sums)
    return _Rows(hashes, starts, sizes, runs)


def _distinct(rows: _Rows, length: int, most: int = NO_LIMIT) -> tuple[npt.NDArray[np.intp], Hashes]:
    """Return the distinct shingles of each text's first *most* words, sorted: row numbers and hashes."""
    sizes = np.minimum(rows.sizes, most)
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
    for rows, length, most, sketch, count, bins in (
        (body, SHINGLE_WORDS, NO_LIMIT, "body", "runs", BODY_BINS),
        (body, SHINGLE_WORDS, LEAD_WORDS, "lead", "lead_runs", LEAD_BINS),
        (body, LONG_SHINGLE_WORDS, NO_LIMIT, "long", "long_runs", LONG_BINS),
        (plain, SHINGLE_WORDS, NO_LIMIT, "plain", "plain_runs", PLAIN_BINS),
    ):
        numbers, hashes = _distinct(rows, length, most)
        out[count] = np.minimum(np.bincount(numbers, minlength=len(out)), MAX_COUNT)
        out[sketch] = _sketches(numbers, hashes, len(out), bins)
    out["words"] = np.minimum(body.sizes, MAX_COUNT)


def _sketches(numbers: Any, hashes: Hashes, count: int, bins: int) -> npt.NDArray[np.uint8]:
    """Return four bits of the least hash in each bin of each row, 0 for an empty bin; two bins in a byte."""
    bin_of = ((hashes >> np.uint64(40)) * np.uint64(bins) >> np.uint64(24)).astype(np.intp)
    first = np.ones(len(hashes), bool)
    first[1:] = (bin_of[1:] != bin_of[:-1]) | (numbers[1:] != numbers[:-1])
    values = (hashes[first] & np.uint64(0xFFFF)) * np.uint64(BIN_VALUES) >> np.uint64(16)
    out = np.zeros((count, bins), np.uint8)
    out[numbers[first], bin_of[first]] = values.astype(np.uint8) + 1
    packed: npt.NDArray[np.uint8] = out[:, ::2] | out[:, 1::2] << np.uint8(4)
    return packed


def _word_columns(table: Sequence[_Words], body: _Rows) -> dict[str, list[Any]]:
    """Return the samples of words of the title, of names and numbers, and which words of the title the text has."""
    hashes, starts = _short(body.hashes), body.starts.tolist()
    names = _split(_hashed([word for words in table for word in words.names]), [len(w.names) for w in table])
    titles = _split(_hashed([word for w in table for word in w.title.words]), [len(w.title.words) for w in table])
    contents = _split(_hashed([word for w in table for word in w.content]), [len(w.content) for w in table])
    columns: dict[str, list[Any]] = {
        "name": [_sample(row, NAMES) for row in names], "title": [_sample(row, TITLE_WORDS) for row in titles],
        "number": [], "text_figures": [], "long_words": [], "in_text": [],
    }  # fmt: skip
    for words, start, sample, long in zip(table, starts, columns["title"], contents, strict=True):
        other = [n for n, is_alpha in enumerate(map(bytes.isalpha, words.body)) if not is_alpha]
        numbers = [n for n in other if _has_digit(words.body[n])]
        columns["number"].append(_sample([hashes[start + n] for n in numbers[:COMPARED_NUMBERS]], NUMBERS))
        columns["text_figures"].append(_digest(sorted(words.body[n] for n in numbers)) & DIGEST_MASK)
        columns["long_words"].append(_bits(sample, long))
        in_text = _are_in(words.content, words.body)
        columns["in_text"].append(_bits(sample, [value for value, is_in in zip(long, in_text, strict=True) if is_in]))
    return columns


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


def _split(hashes: Hashes, sizes: Sequence[int]) -> list[list[int]]:
    """Return the short hashes of each text."""
    flat, ends = _short(hashes), list(accumulate(sizes, initial=0))
    return [flat[start:end] for start, end in pairwise(ends)]


def _bits(sample: Sequence[int], hashes: Sequence[int]) -> int:
    """Return a bit for each hash of *sample* that is in *hashes*."""
    return sum(1 << n for n, value in enumerate(sample) if value and value in hashes)


def _are_in(words: list[bytes], body: list[bytes]) -> list[bool]:
    """Return for each word whether the text has its stem."""
    text = b" ".join((b"", *body, b""))
    if text.isascii():  # half of the time: no stem is made of the text
        return [(b" " + stem + b" "[len(stem) // STEM_LETTERS :]) in text for stem in map(_stem, words)]
    stems = set(map(_stem, set(body)))
    return [_stem(word) in stems for word in words]


def _stem(word: bytes) -> bytes:
    """Return the part that compares forms of a word: five letters, of one or two bytes."""
    return word[: STEM_LETTERS if word.isascii() else 2 * STEM_LETTERS]


def _digest(words: Iterable[bytes]) -> int:
    return zlib.crc32(b" ".join(words), 1)


def _name_digest(name: str) -> int:
    """Return the digest of a publisher or feed; 0 is reserved for "unknown"."""
    return max(1, _digest([name.encode("utf-8", "replace")]) & DIGEST_MASK) if name else 0


NO_FIGURES = _digest([]) & DIGEST_MASK


def _cased_words(text: str) -> tuple[list[bytes], list[bytes]]:
    """Return the words without capitals, and the names.

    Filled-in copies of one form share the former, not its numbers and names.
    """
    plain: list[str] = []
    names: list[str] = []
    for line in text.split("\n"):
        words = line.split()
        plain += filter(str.islower, words)
        others = [n for n, is_lower in enumerate(map(str.islower, words)) if not is_lower and n]
        names += [words[n] for n in others if _is_name(words[n], words[n - 1])]
    return split_words(" ".join(plain)), split_words(" ".join(names))


def _is_name(word: str, before: str) -> bool:
    """Return whether *word* is capitalised within a sentence: after a word or a comma."""
    return word[0].isupper() and word[1:2].isalpha() and (before[-1].isalpha() or before[-1] == ",")


def _has_address(text: str) -> bool:
    """Return whether a text has a web address. Most texts lack the marks of one, which are found ten times as fast."""
    return ("://" in text or "www." in text) and _ADDRESS.search(text) is not None


def _has_digit(word: bytes) -> bool:
    return word.isascii() or _DIGIT.search(word.decode("utf-8", "replace")) is not None


def _hashed(words: Sequence[bytes]) -> Hashes:
    return _mixed(np.fromiter(map(zlib.crc32, words), np.uint64, len(words)))


def _mixed(hashes: Hashes) -> Hashes:
    """Return *hashes* with every bit depending on every other (MurmurHash3's finaliser; Appleby, public domain)."""
    hashes = (hashes ^ (hashes >> _SHIFT)) * _MIX_1
    hashes = (hashes ^ (hashes >> _SHIFT)) * _MIX_2
    return hashes ^ (hashes >> _SHIFT)


def _short(hashes: Hashes) -> list[int]:
    short: list[int] = ((hashes >> np.uint64(48)) | np.uint64(1)).tolist()
    return short


def _sample(hashes: Iterable[int], most: int) -> list[int]:
    """Return the least of *hashes*, and zeros up to *most*."""
    sample = sorted(set(hashes))[:most]
    return sample + [0] * (most - len(sample))


def _keys(table: Sequence[_Words], body: _Rows) -> list[tuple[bytes, ...]]:
    """Return the index keys: the least shingles of the body and of its lead, and the title, with and without outlet."""
    keys = _least(*_distinct(body, BODY_KEY_RUN), len(table), BODY_KEYS)
    lead = body._replace(runs={LEAD_KEY_RUN: body.runs[LEAD_KEY_RUN] ^ _ODD[1]})
    leads = _least(*_distinct(lead, LEAD_KEY_RUN, LEAD_KEY_WORDS), len(table), LEAD_KEYS)
    wholes = [_whole_titles(words.title) for words in table]
    digests = np.array([zlib.crc32(whole) for row in wholes for whole in row], np.uint64)
    raw = iter(_bytes(_mixed(digests ^ _ODD[2])))
    titles = [[next(raw) for _ in row] for row in wholes]
    return [tuple(dict.fromkeys(chain(*rows))) for rows in zip(keys, leads, titles, strict=True)]


def _whole_titles(title: Title) -> list[bytes]:
    """Return the title, with and without the outlet; none if it is short."""
    return [whole for whole in (title.whole, title.base) if whole] if title.length >= TITLE_KEY_WORDS else []


def _least(numbers: Any, hashes: Hashes, count: int, most: int) -> list[list[bytes]]:
    """Return the first *most* hashes of each row as keys."""
    ends = list(accumulate(np.bincount(numbers, minlength=count).tolist(), initial=0))
    return [_bytes(hashes[start : min(end, start + most)]) for start, end in pairwise(ends)]


def _bytes(hashes: Hashes) -> list[bytes]:
    raw = hashes.astype(">u8").tobytes()
    return [raw[n : n + KEY_BYTES] for n in range(0, len(raw), 8)]
