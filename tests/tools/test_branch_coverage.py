"""The gate of branch coverage."""

from typing import Any

from tests.tools.branch_coverage import failures

MODULES = ["workers.text", "workers.dedupe.diff"]


def report(**files: list[int]) -> dict[str, Any]:
    return {
        "files": {
            f"workers/{name.replace('_', '/')}.py": {"missing_lines": missing, "missing_branches": [[4, 5]] if missing else []}
            for name, missing in files.items()
        }
    }  # fmt: skip


def test_covered_and_other_modules_pass() -> None:
    assert failures(report(text_dates=[], dedupe_differ=[3]), MODULES, {}) == []


def test_uncovered_line_names_module_and_gap() -> None:
    assert failures(report(dedupe_diff=[3]), MODULES, {}) == [
        "not covered: workers/dedupe/diff.py (3, 4->5); add a test to the unit ring"
    ]


def test_limit_permits_its_gaps_only() -> None:
    assert failures(report(dedupe_diff=[3]), MODULES, {"workers/dedupe/diff.py": 2}) == []
    assert failures(report(dedupe_diff=[3]), MODULES, {"workers/dedupe/diff.py": 1}) != []


def test_empty_report_fails() -> None:
    assert failures(report(), MODULES, {}) == ["no module measured: decisions are pure; run `make coverage`"]
