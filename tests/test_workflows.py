"""The contributor files: workflows call targets that exist, with least permissions; forms and hooks are valid."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = [path for path in sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")) if path.name != "config.yml"]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def load(path: Path) -> dict[Any, Any]:
    loaded = yaml.safe_load(path.read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def by_name(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_name)
def test_workflow_calls_existing_targets(path: Path) -> None:
    commands = [step["run"] for step in steps(load(path)) if "run" in step]
    called = [
        target for command in commands for target in re.findall(r"^(?:make|\.ci/run) (.+)$", command, re.MULTILINE)
    ]
    called += re.findall(r"set -- (.+)$", (ROOT / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    assert commands and called
    assert {target for line in called for target in line.split()} <= TARGETS


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_name)
def test_workflow_has_least_permissions(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    granted = {name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job}
    assert granted == ({"publish": {"id-token": "write"}} if path.name == "release.yml" else {})
    assert all(job["timeout-minutes"] for job in workflow["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=by_name)
def test_workflow_pins_actions_by_major(path: Path) -> None:
    used = [step["uses"] for step in steps(load(path)) if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@(?:release/)?v\d+", action) for action in used), used


def test_matrix_covers_the_supported_versions() -> None:
    matrix = load(ROOT / ".github" / "workflows" / "test.yml")["jobs"]["test"]["strategy"]["matrix"]
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"].removeprefix(
        ">="
    )
    assert matrix["python"] == [oldest, "3.12", "3.13", "3.14"]
    assert [row["os"] for row in matrix["include"]] == ["macos-latest"]


@pytest.mark.parametrize("path", FORMS, ids=by_name)
def test_issue_form_is_valid(path: Path) -> None:
    form = load(path)
    assert form["name"] and form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    ids = [field["id"] for field in fields]
    assert len(set(ids)) == len(ids)
    assert {field["type"] for field in fields} <= {"input", "textarea", "dropdown", "checkboxes"}
    assert all(field["attributes"]["label"] for field in fields)
    assert all(field["attributes"]["options"] for field in fields if field["type"] == "dropdown")


def test_cleaning_form_asks_for_the_audit() -> None:
    labels = " ".join(
        field["attributes"]["label"] for field in load(ROOT / ".github/ISSUE_TEMPLATE/cleaning.yml")["body"]
    )
    assert "copydesk clean" in labels and "--json" in labels


def test_dependabot_covers_three_ecosystems() -> None:
    updates = load(ROOT / ".github" / "dependabot.yml")["updates"]
    assert {"pip", "github-actions", "docker"} <= {update["package-ecosystem"] for update in updates}


def test_hooks_use_tools_of_the_dev_lock() -> None:
    hooks = [hook for repo in load(ROOT / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert {hook["id"] for hook in hooks} >= {
        "ruff-check",
        "ruff-format",
        "codespell",
        "check-toml",
        "yamllint",
        "prose",
    }
    lock = (ROOT / "requirements-dev.lock").read_text()
    tools = [match[1] for hook in hooks if (match := re.match(r"\.venv/bin/(\w+)", hook["entry"]))]
    assert all(tool == "python" or re.search(rf"^{tool}==", lock, re.MULTILINE) for tool in tools), tools


def test_help_lists_every_described_target() -> None:
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = set(re.findall(r"^make ([a-z-]+) ", shown, re.MULTILINE))
    assert listed == TARGETS


def test_make_run_installs_production_packages_only() -> None:
    """A new user waits for 55 packages instead of 147."""
    assert re.search(r"^run: \$\(RUNTIME\)", MAKEFILE, re.MULTILINE)
    assert "$(RUNTIME): requirements.lock pyproject.toml\n\t$(call install,requirements.lock)\n" in MAKEFILE
    others = re.findall(r"^(\w[\w-]*): \$\(RUNTIME\)", MAKEFILE, re.MULTILINE)
    assert others == ["run"], "other targets need the tools of the development lock"
