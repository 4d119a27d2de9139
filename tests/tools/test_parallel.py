"""Parallel workers: groups of the tests that share a Kafka cluster, and skips in CI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import DEADLINE_S, ROOT
from tests.support.kafka import BEFORE, CURRENT
from tests.support.ports import free_port

LIST_GROUPS = """
def pytest_collection_finish(session):
    for item in session.items:
        group = item.get_closest_marker("xdist_group")
        print("ITEM", item.nodeid.partition("::")[2], group.args[0] if group else "")
"""
CONFTEST = "from tests.tools.skips import pytest_sessionfinish\n"
TESTS = """
import pytest


@pytest.mark.parametrize("number", range(4))
def test_passes(number):
    assert number < 4


def test_skipped():
    pytest.skip("no Redis on this machine")
"""


def run_pytest(folder: Path, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", **environ},
    )  # fmt: skip


def test_kafka_tests_form_group_per_cluster(tmp_path: Path) -> None:
    (tmp_path / "list_groups.py").write_text(LIST_GROUPS)
    files = ["tests/contract/brokers/test_kafka.py", "tests/contract/brokers/test_contract.py"]
    output = run_pytest(tmp_path, "-p", "list_groups", "--collect-only", *files).stdout
    groups = {line.split(" ")[1]: line.split(" ")[2] for line in output.splitlines() if line.startswith("ITEM ")}
    for server, group in (
        ("valkey", ""), ("memory", ""), ("redis", ""), ("kafka", f"kafka-{CURRENT}-1"), ("kafka-3", f"kafka-{BEFORE}-1"),
    ):  # fmt: skip
        assert groups[f"test_reader_keeps_order_of_each_key[{server}]"] == group, output
    assert groups[f"test_nodes_killed_or_frozen_process_exactly_once[{BEFORE}]"] == f"kafka-{BEFORE}-3"
    assert groups[f"test_kafka_offset_gap_vs_skipped[{CURRENT}]"] == f"kafka-{CURRENT}-1"


@pytest.mark.parametrize("workers", [0, 2])
def test_skip_in_ci_fails_session(tmp_path: Path, workers: int) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_invented.py").write_text(TESTS)
    options = ["-n", str(workers), "-o", "addopts=", "-c", "/dev/null", "--rootdir", str(tmp_path), str(tmp_path)]
    done = run_pytest(tmp_path, *options, CI="true")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "4 passed, 1 skipped" in done.stdout
    assert "tests skipped in CI: 1; install the missing parts" in done.stdout
    assert "test_invented.py::test_skipped: Skipped: no Redis on this machine" in done.stdout


def test_skip_outside_ci_passes_session(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_invented.py").write_text(TESTS)
    done = run_pytest(tmp_path, "-o", "addopts=", "-c", "/dev/null", "--rootdir", str(tmp_path), str(tmp_path), CI="")
    assert done.returncode == 0, done.stdout + done.stderr


def test_free_port_is_below_ephemeral_range() -> None:
    assert free_port(20) + 20 < 32_768
