"""The unit ring selects tests without processes and servers, and fails a test that starts one."""

import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

CONFTEST = "from tests.tools.rings import pytest_collection_modifyitems, pytest_configure\n"
TESTS = """
import socket
import subprocess
import sys

import pytest


@pytest.fixture
def server():
    return subprocess.Popen


def test_pure():
    assert True


def test_fixture_names_a_process(server):
    assert True


def test_process():
    subprocess.run([sys.executable, "-c", ""], check=True)


def test_hidden_process():
    getattr(sys.modules["sub" + "process"], "run")([sys.executable, "-c", ""], check=True)


def test_hidden_socket():
    with socket.socket() as made:
        getattr(made, "bi" + "nd")(("127.0.0.1", 0))


@pytest.mark.corpus
def test_corpus():
    assert True
"""


def run_unit(folder: Path) -> str:
    """Run the unit ring on an invented test module; return the report."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_invented.py").write_text(TESTS)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rA",
        "-m",
        "unit",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
        str(folder),
    ]
    options = ["--rootdir", str(folder), "-c", "/dev/null"]
    return subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True).stdout


def test_unit_ring_selects_and_guards(tmp_path: Path) -> None:
    report = run_unit(tmp_path)
    summary = re.sub(r"\S+::", "", report)
    assert "PASSED test_pure" in summary, report
    assert "FAILED test_hidden_process" in summary and "not a unit test: subprocess.Popen" in report, report
    assert "FAILED test_hidden_socket" in summary and "not a unit test: socket.bind" in report, report
    assert "2 failed, 1 passed, 3 deselected" in report, report
