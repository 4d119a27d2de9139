"""An invented day of news in eight languages: reports of events, from the plots of `plots.tsv`.

Reports of an event share its facts (place, people, organisation, figures) and no other text. Each has a part of the
sentences in its own order. Names are written in the script of the language. Many events of a day have the same plot.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from streams.records import Article

LANGUAGES = ("en", "de", "fr", "es", "it", "pl", "ru", "zh")
START = datetime(2026, 3, 2, tzinfo=UTC)
FOLDER = Path(__file__).parent
SCRIPTS = {"ru": 1, "zh": 2}  # column of a slot; others: Latin
SINGLE_SHARE = 0.5  # of the events
LARGEST = 40  # reports of an event
MEAN_LAG_S, DAY_S = 2.5 * 3600, 86_400
OUTLETS = ("Courier", "Observer", "Tribune", "Telegraph", "Herald", "Monitor", "Gazette", "Bulletin", "Record", "Post")


class Plot(NamedTuple):
    """The titles and sentences of a plot in one language."""

    titles: tuple[str, ...]
    sentences: tuple[str, ...]


class Fact(NamedTuple):
    """The facts of an event. Names are triples: Latin, Cyrillic, Chinese. *place* has a form for each language."""

    plot: str
    place: tuple[str, ...]
    person: tuple[str, ...]
    other: tuple[str, ...]
    org: tuple[str, ...]
    n: int
    m: int
    language: str
    start_s: float


class LabelledReport(NamedTuple):
    """A report with the number of its event."""

    event: int
    article: Article


def day(seed: str, articles: int, plots: Sequence[str] = ()) -> list[LabelledReport]:
    """Return a day of about *articles* reports in the order of their publication. *plots*: default: all."""
    choose, plots = random.Random(seed), plots or plot_names()
    reports: list[LabelledReport] = []
    event = 0
    while len(reports) < articles:
        fact = _fact(choose, plots)
        size = 1 if choose.random() < SINGLE_SHARE else min(LARGEST, 2 + int(choose.expovariate(1 / 4)))
        reports += [_report(choose, event, fact, len(reports) + n) for n in range(size)]
        event += 1
    return sorted(reports, key=lambda report: (str(report.article.published), report.article.id))


def plot_names() -> list[str]:
    """Return the names of all plots."""
    return sorted({plot for plot, _ in _plots()})


def _fact(choose: random.Random, plots: Sequence[str]) -> Fact:
    slots, (given, family) = _slots(), ("given", "family")
    person, other = (_joined(" ", choose.choice(slots[given]), choose.choice(slots[family])) for _ in range(2))
    org = _joined("", choose.choice(slots["first"]), choose.choice(slots["second"]))
    return Fact(
        choose.choice(plots), choose.choice(_places()), person, other, org,
        choose.randint(12, 990), choose.randint(11, 95),
        choose.choice(LANGUAGES), choose.uniform(0, DAY_S),
    )  # fmt: skip


def _joined(separator: str, one: Sequence[str], two: Sequence[str]) -> tuple[str, ...]:
    separators = (separator, separator, "·" if separator else "")
    return tuple(a + s + b for a, s, b in zip(one, separators, two, strict=True))


def _report(choose: random.Random, event: int, fact: Fact, number: int) -> LabelledReport:
    language = fact.language if choose.random() < 0.5 else choose.choice(LANGUAGES)
    plot = _plots()[fact.plot, language]
    script = SCRIPTS.get(language, 0)
    facts = {
        "place": fact.place[LANGUAGES.index(language)], "person": fact.person[script], "other": fact.other[script],
        "org": fact.org[script], "n": fact.n, "m": fact.m,
    }  # fmt: skip
    first, *others = plot.sentences
    rest = choose.sample(others, choose.randint(1, len(others)))
    text = [sentence.format(**facts) for sentence in (first, *rest)]
    published = START + timedelta(seconds=fact.start_s + choose.expovariate(1 / MEAN_LAG_S))
    outlet = f"{choose.choice(OUTLETS)} {language.upper()}"
    return LabelledReport(
        event,
        Article(
            id=f"{number:020x}", revision=1, title=choose.choice(plot.titles).format(**facts), publisher=outlet,
            language=language, published=published, fetched_at=published, url=f"https://{number}.example/",
            paragraphs=tuple(text),
        ),
    )  # fmt: skip


@lru_cache
def _plots() -> dict[tuple[str, str], Plot]:
    parts: defaultdict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: {"T": [], "S": []})
    for plot, language, kind, text in _rows("plots.tsv"):
        parts[plot, language][kind].append(text)
    return {key: Plot(tuple(part["T"]), tuple(part["S"])) for key, part in parts.items()}


@lru_cache
def _slots() -> dict[str, list[tuple[str, ...]]]:
    slots: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for kind, *forms in _rows("slots.tsv"):
        slots[kind].append(tuple(forms))
    return slots


@lru_cache
def _places() -> list[tuple[str, ...]]:
    return [tuple(forms) for forms in _rows("places.tsv")]


def _rows(name: str) -> Iterator[list[str]]:
    for line in (FOLDER / name).read_text("utf-8").splitlines():
        if not line.startswith("#"):
            yield line.split("\t")
