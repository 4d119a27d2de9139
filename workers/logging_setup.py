"""Logs: one line an event, text or JSON, on standard error or in a file; data goes to standard output."""

import logging
import re
import sys
from collections.abc import MutableMapping
from logging.handlers import RotatingFileHandler
from typing import Any

PART_BYTES, OLD_PARTS = 10 * 1024 * 1024, 3  # for months of running, on disks of any size
FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_SPEC = re.compile(r"(?:(\w{1,64})=)?%[-+0-9.,]*[a-zA-Z]")


def configure_logging(level: str, path: str = "", form: str = "text") -> None:
    """Send copydesk's logs at *level* to *path*, else to standard error; of the libraries, only what matters.

    *form* is `text` or `json`: an object a line, with what a message says of feeds, items and places as fields.
    """
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if path:
        handler = RotatingFileHandler(path, maxBytes=PART_BYTES, backupCount=OLD_PARTS, encoding="utf-8")
    handler.setFormatter(logging.Formatter(FORMAT))
    if form == "json":
        handler.setFormatter(_json_formatter())
        handler.addFilter(_note_fields)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("streams", "workers"):
        logging.getLogger(name).setLevel(level)
    for name in ("faust", "mode"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it complains of, our errors say once
    logging.captureWarnings(True)


def _json_formatter() -> logging.Formatter:
    import structlog  # only who asks for JSON pays for it

    chain = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _add_fields,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    finish = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=chain, processors=finish)  # type: ignore[arg-type]


def _note_fields(record: logging.LogRecord) -> bool:
    """Keep what the message has as `name=%s`, before it becomes text."""
    fields: dict[str, Any] = {}
    if isinstance(record.args, tuple):
        for spec, value in zip(_SPEC.finditer(str(record.msg)), record.args, strict=False):
            if spec[1]:
                fields[spec[1]] = value if isinstance(value, int | float) else str(value)
    record.fields = fields
    return True


def _add_fields(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {**event["_record"].fields, **event}
