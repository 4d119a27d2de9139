"""Commands for items that no feed delivers."""

import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click

from streams.config.settings import Settings
from streams.errors import UnreadableError
from streams.exit_codes import ExitCode
from workers.commands.base import Command, json_option, print_json, run_with_running_broker, warn
from workers.commands.terminal import print_text
from workers.text.counts import format_count

LOW_PRIORITY = 10
FORMAT_NAMES = ("warc", "parquet", "mbox", "wire", "feed", "jsonl", "page", "text")  # a test compares it with FORMATS


@click.command("ingest", cls=Command, example="copydesk ingest story.txt archive.warc.gz --source archive")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--source", default="files", show_default=True, help="name of the producer; routes can match source:NAME")
@click.option("--format", "format_name", type=click.Choice(FORMAT_NAMES), help="format of the files; default: detected")
@click.option("--url", default="", help="URL of the document, for a single page, dump or feed")
@click.option("--live", is_flag=True, help="send current news: ahead of archives, with the time of arrival")
@click.option("--again", is_flag=True, help="send files that were sent before")
@click.option("--dry-run", is_flag=True, help="print the items instead of sending them; needs no running copydesk")
@json_option("with --dry-run: print JSON, one object per line, instead of plain text")
def ingest(
    settings: Settings, files: Sequence[str], source: str, format_name: str | None, url: str, live: bool,
    again: bool, dry_run: bool, as_json: bool,
) -> ExitCode:  # fmt: skip
    """Send the articles of files through copydesk.

    Reads text dumps and HTML pages, feed documents, JSON lines, WARC, mbox and Parquet files, and all files of
    directories. The desk handles them while no live item waits. FILE `-` reads standard input. A repeated command
    continues where the last one ended. An unreadable record becomes a dead letter; the exit code is 1.
    """
    from workers.intake.ingest import IngestOptions
    from workers.intake.pushed_items import source_url

    try:
        options = IngestOptions(source_url(source), url, format_name or "", again, live)
    except UnreadableError as exc:
        raise click.BadParameter(str(exc), param_hint="--source") from exc
    if dry_run:
        return _print_items(files, options, as_json)
    if not live:
        os.nice(LOW_PRIORITY)  # reading and decompressing must not delay live items either
    code: ExitCode = run_with_running_broker(settings, lambda broker: _ingest(broker, files, options))
    return code


async def _ingest(broker: Any, files: Sequence[str], options: Any) -> ExitCode:
    from workers.intake.ingest import DamagedFileError, IngestResult, expand, ingest_file, read_records, send_records
    from workers.progress import track

    code, total = ExitCode.OK, IngestResult(0, 0)
    paths: list[Path | None] = [*expand([name for name in files if name != "-"]), *([None] if "-" in files else [])]
    for path in track(paths, "files", len(paths)):
        try:
            if path is None:
                records = read_records("-", _standard_input(), options)
                result: IngestResult | None = await send_records(broker, records, options)
            else:
                result = await ingest_file(broker, path, options)
        except (DamagedFileError, OSError) as exc:
            warn(f"file unreadable: {path or '-'} ({exc})")
            code = ExitCode.FAILED
            result = exc.result if isinstance(exc, DamagedFileError) else IngestResult(0, 0)
        if result is None:
            warn(f"file skipped: {path} (sent before); use --again to send it again")
            continue
        total = IngestResult(total.items + result.items, total.failed + result.failed)
    print_text(f"{format_count(total.items, 'item')} sent, {total.failed} unreadable")
    return ExitCode.FAILED if total.failed else code


def _print_items(files: Sequence[str], options: Any, as_json: bool) -> ExitCode:
    import msgspec

    from workers.intake.ingest import read_records

    code = ExitCode.OK
    for name, file in _open(files):
        with file:
            try:
                for record in read_records(name, file, options):
                    for item in record.items:
                        if as_json:
                            print_json(msgspec.to_builtins(item))
                        else:
                            print_text(f"{item.identity_key}  {item.title}".rstrip())
                    for _, error in record.failed:
                        warn(error)
                        code = ExitCode.FAILED
            except UnreadableError as exc:
                warn(f"file unreadable: {name} ({exc})")
                code = ExitCode.FAILED
    return code


def _open(files: Sequence[str]) -> Iterator[tuple[str, BinaryIO]]:
    from workers.intake.ingest import expand

    for path in expand([name for name in files if name != "-"]):
        yield str(path), path.open("rb")
    if "-" in files:
        yield "-", _standard_input()


def _standard_input() -> BinaryIO:
    """Return standard input as a file that can be rewound."""
    return io.BytesIO(sys.stdin.buffer.read())


COMMANDS = (ingest,)
