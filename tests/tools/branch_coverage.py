"""Gate of `make coverage`: the unit ring covers every line and branch of the modules in "decisions are pure".

`python -m tests.tools.branch_coverage FILE` reads the JSON report of coverage.py. `coverage.toml` holds the modules with
a gap, and the most lines and branches that each may miss. Its numbers only fall.
"""

import json
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
CONTRACT = "decisions are pure"


def pure_modules(project: Mapping[str, Any]) -> list[str]:
    """Return the source modules of the contract in the content of pyproject.toml."""
    [contract] = [c for c in project["tool"]["importlinter"]["contracts"] if c["name"] == CONTRACT]
    return list(contract["source_modules"])


def is_within(path: str, modules: Iterable[str]) -> bool:
    name = path.removesuffix(".py").replace("/", ".")
    return any(f"{name}.".startswith(f"{module}.") for module in modules)


def failures(report: Mapping[str, Any], modules: Iterable[str], limits: Mapping[str, int]) -> list[str]:
    """Return a message for each module with more gaps than its limit."""
    gaps = {
        path: [*entry["missing_lines"], *(f"{a}->{b}" for a, b in entry["missing_branches"])]
        for path, entry in report["files"].items()
        if is_within(path, modules)
    }
    out = [
        f"not covered: {path} ({', '.join(map(str, missing))}); add a test to the unit ring"
        for path, missing in sorted(gaps.items())
        if len(missing) > limits.get(path, 0)
    ]
    return out if gaps else [f"no module measured: {CONTRACT}; run `make coverage`"]


def main(report: Path) -> int:
    modules = pure_modules(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8")))
    limits = tomllib.loads(Path(__file__).with_name("coverage.toml").read_text("utf-8"))
    messages = failures(json.loads(report.read_text("utf-8")), modules, limits)
    print("\n".join(messages) or "decisions are covered within coverage.toml")
    return 1 if messages else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
