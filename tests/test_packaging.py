"""The package: one version, a stable public API, and lock files for production and development."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import copydesk
import streams
from streams.config.settings import Settings
from streams.version import version
from tests.conftest import ROOT
from tests.conftest import copydesk as run_command
from workers.web.openapi import build_openapi

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PUBLIC = """
    Article CopydeskError DeadLetter Image Item PollResult RemovedBlock Settings SettingsError Subscription UnavailableError
    UnreadableError decode encode load_settings schema subscribe subscribe_sync
""".split()
PUSH = ("ItemPublisher", "publish_item", "publish_item_sync")
DEVELOPMENT_TOOLS = {"pytest", "hypothesis", "mypy", "ruff", "import-linter", "codespell", "yamllint", "build"}
LOCKED = re.compile(
    r"^([a-z0-9-]+)==(\S+)((?: ;[^\\\n]*)?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def locked(name: str) -> dict[str, set[str]]:
    """Return the versions of each package in a lock file; some depend on the Python version."""
    versions: dict[str, set[str]] = {}
    for package, number, _, _ in LOCKED.findall((ROOT / name).read_text()):
        versions.setdefault(package, set()).add(number)
    return versions


def packages(name: str) -> set[str]:
    return set(locked(name))


def wanted(*groups: str) -> set[str]:
    """Return the names of the project's dependencies and of those in *groups*."""
    lines = [*PROJECT["project"]["dependencies"]]
    for group in groups:
        lines += [line for line in PROJECT["dependency-groups"][group] if isinstance(line, str)]
    return {re.split(r"[<>=\[; ]", line)[0].lower() for line in lines}


def test_version_has_one_source() -> None:
    number = PROJECT["project"]["version"]
    assert version() == copydesk.__version__ == build_openapi()["info"]["version"] == number
    assert Settings().user_agent == f"copydesk/{number}"
    files = [*ROOT.glob("*.yml"), *ROOT.glob("*.py"), ROOT / "Dockerfile", ROOT / "Makefile"]
    files += [path for name in ("streams", "workers") for path in (ROOT / name).rglob("*.py")]
    assert [
        str(p)
        for p in files
        if re.search(rf"copydesk[:/]{re.escape(number)}|\"{re.escape(number)}\"", p.read_text("utf-8"))
    ] == []


def test_version_option_prints_name_and_version(tmp_path: Path) -> None:
    assert run_command("--version", cwd=tmp_path).stdout == f"copydesk {version()}\n"


def test_facade_runs_the_command_line(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "copydesk", "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"copydesk {version()}\n")


def test_facade_exports_the_public_names() -> None:
    assert sorted(copydesk.__all__) == sorted([*PUBLIC, *PUSH, "__version__"])
    assert set(streams.__all__) <= set(copydesk.__all__)
    assert all(getattr(copydesk, name) is getattr(streams, name) for name in PUBLIC)


def test_facade_import_loads_no_faust() -> None:
    code = "import sys, copydesk; sys.exit('faust' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_dev_lock_holds_every_dependency() -> None:
    assert wanted("backend", "dev") <= packages("requirements-dev.lock")


def test_production_lock_holds_no_development_tool() -> None:
    assert wanted("backend") <= packages("requirements.lock")
    assert packages("requirements.lock") & (wanted("dev") - wanted("backend")) == set()
    assert packages("requirements.lock") & DEVELOPMENT_TOOLS == set()


def test_events_lock_adds_only_the_extra() -> None:
    extra = {line.partition("=")[0].partition(">")[0] for line in PROJECT["project"]["optional-dependencies"]["events"]}
    assert packages("requirements-events.lock") - packages("requirements.lock") == extra


def test_locks_agree_on_versions() -> None:
    dev = locked("requirements-dev.lock")
    assert locked("requirements.lock").items() <= locked("requirements-events.lock").items() <= dev.items()
    train = locked("requirements-train.lock")
    assert {name: train[name] for name in train.keys() & dev.keys()} == {n: dev[n] for n in train.keys() & dev.keys()}


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-events.lock", "requirements-dev.lock", "requirements-train.lock"]
)
def test_locks_hold_hashes_and_no_host(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert len(LOCKED.findall(text)) == len(re.findall(r"^[^\s#]", text, re.MULTILINE))


def test_production_installs_the_production_lock() -> None:
    assert re.findall(r"^ARG LOCK=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE) == ["requirements.lock"]
    guide = (ROOT / "docs" / "howto" / "deploy-systemd.md").read_text("utf-8")
    assert set(re.findall(r"-r (requirements[\w.-]+)", guide)) == {"requirements.lock", "requirements-events.lock"}
    images = [
        service.get("image", "")
        for service in yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    ]
    assert "copydesk" in images


def test_classifiers_name_tested_python_versions() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")
    [matrix] = re.findall(r"python: (\[[^]]+\])", workflow)
    prefix = "Programming Language :: Python :: "
    named = [name.removeprefix(prefix) for name in PROJECT["project"]["classifiers"] if name.startswith(prefix)]
    assert [name for name in named if "." in name] == json.loads(matrix)
