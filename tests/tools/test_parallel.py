"""Parallel workers: groups of the tests that share a Kafka cluster, and skips in CI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import DEADLINE_S, ROOT
from tests.support.kafka import BEFORE, CURRENT
from tests.support.ports import free_port
from tests.tools.parallel import LONG, OWN_CLUSTERS, SHARED, ends_kafka, group, rank

CONFTEST = """
from tests.tools.parallel import scheduler as pytest_xdist_make_scheduler
from tests.tools.skips import pytest_sessionfinish
"""
TESTS = """
import os
from pathlib import Path

import pytest


@pytest.mark.parametrize("server", ["valkey", "kafka", "kafka-3"] * 4)
def test_server(server):
    with Path(__file__).with_name(server).open("a") as file:
        print(os.environ.get("PYTEST_XDIST_WORKER", "main"), file=file)


def test_skipped():
    pytest.skip("no Redis on this machine")
"""


@pytest.fixture
def invented(tmp_path: Path) -> Path:
    """A folder of tests with copydesk's scheduler and its rule for skips."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_invented.py").write_text(TESTS)
    return tmp_path


def run_pytest(folder: Path, *, workers: int, ci: str) -> "subprocess.CompletedProcess[str]":
    options = ["-p", "no:cacheprovider", "-o", "addopts=", "-c", "/dev/null", "--rootdir", str(folder)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-n", str(workers), *options, str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CI": ci},
    )  # fmt: skip


@pytest.mark.parametrize("workers", [0, 2])
def test_skip_in_ci_fails_session(invented: Path, workers: int) -> None:
    done = run_pytest(invented, workers=workers, ci="true")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "12 passed, 1 skipped" in done.stdout
    assert "tests skipped in CI: 1; install the missing parts" in done.stdout
    assert "test_invented.py::test_skipped: Skipped: no Redis on this machine" in done.stdout
    runs = {name: (invented / name).read_text().split() for name in ("valkey", "kafka", "kafka-3")}
    assert {name: len(names) for name, names in runs.items()} == {"valkey": 4, "kafka": 4, "kafka-3": 4}
    assert len({*runs["kafka"]}) == len({*runs["kafka-3"]}) == 1, runs  # one worker for a version of Kafka


def test_skip_outside_ci_passes_session(invented: Path) -> None:
    done = run_pytest(invented, workers=0, ci="")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("a/test_a.py::test_reader[valkey]", "a/test_a.py::test_reader[valkey]"),
        ("a/test_a.py::test_reader[kafka]", f"Kafka {CURRENT}"),
        ("a/test_a.py::test_reader[kafka-3]", f"Kafka {BEFORE}"),
        (f"tests/test_a.py::test_guard[{CURRENT}-kafka-3]", f"Kafka {CURRENT}"),
        (f"{OWN_CLUSTERS}::test_gap[{CURRENT}]", f"Kafka {CURRENT} {OWN_CLUSTERS}"),
        (f"{OWN_CLUSTERS}::test_gap[{BEFORE}-3]", f"Kafka {BEFORE} {OWN_CLUSTERS}"),
        ("tests/faults/test_damage.py::test_a", "damage"),
    ],
)
def test_group_of_test_id(test: str, expected: str) -> None:
    assert group(test) == expected


def test_clusters_end_with_their_group() -> None:
    assert ends_kafka("a.py::test_a[kafka]", "a.py::test_a[valkey]")
    assert ends_kafka("a.py::test_a[kafka]", "a.py::test_a[kafka-3]")
    assert not ends_kafka("a.py::test_a[kafka]", "b.py::test_b[kafka]")
    assert not ends_kafka("a.py::test_a", "b.py::test_b[kafka]")


def test_long_modules_exist_and_come_first() -> None:
    assert all((ROOT / path).is_file() for path in (*LONG, *SHARED))
    ranks = [rank(f"{LONG[0]}::test_a", False), rank("tests/test_repo.py::test_a", False), rank(LONG[0], True)]
    assert ranks == [0, 1, 2]


def test_free_port_is_below_ephemeral_range() -> None:
    assert free_port(20) + 20 < 32_768
