"""A journal of a test server: it survives a SIGKILL, as the store of a real server does."""

import json
from pathlib import Path
from typing import Any


def read_journal(path: Path) -> list[Any]:
    """Return the complete lines. An incomplete last line belongs to a write that was not confirmed."""
    data = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


class Journal:
    """Lines of JSON, written at once."""

    def __init__(self, path: Path) -> None:
        self.lines = read_journal(path)
        self._file = path.open("ab", buffering=0)
        self._file.truncate(path.read_bytes().rfind(b"\n") + 1)

    def append(self, value: Any) -> None:
        self._file.write(json.dumps(value).encode() + b"\n")
