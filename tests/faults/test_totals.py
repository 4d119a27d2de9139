"""The sums over several fault runs."""

import json
import sys
from pathlib import Path

import pytest

from tests.faults.__main__ import main, totals

RUN = {
    "seed": 5, "ok": True, "settled": True, "faults": {"cut": 2, "slow": 1}, "articles": 10, "lost": 0,
    "deliveries": {"tail": 10}, "max_stall_s": 1.5,
}  # fmt: skip


def test_totals_sum_figures_of_all_runs() -> None:
    total = totals([RUN, RUN | {"seed": 6, "ok": False, "lost": 1, "max_stall_s": 4.0}])
    assert total == {
        "failed": [6], "max_stall_s": 4.0, "runs": 2, "articles": 20, "lost": 1, "all_faults": 6,
        "all_deliveries": 20,
    }  # fmt: skip


@pytest.mark.parametrize(("is_ok", "code"), [(True, 0), (False, 1)])
def test_totals_of_files_skip_earlier_sums(
    is_ok: bool, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_text(f"{json.dumps(RUN | {'ok': is_ok})}\n{json.dumps(totals([RUN]))}\n")
    monkeypatch.setattr(sys, "argv", ["faults", "--total", *map(str, paths)])
    assert main() == code
    assert json.loads(capsys.readouterr().out)["runs"] == 2
