"""A backfill of corpus pages with kills of reader, desk and broker: `make backfill` in small."""

import json
from pathlib import Path

import pytest

from tests.faults.backfill import PART, PROCESSES, READER_PART, compared, main, planned_kills
from tests.tools.skips import NO_CORPUS, SHARED

CALM = [("a", 1, "x"), ("b", 1, "y"), ("b", 2, "z")]


@pytest.mark.corpus_full
@pytest.mark.skipif(not SHARED.exists(), reason=NO_CORPUS)
async def test_killed_backfill_of_corpus_equals_calm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(tmp_path), "--records", str(2 * PART), "--kills", "9", "--minutes", "120"]
    assert await main(arguments) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(result["kills"]) == set(PROCESSES)
    assert all(result["kills"].values())


def test_kills_are_spread_over_all_parts() -> None:
    parts = [planned_kills(4_000, 50, part, seed=1) for part in range(4_000 // PART)]
    kills = [kill for part in parts for kill in part]
    assert len(kills) == 50
    assert {process: sum(kill.process == process for kill in kills) for process in PROCESSES} == {
        "reader": 17, "desk": 17, "broker": 16,
    }  # fmt: skip
    assert all(kill.after < (READER_PART if kill.process == "reader" else PART) for kill in kills)
    assert all(part == sorted(part) for part in parts)


@pytest.mark.parametrize(
    ("killed", "difference"),
    [
        (CALM, ""),
        (CALM[:2], "missing"),
        ([*CALM, ("c", 1, "x")], "additional"),
        ([*CALM[:2], ("b", 2, "other")], "changed"),
        ([*CALM, CALM[0]], "repeated"),
    ],
)
def test_each_difference_of_runs_is_reported(killed: list[tuple[str, int, str]], difference: str) -> None:
    result = compared(CALM, killed)
    assert {name for name in ("missing", "additional", "changed", "repeated") if result[name]} == {difference} - {""}
    assert result["ok"] is (not difference)
