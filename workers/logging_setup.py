"""Configure logging: one line per event, text or JSON, to standard error or a file.

Events of copydesk and of its dependencies pass the same processors. Standard output is for data only.
"""

import asyncio
import contextlib
import importlib
import logging
import os
import stat
import sys
import threading
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
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
        handler = LogFile(path, MAX_FILE_BYTES, OLD_FILES)
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
    """A rotated log file. Lines below WARNING of one turn of the event loop are written together.

    A system call for each line costs more than the rest of a log call. Without an event loop, and in other threads, a
    line is written at once.
    """

    def __init__(self, path: str, max_bytes: int, old_files: int) -> None:
        super().__init__(path, maxBytes=max_bytes, backupCount=old_files, encoding="utf-8")
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of *record*, or keep it until the end of the turn."""
        try:
            self._lines.append(self.format(record))
            if record.levelno >= logging.WARNING or threading.current_thread() is not threading.main_thread():
                self._write_lines()
            elif len(self._lines) == 1:
                self._write_after_turn(record)
        except Exception:  # noqa: BLE001 # as in every handler: a log call must not end its caller
            self.handleError(record)

    def flush(self) -> None:
        """Write the collected lines."""
        with self.lock or contextlib.nullcontext():
            self._write_lines()

    def _write_after_turn(self, record: logging.LogRecord) -> None:
        def write() -> None:
            try:
                self.flush()
            except OSError:
                self.handleError(record)

        try:
            asyncio.get_running_loop().call_soon(write)
        except RuntimeError:  # no event loop
            self._write_lines()

    def _write_lines(self) -> None:
        """Write the collected lines; rotate the file first if they exceed its size."""
        lines, self._lines = self._lines, []
        if not lines:
            return
        text = "\n".join((*lines, ""))
        stream = self.stream or self._open()  # none after a failed rotation
        file = os.fstat(stream.fileno())
        self.stream = stream
        if stat.S_ISREG(file.st_mode) and file.st_size + len(text) >= self.maxBytes:
            self.doRollover()
        self.stream.write(text)
        self.stream.flush()


class _LazyFormatter(logging.Formatter):
    """Builds structlog's formatter at the first event that needs it; most commands log nothing (see `streams.logger`).

    The text of copydesk's own events without exception needs no processor: the poller logs a line for each poll.
    """

    def __init__(self, format: str) -> None:
        super().__init__()
        self._format = format
        self._formatter: logging.Formatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        return self._lines(record, record.msg) if isinstance(record.msg, LogEvents) else self._line(record)

    def _line(self, record: logging.LogRecord) -> str:
        if self._format == "text" and isinstance(record.msg, LogEvent) and not record.exc_info:
            timestamp = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
            return _text_line(timestamp, record.levelname.lower(), record.name, record.msg)
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
    line = _text_line(event["timestamp"], event["level"], event["logger"], event)
    return line + (f"\n{_indented(exception)}" if exception else "")


def _text_line(timestamp: str, level: str, logger: str, event: Mapping[str, Any]) -> str:
    return f"{timestamp} {level:<{LEVEL_CHARS}} {logger}: {format_event(event)}"


def _indented(exception: str) -> str:
    """Return a traceback that cannot be read as further events: its message may hold text of a feed."""
    return "\n".join(f"  {format_event({'event': line})}" for line in exception.splitlines())
