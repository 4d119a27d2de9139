"""Signatures of texts, and index keys: texts that share one are compared. Pure.

    title, text ──▶ words ──▶ signature, 342 bytes
                          └──▶ index keys

A sketch is a one-permutation min-hash (Li, Owen, Zhang 2012) of a text's shingles of three words, with one byte per bin
(b-bit min-hash; Li, König 2010). The share of equal bins estimates the share of common shingles (Jaccard).
"""

import re
import zlib
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from workers.dedupe.near_duplicates.titles import Title, read_title
from workers.dedupe.near_duplicates.words import content_words, normalise_text, split_words

Hashes = npt.NDArray[np.uint64]
_Number = TypeVar("_Number", np.uint64, np.uint16)

BODY_BINS, LONG_BINS, LEAD_BINS, PLAIN_BINS = 96, 64, 32, 32
TITLE_WORDS, NUMBERS, NAMES = 12, 10, 12
LEAD_WORDS = 60
SHINGLE_WORDS = 3
LONG_SHINGLE_WORDS = 10  # a filled-in form has no common run of this length, an edited copy has many
STEM_LETTERS = ABOUT_BYTES = 5  # "with" and "from" are in every text
MAX_TIME_S = 2**32 - 1
KEY_BYTES = 5
BODY_KEYS, LEAD_KEYS = 6, 4
BODY_KEY_RUN, LEAD_KEY_RUN, LEAD_KEY_WORDS, TITLE_KEY_WORDS = 6, 4, 45, 4
MIN_WORDS = 15  # of title and text; shorter texts are compared by title only
MIN_TITLE_WORDS = 7  # shorter titles are phrases that many articles have

# Marks: an agency says that this is an update; the text has a web address; the source repeats sentences of the text.
UPDATE, ADDRESS, REPEATS = 1, 2, 4

_ADDRESS = re.compile(r"(?:https?://|www\.)\S")
_SPACES = re.compile(r"[^\S\n]+")
_INSIDE = re.compile(r"(?<=[^\W\d_] )[^\W\d_]{2,}|(?<=, )[^\W\d_]{2,}")
_DIGIT = re.compile(r"\d")
_MIX_1, _MIX_2, _SHIFT = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53), np.uint64(33)
_ODD = np.array([0x9E3779B97F4A7C15 * (2 * n + 1) & 0xFFFFFFFFFFFFFFFF for n in range(10)], np.uint64)

LAYOUT = np.dtype([
    ("runs", "<u2"), ("long_runs", "<u2"), ("plain_runs", "<u2"), ("words", "<u2"),
    ("lead_runs", "u1"), ("titles", "u1"), ("numbers", "u1"), ("names", "u1"), ("publisher", "<u4"), ("time_s", "<u4"),
    ("body", "u1", (BODY_BINS,)), ("long", "u1", (LONG_BINS,)), ("lead", "u1", (LEAD_BINS,)),
    ("plain", "u1", (PLAIN_BINS,)),
    ("title", "<u2", (TITLE_WORDS,)), ("number", "<u2", (NUMBERS,)), ("name", "<u2", (NAMES,)),
    # Digests of the feed (0: unknown), of the title's numbers and of the text's numbers.
    ("feed", "<u4"), ("title_figures", "<u4"), ("text_figures", "<u4"),
    # Time of publication (0: unknown); digests of the title, and of the title without an outlet's name (0: equal).
    ("published_s", "<u4"), ("whole_title", "<u4"), ("base_title", "<u4"),
    # Words of the title; marks; bits of the words in `title`: long words, and those of them that the text has.
    ("title_words", "u1"), ("marks", "u1"), ("long_words", "<u2"), ("in_text", "<u2"),
])  # fmt: skip


class TextSignature(NamedTuple):
    """The signature and index keys of a text; both are empty for a text that is too short to compare."""

    signature: bytes
    keys: tuple[bytes, ...]


def signature_of(
    title: str, text: str, publisher: str, time_s: float, feed: str = "", published_s: float = 0.0,
    *, repeats: bool = False,
) -> TextSignature:  # fmt: skip
    """Return the signature of a text of *publisher* in *feed* ("": unknown).

    *time_s*: time of arrival, *published_s*: time of publication (0: unknown), in Unix seconds. *repeats*: sentences
    that the source repeats were left out.
    """
    text = normalise_text(text)
    heading, body = read_title(title, publisher), split_words(text)
    if heading.length + len(body) < MIN_WORDS and heading.length < MIN_TITLE_WORDS:
        return TextSignature(b"", ())
    out, hashes = np.zeros((), LAYOUT), _hashed(body)
    out["publisher"], out["time_s"] = zlib.crc32(publisher.casefold().encode("utf-8", "replace")), max(0, int(time_s))
    out["feed"] = _digest([feed.encode("utf-8", "replace")]) if feed else 0
    out["published_s"] = min(max(0, int(published_s)), MAX_TIME_S)
    _write_body(out, text, body, hashes)
    _write_title(out, heading, body)
    out["marks"] = heading.is_update * UPDATE | bool(_ADDRESS.search(text)) * ADDRESS | repeats * REPEATS
    out["name"], out["names"] = _sample(_hashed(_names(text)), NAMES)
    return TextSignature(out.tobytes(), _keys(heading, hashes))


