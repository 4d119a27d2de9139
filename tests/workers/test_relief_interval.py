"""The interval between looks at the memory: shorter than the time in which clients could fill it."""

import pytest

from workers.retention import (
    MAX_RELIEF_INTERVAL_S,
    MAX_WRITTEN_BYTES_PER_S,
    RELIEF_INTERVAL_S,
    relief_interval_s,
)


@pytest.mark.parametrize(
    ("free_bytes", "seconds"),
    [
        (None, MAX_RELIEF_INTERVAL_S),
        (-1, RELIEF_INTERVAL_S),
        (0, RELIEF_INTERVAL_S),
        (MAX_WRITTEN_BYTES_PER_S, 1.0),
        (10**12, MAX_RELIEF_INTERVAL_S),
    ],
)
def test_relief_interval_follows_free_memory(free_bytes: int | None, seconds: float) -> None:
    assert relief_interval_s(free_bytes) == seconds
