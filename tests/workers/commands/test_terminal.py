"""Text for people: control sequences of feeds reach neither the terminal nor the log."""

import ast
import asyncio
import logging
from pathlib import Path

import msgspec
import pytest

from streams.config.settings import Settings
from streams.errors import SettingsError
from streams.logger import get_logger
from tests.conftest import ROOT, copydesk
from workers import dead_letters
from workers.commands.terminal import printable
from workers.logging_setup import configure_logging
from workers.poller.feed_urls import validate_feed_url
from workers.poller.registry import FEEDS, FeedState, feed_id
from workers.services import connect

EVIL = "http://a.example/\x1b]0;PWNED\x07\n2026-11-26 CRITICAL forged\x85\u202e\u2066\u061cx"


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x9b", "\u202e", "\u2069", "\u061c", "\ud800"])
def test_printable_escapes_controls(character: str) -> None:
    assert character not in printable(f"a{character}b")
    assert printable("a\tb\nç 日本\u200f") == "a\tb\nç 日本\u200f"


def test_commands_print_through_the_terminal_module() -> None:
    calls = [
        f"{path.name}:{node.lineno}"
        for path in (ROOT / "workers" / "commands").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "click.echo")
    ]
    assert sorted(call.partition(":")[0] for call in calls) == ["base.py", "terminal.py"], calls  # base: JSON


async def test_listings_hold_no_control_sequences(settings: Settings, tmp_path: Path) -> None:
    broker = await connect(settings, settings.broker_url)
    state = FeedState(EVIL, title=EVIL, error=EVIL, failures=1)
    await broker.state.hset(FEEDS, feed_id(EVIL), msgspec.json.encode(state))
    await broker.publish([dead_letters.build(None, EVIL.encode(), EVIL.encode(), (), "bug", EVIL, feed=EVIL)])
    [letter] = await dead_letters.select(broker, [])
    for words in (
        ("feeds", "list"), ("feeds", "show", EVIL), ("check",), ("dead-letters", "list"),
        ("dead-letters", "show", letter.name), ("tail", "dead-letters", "--no-follow"), ("feeds", "remove", EVIL),
    ):  # fmt: skip
        flags = ("--broker-url", settings.broker_url)
        done = await asyncio.to_thread(copydesk, *words, *flags, cwd=tmp_path, check=None)
        output = done.stdout + done.stderr
        assert "a.example" in output or words[0] == "check", words
        assert not set(output) & set("\x1b\x07\x85\u202e\u2066\u061c"), (words, output)
    await broker.close()


def test_traceback_cannot_forge_log_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    configure_logging("INFO", str(path))
    try:
        raise ValueError(EVIL)
    except ValueError:
        get_logger("workers.test").exception("poll failed", feed=EVIL)
    logging.getLogger().handlers[-1].close()
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    first, *rest = path.read_text("utf-8").splitlines()
    assert "poll failed" in first
    assert all(line.startswith("  ") for line in rest)
    assert not set(path.read_text("utf-8")) & set("\x1b\x07\x85\u202e")


@pytest.mark.parametrize(
    "url", ["http://a/\0\x1b[31m", "http://a.example/\x1b]0;x\x07", "http://[::1", "http://a:99999/"]
)
def test_feed_url_with_controls_is_refused(url: str) -> None:
    with pytest.raises(SettingsError) as error:
        validate_feed_url(url)
    assert str(error.value).isprintable()


def test_feed_url_with_space_is_encoded() -> None:
    assert validate_feed_url("http://a.example/x y") == "http://a.example/x%20y"
