"""Events of a batch in one log record: the lines are those of single events."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from streams.logger import LogEvents, get_logger, log_together
from workers.logging_setup import configure_logging

pytestmark = pytest.mark.usefixtures("restored_logging")

NAME = "workers.desk.batch"
FIELDS: Sequence[Mapping[str, Any]] = (
    {"outcome": "new", "identity_key": "a.example/1", "offset": 7, "title": "Canal reopens"},
    {"outcome": "duplicate", "identity_key": "a.example/2", "offset": 8, "reason": "duplicate of\nrevision 1"},
    {"outcome": "filtered", "identity_key": "a.example/ü", "offset": 9, "reason": "stale"},
)


def without_time(line: str, format: str) -> str:
    """Return a line without its time."""
    if format == "text":
        return line.partition("Z ")[2]
    start, _, rest = line.partition('"timestamp"')
    return start + rest.partition("Z")[2]


@pytest.mark.parametrize("format", ["text", "json"])
def test_log_together_writes_lines_of_single_events(tmp_path: Path, format: str) -> None:
    for name, write in (
        ("single", lambda: [get_logger(NAME).info("item handled", **fields) for fields in FIELDS]),
        ("together", lambda: log_together(NAME, "item handled", FIELDS)),
    ):
        configure_logging("INFO", str(tmp_path / name), format)
        write()
        logging.getLogger().handlers[0].close()
    single, together = (
        [without_time(line, format) for line in (tmp_path / name).read_text().splitlines()]
        for name in ("single", "together")
    )
    assert together == single
    assert len(together) == 3


def test_log_together_makes_one_record(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", NAME)
    log_together(NAME, "item handled", FIELDS)
    log_together(NAME, "item handled", ())
    [record] = caplog.records
    assert isinstance(record.msg, LogEvents)
    assert record.getMessage().splitlines()[1] == (
        r"item handled: outcome=duplicate identity_key=a.example/2 offset=8 (duplicate of\nrevision 1)"
    )


def test_log_together_below_level_writes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", NAME)
    log_together(NAME, "item handled", FIELDS)
    assert not caplog.records
