"""Configure logging: one line per event, text or JSON, to standard error or a file.

Events of copydesk and of its dependencies pass the same processors. Standard output is for data only.
"""

import importlib
import logging
import os
import stat
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from typing import Any

from streams.logger import LogEvent, format_event

MAX_FILE_BYTES, OLD_FILES = 10 * 1024 * 1024, 3  # 40 MB bound the disk use of a process that runs for months
LEVEL_CHARS = 8  # "critical"


def configure_logging(level: str, path: str = "", format: str = "text") -> None:
    """Send copydesk's log events at *level* to *path*, or to standard error if that is empty.

    Libraries log warnings or errors only. *format* is `text` or `json`. JSON is one object per line.
    """
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if path:
        handler = LogFile(path, maxBytes=MAX_FILE_BYTES, backupCount=OLD_FILES, encoding="utf-8")
    handler.setFormatter(_LazyFormatter(format))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("streams", "workers"):
        logging.getLogger(name).setLevel(level)
    for name in ("faust", "mode"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # copydesk logs the same failures itself
    logging.captureWarnings(True)


def import_structlog() -> None:
    """Import structlog without rich, which only its console renderer uses: 52 modules, 4.7 MB and 0.1 s a process.

    structlog has no setting for it, but works without rich. A later `import rich` is not affected.
    """
    if "structlog" in sys.modules or "rich" in sys.modules:
        return
    sys.modules["rich"] = None  # type: ignore[assignment] # Python then raises ImportError
    try:
        importlib.import_module("structlog")
    finally:
        del sys.modules["rich"]


class LogFile(RotatingFileHandler):
    """A rotated log file that reads its size from the descriptor; the base class makes four system calls for it."""

    def shouldRollover(self, record: logging.LogRecord) -> bool:
        if self.stream is None:  # after a failed rotation
            self.stream = self._open()
        file = os.fstat(self.stream.fileno())
        return stat.S_ISREG(file.st_mode) and file.st_size + len(self.format(record)) >= self.maxBytes


class _LazyFormatter(logging.Formatter):
    """Builds structlog's formatter at the first event that needs it; most commands log nothing (see `streams.logger`).

    The text of copydesk's own events without exception needs no processor: the poller logs a line for each poll.
    """

    def __init__(self, format: str) -> None:
        super().__init__()
        self._format = format
        self._formatter: logging.Formatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        line = getattr(record, "line", None)  # LogFile formats each record twice
        if line is None:
            line = record.line = self._line(record)
        return str(line)

    def _line(self, record: logging.LogRecord) -> str:
        if self._format == "text" and isinstance(record.msg, LogEvent) and not record.exc_info:
            timestamp = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
            return _text_line(timestamp, record.levelname.lower(), record.name, record.msg)
        self._formatter = self._formatter or _structlog_formatter(self._format)
        return self._formatter.format(record)


def _structlog_formatter(format: str) -> logging.Formatter:
    import structlog

    processors = [
        structlog.stdlib.add_log_level,
        _add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.JSONRenderer(ensure_ascii=False) if format == "json" else _render_text,
    ]
    return structlog.stdlib.ProcessorFormatter(processors=processors)  # type: ignore[arg-type]


def _add_logger_name(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["logger"] = event["_record"].name
    return event


def _render_text(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    exception = event.get("exception")
    line = _text_line(event["timestamp"], event["level"], event["logger"], event)
    return line + (f"\n{_indented(exception)}" if exception else "")


def _text_line(timestamp: str, level: str, logger: str, event: Mapping[str, Any]) -> str:
    return f"{timestamp} {level:<{LEVEL_CHARS}} {logger}: {format_event(event)}"


def _indented(exception: str) -> str:
    """Return a traceback that cannot be read as further events: its message may hold text of a feed."""
    return "\n".join(f"  {format_event({'event': line})}" for line in exception.splitlines())
