"""Numbers of examples of Hypothesis: a part in `make test`, all of them in `make exhaustive`."""

import os
from collections.abc import Callable
from typing import TypeVar

import hypothesis
import pytest

IS_EXHAUSTIVE = os.environ.get("COPYDESK_TEST_EXAMPLES") == "all"
SHARE = 4
TestT = TypeVar("TestT", bound=Callable[..., object])


def examples(count: int) -> Callable[[TestT], TestT]:
    """Return a decorator of a test with *count* examples, and a quarter of them in `make test`."""

    def decorate(test: TestT) -> TestT:
        settings = hypothesis.settings(max_examples=count if IS_EXHAUSTIVE else count // SHARE, deadline=None)
        return pytest.mark.examples(settings(test))

    return decorate
