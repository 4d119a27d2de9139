"""The page of costs in the docs, from the figures of `make profile`. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

UNITS = {"desk": "item", "poller": "poll", "parser": "document"}
MIN_SHARE = 0.005
HEAD = """# Costs by stage

This page shows how much CPU time each stage of desk, poller and parser takes, in microseconds.
`make profile` writes the page, and flame graphs to `build/profile/PROGRAM-INPUT.svg`.

py-spy samples the call stack of a program. `tests/tools/profile/stages.py` assigns functions to stages.
A sample counts for the stage of its innermost assigned function.
The cost of a stage is its share of the samples, times the CPU time of the program.

- "Captures" are documents of 14 real feeds, in order (`../shared/corpus/feeds.tar.xz`, `rw_series`).
- In "demo", most items are known items: only their link lists have changed.
- The desk cleans in its own process, without cleaning processes. A separate row states the CPU time of Valkey.
- The poller figures do not include its parser processes.
- Imports are not included.

Compare figures of one run only, because a busy machine needs more time.
py-spy counts some waiting of the event loop as work, mainly in the poller.
"""


def page(costs: Mapping[str, Any]) -> str:
    """Return the page. *costs*: figures by "program input", the machine and the date."""
    parts = [HEAD, f"Measured on {costs['date']} ({costs['machine']}).\n"]
    for program, unit in UNITS.items():
        columns = {name.split()[1]: figures for name, figures in costs.items() if name.split()[0] == program}
        if columns:
            parts.append(_table(program, unit, columns))
    return "\n".join(parts)


def _table(program: str, unit: str, columns: Mapping[str, Any]) -> str:
    figures = list(columns.values())
    largest: dict[str, float] = {}
    for column in figures:
        for stage, share in column["stages"].items():
            largest[stage] = max(share, largest.get(stage, 0.0))
    stages = sorted((stage for stage, share in largest.items() if share >= MIN_SHARE), key=lambda s: -largest[s])
    rows = [(stage, [column["stages"].get(stage, 0.0) * column["cpu_us"] for column in figures]) for stage in stages]
    for name, key in (("**CPU of the process**", "cpu_us"), ("**CPU of Valkey**", "valkey_us")):
        if all(key in column for column in figures):
            rows.append((name, [column[key] for column in figures]))
    heads = [f"{source}, {column['count']:,}" for source, column in columns.items()]
    lines = [f"## {program.title()}, each {unit}\n", _row("stage", heads), _row("---", ["---"] * len(heads))]
    return "\n".join([*lines, *(_row(name, [f"{value:.0f}" for value in values]) for name, values in rows)]) + "\n"


def _row(name: str, cells: Sequence[str]) -> str:
    return f"| {' | '.join((name, *cells))} |"
