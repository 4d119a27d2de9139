"""Prose budget: count words that make a sentence hard to read, and compare the counts with limits.

python -m tests.tools.prose            report each folder; exit code 1 when a limit is wrong
python -m tests.tools.prose --lower    write lower limits to prose.toml; a limit is never raised

A limit is the figure rounded up. A figure above its limit fails, and so does a limit that is higher than necessary: the
limits fall with the figures until they reach GOAL. The measure is taken from nine Python projects, which have 0.0 to 0.6
of these words per 1,000.
"""

import argparse
import ast
import io
import math
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMITS = Path(__file__).with_name("prose.toml")
FOLDERS = ("streams", "workers", "tests", "docs")
GOAL = 1  # counted words per 1,000
COUNTED = re.compile(r"\b(?:what|whatever|who|whoever|nobody|anybody|somebody)\b", re.IGNORECASE)
CODE_IN_MARKDOWN = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
TEST_NAME = re.compile(r"\btest_(?:what|who|whoever|nobody|of|when|it)_")


@dataclass(frozen=True)
class Count:
    """Counted words among all words of a text."""

    hits: int = 0
    words: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.hits + other.hits, self.words + other.words)

    @property
    def per_1000(self) -> float:
        return 1000 * self.hits / max(1, self.words)


def python_prose(source: str) -> str:
    """Return the docstrings and comments of a Python source."""
    nodes = (n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef))  # fmt: skip
    found = [ast.get_docstring(node) or "" for node in nodes]
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return "\n".join([*found, *(token.string for token in tokens if token.type == tokenize.COMMENT)])


def markdown_prose(source: str) -> str:
    """Return a Markdown source without its code."""
    return CODE_IN_MARKDOWN.sub(" ", source)


def count(text: str) -> Count:
    """Count the words of *text*."""
    return Count(len(COUNTED.findall(text)), len(re.findall(r"\w+", text)))


def count_file(path: Path) -> Count:
    """Count the words of a Python or Markdown file."""
    source = path.read_text("utf-8")
    return count(markdown_prose(source) if path.suffix == ".md" else python_prose(source))


def forbidden_test_names(paths: Iterable[Path]) -> list[str]:
    """Return the names of test functions that start with a forbidden word."""
    trees = (ast.parse(path.read_text("utf-8")) for path in paths)
    functions = (n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return [function.name for function in functions if TEST_NAME.match(function.name)]


def files_by_area(root: Path) -> dict[str, list[Path]]:
    """Return the files of each folder, and each top-level file under its own name."""
    areas = {name: sorted(p for p in (root / name).rglob("*") if p.suffix in (".py", ".md")) for name in FOLDERS}
    return areas | {path.name: [path] for path in sorted(root.iterdir()) if path.suffix in (".py", ".md")}


def measure(root: Path) -> dict[str, float]:
    """Return the figure of each area, and the number of forbidden test names as "test names"."""
    areas = files_by_area(root)
    figures = {area: sum(map(count_file, paths), Count()).per_1000 for area, paths in areas.items()}
    return figures | {"test names": float(len(forbidden_test_names(p for p in areas["tests"] if p.suffix == ".py")))}


def goal(area: str) -> int:
    """Return the limit that an area has in the end."""
    return 0 if area == "test names" else GOAL


def needed(area: str, figure: float) -> int:
    """Return the lowest limit that *figure* allows."""
    return max(goal(area), math.ceil(figure))


def complaints(figures: dict[str, float], limits: dict[str, int]) -> list[str]:
    """Return a line for each limit that is exceeded or too high."""
    found = []
    for area, figure in figures.items():
        limit = limits.get(area, goal(area))
        if figure > limit:
            found.append(f"prose limit exceeded: {area} ({figure:.1f} > {limit}); reword, do not raise the limit")
        elif needed(area, figure) < limit:
            found.append(f"prose limit too high: {area} ({figure:.1f} < {limit}); run `make prose-lower`")
    return found


def lowered(figures: dict[str, float], limits: dict[str, int]) -> dict[str, int]:
    """Return the limits after lowering; areas that are gone or at their goal are left out."""
    new = {area: min(limit, needed(area, figures[area])) for area, limit in limits.items() if area in figures}
    return {area: limit for area, limit in new.items() if limit > goal(area)}


def worst_files(root: Path, number: int = 10) -> list[str]:
    """Return a line for each of the files with the most counted words."""
    rows = [(count_file(path).hits, path) for paths in files_by_area(root).values() for path in paths]
    return [f"  {hits:4d}  {path.relative_to(root)}" for hits, path in sorted(rows, reverse=True)[:number] if hits]


def main(argv: list[str] | None = None) -> int:
    """Report the figures or lower the limits; return the exit code."""
    parser = argparse.ArgumentParser(description="Check the prose budget.")
    parser.add_argument("--lower", action="store_true", help="write lower limits to prose.toml")
    parser.add_argument("--verbose", action="store_true", help="list the files with the most counted words")
    args = parser.parse_args(argv)
    figures, limits = measure(ROOT), tomllib.loads(LIMITS.read_text("utf-8"))
    if args.lower:
        limits = lowered(figures, limits)
        head = "".join(line for line in LIMITS.read_text("utf-8").splitlines(True) if line.startswith("#"))
        LIMITS.write_text(head + "".join(f'"{area}" = {limit}\n' for area, limit in limits.items()), "utf-8")
    if args.verbose:
        for area, figure in figures.items():
            print(f"{area}: {figure:.1f} (limit {limits.get(area, goal(area))})")
        print(*worst_files(ROOT), sep="\n")
    found = complaints(figures, limits)
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
