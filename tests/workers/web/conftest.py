"""Chromium, and the accessibility rules of axe-core."""

import os
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.browser import chromium


@pytest.fixture
def program() -> str:
    """The path of Chromium, where the machine has one."""
    path = chromium()
    if path is None:
        pytest.skip("Chromium not found")
    return path


@pytest.fixture
def axe() -> str:
    """Accessibility rules of axe-core, an npm package that `.ci/run` downloads."""
    path = Path(os.environ.get("COPYDESK_TEST_AXE", ROOT / ".venv" / "axe" / "axe.min.js"))
    if not path.exists():
        assert not os.environ.get("CI"), "axe-core missing in CI"
        pytest.skip("axe-core not found; set COPYDESK_TEST_AXE")
    return path.read_text("utf-8")
