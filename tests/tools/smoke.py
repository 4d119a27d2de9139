"""Try an installed wheel, outside the source tree: `python -I smoke.py ROOT WHEEL` (see `make dist`)."""

import json
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib import import_module, metadata
from pathlib import Path

STORY = """<h1>Harbour board meets</h1><p>The harbour board met on Monday and approved the new ferry pier.</p>
<p>Advertisement</p><p>Work on the pier begins in spring, the board said.</p>"""

# Modules that need an extra, and its packages: the clean environment has none of them.
EXTRAS = {"workers/mcp/": ("mcp", {"anyio", "mcp"})}


def source_files(root: Path) -> set[str]:
    """Return every file that the wheel must hold."""
    config = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    folders = [pattern.rstrip("*") for pattern in config["packages"]["find"]["include"]]
    paths = [path for folder in folders for path in (root / folder).rglob("*") if path.is_file()]
    kept = {str(p.relative_to(root)) for p in paths if "__pycache__" not in p.parts and p.suffix != ".md"}
    return kept | {f"{module}.py" for module in config["py-modules"]}


def check_files(root: Path, wheel: Path) -> None:
    """Compare the wheel's files with the source tree."""
    missing = source_files(root) - set(zipfile.ZipFile(wheel).namelist())
    assert not missing, f"wheel without {sorted(missing)}"


def check_command(version: str) -> None:
    """Run the console command."""
    command = str(Path(sysconfig.get_path("scripts")) / "copydesk")
    for line in ([command], [sys.executable, "-m", "copydesk"]):
        done = subprocess.run([*line, "--version"], capture_output=True, text=True, check=True)
        assert done.stdout == f"copydesk {version}\n", done.stdout
    done = subprocess.run([command, "clean", "-", "--json"], input=STORY, capture_output=True, text=True, check=True)
    text = json.loads(done.stdout)["paragraphs"]
    assert text[-1].startswith("Work on the pier") and "Advertisement" not in text, text


def check_modules(root: Path) -> None:
    """Import the public modules and every other module from the wheel."""
    for name in sorted(f for f in source_files(root) if f.endswith(".py")):
        _, packages = EXTRAS.get(f"{Path(name).parent}/", ("", set()))
        try:
            module = import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        except ModuleNotFoundError as exc:
            assert (exc.name or "").partition(".")[0] in packages, f"{name}: {exc}"
            continue
        assert not Path(module.__file__ or "").is_relative_to(root / name.split("/")[0]), module.__file__
    facade = import_module("copydesk")
    assert all(hasattr(facade, name) for name in facade.__all__)
    assert facade.schema(facade.Article)["$ref"]


def check_missing_extras() -> None:
    """A command whose extra is missing names the pip command."""
    for extra, _ in EXTRAS.values():
        done = subprocess.run([sys.executable, "-m", "copydesk", extra], capture_output=True, text=True)
        assert done.returncode and f"copydesk[{extra}]" in done.stderr, (done.returncode, done.stderr)


def main() -> None:
    """Check the wheel and print one line."""
    root, wheel = map(Path, sys.argv[1:])
    version = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert metadata.version("copydesk") == version
    check_files(root, wheel)
    check_command(version)
    check_modules(root)
    check_missing_extras()
    print(f"{wheel.name}: installs, imports and cleans")


if __name__ == "__main__":
    main()
