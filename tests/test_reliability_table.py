"""The table of reliability tests names tests and planted bugs that exist."""

import re

import pytest

from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "explanation" / "reliability-tests.md").read_text()
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
PLANTED = sorted(set(re.findall(r"`(sim|mutant):(?!NAME)(\w+)`", TEXT)))
SCRIPTS = ROOT.parent / "shared" / "cases" / "reliability"
FILES = {"sim": "tests/simulation/bugs.py", "mutant": "tests/faults/mutants.py"}


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_reliability_table_names_existing_test(path: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / path).read_text()


@pytest.mark.parametrize(("kind", "name"), PLANTED)
def test_reliability_table_names_existing_bug(kind: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / FILES[kind]).read_text()


def test_reliability_table_has_all_planted_bugs_kinds() -> None:
    assert len(TESTS) > 40
    assert {kind for kind, _ in PLANTED} == set(FILES)


def test_reliability_table_has_each_script() -> None:
    scripts = {path.stem.partition("_")[0] for path in SCRIPTS.glob("[a-z][0-9]*.py")}
    if not scripts:
        pytest.skip("no scripts beside the repository")
    rows = re.findall(r"^\| ([a-z]\d\d\w?(?:, \w+)*) \|", TEXT, re.MULTILINE)
    assert {name for row in rows for name in row.split(", ")} == scripts
