"""Records of benchmark runs, their storage, and the comparison of two. All but `read_records` and `append` is pure."""

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.conftest import ROOT

HISTORY = ROOT / "docs" / "explanation" / "benchmark-history.jsonl"
MAX_WORSE = 1.10  # a greater ratio of the ratios is reported
BASE_RECORDS = 3  # the median of the last records of a measure is its base: one record may be of a bad minute


class Figures(msgspec.Struct, frozen=True):
    """CPU time of a unit of work in microseconds: copydesk's, the floor's and the peer's, in one run.

    The floor is the least work that has the result. *peer*: 0 if the peer is not installed.
    """

    own: float
    floor: float
    peer: float = 0.0

    @property
    def ratio(self) -> float:
        """copydesk's time in floors. It depends on the machine far less than the time."""
        return self.own / self.floor

    @property
    def peer_ratio(self) -> float:
        """The peer's time in floors, 0 without one."""
        return self.peer / self.floor


class Record(msgspec.Struct, frozen=True):
    """A run of the tracked benchmarks. *load*: mean number of running processes in the last minute of the run."""

    commit: str
    time: str
    machine: str
    python: str
    load: float
    figures: dict[str, Figures]


class Change(NamedTuple):
    """The ratio of a measure before and after, in floors."""

    measure: str
    before: float
    after: float

    @property
    def is_worse(self) -> bool:
        return self.after > MAX_WORSE * self.before

    @property
    def percent(self) -> float:
        return 100 * (self.after / self.before - 1)


def middle(rounds: Sequence[Figures]) -> Figures:
    """Return the figures of the round with the median ratio."""
    return sorted(rounds, key=lambda figures: figures.ratio)[len(rounds) // 2]


def compare(record: Record, history: Sequence[Record]) -> list[Change]:
    """Return the change of each measure of *record* since *history*, without measures that this lacks."""
    changes = []
    for name, figures in record.figures.items():
        earlier = [old.figures[name].ratio for old in history if name in old.figures and old.commit != record.commit]
        if earlier:
            changes.append(Change(name, statistics.median(earlier[-BASE_RECORDS:]), figures.ratio))
    return changes


def report(changes: Iterable[Change]) -> str:
    """Return a line for each change; GitHub shows those that begin with `::warning::` beside the run."""
    return "\n".join(
        f"{'::warning::' if change.is_worse else ''}{change.measure}: {change.before:.2f} → {change.after:.2f} floors "
        f"({change.percent:+.0f} %)"
        for change in changes
    )


def read_records(path: Path = HISTORY) -> list[Record]:
    """Return the records of the history, the oldest first."""
    rows = path.read_text("utf-8").splitlines() if path.exists() else []
    return [msgspec.json.decode(row, type=Record) for row in rows]


def append(record: Record, path: Path = HISTORY) -> None:
    """Add *record* to the history."""
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{msgspec.json.encode(record).decode()}\n")
