"""Limits of the trees' probabilities: more certainty within one source, and for a small part of a text."""

import numpy as np

from tests.support.stories import NOW_S, story
from workers.dedupe.near_duplicates.copy_rules import MIN_PART, MIN_WITHIN, apply_rules
from workers.dedupe.near_duplicates.model import limited
from workers.dedupe.near_duplicates.pair_features import pair_features, read_signatures
from workers.dedupe.near_duplicates.signature import signature_of


def least_of(publisher: str, share: int) -> float:
    """Return the limit of a pair of texts of "Tidewire" and *publisher*, with one of *share* sentences in common."""
    title, text = story(1, 12)
    sentences = text.split(". ")
    other = [story(40 + n, 1)[1] if n % share else sentence for n, sentence in enumerate(sentences)]
    one, two = (
        signature_of(title, body, name, NOW_S).signature
        for body, name in ((text, "Tidewire"), (". ".join(other), publisher))
    )
    pair = read_signatures(one, [two])
    return float(apply_rules(*pair, pair_features(*pair)).minimum[0])


def test_pair_below_its_limit_is_no_copy() -> None:
    probabilities, least = np.array([0.6, 0.6, 0.96, 0.2], np.float32), np.array([0, 0.95, 0.95, 0.95], np.float32)
    assert (limited(probabilities, least, 0.5) > 0.5).tolist() == [True, False, True, False]
    assert limited(probabilities, least, 0.5)[3] == np.float32(0.2)


def test_limit_is_higher_within_source_and_for_parts() -> None:
    assert least_of("Tidewire", 4) == np.float32(MIN_WITHIN)
    assert least_of("Tidewire", 1) == np.float32(MIN_PART), "nearly the same text"
    assert least_of("The Saltby Courier", 1) == 0
    assert least_of("The Saltby Courier", 4) == np.float32(MIN_PART)
