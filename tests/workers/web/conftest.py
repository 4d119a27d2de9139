"""Fixtures of the page's tests: Chromium, and the accessibility rules of axe-core."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.browser import Chromium, chromium_path


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A browser for all tests; each opens its own page."""
    program = chromium_path()
    if program is None:
        pytest.skip("Chromium not found")
    process = Chromium(program, tmp_path_factory.mktemp("chromium"))
    yield process
    process.stop()


@pytest.fixture
def axe() -> str:
    """Accessibility rules of axe-core, an npm package that `.ci/run` downloads."""
    path = Path(os.environ.get("COPYDESK_TEST_AXE", ROOT / ".venv" / "axe" / "axe.min.js"))
    if not path.exists():
        assert not os.environ.get("CI"), "axe-core missing in CI"
        pytest.skip("axe-core not found; set COPYDESK_TEST_AXE")
    return path.read_text("utf-8")
