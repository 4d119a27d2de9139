"""The commands that need no running copydesk: documents in, JSON lines or plain text out."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from streams.config.settings import Settings
from streams.errors import UnreadableError
from streams.topics import DAY_S
from workers.progress import progress, track
from workers.text.encoding import decode

DONE, FAILED, USAGE, UNREACHABLE, UNHEALTHY = range(5)  # exit codes of all commands


def run_parse(settings: Settings, args: Any) -> int:
    """Print the items of feed documents; exit code FAILED when a file couldn't be read."""
    from workers.poller.formats.feedparser_xml import parse_feed

    def rows(name: str, data: bytes) -> Iterator[Mapping[str, Any]]:
        feed = parse_feed(data, args.url or _file_url(name), fetched_at=datetime.now(UTC))
        for item in feed.items:
            yield msgspec.to_builtins(item)

    return process_files(args.files, rows, lambda row: print_json(row), settings)


def run_clean(settings: Settings, args: Any) -> int:
    """Print the clean copies of stories; exit code FAILED when a file couldn't be read."""
    from workers.clean.cleaner import clean

    def rows(name: str, data: bytes) -> Iterator[Mapping[str, Any]]:
        copy = clean(decode(data), args.type, title=args.title, url=args.url)
        yield {"url": args.url} | msgspec.to_builtins(copy)

    return process_files(args.files, rows, print_json if args.json else _print_article, settings)


def run_dedupe(settings: Settings, args: Any) -> int:
    """Print what each article of a file is, and the story that it tells, by an index that is gone afterwards."""
    import asyncio
    import tempfile

    from streams.brokers.redis_streams.broker import RedisStreamsBroker
    from streams.valkey.server import EmbeddedValkey
    from workers.dedupe.file_rows import classify_rows
    from workers.dedupe.near_duplicates.index import StoryIndex

    async def work(url: str) -> None:
        log = RedisStreamsBroker(url)
        try:
            rows = (row for name in args.files for row in _json_rows(name))
            with progress("articles", sum(read_input(name).count(b"\n") for name in args.files if name != "-")) as done:
                async for row in classify_rows(StoryIndex(log.state, settings.story_window_days * DAY_S), rows):
                    show(row)
                    done(1)
        finally:
            await log.close()

    show = print_json if args.json else _print_verdict
    with tempfile.TemporaryDirectory(prefix="copydesk-judge-") as folder:
        valkey = EmbeddedValkey(replace(settings, data_dir=Path(folder), valkey_fsync="everysec"))
        valkey.start()
        try:
            asyncio.run(work(valkey.url))
        finally:
            valkey.stop()
    return DONE


def _json_rows(name: str) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(read_input(name).splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as exc:
                raise UnreadableError(f"{name}: line {number}: not JSON: {exc}") from exc
            if not isinstance(row, dict):
                raise UnreadableError(f"{name}: line {number}: not an object")
            yield row


def _print_verdict(row: Mapping[str, Any]) -> None:
    like = f"  like {row['duplicate_of']} ({row['similarity']:.0%})" if row["duplicate_of"] else ""
    print(f"{row['id']}  {row['verdict']} {row['revision']}  story {row['story_id']}{like}")


def run_url(settings: Settings, args: Any) -> int:
    """Print how links are spelt; exit code FAILED when one is no http or https link."""
    from workers.urls.canonical import canonicalise

    code = DONE
    for url in args.urls:
        found = canonicalise(url)
        if not found.canonical:
            print(f"copydesk: {url}: not an http or https link", file=sys.stderr)
            code = FAILED
        elif args.json:
            print_json({"url": url, "canonical": found.canonical, "key": found.key, "rules": found.rules})
        else:
            print(f"{found.canonical}  key {found.key}  {', '.join(found.rules)}".rstrip())
    return code


def process_files(
    files: Iterable[str],
    rows: Callable[[str, bytes], Iterator[Mapping[str, Any]]],
    show: Callable[[Any], None],
    settings: Settings,
) -> int:
    code = DONE
    files = list(files)
    for name in track(files, "files", len(files)):
        try:
            for row in rows(name, read_input(name)):
                show({"file": name} | dict(row))
        except UnreadableError as exc:
            print(f"copydesk: {name}: {exc}", file=sys.stderr)
            code = FAILED
    return code


def read_input(name: str) -> bytes:
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
    print("\n\n".join([*filter(None, head), *row.get("paragraphs", ())]) + "\n")
