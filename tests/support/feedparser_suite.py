"""feedparser's own test files: `python -m tests.support.feedparser_suite FOLDER [ours]` prints the failures as JSON.

A comment in each file holds an expression about its parsed form. With `ours`, copydesk's bounds are active.
"""

import io
import json
import re
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import feedparser

from workers.poller.formats.feedparser_bounds import bounded_parsers

_EXPECT = re.compile(rb"Expect:\s*(.*?)(?:\n|$)")
_HEADER = re.compile(rb"Header:\s*([\w-]+):\s*(.*?)\r?\n")
NAMES = ("bozo", "bozo_exception", "version", "encoding", "namespaces", "status", "headers")


def holds(path: Path, folder: Path) -> bool | None:
    """Return whether a file's expression holds; None for a file without expression."""
    body = path.read_bytes()
    expected = _EXPECT.search(body)
    if expected is None:
        return None
    headers = {
        "content-type": "application/xml",
        "content-location": f"http://127.0.0.1:8097/{path.relative_to(folder)}",
    }
    headers |= {name.decode().lower(): value.decode().strip() for name, value in _HEADER.findall(body)}
    parsed = feedparser.parse(io.BytesIO(body), response_headers=headers)
    names: dict[str, Any] = {name: parsed.get(name) for name in NAMES}
    names |= {**parsed, "entries": parsed.entries, "feed": parsed.feed, "feedparser": feedparser}
    try:
        return bool(eval(expected[1].decode("utf-8", "replace").strip(), names))
    except Exception:  # noqa: BLE001 - expressions for a later feedparser, or failed ones
        return False


if __name__ == "__main__":
    where = Path(sys.argv[1])
    with bounded_parsers() if "ours" in sys.argv else nullcontext():
        found = {str(p.relative_to(where)): holds(p, where) for p in sorted(where.rglob("*")) if p.is_file()}
    print(json.dumps({name: held for name, held in found.items() if held is not None}))
