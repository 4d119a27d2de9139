"""Signatures of articles: the data of an article in the window, in at most 160 bytes. Pure.

A signature holds the ids, the position of the article in its topic, the text vector in four bits per component, and
digests of its rare words, names, numbers and places. It contains no text of a publisher.
"""

import zlib
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

ID_BYTES = 10
DIMS, TERMS, NUMBERS, PLACES = 128, 16, 6, 4
LEVELS = 7.5  # steps on each side of zero
CLIP = 2.5  # standard deviations that LEVELS steps cover
HAS_VECTOR = 1  # flag: the text model knows the language of the text
Vector = npt.NDArray[np.float32]

LAYOUT = np.dtype([
    ("article", f"V{ID_BYTES}"), ("event", f"V{ID_BYTES}"), ("event_revision", "<u4"),
    ("partition", "<u2"), ("offset", "<u8"), ("time_s", "<u4"), ("publisher", "<u2"), ("language", "S2"),
    ("flags", "u1"), ("vector", "u1", (DIMS // 2,)),
    ("term", "<u2", (TERMS,)), ("number", "<u2", (NUMBERS,)), ("place", "<u2", (PLACES,)),
])  # fmt: skip
RECORD_BYTES = LAYOUT.itemsize


def event_id(article_id: bytes, origin: str = "") -> bytes:
    """Return the id of the event that begins with an article. *origin*: distinguishes later events of the article."""
    salt = zlib.crc32(origin.encode()).to_bytes(4, "little") if origin else b""
    return blake2b(article_id, digest_size=ID_BYTES, person=b"copydesk.event", salt=salt).digest()


def quantise(vector: Vector) -> npt.NDArray[np.uint8]:
    """Return a vector as one byte for two components."""
    scale = float(vector.std()) * CLIP or 1.0
    steps = np.clip(np.floor(vector * (LEVELS / scale)), -8, 7).astype(np.int8) + 8
    out: npt.NDArray[np.uint8] = (steps[0::2] << 4 | steps[1::2]).astype(np.uint8)
    return out


def unit_vectors(records: Any) -> Vector:
    """Return the vectors of signatures, each of length 1; zeros where the text model lacks the language."""
    packed = records["vector"]
    out = np.empty((*packed.shape[:-1], DIMS), np.float32)
    out[..., 0::2], out[..., 1::2] = packed >> 4, packed & 15
    out -= LEVELS
    lengths = np.sqrt(np.einsum("...i,...i->...", out, out))
    out *= (((records["flags"] & HAS_VECTOR) != 0) / lengths)[..., None]
    return out


def padded(keys: Sequence[int], count: int) -> list[int]:
    """Return exactly *count* keys; zeros fill the rest."""
    return [*keys[:count], *[0] * (count - len(keys[:count]))]


def publisher_key(publisher: str) -> int:
    """Return the digest of a publisher's name; 0: unknown."""
    return zlib.crc32(publisher.casefold().encode("utf-8", "replace")) & 0xFFFF if publisher else 0


def unix_time(time: datetime | None) -> int:
    """Return a time as Unix seconds in 32 bits; 0: unknown."""
    return min(max(int(time.timestamp()), 0), 2**32 - 1) if time is not None else 0
