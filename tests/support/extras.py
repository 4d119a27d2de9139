"""Libraries of optional extras that the dev lock lacks."""

import os
from importlib.util import find_spec

import pytest


def require_module(name: str) -> None:
    """Skip the test, or the module that calls this, unless *name* can be imported. Fails in CI."""
    if find_spec(name) is None:
        assert not os.environ.get("CI"), f"{name} has to be there in CI"
        pytest.skip(f"{name} is not installed", allow_module_level=True)
