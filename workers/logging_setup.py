"""Configure logging: one line per event, text or JSON, to standard error or a file.

Events of copydesk and of its dependencies pass the same processors. Standard output is for data only.
"""

import importlib
import logging
import sys
from collections.abc import MutableMapping
from logging.handlers import RotatingFileHandler
from typing import Any

from streams.logger import LogEvent, LogEvents, format_event

MAX_FILE_BYTES, OLD_FILES = 10 * 1024 * 1024, 3  # 40 MB bound the disk use of a process that runs for months
LEVEL_CHARS = 8  # "critical"


def configure_logging(level: str, path: str = "", format: str = "text") -> None:
    """Send copydesk's log events at *level* to *path*, or to standard error if that is empty.

    Libraries log warnings or errors only. *format* is `text` or `json`. JSON is one object per line.
    """
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if path:
        handler = RotatingFileHandler(path, maxBytes=MAX_FILE_BYTES, backupCount=OLD_FILES, encoding="utf-8")
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


class _LazyFormatter(logging.Formatter):
    """Builds structlog's formatter at the first event; most commands log nothing (see `streams.logger`)."""

    def __init__(self, format: str) -> None:
        super().__init__()
        self._format = format
        self._formatter: logging.Formatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        line = getattr(record, "line", None)  # RotatingFileHandler formats each record twice
        if line is None:
            events = record.msg if isinstance(record.msg, LogEvents) else ()
            line = record.line = self._lines(record, events) if events else self._line(record)
        return str(line)

    def _line(self, record: logging.LogRecord) -> str:
        self._formatter = self._formatter or _structlog_formatter(self._format)
        return str(self._formatter.format(record))

    def _lines(self, record: logging.LogRecord, events: LogEvents) -> str:
        """Return a line for each of *events*. In the text form, they have the same beginning."""
        first, *others = events
        line = self._line(_with_event(record, first))
        if self._format == "json":
            return "\n".join([line, *(self._line(_with_event(record, event)) for event in others)])
        start = line.removesuffix(format_event(first))
        return "\n".join([line, *(start + format_event(event) for event in others)])


def _with_event(record: logging.LogRecord, event: LogEvent) -> logging.LogRecord:
    return logging.makeLogRecord({**record.__dict__, "msg": event})


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
    line = f"{event['timestamp']} {event['level']:<{LEVEL_CHARS}} {event['logger']}: {format_event(event)}"
    return line + (f"\n{_indented(exception)}" if exception else "")


def _indented(exception: str) -> str:
    """Return a traceback that cannot be read as further events: its message may hold text of a feed."""
    return "\n".join(f"  {format_event({'event': line})}" for line in exception.splitlines())
