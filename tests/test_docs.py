"""Documentation: commands, settings, programs and tables in the README and in docs/ agree with the code."""

import ast
import asyncio
import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from streams.config.settings import Settings, load_settings
from tests.conftest import ROOT, copydesk, until
from tests.support.commands import commands
from tests.support.up import output, up
from workers.cli import cli

DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
PROGRAMS = (
    ROOT / "README.md",
    DOCS / "tutorials" / "first-feed.md",
    DOCS / "tutorials" / "first-subscriber.md",
    DOCS / "howto" / "subscribe-python.md",
)
FENCE = re.compile(r"^( *)```(\S*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# Commands that poll the internet, run until they are stopped, or need Kafka; these are parsed only.
PARSED_ONLY = re.compile(r"feeds (?:add|import|discover|poll-now)|up|desk|tail (?!.*--no-follow)")
COMMAND = re.compile(r"^\s*(?:\.venv/bin/)?copydesk (?!is up)(.+)$", re.MULTILINE)


def page_id(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fences(path: Path, language: str) -> list[str]:
    """Return the code blocks of a page in a language."""
    return [code for _, tag, code in FENCE.findall(path.read_text("utf-8")) if tag == language]


def pages_with(language: str) -> list[Path]:
    return [path for path in PAGES if fences(path, language)]


def command_lines(path: Path) -> Iterator[list[str]]:
    """Yield the arguments of each copydesk command in the code blocks of a page."""
    for code in fences(path, ""):
        for line in COMMAND.findall(code):
            yield shlex.split(re.split(r" [|>] ", line)[0], comments=True)


def parse(arguments: list[str]) -> None:
    """Parse a command line without running it."""
    command: click.Command = cli
    rest = list(arguments)
    while isinstance(command, click.Group):
        command = command.commands[rest.pop(0)]
    assert command.make_context("copydesk", rest)


@pytest.mark.parametrize("page", [p for p in PAGES if any(command_lines(p))], ids=page_id)
def test_documented_commands_parse(page: Path) -> None:
    for arguments in command_lines(page):
        parse(arguments)


def test_inline_commands_exist() -> None:
    there = commands()
    for page in PAGES:
        for words in re.findall(r"`(?:\.venv/bin/)?copydesk ([a-z][a-z-]*)", page.read_text("utf-8")):
            assert words in there, (page, words)


def test_readme_names_ten_settings() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    table = readme.partition("## Configuration")[2].partition("\n## ")[0]
    names = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert len(names) == 10
    assert set(names) <= {*Settings.__dataclass_fields__}


def test_readme_and_map_stay_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 250
    assert len((ROOT / "ARCHITECTURE.md").read_text("utf-8").splitlines()) <= 120


def test_environment_variables_are_settings() -> None:
    names = {f"COPYDESK_{name.upper()}" for name in Settings.__dataclass_fields__} | {
        "COPYDESK_CONFIG",
        "COPYDESK_TOML",
    }
    for page in PAGES:
        assert set(re.findall(r"COPYDESK_(?!TEST_)[A-Z_]+", page.read_text("utf-8"))) <= names, page


@pytest.mark.parametrize("page", pages_with("toml"), ids=page_id)
def test_documented_tables_are_accepted(page: Path, tmp_path: Path) -> None:
    path = tmp_path / "copydesk.toml"
    for block in fences(page, "toml"):
        path.write_text(re.sub(r"^   ", "", block, flags=re.MULTILINE), "utf-8")
        load_settings(environ={"COPYDESK_CONFIG": str(path), "COPYDESK_KAFKA_PASSWORD": "x"})


@pytest.mark.parametrize("page", pages_with("python"), ids=page_id)
def test_python_blocks_parse(page: Path) -> None:
    for code in fences(page, "python"):
        ast.parse(code)


def test_readme_subscriber_has_eight_lines() -> None:
    [code] = fences(ROOT / "README.md", "python")
    assert len([line for line in code.splitlines() if line]) <= 8


async def test_documented_programs_and_commands_run(tmp_path: Path) -> None:
    """Run all programs and commands of the README, the tutorials and the guide beside one `copydesk up`."""
    codes = [code for page in PROGRAMS for code in fences(page, "python")]
    assert len(codes) >= 6
    processes: list[subprocess.Popen[bytes]] = []

    def start(number: int, code: str) -> None:
        (tmp_path / f"{number}.py").write_text(code, "utf-8")
        with (tmp_path / f"{number}.out").open("w") as out:
            processes.append(
                subprocess.Popen([sys.executable, "-u", f"{number}.py"], cwd=tmp_path, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": str(ROOT)})
            )  # fmt: skip

    with up(tmp_path):
        try:
            await until(lambda: "●" in output(tmp_path))
            for number, code in enumerate(codes):
                start(number, code)
            for number in range(len(codes)):
                await until(lambda path=tmp_path / f"{number}.out": path.read_text("utf-8"))  # type: ignore[misc]
        finally:
            for process in processes:
                process.kill()
                process.wait()
        await run_commands(tmp_path)
    for number, code in enumerate(codes):
        assert "Traceback" not in (tmp_path / f"{number}.out").read_text("utf-8"), code


def test_documented_tests_pass(tmp_path: Path) -> None:
    """Run the tests of the guide to tests, which form one file."""
    path = tmp_path / "test_guide.py"
    path.write_text("\n".join(fences(DOCS / "howto" / "test-subscriber.md", "python")), "utf-8")
    tests = [value for name, value in runpy.run_path(str(path)).items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


async def run_commands(folder: Path) -> None:
    """Run the commands of the README and the tutorials beside a running copydesk."""
    (folder / "story.html").write_text("<p>The ferry sank at noon.</p>", "utf-8")
    lines = [arguments for page in PROGRAMS[:3] for arguments in command_lines(page)]
    runnable = [arguments for arguments in lines if not PARSED_ONLY.match(" ".join(arguments))]
    assert len(runnable) >= 5
    for arguments in runnable:
        assert (await asyncio.to_thread(copydesk, *arguments, cwd=folder)).stdout, arguments


def test_make_targets_in_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE)) <= targets, page


def generator() -> dict[str, Any]:
    return runpy.run_path(str(DOCS / "generate.py"), run_name="generate")


def test_reference_pages_are_generated(tmp_path: Path) -> None:
    pages = generator()["PAGES"]
    for name, page in pages.items():
        assert len(page()) > 200, name
        assert f"generated/{name}.md" in "".join(p.read_text("utf-8") for p in DOCS.glob("*/*.md"))


def test_setting_without_help_is_rejected() -> None:
    assert not [spec.name for spec in fields(Settings) if not spec.metadata.get("help")]


def test_redis_keys_are_documented() -> None:
    page = (DOCS / "reference" / "redis-keys.md").read_text("utf-8")
    sources = [p for name in ("streams", "workers") for p in (ROOT / name).rglob("*.py")]
    keys = {key for path in sources for key in re.findall(r'"(copydesk:[a-z:-]+)', path.read_text("utf-8"))}
    assert keys
    assert [key for key in sorted(keys) if key not in page] == []


def test_decision_records_have_all_parts() -> None:
    records = sorted((DOCS / "explanation" / "decisions").glob("[0-9]*.md"))
    index = (DOCS / "explanation" / "decisions" / "index.md").read_text("utf-8")
    assert len({path.name[:4] for path in records}) == len(records)  # a number may be unused
    for path in records:
        text = path.read_text("utf-8")
        assert text.startswith(f"# {path.name[:4]}. "), path
        assert re.search(r"^Accepted on 20\d\d-\d\d-\d\d\.$", text, re.MULTILINE), path
        parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert parts == ["Question", "Decision", "Reason", "Cost", "Reconsider when"], path
        assert path.name in index
