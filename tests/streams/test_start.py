"""Start positions: their names, and the offset at which a partition begins."""

import pytest

from streams.errors import SettingsError
from streams.start import Last, Offsets, Start, StartPosition, parse_start, resolve_start


@pytest.mark.parametrize(
    ("start", "offset"),
    [
        (Start.EARLIEST, 10),
        (Start.LATEST, 20),
        (15, 15),
        (5, 10),
        (25, 20),
        (Last(3), 17),
        (Last(100), 10),
        (Offsets({1: 12}), 12),
        (Offsets({0: 12}), 10),
    ],
)
def test_resolve_start_returns_first_offset(start: StartPosition, offset: int) -> None:
    assert resolve_start(start, partition=1, first=10, end=20) == offset


@pytest.mark.parametrize(
    ("text", "start"), [("start", Start.EARLIEST), ("end", Start.LATEST), ("17", 17), (17, 17), (Start.LATEST, "end")]
)
def test_parse_start_accepts_names_and_offsets(text: str | int, start: StartPosition) -> None:
    assert parse_start(text) == start


@pytest.mark.parametrize("text", ["", "middle", "-1", "0:1", "last:5"])
def test_parse_start_rejects_other_text(text: str) -> None:
    with pytest.raises(SettingsError, match="use start, end or an offset"):
        parse_start(text)
