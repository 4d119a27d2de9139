"""Loggers: a constant event text with key–value fields, written through structlog to the standard library's logging.

It owns the names of the fields and the text form of an event. It must not know handlers: the program configures them,
`workers.logging_setup` for the command line. A program without configuration gets the text form of warnings on
standard error, as from any library.

    log = get_logger(__name__)
    log.warning("commit failed", topic=topic, group=group, error=exc, next_step="will retry")

    commit failed: topic=copydesk.articles group=mail (broker unreachable); will retry
"""

import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger


class Role(StrEnum):
    """Place of a field in the text form: `<event>: <objects> (<details>); <next step>`."""

    OBJECT = "object"
    DETAIL = "detail"
    NEXT = "next step"


class Field(NamedTuple):
    """The role of a field and its description for the reference."""

    role: Role
    description: str


# In the order of the text form. A value that a record holds has the name of the record's field.
FIELDS: dict[str, Field] = {
    "task": Field(Role.OBJECT, "background task"),
    "worker": Field(Role.OBJECT, "name of a worker process"),
    "outcome": Field(Role.OBJECT, "result of a poll or of an item, as in the counters"),
    "sink": Field(Role.OBJECT, "name of the sink"),
    "article_id": Field(Role.OBJECT, "`id` of the article"),
    "event_id": Field(Role.OBJECT, "`id` of the news event"),
    "revision": Field(Role.OBJECT, "revision of the article, or of the news event"),
    "identity_key": Field(Role.OBJECT, "`identity_key` of the item"),
    "feed": Field(Role.OBJECT, "URL of the feed"),
    "site": Field(Role.OBJECT, "site: host or publisher of an article"),
    "hub": Field(Role.OBJECT, "URL of the WebSub hub"),
    "topic": Field(Role.OBJECT, "topic"),
    "partition": Field(Role.OBJECT, "partition of the topic"),
    "offset": Field(Role.OBJECT, "offset of the message in its partition"),
    "group": Field(Role.OBJECT, "consumer group"),
    "key": Field(Role.OBJECT, "key in the shared state"),
    "path": Field(Role.OBJECT, "file or folder"),
    "rule": Field(Role.OBJECT, "file or setting of a site rule"),
    "url": Field(Role.OBJECT, "URL of a page or of a server"),
    "failure": Field(Role.OBJECT, "event of the failure that has passed"),
    "error": Field(Role.DETAIL, "error text"),
    "error_kind": Field(Role.DETAIL, "error code, such as `unreadable`, `timeout` or `bug`"),
    "reason": Field(Role.DETAIL, "reason of a decision that is no error"),
    "title": Field(Role.DETAIL, "title of the article"),
    "status": Field(Role.DETAIL, "HTTP status"),
    "content_type": Field(Role.DETAIL, "media type of the response"),
    "client": Field(Role.DETAIL, "address of the HTTP client"),
    "moved_to": Field(Role.DETAIL, "new URL of a feed"),
    "token_path": Field(Role.DETAIL, "file with the admin token"),
    "copy_path": Field(Role.DETAIL, "file with the removed bytes"),
    "items_total": Field(Role.DETAIL, "items in the document"),
    "items_new": Field(Role.DETAIL, "new or changed items"),
    "elapsed_ms": Field(Role.DETAIL, "duration of the poll in milliseconds"),
    "attempts": Field(Role.DETAIL, "number of attempts"),
    "count": Field(Role.DETAIL, "number of messages, or of articles, in the event"),
    "position_bytes": Field(Role.DETAIL, "position in the file in bytes"),
    "removed_bytes": Field(Role.DETAIL, "number of removed bytes"),
    "expired": Field(Role.DETAIL, "messages past the retention"),
    "total": Field(Role.DETAIL, "messages in the topic"),
    "lag": Field(Role.DETAIL, "messages that the consumer group has not committed"),
    "memory_percent": Field(Role.DETAIL, "used share of the broker's memory"),
    "memory_limit_bytes": Field(Role.DETAIL, "memory limit of the broker"),
    "lease_s": Field(Role.DETAIL, "lease in seconds"),
    "seconds": Field(Role.DETAIL, "duration of the condition in seconds"),
    "stack": Field(Role.DETAIL, "stack of a task"),
    "retry_s": Field(Role.NEXT, "seconds until the next attempt"),
    "next_step": Field(Role.NEXT, "reaction of copydesk, or advice"),
}  # fmt: skip

_PHRASES = frozenset(("error", "reason", "next_step", "retry_s"))  # fields without their names in the text form
_JSON_SCALARS = frozenset((str, int, float, bool, type(None)))
_RANKS = {name: rank for rank, name in enumerate(FIELDS)}
# C1 controls, line separators, and the bidirectional controls that reorder other text (UAX #9 §2).
_UNSAFE = re.compile(r"[\x7f-\x9f\u2028-\u202e\u2066-\u2069\u061c]")
_PLAIN = re.compile(r"[^\s\"=(),;\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u061c]+")


