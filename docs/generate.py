"""Generate the parts of the reference that repeat the code: settings, commands, HTTP, records, topics and metrics.

python docs/generate.py    rewrite the settings table in reference/settings.md

Sphinx runs `write_pages`; the pages go to `build/docs/generated`.
"""

import datetime
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import click
import msgspec

from streams.config.settings import settings_table
from streams.records import (
    Article,
    Content,
    DeadLetter,
    Enclosure,
    FullTextPage,
    Image,
    Item,
    Link,
    MessageId,
    PollResult,
    RemovedBlock,
    RevisionChanges,
)
from streams.topics import BUILTIN_TOPICS, DAY_S
from workers.cli import cli
from workers.web.latency import Latency
from workers.web.metrics import render_metrics
from workers.web.openapi import build_openapi

SETTINGS_PAGE = Path(__file__).parent / "reference" / "settings.md"
BEGIN, END = "<!-- settings table: python docs/generate.py -->\n", "<!-- end of settings table -->\n"

FIELDS: dict[type, dict[str, str]] = {
    Article: {
        "id": "identity of the article; equal for all its revisions",
        "revision": "1, then one more for each change that a reader can see",
        "url": "link as the feed or page wrote it",
        "canonical_url": "link without trackers, AMP forms and session ids",
        "title": "headline",
        "dek": "standfirst: the summary under the headline",
        "kicker": "short label above the headline",
        "byline": "authors, one name each",
        "dateline": "place and date at the start of an agency text",
        "published": "time of publication",
        "updated": "time of the last change, by the publisher",
        "publisher": "name of the publisher",
        "feed": "URL of the feed",
        "folder": "folder of the feed, from OPML or `--folder`",
        "language": "BCP 47 tag",
        "tags": "categories of the item",
        "source_credit": "agency or outlet that the text credits",
        "images": "images with caption and credit",
        "paragraphs": "body text, one paragraph each",
        "html": "body as sanitised HTML",
        "article_type": "`live blog`, `gallery` or empty",
        "word_count": "words of the body",
        "reading_minutes": "reading time",
        "story_id": "cluster of articles that copy each other",
        "duplicate_of": "`id` of the article that this one copies",
        "duplicate_kind": "`text`, or `title` if only the titles agree",
        "similarity": "share of the shorter text that both articles have, an estimate from 0 to 1",
        "fetched_at": "time of the poll that delivered the item",
        "reused_link": "title and text share hardly a word with the revision before",
        "changes": "difference from the revision before",
        "fingerprint": "digest of the visible content",
        "removed": "blocks that the cleaner removed, with the reason",
        "source": "position of the item in the items topic",
    },
    RemovedBlock: {
        "kind": "kind of block",
        "text": "text of the block",
        "reason": "rule or model that removed it",
        "label": "label that introduced the block",
        "links": "links in the block",
    },
    Link: {"url": "address", "text": "text of the link"},
    RevisionChanges: {
        "title": "previous title, if it differs",
        "words_added": "words that are new",
        "words_removed": "words that are gone",
    },
    Image: {"url": "address", "caption": "caption", "credit": "photographer or agency"},
    Item: {
        "feed": "URL of the feed",
        "identity_key": "common form of all spellings of the link; without a usable link, the guid within the feed",
        "guid": "guid or id of the entry",
        "link": "link of the entry",
        "canonical_url": "link without clutter",
        "title": "title of the entry",
        "authors": "author names",
        "published": "time of publication",
        "updated": "time of the last change",
        "categories": "categories",
        "language": "language of the entry or feed",
        "publisher": "title of the feed or of its source",
        "content": "bodies, each with media type and language",
        "summary": "summary",
        "enclosures": "attached files",
        "image_url": "image of the entry",
        "folder": "folder of the feed",
        "page": "article page, where full text is configured",
        "fetched_at": "time of the poll",
        "fingerprint": "digest of the entry",
        "poll_id": "`id` of the poll result",
    },
    Content: {"value": "body", "type": "media type, `text/html` by default", "language": "BCP 47 tag"},
    Enclosure: {"url": "address", "type": "media type", "length": "bytes, as the feed says"},
    FullTextPage: {"url": "address of the page", "html": "HTML without scripts and styles"},
    PollResult: {
        "id": "identity of the poll",
        "feed": "URL of the feed",
        "started_at": "start of the request",
        "outcome": "`ok`, `unchanged`, `moved` or `failed`",
        "status": "HTTP status; 0 without a response",
        "body_bytes": "size of the document",
        "items_total": "items in the document",
        "items_new": "new or changed items, sent to the items topic",
        "items_unchanged": "items that the feed offered before",
        "items_failed": "unreadable items",
        "elapsed_ms": "duration",
        "error": "error text",
        "error_kind": "error code, such as `timeout`, `http_status`, `not_a_feed` or `gone`",
        "next_due": "time of the next poll",
    },
    DeadLetter: {
        "topic": "topic of the original message",
        "partition": "partition of the original message",
        "offset": "offset of the original message",
        "key": "key of the original message, base64 in JSON",
        "payload": "value of the original message, base64 in JSON",
        "headers": "headers of the original message",
        "error_kind": "error code, such as `unreadable`, `timeout` or `bug`",
        "error": "error text",
        "attempts": "number of attempts",
        "feed": "URL of the feed",
        "failed_at": "time of the failure",
        "sink": "sink that rejected the event",
    },
    MessageId: {"topic": "topic", "partition": "partition", "offset": "offset"},
}


def rows(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, ["---"] * len(header), *lines)) + "\n"


def records_page() -> str:
    """Return the fields of all records. Raises ValueError for a described field that no record has."""
    parts = []
    for record, texts in FIELDS.items():
        fields = msgspec.structs.fields(record)
        if unknown := texts.keys() - {field.name for field in fields}:
            raise ValueError(f"unknown field: {record.__name__} ({', '.join(sorted(unknown))}); correct FIELDS")
        lines = [(f"`{f.name}`", _type(f.type), texts.get(f.name, "")) for f in fields]
        parts.append(f"## {record.__name__}\n\n" + rows(("field", "type", "meaning"), lines))
    return "\n".join(parts)


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
    """Return the help of all commands."""
    parts: list[str] = []

    def walk(command: click.Command, parent: click.Context | None, name: str) -> None:
        context = click.Context(command, info_name=name, parent=parent, terminal_width=100, max_content_width=100)
        parts.append(f"## {context.command_path}\n\n```text\n{command.get_help(context).strip()}\n```\n")
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
        "counters": {}, "balanced": True, "lag": 0, "memory": 0.0, "feeds": [],
        "workers": [{"name": "desk-1", "role": "desk", "heartbeat_age_s": 0.0}],
    }  # fmt: skip
    text = render_metrics(status, {}, Latency()).decode()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    helps = re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE)
    return rows(("metric", "type", "meaning"), [(f"`{name}`", types.get(name, ""), help) for name, help in helps])


PAGES = {
    "records": records_page,
    "cli": commands_page,
    "http-api": http_page,
    "topics": topics_page,
    "metrics": metrics_page,
}


def write_pages(folder: Path) -> None:
    """Write all generated pages; a page that did not change keeps its time."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        path, text = folder / f"{name}.md", page()
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def with_settings(page: str) -> str:
    """Return the settings page with the present table."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n{settings_table()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    SETTINGS_PAGE.write_text(with_settings(SETTINGS_PAGE.read_text("utf-8")), "utf-8")
