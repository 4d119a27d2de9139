"""Statements of the repository are true: commands in documents, compose and Makefile exist, names are kept."""

import ast
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.support.commands import commands
from workers.cli import main
from workers.commands.base import Command

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))


@pytest.mark.parametrize(
    "service", [n for n, s in COMPOSE["services"].items() if s.get("image", "").startswith("copydesk")]
)
def test_compose_commands_exist(service: str) -> None:
    assert " ".join(COMPOSE["services"][service]["command"]) in commands()


def test_compose_services_have_health_checks_and_dependencies() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["healthcheck"]["test"], name
    for name in ("poller", "desk", "web"):
        service = COMPOSE["services"][name]
        assert set(service["depends_on"]) == {"kafka", "redis"}
        assert service["read_only"] and service["cap_drop"] == ["ALL"]


def test_compose_uses_existing_settings() -> None:
    from streams.config.settings import load_settings

    for name in ("poller", "desk", "web"):
        assert load_settings({}, COMPOSE["services"][name]["environment"]).broker_scheme == "kafka"


@pytest.mark.parametrize("words", sorted(commands()))
def test_commands_have_help(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words.split(), "--help"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 3


@pytest.mark.parametrize(
    "words", sorted(words for words, command in commands().items() if isinstance(command, Command))
)
def test_command_example_parses(words: str) -> None:
    command = commands()[words]
    program, *arguments = command.example.partition(" > ")[0].split()
    assert [program, *arguments[: len(words.split())]] == ["copydesk", *words.split()]
    context = command.make_context(words, arguments[len(words.split()) :])
    assert context.command is command


def test_example_opml_can_be_imported() -> None:
    from workers.poller.opml import read_opml

    assert len(read_opml(ROOT / "examples" / "world-news.opml")) == 20


def test_alerts_and_dashboard_use_existing_metrics() -> None:
    from prometheus_client.parser import text_string_to_metric_families

    from workers.web.latency import Latency
    from workers.web.metrics import render_metrics

    status = {
        "counters": {"desk": {"received": 1, "new": 1, "failed": 0}, "poll": {"received": 1, "new": 1}},
        "counters_consistent": True, "lag": 0, "memory_usage": 0.1, "feeds": [{"health": "ok", "items_deferred": 0}],
        "polls": {"ok": 1}, "last_poll_s": 1.0, "pending_letters": 0, "template_changes": {"count": 0, "sites": []}, "groups": [{"group": "mail", "lag": 1}],
        "sinks": [{"name": "newsroom", "lag": 0, "failures": 0, "rejected": 0, "failing_s": 0, "error": ""}],
        "workers": [{"name": "desk-1", "role": "desk", "heartbeat_age_s": 1.5}],
    }  # fmt: skip
    text = render_metrics(status, {"copydesk.articles": 1}, Latency()).decode()
    there = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    rules = yaml.safe_load((ROOT / "examples/prometheus/copydesk.rules.yml").read_text("utf-8"))
    panels = json.loads((ROOT / "examples/grafana/copydesk.json").read_text("utf-8"))["panels"]
    asked = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    asked += [target["expr"] for panel in panels for target in panel["targets"]]
    for expression in asked:
        names = set(re.findall(r"copydesk_[a-z_]+", expression))
        assert names <= there, expression
        assert names or "up{" in expression or "process_" in expression


@pytest.mark.parametrize("unit", sorted((ROOT / "examples" / "systemd").iterdir()), ids=lambda path: path.name)
def test_units_pass_systemd_verification(unit: Path, tmp_path: Path) -> None:
    """Ignores messages about the binary, which is not installed here."""
    text = unit.read_text()
    [command] = re.findall(r"^ExecStart=/opt/copydesk/bin/copydesk (.+)$", text, re.MULTILINE)
    assert command in commands() or command == "%i --name %p-%i@%H"
    if shutil.which("systemd-analyze") is None:
        assert not os.environ.get("CI"), "systemd-analyze has to be there in CI"
        pytest.skip("systemd-analyze isn't there")
    name = unit.name.replace("@", "@desk")
    (tmp_path / name).write_text(text.replace("/opt/copydesk/bin/copydesk", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / name], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) not in done.stderr, done.stderr


def test_modules_have_docstrings() -> None:
    import ast

    for path in [*(ROOT / "streams").rglob("*.py"), *(ROOT / "workers").rglob("*.py")]:
        text = path.read_text("utf-8")
        assert not text.strip() or ast.get_docstring(ast.parse(text)), path
        assert len(text.splitlines()) <= 450, path


def test_modules_of_tests_import_no_test_module() -> None:
    """Shared helpers are in tests/support."""
    import ast

    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests"):
                modules = [node.module or "", *(alias.name for alias in node.names)]
                files = [ROOT / "tests" / f"{name.rpartition('.')[2]}.py" for name in modules]
                assert not any(file.name.startswith("test_") for file in files), (path, node.lineno)


MAX_FUNCTION_LINES = 40


def test_no_function_is_long() -> None:
    """The length of a function includes the functions in it."""
    long = [
        f"{path}: {node.name}"
        for folder in ("streams", "workers")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert not long
