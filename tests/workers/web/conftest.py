"""Fixtures of the page's tests."""

from collections.abc import Iterator

import pytest

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
