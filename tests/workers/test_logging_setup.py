"""Configuration of logging: one form for events of copydesk and of its dependencies."""

import asyncio
import json
import logging
from pathlib import Path

import pytest

from streams.logger import get_logger
from workers.logging_setup import LogFile, configure_logging

pytestmark = pytest.mark.usefixtures("restored_logging")


def write_events() -> None:
    log = get_logger("workers.desk.batch")
    log.info("item handled", outcome="new", identity_key="a.example/1", offset=7, title="Canal reopens")
    log.debug("heartbeat failed", worker="desk-1")
    logging.getLogger("aiohttp.server").warning("Error %s", "handling\nrequest")
    try:
        raise ValueError("odd")
    except ValueError:
        log.exception("poll failed", feed="http://a.example/", error_kind="bug")
        logging.getLogger("faust.app").exception("Crashed: %r", 1)


def test_json_log_has_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO", format="json")
    write_events()
    handled, foreign, failed, crashed = map(json.loads, capsys.readouterr().err.splitlines())
    assert handled.pop("timestamp").endswith("Z")
    assert handled == {
        "event": "item handled", "outcome": "new", "identity_key": "a.example/1", "offset": 7,
        "title": "Canal reopens", "level": "info", "logger": "workers.desk.batch",
    }  # fmt: skip
    assert (foreign["event"], foreign["level"]) == ("Error handling\nrequest", "warning")
    assert (failed["event"], failed["feed"], failed["level"]) == ("poll failed", "http://a.example/", "error")
    assert failed["exception"].endswith("ValueError: odd")
    assert (crashed["event"], crashed["logger"]) == ("Crashed: 1", "faust.app")
    assert crashed["exception"].endswith("ValueError: odd")


def test_text_log_has_one_line_per_event(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    write_events()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].partition("Z ")[2] == (
        'info     workers.desk.batch: item handled: outcome=new identity_key=a.example/1 offset=7 (title="Canal reopens")'
    )
    assert lines[1].partition("Z ")[2] == r"warning  aiohttp.server: Error handling\nrequest"
    assert lines[2].endswith("error    workers.desk.batch: poll failed: feed=http://a.example/ (error_kind=bug)")
    assert lines[3] == "  Traceback (most recent call last):"
    assert sum(line.strip() == "ValueError: odd" for line in lines) == 2


@pytest.mark.parametrize("format", ["text", "json"])
def test_log_file_has_each_event_once(tmp_path: Path, format: str) -> None:
    configure_logging("INFO", str(tmp_path / "desk.log"), format)
    get_logger("workers.x").info("desk ready")
    assert (tmp_path / "desk.log").read_text().count("desk ready") == 1


async def test_log_file_of_one_turn_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "poller.log"
    configure_logging("INFO", str(path))
    log = get_logger("workers.x")
    for n in range(3):
        log.info("poll", items_new=n)
    log.warning("claim failed")
    written = path.read_text().splitlines()
    assert [line.partition(": ")[2] for line in written] == [
        *(f"poll (items_new={n})" for n in range(3)),
        "claim failed",
    ]
    log.info("poller stopped")
    await asyncio.sleep(0)
    assert path.read_text().count("poller stopped") == 1


async def test_log_file_rotates_between_turns(tmp_path: Path) -> None:
    handler = LogFile(str(tmp_path / "poller.log"), 1_000, 2)
    for n in range(40):
        handler.emit(logging.makeLogRecord({"msg": f"line {n:02} {'x' * 50}", "levelno": logging.INFO}))
        if n % 4 == 3:
            await asyncio.sleep(0)
    handler.close()
    files = [tmp_path / name for name in ("poller.log.2", "poller.log.1", "poller.log")]
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert [int(line.split()[1]) for line in lines] == list(range(40 - len(lines), 40))
    assert all(file.stat().st_size <= 1_000 for file in files)