class LogEvent(dict[str, Any]):
    """The event text and the fields of one log call; `str` returns the text form."""

    def __str__(self) -> str:
        return format_event(self)


class LogEvents(tuple[LogEvent, ...]):
    """Events of one log record; `str` returns their text forms, one per line."""

    def __str__(self) -> str:
        return "\n".join(map(str, self))


def log_together(name: str, event: str, fields: Iterable[Mapping[str, Any]]) -> None:
    """Log one *event* for each of *fields* at level INFO, to the logger of module *name*, in one log record.

    A record costs 20 µs of CPU time beyond the text of its events.
    """
    logger = logging.getLogger(name)
    if logger.isEnabledFor(logging.INFO):
        events = LogEvents(LogEvent(**values, event=event) for values in fields)
        if events:
            logger.info(events, extra={"_logger": logger, "_name": "info"})


def get_logger(name: str) -> "BoundLogger":
    """Return the logger of module *name*."""
    return cast("BoundLogger", _LazyLogger(name))


class _LazyLogger:
    """Builds the structlog logger at its first use.

    The import of structlog takes 0.1 s and 7 MB. Most commands log nothing.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        import structlog

        logger = structlog.wrap_logger(  # independent of `structlog.configure`, which belongs to the program
            logging.getLogger(self._name),
            processors=[structlog.stdlib.filter_by_level, _to_log_record],
            wrapper_class=structlog.stdlib.BoundLogger,
        ).bind()
        self.__dict__ |= {
            method: getattr(logger, method)
            for method in ("debug", "info", "warning", "error", "critical", "exception", "log", "bind")
        }
        return getattr(logger, attribute)


def _to_log_record(
    logger: logging.Logger, method: str, event: MutableMapping[str, Any]
) -> tuple[tuple[LogEvent], dict[str, Any]]:
    """Return the arguments of the standard library's log call: the event as message, and the exception."""
    exc_info = event.pop("exc_info", None)
    record = LogEvent((name, _plain_value(value)) for name, value in event.items())
    if exc_info:  # in the event for structlog's formatter, in the record for others
        exc_info = record["exc_info"] = sys.exc_info() if exc_info is True else exc_info
    return (record,), {"exc_info": exc_info, "extra": {"_logger": logger, "_name": method}}


def _plain_value(value: Any) -> Any:
    """Return *value* as a JSON scalar. An exception kept in a record would keep its frames alive."""
    if type(value) in _JSON_SCALARS or isinstance(value, str | int | float):
        return value
    if isinstance(value, BaseException):
        return str(value) or repr(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def format_event(event: Mapping[str, Any]) -> str:
    """Return the text form of *event*: `<event>: <objects> (<details>); <next step>`, always one line."""
    parts: tuple[list[str], ...] = ([], [], [])
    for name, place, is_pair in _ranked(tuple(event)):
        value = event[name]
        if value is not None and value != "":
            text = f"{name}={value if type(value) is int else _quoted(value)}" if is_pair else _phrase(name, value)
            parts[place].append(text)
    objects, details, next_steps = parts
    return (
        _one_line(str(event.get("event", "")))
        + (f": {' '.join(objects)}" if objects else "")
        + (f" ({', '.join(details)})" if details else "")
        + (f"; {', '.join(next_steps)}" if next_steps else "")
    )


@lru_cache(1024)  # the calls of one place have the same names
def _ranked(names: tuple[str, ...]) -> tuple[tuple[str, int, bool], ...]:
    """Return the fields among *names* in the order of the text form: name, place of the role, `name=value` or not."""
    known = sorted((name for name in names if name in FIELDS), key=_RANKS.__getitem__)
    return tuple((name, list(Role).index(FIELDS[name].role), name not in _PHRASES) for name in known)


def _phrase(name: str, value: Any) -> str:
    return f"retrying in {round(value, 2):g} s" if name == "retry_s" else _one_line(str(value))


def _quoted(value: Any) -> str:
    return _quoted_text(f"{round(value, 3):g}" if isinstance(value, float) else str(value))


@lru_cache(1024)  # the items of a batch have their feed, topic and outcome in common
def _quoted_text(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else _json_text(text)


def _one_line(text: str) -> str:
    """Escape line breaks and control characters: text of a feed must not forge log lines."""
    return text if text.isprintable() else _json_text(text)[1:-1]


def _json_text(text: str) -> str:
    """Return *text* as a JSON string without the controls that JSON permits."""
    return _UNSAFE.sub(lambda match: json.dumps(match[0])[1:-1], json.dumps(text, ensure_ascii=False))
