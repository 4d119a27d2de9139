"""Repair of the embedded server's append-only file: what is behind the last complete step is cut off, after a copy.

valkey-check-aof comes within the server's binary, and runs under that name. Of a torn transaction it leaves nothing:
a step of copydesk's is whole or gone.
"""

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from streams.errors import SettingsError

_ANALYSED = re.compile(r"size=(\d+), ok_up_to=(\d+)")


class Damage(NamedTuple):
    """A log file with something unreadable behind its first `sound` of `size` bytes."""

    path: Path
    size: int
    sound: int


def find_damage(valkey_dir: Path, server: Path) -> Damage | None:
    """Return where the log in *valkey_dir* is damaged; None for a sound one, or none at all.

    Raises SettingsError for damage that cutting off can't mend: only the last file may end early.
    """
    files = _log_files(valkey_dir)
    for path in files:
        done = _check(server, path)
        found = _ANALYSED.search(done.stdout)
        if done.returncode == 0:
            continue
        if found is None or path != files[-1]:
            raise SettingsError(f"{path} is damaged, and isn't the last file of the log: put a backup in its place")
        return Damage(path, int(found[1]), int(found[2]))
    return None


def cut_off(damage: Damage, server: Path) -> Path:
    """Copy the log, then cut the damage off; returns where the copy is."""
    folder = damage.path.parent
    copy = folder.with_name(f"{folder.name}.{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    shutil.copytree(folder, copy)
    done = _check(server, damage.path, "--fix")
    if done.returncode:
        raise SettingsError(f"{damage.path} couldn't be repaired: {done.stdout.strip()}; the copy is {copy}")
    return copy


def _log_files(valkey_dir: Path) -> list[Path]:
    """Return the files of commands, oldest first. The base, a snapshot, has a checksum that the server verifies."""
    return sorted((valkey_dir / "appendonlydir").glob("*.incr.aof"), key=lambda path: int(path.name.split(".")[-3]))


def _check(server: Path, path: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["valkey-check-aof", *options, str(path)],
        executable=server, input="y\n", capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
