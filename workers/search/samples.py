"""Samples of the counters, one a minute for a day, and the rates between them, for charts."""

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from streams.topics import DAY_S
from workers.search.database import Database

MINUTE_S, HOUR_S = 60, 3_600
KEPT_S = DAY_S + HOUR_S
MAX_GAP_S = 3 * MINUTE_S
DAY_STEP_S = 600  # of the rates of a day

SCHEMA = "CREATE TABLE IF NOT EXISTS samples (minute INTEGER PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;"


class Sample(NamedTuple):
    """Counters since the first start, lag in items, and latency of the newest articles in milliseconds."""

    time_s: float
    counts: Mapping[str, int]
    lag: int
    latency_ms: Mapping[str, float]


class SampleStore:
    """The samples in *database*."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(self, sample: Sample) -> None:
        """Store *sample*; remove those older than KEPT_S."""
        await self.database.run(_add, sample)

    async def read(self) -> list[Sample]:
        """Return the samples in the order of their time."""
        return await self.database.run(_read)


def _add(connection: sqlite3.Connection, sample: Sample) -> None:
    minute = int(sample.time_s // MINUTE_S)
    connection.execute("REPLACE INTO samples VALUES (?, ?)", (minute, msgspec.json.encode(sample).decode()))
    connection.execute("DELETE FROM samples WHERE minute < ? OR minute > ?", (minute - KEPT_S // MINUTE_S, minute))


def _read(connection: sqlite3.Connection) -> list[Sample]:
    rows = connection.execute("SELECT row FROM samples ORDER BY minute").fetchall()
    return [msgspec.json.decode(row["row"], type=Sample) for row in rows]


class Step(NamedTuple):
    """The samples in a step of a chart: seconds that they cover, counts, the highest lag, and the last sample."""

    seconds: float
    counts: Counter[str]
    lag: int
    last: Sample


def rates(samples: Sequence[Sample], now_s: float, span_s: int, step_s: int) -> list[dict[str, Any]]:
    """Return a point for each step of the last *span_s* seconds: counts per minute, lag and latency. Pure.

    A point has null values where no samples are less than MAX_GAP_S apart: the web server did not run.
    """
    steps: dict[int, Step] = {}
    for before, after in pairwise(samples):
        if after.time_s - before.time_s <= MAX_GAP_S:
            start = int(after.time_s // step_s) * step_s
            steps[start] = _extended(steps.get(start), before, after)
    end = int(now_s // step_s) * step_s
    return [_point(start, steps.get(start)) for start in range(end - span_s + step_s, end + step_s, step_s)]


def _extended(step: Step | None, before: Sample, after: Sample) -> Step:
    """Return *step* with the counts between two samples. Counters that started over count from zero."""
    step = step or Step(0.0, Counter(), 0, after)
    new = {name: n - before.counts.get(name, 0) for name, n in after.counts.items()}
    counts = Counter({name: n if n >= 0 else after.counts[name] for name, n in new.items()})
    return Step(step.seconds + after.time_s - before.time_s, step.counts + counts, max(step.lag, after.lag), after)


def _point(start: int, step: Step | None) -> dict[str, Any]:
    if step is None:
        return {"time_s": start, "per_minute": None, "lag": None, "latency_ms": None}
    per_minute = {name: round(step.counts[name] * MINUTE_S / step.seconds, 2) for name in step.last.counts}
    return {"time_s": start, "per_minute": per_minute, "lag": step.lag, "latency_ms": dict(step.last.latency_ms)}
