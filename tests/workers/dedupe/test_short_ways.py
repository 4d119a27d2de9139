"""Short ways of texts and signatures: they must not change a result."""

import hashlib
import random
import re
import unicodedata
from collections.abc import Sequence

import pytest

from workers.dedupe.fingerprint import DIGEST_BYTES, fingerprint, normalise_visible
from workers.dedupe.near_duplicates.signature import SignatureInput, TextSignature, signature_of, signatures_of
from workers.dedupe.near_duplicates.stories import NewArticle, Snapshot
from workers.dedupe.near_duplicates.word_arrays import read_words
from workers.dedupe.recent_texts import SMALL_BYTES, _compress, _decompress

REFS = [bytes((n,)) * 5 for n in range(4)]


def plain_fingerprint(parts: Sequence[str]) -> bytes:
    """Return the fingerprint by its definition: the words of the visible text, each followed by a space."""
    words = [word for part in parts for word in re.findall(r"\w+", normalise_visible(part))]
    return hashlib.blake2b("".join(f"{word} " for word in words).encode(), digest_size=DIGEST_BYTES).digest()


def test_fingerprint_of_random_texts_follows_definition() -> None:
    rng = random.Random(3)
    pieces = (
        "canal",
        "Ä",
        "e\u0301",
        "“",
        "”",
        "’",
        "–",
        "…",
        "«",
        " ",
        "_",
        "7",
        "港",
        "ﬁ",
        "½",
        "\u00ad",
        "\u2017",
        "'",
        "\n",
    )
    for _ in range(2_000):
        parts = ["".join(rng.choices(pieces, k=rng.randrange(8))) for _ in range(3)]
        assert fingerprint(parts) == plain_fingerprint(parts)


@pytest.mark.parametrize("mark", [chr(n) for n in (*range(0x2010, 0x2020), 0x2026, 0xAB, 0xBB)])
def test_typographic_mark_is_no_word(mark: str) -> None:
    assert not re.search(r"\w", unicodedata.normalize("NFKC", mark))


@pytest.mark.parametrize("chars", [0, 10, SMALL_BYTES, SMALL_BYTES + 10, 40_000])
def test_compressed_text_reads_back(chars: int) -> None:
    rng = random.Random(chars)
    text = ["Canal", "", "".join(rng.choices("abcdefgh ", k=chars)).strip()]
    assert _decompress(_compress(text)) == text


def test_words_beside_hashtags_are_those_of_single_text() -> None:
    texts = [
        "The canal is open. #canal #lock",
        "#one\nThe ferry #two passed. Done.",
        "No tags here. At all.",
        "##",
        "# a\n#b #c",
    ]
    alone = [read_words([text])[0] for text in texts]
    for one, together in zip(alone, read_words(texts), strict=True):
        assert one.hashes.tolist() == together.hashes.tolist() and one.keys == together.keys
    assert len(alone[0].hashes) == 4 and len(alone[3].hashes) == 0


def test_signature_of_batch_equals_that_of_single_text() -> None:
    texts = [
        SignatureInput(
            f"The board opens canal {n}",
            f"The canal {n} of https://mill.example is open for 2,{n:03} boats. " * n,
            "Quay",
            1.0,
        )
        for n in range(1, 9)
    ]
    assert signatures_of(texts) == [signature_of(t.title, t.text, t.publisher, t.time_s) for t in texts]


def test_candidates_follow_the_changed_lists() -> None:
    article = NewArticle("0" * 20, b"\0" * 5, TextSignature(b"s", (b"key-1", b"key-2")))
    snapshot = Snapshot([{b"key-1": REFS[1] + REFS[2]}, {b"key-2": REFS[3]}])
    assert snapshot.candidates(article, {}) == [REFS[3], REFS[1], REFS[2]]
    assert snapshot.candidates(article, {b"key-1": REFS[1]}) == [REFS[1], REFS[3]]
    assert snapshot.candidates(article, {b"key-2": REFS[2]}) == [REFS[2], REFS[3], REFS[1]]
    assert snapshot.candidates(article, {}) == [REFS[3], REFS[1], REFS[2]]
