"""Commands that need no server: they read files and print JSON lines or plain text."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from streams.config.settings import Settings
from streams.errors import UnreadableError
from streams.exit_codes import ExitCode
from streams.topics import DAY_S
from workers.commands.base import Command, json_option, print_json, warn
from workers.commands.terminal import print_text

Row = Mapping[str, Any]
ToRows = Callable[[str, bytes], Iterator[Row]]
Write = Callable[[Row], None]
INTERNAL_FIELDS = ("stable_lines", "evidence")  # of the desk: revisions and the history of the site
UNREADABLE = "file not readable"
INPUT_TYPES = click.Choice(["auto", "text", "html", "page", "feed"])
files_argument = click.argument("files", nargs=-1, required=True, metavar="FILE...")


@click.command("parse", cls=Command, example="copydesk parse feed.xml")
@files_argument
@click.option("--url", default="", help="URL of the document; resolves relative links")
@json_option("(default; accepted for consistency)")
def parse(settings: Settings, files: Sequence[str], url: str, as_json: bool) -> ExitCode:
    """Parse feed documents; print one item per line as JSON.

    FILE `-` reads standard input. The exit code is 1 when a file is unreadable.
    """
    from workers.poller.formats import parse_feed

    def to_rows(name: str, data: bytes) -> Iterator[Row]:
        import msgspec

        for item in parse_feed(data, url or _file_url(name), fetched_at=datetime.now(UTC)).items:
            yield msgspec.to_builtins(item)

    return process_files(files, to_rows, print_json)


@click.command("clean", cls=Command, example="copydesk clean story.html --json")
@files_argument
@click.option("--type", "input_type", type=INPUT_TYPES, default="auto", help="input type")
@click.option("--url", default="", help="URL of the article or feed; resolves relative links")
@click.option("--title", default="", help="headline, if the file has none")
@json_option("print JSON, one object per line, instead of plain text")
def clean(settings: Settings, files: Sequence[str], input_type: str, url: str, title: str, as_json: bool) -> ExitCode:
    """Clean articles; print one article per file, or all articles of a feed as JSON, one per line.

    FILE `-` reads standard input. The exit code is 1 if a file is unreadable or contains no text.
    """
    from workers.clean.cleaner import clean as clean_article
    from workers.poller.formats import looks_like_feed
    from workers.text.encoding import decode, is_binary

    def to_rows(name: str, data: bytes) -> Iterator[Row]:
        import msgspec

        text = decode(data)
        if is_binary(text) and input_type != "feed":
            raise UnreadableError("not text (control characters); give a text, a page or a feed")
        if input_type == "feed" or (input_type == "auto" and looks_like_feed(text)):
            yield from _feed_rows(name, data, url)
        else:
            content = msgspec.to_builtins(clean_article(text, input_type, title=title, url=url))
            yield {"url": url} | {name: value for name, value in content.items() if name not in INTERNAL_FIELDS}

    return process_files(files, to_rows, print_json if as_json else _print_article)


def _feed_rows(name: str, data: bytes, url: str) -> Iterator[Row]:
    """Yield the articles of a feed document. Unreadable entries are reported on standard error."""
    import msgspec

    from workers.desk.feed_articles import feed_articles
    from workers.poller.formats import parse_feed

    feed = parse_feed(data, url or _file_url(name), fetched_at=datetime.now(UTC))
    for reason in (feed.warning, *(reason for _, reason in feed.unreadable)):
        if reason:
            warn(f"{name}: {reason}")
    for article in feed_articles(feed):
        yield msgspec.to_builtins(article)


def _print_article(row: Row) -> None:
    """Print an article as plain text, or as JSON if it comes from a feed."""
    if "feed" in row:
        print_json(row)
        return
    head = [row.get("kicker"), row.get("title"), row.get("dek"), ", ".join(row.get("byline", ()))]
    print_text("\n\n".join([*filter(None, head), *row.get("paragraphs", ())]) + "\n")


@click.command("dedupe", cls=Command, example="copydesk dedupe articles.jsonl --json")
@files_argument
@click.option("--explain", nargs=2, metavar="A B", help="explain how the articles with these ids compare")
@json_option("print JSON, one object per line, instead of plain text")
def dedupe(settings: Settings, files: Sequence[str], explain: tuple[str, str] | None, as_json: bool) -> ExitCode:
    """Classify articles as new, revised, duplicate or near-duplicate.

    A FILE has one JSON object per line, in order of arrival, with title, text, url and others. `-` reads standard
    input. The index is temporary. The exit code is 1 when a line is unreadable.
    """
    import asyncio
    import tempfile

    from streams.valkey.server import EmbeddedValkey

    with tempfile.TemporaryDirectory(prefix="copydesk-dedupe-") as folder:
        valkey = EmbeddedValkey(replace(settings, data_dir=Path(folder), valkey_fsync="everysec"))
        valkey.start()
        try:
            rows = FileRows(files)
            if explain:
                asyncio.run(_explain(valkey.url, settings, rows, explain))
            else:
                asyncio.run(_dedupe(valkey.url, settings, rows, print_json if as_json else _print_classification))
        finally:
            valkey.stop()
    return ExitCode.FAILED if rows.unreadable else ExitCode.OK


async def _dedupe(url: str, settings: Settings, rows: "FileRows", write: Write) -> None:
    from streams.brokers.redis_streams.broker import RedisStreamsBroker
    from workers.dedupe.file_rows import classify_rows
    from workers.dedupe.near_duplicates.index import StoryIndex
    from workers.progress import progress

    broker = RedisStreamsBroker(url)
    try:
        total = sum(read_input(name).count(b"\n") for name in rows.files if name != "-")
        stories = StoryIndex(broker.state, settings.story_window_days * DAY_S)
        with progress("articles", total) as advance:
            async for row in classify_rows(stories, rows, rows.report):
                write(row)
                advance(1)
    finally:
        await broker.close()


async def _explain(url: str, settings: Settings, rows: "FileRows", names: tuple[str, str]) -> None:
    from streams.brokers.redis_streams.broker import RedisStreamsBroker
    from workers.dedupe.explain import explain
    from workers.dedupe.near_duplicates.index import StoryIndex

    broker = RedisStreamsBroker(url)
    try:
        print_json(
            await explain(StoryIndex(broker.state, settings.story_window_days * DAY_S), rows, names, rows.report)
        )
    finally:
        await broker.close()


class FileRows:
    """The JSON objects of files, one a line; None for a line that is no object. `unreadable`: lines reported."""

    def __init__(self, files: Sequence[str]) -> None:
        self.files, self.unreadable = files, 0

    def __iter__(self) -> Iterator[Row | None]:
        for name in self.files:
            for number, line in enumerate(read_input(name).splitlines(), 1):
                if line.strip():
                    yield self._row(f"{name}, line {number}", line)

    def report(self, error: UnreadableError) -> None:
        """Print the error of a row, and count it."""
        self.unreadable += 1
        warn(str(error))

    def _row(self, place: str, line: bytes) -> Row | None:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as exc:
            self.report(UnreadableError(f"not JSON: {place} ({exc})"))
            return None
        if not isinstance(row, dict):
            self.report(UnreadableError(f"not a JSON object: {place}"))
            return None
        return row


def _print_classification(row: Row) -> None:
    by = " by title" if row["duplicate_kind"] == "title" else ""
    original = f"  like {row['duplicate_of']}{by} ({row['similarity']:.0%})" if row["duplicate_of"] else ""
    print_text(f"{row['id']}  {row['verdict']} {row['revision']}  story {row['story_id']}{original}")


# Rule of `workers.urls.canonical` → the part that it removes or replaces; a test compares the names.
URL_RULES = {
    "wrapper": "redirect of another site",
    "host": "capitals or default port",
    "query": "tracking parameters",
    "session": "session id",
    "amp": "AMP path",
    "index": "index page",
    "variant": "mobile or AMP host",
    "fragment": "fragment",
}


@click.command("url", cls=Command, example="copydesk url https://amp.example.org/a?utm_source=rss")
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@json_option("print JSON, one object per line: url, canonical, key, rules")
def url(settings: Settings, urls: Sequence[str], as_json: bool) -> ExitCode:
    """Print the canonical form of links, and the rules that apply.

    The exit code is 1 when a link is not http or https.
    """
    from workers.urls.canonical import canonicalise

    code = ExitCode.OK
    for link in urls:
        result = canonicalise(link)
        if not result.canonical:
            warn(f"invalid link: {link} (not an http or https URL)")
            code = ExitCode.FAILED
        elif as_json:
            print_json({"url": link, "canonical": result.canonical, "key": result.key, "rules": result.rules})
        else:
            removed = ", ".join(f"{rule} ({URL_RULES[rule]})" for rule in result.rules)
            print_text(f"{result.canonical}  key {result.key}" + (f"  removed: {removed}" if removed else ""))
    return code


# A test compares the names of records with openapi.RECORDS.
SCHEMA_NAMES = ("asyncapi", "openapi", "article", "event", "item", "poll", "dead-letter")


@click.command("schema", cls=Command, example="copydesk schema asyncapi > asyncapi.json")
@click.argument("name", type=click.Choice(SCHEMA_NAMES))
def schema(settings: Settings, name: str) -> ExitCode:
    """Print the AsyncAPI document of the topics, the OpenAPI document of the HTTP API, or a record's JSON Schema."""
    from streams.codec import schema as record_schema
    from workers.web.asyncapi import build_asyncapi
    from workers.web.openapi import RECORDS, build_openapi

    documents = {"asyncapi": build_asyncapi, "openapi": build_openapi}
    document = documents[name]() if name in documents else record_schema(RECORDS[name])
    print_text(json.dumps(document, ensure_ascii=False, indent=2))
    return ExitCode.OK


def process_files(files: Iterable[str], to_rows: ToRows, write: Write) -> ExitCode:
    """Write the rows of each file; report unreadable files and continue."""
    from workers.progress import track

    code = ExitCode.OK
    names = list(files)
    for name in track(names, "files", len(names)):
        try:
            for row in to_rows(name, read_input(name)):
                write({"file": name} | dict(row))
        except UnreadableError as exc:
            has_name = str(exc).startswith(f"{UNREADABLE}: {name} ")
            warn(str(exc) if has_name else f"{name}: {exc}")
            code = ExitCode.FAILED
    return code


def read_input(name: str) -> bytes:
    """Return the bytes of file *name*, or of standard input for `-`. Raises UnreadableError."""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as exc:
        raise UnreadableError(f"{UNREADABLE}: {name} ({exc.strerror or exc})") from exc


def _file_url(name: str) -> str:
    return Path(name).resolve().as_uri() if name != "-" else "file:///dev/stdin"


COMMANDS = (parse, clean, dedupe, url, schema)
