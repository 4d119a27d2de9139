"""Benchmarks over time: comparison of a record with the history, and the page of charts."""

import re
from pathlib import Path
from xml.etree import ElementTree

from tests.tools.bench.history.page import chart, page
from tests.tools.bench.history.record import Figures, Record, append, compare, middle, read_records, report
from tests.tools.bench.history.titles import TITLES


def record(commit: str, **ratios: float) -> Record:
    figures = {name: Figures(own=100 * ratio, floor=100.0, peer=700.0) for name, ratio in ratios.items()}
    return Record(commit, "2026-11-27T00:00:00+00:00", "m, 2 cores", "3.11.7", 12.0, figures)


def test_compare_reports_worse_ratios() -> None:
    history = [record("a", desk=9.0, poll=2.0), record("b", desk=3.0), record("c", desk=2.9), record("d", desk=3.1)]
    changes = compare(record("e", desk=3.3, poll=2.25, new=1.0), history)
    assert [(c.measure, c.before, c.is_worse) for c in changes] == [("desk", 3.0, False), ("poll", 2.0, True)]
    assert report(changes).splitlines() == [
        "desk: 3.00 → 3.30 floors (+10 %)",
        "::warning::poll: 2.00 → 2.25 floors (+12 %)",
    ]


def test_compare_ignores_records_of_same_commit() -> None:
    assert compare(record("a", desk=3.0), [record("a", desk=1.0)]) == []


def test_middle_is_round_of_median_ratio() -> None:
    rounds = [Figures(30, 10), Figures(20, 10), Figures(100, 10)]
    assert middle(rounds) == Figures(30, 10)


def test_records_are_appended(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    assert read_records(path) == []
    records = [record("a", desk=3.0), record("b", desk=2.0)]
    for row in records:
        append(row, path)
    assert read_records(path) == records


def test_chart_is_valid_svg() -> None:
    svg = ElementTree.fromstring(
        chart("a <title>", ["a", "b", "c"], {"copydesk": [3.0, 2.0, 2.5], "peer": [0.0, 7.0, 7.0]})
    )
    lines = svg.findall("polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [3, 2]
    heights = [float(point.split(",")[1]) for point in lines[0].attrib["points"].split()]
    assert heights[1] > heights[2] > heights[0], "a smaller ratio is lower"


def test_page_has_chart_and_table_of_each_measure() -> None:
    text = page({"desk": "An item.", "poll": "A poll."}, [record("a1", desk=3.0), record("b2", desk=2.0)])
    assert text.count("<svg") == 1
    assert "| b2 | 2026-11-27 | m, 2 cores, Python 3.11.7 | 12 | 200 µs | 100 µs | 700 µs | 2.00 |" in text
    assert "## poll\n\nA poll.\n\nNo run is recorded." in text


def test_recorded_measures_are_described() -> None:
    assert {name for row in read_records() for name in row.figures} <= TITLES.keys()
    assert all(re.fullmatch(r"[0-9a-f]{7}\+?", row.commit) for row in read_records())
