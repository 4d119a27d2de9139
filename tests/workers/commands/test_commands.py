"""Commands with a broker, settings, initial file, completion, and the cost of the start."""

import json
import os
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

from streams.config.display import settings_table
from streams.config.settings import Settings, load_settings
from tests.conftest import DEADLINE_S, ROOT, copydesk


def test_check_passes_on_running_broker(settings: Settings, tmp_path: Path) -> None:
    flags = ("--broker-url", settings.broker_url, "--data-dir", str(tmp_path / "data"))
    rows = [json.loads(line) for line in copydesk("check", "--json", *flags, cwd=tmp_path).stdout.splitlines()]
    assert {row["name"] for row in rows} == {"settings", "broker", "memory", "counters", "desk", "workers", "feeds"}
    assert all(row["ok"] for row in rows)
    assert copydesk("check", *flags, cwd=tmp_path).stdout.startswith("ok    settings")


def test_check_error_hides_password(tmp_path: Path) -> None:
    done = copydesk("check", "--broker-url", "redis://:secret@127.0.0.1:1", cwd=tmp_path, check=3)
    assert "secret" not in done.stdout + done.stderr


def test_read_commands_create_no_data_directory(tmp_path: Path) -> None:
    for arguments in (
        ("status",),
        ("check",),
        ("tail", "articles"),
        ("feeds", "list"),
        ("feeds", "export"),
        ("dead-letters", "list"),
        ("backup", "b.tar"),
        ("repair",),
    ):
        done = copydesk(*arguments, cwd=tmp_path, check=3)
        assert "copydesk not running" in done.stderr or "no data directory" in done.stderr
        assert not list(tmp_path.iterdir()), arguments


def test_settings_prints_values_with_sources(tmp_path: Path) -> None:
    (tmp_path / "copydesk.toml").write_text("desk_workers = 3\n")
    environ = {"COPYDESK_KAFKA_PASSWORD": "hush", "COPYDESK_PARTITIONS": "4"}
    done = copydesk("settings", "--json", "--demo", "off", cwd=tmp_path, env=environ)
    rows = {row["name"]: (row["value"], row["source"]) for row in map(json.loads, done.stdout.splitlines())}
    assert rows["desk_workers"] == ("3", f"{tmp_path / 'copydesk.toml'}:1")
    assert rows["partitions"] == ("4", "environment COPYDESK_PARTITIONS")
    assert rows["demo"] == ('"off"', "flag --demo")
    assert rows["web_port"] == ("8411", "default")
    assert "hush" not in done.stdout
    assert "desk_workers = 3 " in copydesk("settings", cwd=tmp_path).stdout
    assert copydesk("settings", "--markdown", cwd=tmp_path).stdout == settings_table() + "\n"


def test_unknown_variable_is_usage_error(tmp_path: Path) -> None:
    done = copydesk("settings", cwd=tmp_path, env={"COPYDESK_WEB_PROT": "1"}, check=2)
    assert "did you mean COPYDESK_WEB_PORT?" in done.stderr


def test_init_writes_valid_commented_settings(tmp_path: Path) -> None:
    copydesk("init", cwd=tmp_path)
    path = tmp_path / "copydesk.toml"
    assert tomllib.loads(path.read_text()) == {}
    lines = [line.removeprefix("# ") for line in path.read_text().splitlines() if " = " in line or "[[" in line]
    path.write_text("\n".join(lines))
    settings = load_settings({}, {"COPYDESK_CONFIG": str(path)})
    assert [route.name for route in settings.routes] == ["harbours"]
    assert settings.poll_interval_s == Settings().poll_interval_s
    assert "file exists" in copydesk("init", cwd=tmp_path, check=2).stderr


def test_completion_suggests_commands(tmp_path: Path) -> None:
    assert "_COPYDESK_COMPLETE" in copydesk("completion", "bash", cwd=tmp_path).stdout
    environ = {"_COPYDESK_COMPLETE": "bash_complete", "COMP_WORDS": "copydesk dead", "COMP_CWORD": "1"}
    assert copydesk(cwd=tmp_path, env=environ).stdout == "plain,dead-letters\n"


def test_help_starts_without_heavy_imports() -> None:
    """CPU time, not wall-clock time, so that a busy machine does not matter; 0.2 s were measured."""
    code = (
        "import sys; from workers.cli import main; main(['--help']);"
        "heavy = {'aiohttp', 'redis', 'numpy', 'lxml', 'faust', 'rich', 'feedparser'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, timeout=DEADLINE_S)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 2.0, os.getloadavg()


def test_feeds_edit_overrides_values(settings: Settings, tmp_path: Path) -> None:
    flags = ("--broker-url", settings.broker_url, "--data-dir", str(tmp_path / "data"))
    url = "https://mill.example/f"
    (tmp_path / "a.opml").write_text(
        '<opml><body><outline text="My Mill" xmlUrl="HTTPS://Mill.example:443/f"/></body></opml>'
    )
    assert f"added {url}" in copydesk("feeds", "import", "a.opml", *flags, cwd=tmp_path).stdout
    values = ("--folder", "x", "--interval", "600", "--full-text", "no")
    copydesk("feeds", "edit", "https://MILL.example/f", *values, *flags, cwd=tmp_path)
    shown = json.loads(copydesk("feeds", "show", url, "--json", *flags, cwd=tmp_path).stdout)
    names = ("name", "folder", "interval_s", "full_text")
    assert [shown[name] for name in names] == ["My Mill", "x", 600.0, False]
    assert "nothing to change" in copydesk("feeds", "edit", url, *flags, cwd=tmp_path, check=2).stderr
    assert "feed not found" in copydesk("feeds", "edit", f"{url}2", *values, *flags, cwd=tmp_path, check=1).stderr