def _write_body(out: Any, text: str, body: list[bytes], hashes: Hashes) -> None:
    """Write the fields of the text, whose words *body* have *hashes*."""
    shingles = _unique(_shingles(hashes, SHINGLE_WORDS))
    lead = _unique(_shingles(hashes[:LEAD_WORDS], SHINGLE_WORDS))
    long = _unique(_shingles(hashes, LONG_SHINGLE_WORDS))
    out["runs"], out["long_runs"], out["lead_runs"] = min(len(shingles), 65535), min(len(long), 65535), len(lead)
    out["words"] = min(len(body), 65535)
    out["body"], out["long"] = _sketch(shingles, BODY_BINS), _sketch(long, LONG_BINS)
    out["lead"] = _sketch(lead, LEAD_BINS)
    plain = _unique(_shingles(_hashed(_plain_words(text)), SHINGLE_WORDS))
    out["plain"], out["plain_runs"] = _sketch(plain, PLAIN_BINS), min(len(plain), 65535)
    numbers = [n for n, word in enumerate(body) if not word.isalpha() and _has_digit(word)]
    out["number"], out["numbers"] = _sample(hashes[numbers[:40]], NUMBERS)
    out["text_figures"] = _digest(sorted(body[n] for n in numbers))


def _write_title(out: Any, heading: Title, body: list[bytes]) -> None:
    """Write the fields of the title."""
    out["title"], out["titles"] = _sample(_hashed(sorted(heading.words)), TITLE_WORDS)
    out["title_figures"] = _digest(sorted(heading.numbers))
    out["whole_title"] = _digest([heading.whole])
    out["base_title"] = _digest([heading.base]) if heading.base else 0
    out["title_words"] = min(heading.length, 255)
    content = sorted(word for word in content_words(heading.words) if not (word.isascii() and len(word) < ABOUT_BYTES))
    hashes = (_hashed(content) >> np.uint64(48)).astype(np.uint16) | np.uint16(1)
    out["long_words"] = _bits(out["title"], hashes)
    out["in_text"] = _bits(out["title"], hashes[_are_in(content, body)])


def _bits(sample: Any, hashes: Any) -> int:
    """Return a bit for each hash of *sample* that is in *hashes*."""
    return int(np.packbits(np.isin(sample, hashes), bitorder="little").view("<u2")[0])


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


def _digest(words: list[bytes]) -> int:
    return zlib.crc32(b" ".join(words), 1)  # 0 is reserved for "unknown"


NO_FIGURES = _digest([])


def _names(text: str) -> list[bytes]:
    """Return capitalised words within sentences; they differ between filled-in copies of one template."""
    words = _INSIDE.findall(_SPACES.sub(" ", text[:20_000]))
    return split_words(" ".join(word for word in words if word[0].isupper()))


def _plain_words(text: str) -> list[bytes]:
    """Return the words without capitals: filled-in copies of one template share them, not its numbers and names."""
    return split_words(" ".join(word for word in text.split() if word.islower()))


def _has_digit(word: bytes) -> bool:
    return _DIGIT.search(word.decode("utf-8", "replace")) is not None


def _unique(hashes: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """Return the distinct *hashes*, sorted. numpy.unique takes three times the time of a text."""
    ordered = np.sort(hashes)
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if len(ordered) else ordered


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
    sample = _unique((hashes >> np.uint64(48)).astype(np.uint16) | np.uint16(1))[:most]
    out = np.zeros(most, np.uint16)
    out[: len(sample)] = sample
    return out, len(sample)


def _keys(heading: Title, hashes: Hashes) -> tuple[bytes, ...]:
    """Return the index keys: the least shingles of the body and of its lead, and the title, with and without outlet."""
    body = _unique(_shingles(hashes, BODY_KEY_RUN))[:BODY_KEYS]
    lead = _unique(_shingles(hashes[:LEAD_KEY_WORDS], LEAD_KEY_RUN) ^ _ODD[1])[:LEAD_KEYS]
    keys = [_key(n) for n in (*body, *lead)]
    if heading.length >= TITLE_KEY_WORDS:
        titles = [zlib.crc32(title) for title in (heading.whole, heading.base) if title]
        keys += [_key(n) for n in _mixed(np.array(titles, np.uint64) ^ _ODD[2])]
    return tuple(dict.fromkeys(keys))


def _key(number: np.uint64) -> bytes:
    return int(number).to_bytes(8, "big")[:KEY_BYTES]
