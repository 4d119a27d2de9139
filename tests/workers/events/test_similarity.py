"""The vector of a text, and the kernel regression of the similarity."""

import numpy as np
import pytest

from streams.records import Article
from workers.events.article_text import LEAD_WEIGHT, OPENING_CHARS, TextReader, text_vector
from workers.events.pair_features import COLUMNS, WITHOUT_VECTOR
from workers.events.pair_model import Kernel, StoredKernel, load_default, load_kernel, mean_similarity

LEAD, TITLE = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
TWO_ROWS = np.array([[0, 0], [3, 0]], np.float32)


def kernel(weights: list[float], intercept: float = 0.5) -> Kernel:
    """Return a regression with the support vectors 0, 0 and 3, 0."""
    means, scales = np.zeros(2, np.float32), np.ones(2, np.float32)
    squares = np.array([0, 9], np.float32)
    return Kernel(means, scales, TWO_ROWS, np.array(weights, np.float32), intercept, 1.0, squares)


def test_text_vector_weighs_lead_above_title() -> None:
    assert text_vector(LEAD, TITLE) == pytest.approx([LEAD_WEIGHT / 3, 1 / 3])


def test_untitled_text_has_its_opening_as_title() -> None:
    opening = "The harbour board reopened the salt canal on Monday morning."
    assert len(opening) == OPENING_CHARS
    body = f"{opening} Ferries start again in June."
    reader = TextReader()
    titled, untitled = (Article(id="1" * 20, revision=1, title=t, paragraphs=(body,)) for t in (opening, ""))
    lead, title = (vector for vector, _ in reader.encoder.encode([body, opening]))
    expected = reader.projection.apply(text_vector(lead, title), "")
    assert reader.read(untitled).vector == pytest.approx(expected, abs=1e-5)
    assert reader.read(titled).vector != pytest.approx(expected, abs=1e-2)


def test_kernel_rises_near_positive_vectors() -> None:
    near, far, other = kernel([0.4, -0.4]).estimate(np.array([[0, 0], [99, 99], [3, 0]], np.float32))
    assert (near, far, other) == pytest.approx((0.9, 0.5, 0.1), abs=1e-3)


def test_kernel_estimates_stay_within_zero_and_one() -> None:
    assert kernel([5.0, -5.0]).estimate(TWO_ROWS).tolist() == [1.0, 0.0]


def test_kernel_reads_missing_value_as_mean() -> None:
    row = np.array([[np.nan, 0]], np.float32)
    assert kernel([0.4, 0]).estimate(row) == pytest.approx([0.9])


def test_stored_kernel_is_read_by_columns() -> None:
    four = np.array([1, 2], "<f4").tobytes()
    stored = StoredKernel(four, four, TWO_ROWS.astype("<f2").tobytes(), four, 0.25, 0.125)
    loaded = load_kernel(stored, 2)
    assert (loaded.rows.tolist(), loaded.means.tolist()) == (TWO_ROWS.tolist(), [1.0, 2.0])
    assert (loaded.intercept, loaded.gamma) == (0.25, 0.125)
    assert loaded.squares.tolist() == [0, 9]


def test_default_kernels_have_columns_of_pairs() -> None:
    model = load_default()
    assert model.estimators.kernel.rows.shape[1] == len(COLUMNS)
    assert model.estimators_without_vector.kernel.rows.shape[1] == len(WITHOUT_VECTOR)


def test_mean_similarity_weighs_both_estimates_equally() -> None:
    assert mean_similarity(np.array([0.2]), np.array([0.6])) == pytest.approx([0.4])
