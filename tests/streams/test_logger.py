"""Loggers: fields, text form, and the rules that every log call follows."""

import ast
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.errors import UnavailableError
from streams.logger import FIELDS, format_event, get_logger
from streams.records import Article, DeadLetter, FullTextPage, Item, PollResult
from tests.conftest import ROOT

LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "log"}
FORWARDING = {"streams/retry.py", "streams/exit_codes.py"}  # pass on the event and the fields of their callers
log = get_logger("streams.test")


def test_text_form_orders_objects_details_next_step() -> None:
    event = {"event": "read failed", "retry_s": 0.51234, "error": "broker unavailable", "group": "mail", "topic": "t"}
    assert format_event(event) == "read failed: topic=t group=mail (broker unavailable); retrying in 0.51 s"
    assert format_event({"event": "desk ready"}) == "desk ready"


def test_text_form_is_one_line() -> None:
    event = {"event": "dead letter\n", "feed": "http://a.example/\n2026 forged", "error": "line\nline", "title": "a b"}
    text = format_event(event)
    assert len(text.splitlines()) == 1
    assert text == r'dead letter\n: feed="http://a.example/\n2026 forged" (line\nline, title="a b")'


def test_record_has_text_fields_and_exception(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("odd")
    except ValueError:
        log.exception("poll failed", feed="http://a.example/", error=UnavailableError("down"))
    [record] = caplog.records
    assert record.getMessage() == "poll failed: feed=http://a.example/ (down)"
    assert record.exc_info is not None and record.exc_info[0] is ValueError
    fields: Any = record.msg
    assert (fields["event"], fields["feed"], fields["error"]) == ("poll failed", "http://a.example/", "down")


def test_disabled_level_writes_no_record(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        log.info("desk ready")
    assert not caplog.records


@pytest.mark.parametrize("configured", ["", "import structlog; structlog.configure(processors=[])"])
def test_library_warns_on_stderr_only(configured: str) -> None:
    """A program without a logging configuration; its structlog configuration has no effect on copydesk."""
    code = f"{configured}\nfrom streams.logger import get_logger\nget_logger('streams.x').warning('read failed', topic='t')"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("", "read failed: topic=t\n")


def test_imports_do_not_load_structlog() -> None:
    code = "import sys, copydesk, workers.cli, workers.services; print('structlog' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"


# -- every log call -------------------------------------------------------------------------------------------


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Yield each log call, retried call and abort in streams and workers: place, call, function name."""
    for package in ("streams", "workers"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                name = _logging_function(node)
                if isinstance(node, ast.Call) and name:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node, name


def _logging_function(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    match node.func:
        case ast.Name(id="abort" | "retry_unavailable" as name):
            return name
        case ast.Attribute(value=ast.Name(id=logger), attr=method) if logger.endswith("log") and method in LEVELS:
            return method
        case ast.Attribute(value=ast.Attribute(attr="log" | "logger"), attr=method) if method in LEVELS:
            return method
    return ""


def event_of(call: ast.Call, function: str) -> ast.expr | None:
    position = 1 if function in ("log", "abort", "retry_unavailable") else 0
    return call.args[position] if len(call.args) == position + 1 else None


def test_log_calls_have_constant_event() -> None:
    found = [
        (place, ast.unparse(call))
        for place, call, function in calls()
        if place.partition(":")[0] not in FORWARDING and not _is_constant(event_of(call, function))
    ]
    assert not found


def _is_constant(event: ast.expr | None) -> bool:
    """Return whether *event* is a text, or a choice between two."""
    if isinstance(event, ast.IfExp):
        return _is_constant(event.body) and _is_constant(event.orelse)
    return isinstance(event, ast.Constant) and isinstance(event.value, str) and "%" not in event.value


def test_log_calls_use_vocabulary() -> None:
    options = {"exc_info", "initial_delay_s", "max_delay_s", "timeout_s"}
    unknown = [
        (place, keyword.arg)
        for place, call, _ in calls()
        for keyword in call.keywords
        if keyword.arg is not None and keyword.arg not in FIELDS.keys() | options
    ]
    assert not unknown


def test_modules_use_fields_logger_only() -> None:
    """`logging.getLogger` stands only where handlers and libraries are configured, and in Faust's classes."""
    allowed = {"streams/logger.py", "workers/logging_setup.py"}
    faust_classes = {"streams/faust/redis_consumer.py", "streams/faust/redis_producer.py"}
    modules = {
        str(path.relative_to(ROOT))
        for package in ("streams", "workers")
        for path in Path(ROOT / package).rglob("*.py")
        if "getLogger(" in path.read_text()
    }
    assert modules == allowed | faust_classes


def test_fields_of_records_keep_their_names() -> None:
    names = {
        name for record in (Article, DeadLetter, FullTextPage, Item, PollResult) for name in record.__struct_fields__
    }
    of_records = {
        "error", "error_kind", "feed", "identity_key", "topic", "partition", "offset", "sink", "attempts", "outcome",
        "status", "items_total", "items_new", "elapsed_ms", "title", "revision", "url",
    }  # fmt: skip
    assert of_records <= names
    assert of_records <= FIELDS.keys()


def test_troubleshooting_quotes_log_events() -> None:
    page = (ROOT / "docs" / "howto" / "troubleshooting.md").read_text("utf-8")
    events = {
        constant.value
        for _, call, function in calls()
        if (event := event_of(call, function)) is not None
        for constant in ast.walk(event)
        if isinstance(constant, ast.Constant)
    }
    quoted = {
        "article rejected", "consumer group expired", "dead letter", "delivery failed", "memory short", "oldest messages removed",
        "polling paused", "removal limited", "shared state lost",
    }  # fmt: skip
    assert quoted <= events
    assert {event for event in quoted if f"`{event}" not in page} == set()
