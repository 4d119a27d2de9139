"""Evaluation of cleaned pages: the official score of a benchmark, confidence intervals, and soundness of the truth."""

import random
import re
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from tests.tools.train.corpus import words_of
from workers.clean.html_parser import parse_html

SHINGLE_WORDS = 4
TOKEN = re.compile(r"\w+")
ROUNDS, SEED, Z = 1_000, 1, 1.96  # resamples; 95 % of a normal distribution
MIN_SOUND_SHARE = 0.9  # of the shingles of a true text that occur on its page


T = TypeVar("T")


class Agreement(NamedTuple):
    """Shares of shingles that are in both texts, in the output only, and in the truth only. Their sum is 1 or 0."""

    both: float
    output_only: float
    truth_only: float


def agreement(output: str, truth: str) -> Agreement:
    """Return the agreement of two texts.

    Source: github.com/scrapinghub/article-extraction-benchmark, README and evaluate.py. Shingles of four words count
    with their number. Case counts. The shares make a long text weigh as much as a short one.
    """
    have, expected = _shingles(output), _shingles(truth)
    counts = ((have & expected).total(), (have - expected).total(), (expected - have).total())
    total = sum(counts) or 1
    return Agreement(*(count / total for count in counts))


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    tokens = TOKEN.findall(text)
    starts = range(max(1, len(tokens) - SHINGLE_WORDS + 1)) if tokens else ()
    return Counter(tuple(tokens[n : n + SHINGLE_WORDS]) for n in starts)


def official_f1(agreements: Sequence[Agreement]) -> float:
    """Return the harmonic mean of mean precision and mean recall, as that benchmark defines its F1."""
    precisions = [a.both / (a.both + a.output_only) for a in agreements if a.both + a.output_only]
    recalls = [a.both / (a.both + a.truth_only) for a in agreements if a.both + a.truth_only]
    if not precisions or not recalls:
        return 0.0
    precision, recall = statistics.mean(precisions), statistics.mean(recalls)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def interval(by_site: Mapping[str, Sequence[T]], figure: Callable[[Sequence[T]], float]) -> float:
    """Return half of the 95 % confidence interval of *figure*, from a bootstrap over sites.

    Pages of one site share their template, so a resample takes whole sites.
    """
    sites, generator = sorted(by_site), random.Random(SEED)
    if len(sites) < 2:
        return 0.0
    figures = []
    for _ in range(ROUNDS):
        chosen = generator.choices(sites, k=len(sites))
        figures.append(figure([value for site in chosen for value in by_site[site]]))
    return Z * statistics.stdev(figures)


def has_sound_truth(html: str, truth: str) -> bool:
    """Whether a page contains its true text: no choice of blocks reaches the text of another page."""
    page, expected = words_of(parse_html(html, page=True).all_text()), words_of(truth)
    shingles = set(zip(expected, expected[1:], expected[2:], strict=False))
    present = shingles & set(zip(page, page[1:], page[2:], strict=False))
    return len(present) >= MIN_SOUND_SHARE * len(shingles)
