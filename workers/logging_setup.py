"""Configure logging: one line per event, text or JSON, to standard error or a file.

Standard output is for data only.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from logging.handlers import RotatingFileHandler
from typing import Any

MAX_FILE_BYTES, OLD_FILES = 10 * 1024 * 1024, 3  # 40 MB bound the disk use of a process that runs for months
FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_SPEC = re.compile(r"(?:(\w{1,64})=)?%[-+0-9.,]*[a-zA-Z]")


def configure_logging(level: str, path: str = "", format: str = "text") -> None:
    """Send copydesk's log events at *level* to *path*, or to standard error if that is empty.

    Libraries log warnings or errors only. *format* is `text` or `json`. JSON is one object per line. Arguments that the
    message shows as `name=%s` are fields of it.
    """
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if path:
        handler = RotatingFileHandler(path, maxBytes=MAX_FILE_BYTES, backupCount=OLD_FILES, encoding="utf-8")
    handler.setFormatter(logging.Formatter(FORMAT))
    if format == "json":
        handler.setFormatter(_json_formatter())
        handler.addFilter(_note_fields)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("streams", "workers"):
        logging.getLogger(name).setLevel(level)
    for name in ("faust", "mode"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # copydesk logs the same failures itself
    logging.captureWarnings(True)


def _json_formatter() -> logging.Formatter:
    import structlog  # imported here, because text logs do not need it

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
    """Store arguments that the message shows as `name=%s`, before the message is formatted."""
    fields: dict[str, Any] = {}
    if isinstance(record.args, tuple):
        for spec, value in zip(_SPEC.finditer(str(record.msg)), record.args, strict=False):
            if spec[1]:
                fields[spec[1]] = value if isinstance(value, int | float) else str(value)
    record.fields = fields
    return True


def _add_fields(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {**event["_record"].fields, **event}
