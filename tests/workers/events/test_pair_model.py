"""The pair model of this package: invented signatures, and the projection of vectors."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from workers.events.pair_features import UNKNOWN_PUBLISHER, same_publisher
from workers.events.pair_model import INPUT_DIMS, load_default, load_projection
from workers.events.signature import DIMS, HAS_VECTOR, LAYOUT, TERMS, padded, publisher_key, quantise, unix_time

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def signature(seed: int, *, has_vector: bool = True, terms: int = TERMS) -> Any:
    """Return a signature; equal seeds give equal texts."""
    random, record = np.random.default_rng(seed), np.zeros((), LAYOUT)
    record["flags"], record["time_s"], record["language"] = HAS_VECTOR * has_vector, unix_time(NOW), b"en"
    record["vector"] = quantise(random.normal(size=DIMS).astype(np.float32))
    record["term"] = padded([int(key) | 1 for key in random.integers(1, 30_000, terms)], TERMS)
    record["number"][:2], record["publisher"] = random.integers(1, 60_000, 2), publisher_key(f"Courier {seed}")
    return record


def test_pair_model_prefers_equal_signatures() -> None:
    others = np.array([signature(1), signature(2), signature(1, has_vector=False)])
    one = signature(1)
    one["publisher"] = publisher_key("Harbour Post")
    same, different, without_vector = load_default().compare(one, others)
    assert same > 0.7 > 0.3 > different
    assert without_vector > different
    assert load_default().compare(one, others[:2]).tolist() == [same, different]


def test_publishers_are_compared() -> None:
    one, same, other, unknown = (signature(n) for n in (1, 1, 2, 3))
    unknown["publisher"] = UNKNOWN_PUBLISHER
    others = np.array([same, other, unknown])
    assert same_publisher(one, others).tolist()[:2] == [1, 0]
    assert np.isnan(same_publisher(one, others)[2])
    assert np.isnan(same_publisher(unknown, others)).all()


def test_articles_of_one_publisher_are_less_likely_one_event() -> None:
    one, same, other = signature(1), signature(1), signature(1)
    for record in (same, other):
        record["vector"] = signature(4)["vector"]  # similar by terms and numbers only
    other["publisher"] += 1
    by_same, by_other = load_default().compare(one, np.array([same, other])).tolist()
    assert by_same <= by_other


def test_projection_centres_vectors_by_language() -> None:
    projection, vector = load_projection(), np.ones(INPUT_DIMS, np.float32)
    assert projection.apply(vector, "en").shape == (DIMS,)
    assert projection.apply(vector, "unknown").tolist() == projection.apply(vector, "").tolist()


def test_unknown_publisher_and_time_are_zero() -> None:
    assert (publisher_key(""), unix_time(None), padded([7], 3)) == (0, 0, [7, 0, 0])
    assert publisher_key("The Courier") == publisher_key("THE COURIER") > 0
