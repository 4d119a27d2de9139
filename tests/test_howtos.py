"""Guides for contributors: the diff of each is the complete change, touches few files, and passes its checks."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import DEADLINE_S, ROOT

HOWTOS = ROOT / "docs" / "howto"
DIFF = re.compile(r"^```diff\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHECK = re.compile(r"`make (unit|test) ARGS=([^`]+)`")
# Bytecode is copied: Python compares it with the time of its source, which the copy keeps.
OMITTED = shutil.ignore_patterns(".git", ".venv", "build", "dist", ".*_cache", ".hypothesis", "*.egg-info")


class Guide(NamedTuple):
    """The limit of files, tests included, and a text that the change adds to a generated page of the reference."""

    max_files: int
    generated_page: str = ""
    generated_text: str = ""


GUIDES = {
    "add-sink": Guide(3, "sinks", "Append id, revision and title"),
    "add-format": Guide(3),
    "add-clutter-rule": Guide(2),
    "add-setting": Guide(2, "settings", "| `sink_retry_s` | `3600.0` |"),
    "add-article-field": Guide(3, "records", "| `location` | string | place of the event"),
}


def diff_of(name: str) -> dict[str, list[tuple[str, str]]]:
    """Return the (old text, new text) of each hunk, by file."""
    [diff] = DIFF.findall((HOWTOS / f"{name}.md").read_text("utf-8"))
    parts = re.split(r"^--- .*\n\+\+\+ b/(.+)\n", diff, flags=re.MULTILINE)[1:]
    return {
        path: [(side(hunk, " -"), side(hunk, " +")) for hunk in text.split("@@\n")[1:]]
        for path, text in zip(parts[::2], parts[1::2], strict=True)
    }


def side(hunk: str, markers: str) -> str:
    """Return the lines of a hunk that have one of *markers*; an empty line is context."""
    return "".join(line[1:] or "\n" for line in hunk.splitlines(keepends=True) if (line[0].strip() or " ") in markers)


def apply(folder: Path, path: str, hunks: list[tuple[str, str]]) -> None:
    """Change a file. The old text of a hunk must occur once."""
    file = folder / path
    text = file.read_text("utf-8") if file.exists() else ""
    for old, new in hunks:
        assert text.count(old) == 1 or not (old or text), f"{path} does not contain once:\n{old}"
        text = text.replace(old, new) if old else new
    file.write_text(text, "utf-8")


@pytest.mark.parametrize("name", GUIDES)
def test_guide_lists_the_files_of_its_diff(name: str) -> None:
    table = (HOWTOS / f"{name}.md").read_text("utf-8").partition("Files to touch:")[2].partition("\n\n")[2]
    listed = re.findall(r"^\| `([^`]+)` \|", table.partition("\n\n")[0], re.MULTILINE)
    assert listed == list(diff_of(name))
    assert len(listed) <= GUIDES[name].max_files


@pytest.mark.parametrize("name", GUIDES)
def test_guide_change_passes_its_checks(name: str, tmp_path: Path) -> None:
    """Apply the diff to a copy of the project; run the checks that the guide names, the linter and the reference."""

    def run(*arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True,
            timeout=2 * DEADLINE_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    guide, copy = GUIDES[name], tmp_path / "copy"
    environment = os.environ | {"COPYDESK_TEST_CORPUS": "absent"}  # the copy has no ../shared
    shutil.copytree(ROOT, copy, ignore=OMITTED)
    for path, hunks in diff_of(name).items():
        apply(copy, path, hunks)
    run("-m", "ruff", "check", *diff_of(name))
    run("-m", "ruff", "format", "--check", *diff_of(name))
    [(target, tests)] = CHECK.findall((HOWTOS / f"{name}.md").read_text("utf-8"))
    ring = ("-m", "unit") if target == "unit" else ()
    [arguments] = shlex.split(tests)
    run("-m", "pytest", "-x", "-p", "no:cacheprovider", *ring, *shlex.split(arguments))
    code = "import generate, pathlib; generate.write_pages(pathlib.Path('generated'))"
    run("-c", f"import sys; sys.path[:0] = ['docs', '.']; {code}")
    if guide.generated_page:
        assert guide.generated_text in (copy / "generated" / f"{guide.generated_page}.md").read_text("utf-8")
