"""Cases of ../shared/cases/dedupe: rows in order, each with the expected fields of its result."""

import json
from pathlib import Path

import pytest

from streams.config.settings import Settings
from tests.support.duplicates import classify_file
from tests.tools.skips import SHARED

CASES = sorted((SHARED / "cases" / "dedupe").glob("*.jsonl"))


@pytest.mark.corpus
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
async def test_case_has_expected_result(path: Path, settings: Settings) -> None:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    results = await classify_file(settings, rows)
    assert [{name: str(result[name]) for name in row["expect"]} for row, result in zip(rows, results, strict=True)] == [
        {name: str(value) for name, value in row["expect"].items()} for row in rows
    ]
