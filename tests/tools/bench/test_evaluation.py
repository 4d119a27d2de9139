"""The evaluation of cleaned pages, on small texts."""

import statistics

import pytest

from tests.tools.bench.evaluation import Agreement, agreement, has_sound_truth, interval, official_f1


@pytest.mark.parametrize(
    ("output", "truth", "expected"),
    [
        ("a b c d e", "a b c d e", (1, 0, 0)),
        ("", "", (0, 0, 0)),
        ("", "a b c d", (0, 0, 1)),
        ("a b c d", "", (0, 1, 0)),
        ("a b", "a b", (1, 0, 0)),
        ("a b c d e", "a b c d", (1 / 2, 1 / 2, 0)),
        ("A b c d", "a b c d", (0, 1 / 2, 1 / 2)),
        ("a, b. c: d", "a b c d", (1, 0, 0)),
    ],
)
def test_agreement_counts_shingles_of_four(output: str, truth: str, expected: tuple[float, float, float]) -> None:
    assert agreement(output, truth) == pytest.approx(expected)


def test_official_f1_is_harmonic_mean_of_means() -> None:
    agreements = [Agreement(1, 0, 0), Agreement(0.5, 0.5, 0), Agreement(0, 0, 1)]
    precision, recall = (1 + 0.5) / 2, (1 + 1 + 0) / 3
    assert official_f1(agreements) == pytest.approx(2 * precision * recall / (precision + recall))
    assert official_f1([]) == 0


def test_interval_takes_whole_sites() -> None:
    together = {"a": [0.0] * 50, "b": [1.0] * 50}
    apart = {str(n): [float(n % 2)] for n in range(100)}
    assert interval(together, statistics.mean) > 3 * interval(apart, statistics.mean) > 0
    assert interval({"a": [1.0]}, statistics.mean) == 0


def test_has_sound_truth_other_page_is_unsound() -> None:
    html = "<p>The ferry to Lanthe stopped on Monday.</p><p>Divers cut the rope.</p>"
    assert has_sound_truth(html, "The ferry to Lanthe stopped on Monday.\nDivers cut the rope.")
    assert not has_sound_truth(html, "The mill was sold to the guild in autumn, after a long quarrel.")
