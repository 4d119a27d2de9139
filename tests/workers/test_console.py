"""Console output: colours, control characters, repeated errors."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from streams.records import PollResult
from tests.support.terminal import Terminal
from workers.console import ConsoleReporter


def failed_poll(feed: str, error: str) -> Any:
    return PollResult(id="1", feed=feed, started_at=datetime.now(UTC), outcome="failed", error=error)


@pytest.mark.parametrize(("no_color", "is_coloured"), [("", True), ("1", False)])
def test_console_respects_no_color(no_color: str, is_coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    out = Terminal()
    ConsoleReporter(out).note("started")
    assert ("\x1b[" in out.getvalue()) == is_coloured


def test_console_prints_repeated_error_once() -> None:
    out = io.StringIO()
    console = ConsoleReporter(out)
    for _ in range(3):
        console.poll(failed_poll("https://a.example/f", "HTTP 500"))
    console.poll(failed_poll("https://b.example/f", "HTTP\x1b[2J 500"))
    assert [line.count("HTTP") for line in out.getvalue().splitlines()] == [1, 1]
    assert "\x1b" not in out.getvalue()
