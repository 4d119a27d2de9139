"""Checker: compare the ledger with the output. Pure; `mutants.py` proves that it detects each violation.

LOST      acknowledged by the poller, but neither published nor a dead letter
DUP       published twice: the same story and words, or the same (id, revision)
BOTH      published and a dead letter
PHANTOM   a story that was never offered
CORRUPT   words that this story never had: truncated, mixed, partly cleaned
ORDER     a revision after a newer one, or a gap in the revision numbers
FENCE     source offsets of a partition go backwards: a worker wrote after its successor
CONSERVE  counters of a stage that are inconsistent, or differ from the topics
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from streams.records import DeadLetter
from workers.replay import REPLAY_HEADER

FIGURES = ("lost", "dup", "both", "phantom", "corrupt", "order", "fence", "conserve")


class Out(NamedTuple):
    """An article as published, in partition order."""

    url: str
    digest: str
    id: str
    revision: int
    partition: int
    source: tuple[int, int]  # partition and offset of its item


def is_replayed(letter: DeadLetter) -> bool:
    """Return whether the dead letter is that of a replayed item, which fails again."""
    return any(name == REPLAY_HEADER for name, _ in letter.headers)


class Report(NamedTuple):
    """Number of violations by type, one example of each, and the number of checked articles."""

    articles: int
    offered: int
    dead: int
    figures: Mapping[str, int]
    examples: Mapping[str, Any]

    @property
    def ok(self) -> bool:
        """Return whether there are articles and no violations: a run without articles is a failure."""
        return self.articles > 0 and self.offered > 0 and not any(self.figures.values())


def check(
    ledger: Mapping[str, Sequence[str]],
    wire: Sequence[Out],
    dead: Sequence[str] = (),
    poison: Sequence[str] = (),
    counters: Mapping[str, Mapping[str, int]] | None = None,
    items: int = 0,
    replayed_dead: int = 0,
) -> Report:
    """Return the report. *ledger*: story URL → digests in order; *dead*: keys of dead letters; *poison*: expected ones.

    *replayed_dead*: dead letters of replayed items, beside *dead*.
    """
    violations: dict[str, list[Any]] = {name: [] for name in FIGURES}
    acknowledged = {(url, digest) for url, digests in ledger.items() for digest in digests}
    words = Counter((out.url, out.digest) for out in wire)
    names = Counter((out.id, out.revision) for out in wire)
    dead_letters = Counter(dead)
    violations["lost"] = [p for p in acknowledged if p not in words and p[0] not in dead_letters]
    violations["lost"] += [key for key in poison if key not in dead_letters]
    violations["dup"] = [p for p, n in words.items() if n > 1] + [p for p, n in names.items() if n > 1]
    violations["dup"] += [key for key, n in dead_letters.items() if n > 1]
    violations["both"] = [p for p in words if p[0] in dead_letters]
    violations["phantom"] = [p for p in words if p[0] not in ledger]
    violations["corrupt"] = [p for p in words if p[0] in ledger and p not in acknowledged]
    violations["order"], violations["fence"] = _order(ledger, wire), _fence(wire)
    violations["conserve"] = (
        _conserve(counters, len(wire), len(dead) + replayed_dead, items) if counters is not None else []
    )
    figures = {name: len(cases) for name, cases in violations.items()}
    return Report(
        len(wire),
        len(acknowledged),
        len(dead),
        figures,
        {name: cases[:3] for name, cases in violations.items() if cases},
    )


def _order(ledger: Mapping[str, Sequence[str]], wire: Sequence[Out]) -> list[Any]:
    last: dict[str, tuple[int, int]] = {}
    wrong = []
    for out in wire:
        chain = ledger.get(out.url, ())
        if out.digest in chain:
            place, (before, revision) = chain.index(out.digest), last.get(out.url, (-1, 0))
            if place < before or out.revision != revision + 1:
                wrong.append((out.url, before, place, revision, out.revision))
            last[out.url] = (place, out.revision)
    return wrong


def _fence(wire: Sequence[Out]) -> list[Any]:
    last: dict[tuple[int, int], int] = {}
    wrong = []
    for out in wire:
        source, offset = out.source
        if offset <= last.get((out.partition, source), -1):
            wrong.append((out.partition, out.source, last[(out.partition, source)]))
        last[(out.partition, source)] = offset
    return wrong


def _conserve(counters: Mapping[str, Mapping[str, int]], articles: int, dead: int, items: int) -> list[Any]:
    desk = counters["desk"]
    wrong: list[Any] = [
        (stage, dict(c))
        for stage, c in counters.items()
        if c["received"] != sum(n for name, n in c.items() if name != "received")
    ]
    if desk["new"] + desk["revised"] != articles:
        wrong.append(("articles", articles, dict(desk)))
    if desk["received"] != items:
        wrong.append(("items", items, dict(desk)))
    if desk["failed"] != dead:
        wrong.append(("dead letters", dead, dict(desk)))
    return wrong
