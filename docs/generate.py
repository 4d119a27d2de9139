"""Generate the parts of the reference that repeat the code: settings, commands, HTTP, records, topics, metrics, logs.

Sphinx runs `write_pages`; the pages go to `build/docs/generated`. Nothing of it is in version control.
"""

import datetime
import inspect
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import click
import msgspec

from streams.config.display import settings_table
from streams.logger import FIELDS as LOG_FIELDS
from streams.records import (
    Article,
    Content,
    Correction,
    DeadLetter,
    Enclosure,
    FullTextPage,
    Image,
    Item,
    Link,
    MessageId,
    NewsEvent,
    PollResult,
    RemovedBlock,
    Report,
    RevisionChanges,
)
from streams.topics import BUILTIN_TOPICS, DAY_S
from tests.tools.bench.history.page import page as history_page
from tests.tools.bench.history.record import read_records
from tests.tools.bench.history.titles import TITLES as MEASURES
from workers.cli import cli
from workers.sinks import SINKS
from workers.sinks.options import example_table, options_reference
from workers.web.asyncapi import build_asyncapi
from workers.web.latency import Latency
from workers.web.metrics import render_metrics
from workers.web.openapi import build_openapi

RECORDS = (
    Article,
    RemovedBlock,
    Link,
    RevisionChanges,
    Correction,
    Image,
    NewsEvent,
    Report,
    Item,
    Content,
    Enclosure,
    FullTextPage,
    PollResult,
    DeadLetter,
    MessageId,
)
SETTINGS_EPILOG = re.compile(r"\n*Settings:\n  Every setting is an option .*\n  .* lists them\.")


def rows(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, ["---"] * len(header), *lines)) + "\n"


def records_page() -> str:
    """Return the fields of all records."""
    parts = []
    for record in RECORDS:
        hints = get_type_hints(record, include_extras=True)
        lines = [(f"`{f.name}`", *_type_and_meaning(hints[f.name])) for f in msgspec.structs.fields(record)]
        parts.append(f"## {record.__name__}\n\n" + rows(("field", "type", "meaning"), lines))
    return "\n".join(parts)


def _type_and_meaning(annotation: Any) -> tuple[str, str]:
    """Return the JSON type and the meaning of a field. Raises ValueError for a field without `doc`."""
    if get_origin(annotation) is not Annotated:
        raise ValueError(f"undocumented field: {annotation}; annotate it with streams.records.doc")
    type_, meta = get_args(annotation)[:2]
    return _type(type_), meta.description


def _type(annotation: Any) -> str:
    """Return how JSON represents a type."""
    simple = {str: "string", int: "integer", float: "number", bytes: "string (base64)", datetime.datetime: "time"}
    if annotation in simple:
        return simple[annotation]
    args = getattr(annotation, "__args__", ())
    if type(None) in args:
        return _type(next(arg for arg in args if arg is not type(None))) + " or absent"
    if args:
        return "list of " + (_type(args[0]) if args[0] in simple or not hasattr(args[0], "__args__") else "pairs")
    return str(annotation.__name__)


def commands_page() -> str:
    """Return the help of all commands. The epilog about settings is left out: `cli.md` states it once."""
    parts: list[str] = []

    def walk(command: click.Command, parent: click.Context | None, name: str) -> None:
        context = click.Context(command, info_name=name, parent=parent, terminal_width=100, max_content_width=100)
        help_ = SETTINGS_EPILOG.sub("", command.get_help(context)).strip()
        parts.append(f"## {context.command_path}\n\n```text\n{help_}\n```\n")
        for name, sub in getattr(command, "commands", {}).items():
            walk(sub, context, name)

    walk(cli, None, "copydesk")
    return "\n".join(parts)


def http_page() -> str:
    """Return the paths of the HTTP API."""
    paths = build_openapi()["paths"]
    lines = [
        (method.upper(), f"`{path}`", operation["summary"].replace("|", "\\|"))
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]
    return rows(("method", "path", "result"), lines)


def topics_page() -> str:
    """Return the topics with their retention."""
    lines = [
        (f"`{topic.name}`", f"{topic.retention_s // DAY_S} days", "yes" if topic.compact else "no")
        for topic in BUILTIN_TOPICS
    ]
    return rows(("topic", "retention", "compacted on Kafka"), lines)


def metrics_page() -> str:
    """Return the metrics with type and description."""
    status = {
        "counters": {}, "counters_consistent": True, "lag": 0, "memory_usage": 0.0, "feeds": [], "polls": {},
        "last_poll_s": 0.0, "pending_letters": 0, "template_changes": {"count": 0, "sites": []}, "groups": [],
        "sinks": [{"name": "newsroom", "lag": 0, "failures": 0, "rejected": 0, "failing_s": 0, "error": ""}],
        "workers": [{"name": "desk-1", "role": "desk", "heartbeat_age_s": 0.0}],
    }  # fmt: skip
    text = render_metrics(status, {}, Latency()).decode()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    helps = re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE)
    return rows(("metric", "type", "meaning"), [(f"`{name}`", types.get(name, ""), help) for name, help in helps])


def sinks_page() -> str:
    """Return the options of each type of sink, with an example."""
    return "\n".join(
        f"#### `{name}`\n\n{inspect.getdoc(sink.options_type)}\n\n"
        + rows(("key", "default", "meaning"), options_reference(sink.options_type))
        + f"\n```toml\n{example_table(name, sink.options_type)}\n```\n"
        for name, sink in SINKS.items()
    )


def log_fields_page() -> str:
    """Return the fields of log events, in the order of the text form."""
    return rows(("field", "place", "meaning"), [(f"`{n}`", f.role, f.description) for n, f in LOG_FIELDS.items()])


def asyncapi_page() -> str:
    """Return the AsyncAPI document."""
    return f"```json\n{json.dumps(build_asyncapi(), ensure_ascii=False, indent=2)}\n```\n"


def benchmarks_page() -> str:
    """Return a chart and a table for each tracked benchmark."""
    return history_page(MEASURES, read_records())


PAGES: dict[str, Callable[[], str]] = {
    "settings": settings_table,
    "sinks": sinks_page,
    "records": records_page,
    "cli": commands_page,
    "http-api": http_page,
    "topics": topics_page,
    "asyncapi": asyncapi_page,
    "metrics": metrics_page,
    "log-events": log_fields_page,
    "benchmark-history": benchmarks_page,
}


def write_pages(folder: Path) -> None:
    """Write all generated pages; a page that did not change keeps its time."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        path, text = folder / f"{name}.md", page()
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
