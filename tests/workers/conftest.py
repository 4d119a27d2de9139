"""Fixtures of the tests of workers."""

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Handlers and levels of the root logger as before the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("streams", "workers", "faust", "mode", "aiokafka"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(False)
