"""The commands that need no server: documents in, JSON lines or plain text out."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from streams.errors import UnreadableError
from streams.settings import Settings
from workers.clean.encoding import decoded

DONE, FAILED, USAGE, UNREACHABLE, UNHEALTHY = range(5)  # exit codes of all commands


def run_parse(settings: Settings, args: Any) -> int:
    """Print the items of feed documents; exit code FAILED when a file couldn't be read."""
    from workers.poller.parse import parse_feed

    def rows(name: str, data: bytes) -> Iterator[Mapping[str, Any]]:
        feed = parse_feed(data, args.url or _file_url(name), fetched_at=datetime.now(UTC))
        for item in feed.items:
            yield msgspec.to_builtins(item)

    return _each_file(args.files, rows, lambda row: print_json(row), settings)


def run_clean(settings: Settings, args: Any) -> int:
    """Print the clean copies of stories; exit code FAILED when a file couldn't be read."""
    from workers.clean.article import clean

    def rows(name: str, data: bytes) -> Iterator[Mapping[str, Any]]:
        copy = clean(decoded(data), args.type, title=args.title, url=args.url)
        yield {"url": args.url} | msgspec.to_builtins(copy)

    return _each_file(args.files, rows, print_json if args.json else _print_article, settings)


def _each_file(
    files: Iterable[str],
    rows: Callable[[str, bytes], Iterator[Mapping[str, Any]]],
    show: Callable[[Any], None],
    settings: Settings,
) -> int:
    code = DONE
    for name in files:
        try:
            for row in rows(name, _contents(name)):
                show({"file": name} | dict(row))
        except UnreadableError as exc:
            print(f"copydesk: {name}: {exc}", file=sys.stderr)
            code = FAILED
    return code


def _contents(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as exc:
        raise UnreadableError(exc.strerror or str(exc)) from exc


def _file_url(name: str) -> str:
    return Path(name).resolve().as_uri() if name != "-" else "file:///dev/stdin"


def print_json(value: Mapping[str, Any]) -> None:
    """Print *value* as a JSON line, at once: others wait for it on a pipe."""
    print(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8"), flush=True)


def _print_article(row: Mapping[str, Any]) -> None:
    head = [row.get("kicker"), row.get("title"), row.get("dek"), ", ".join(row.get("byline", ()))]
    print("\n\n".join([*filter(None, head), *row.get("text", ())]) + "\n")
