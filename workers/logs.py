"""Logs: one line an event, on standard error or in a file; data goes to standard output."""

import logging
import sys
from pathlib import Path

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def log_to(level: str, path: Path | None = None) -> None:
    """Send copydesk's logs at *level* to *path*, else to standard error; of the libraries, only what matters."""
    handler = logging.FileHandler(path, encoding="utf-8") if path else logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("streams", "workers"):
        logging.getLogger(name).setLevel(level)
    for name in ("faust", "mode"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it complains of, our errors say once
    logging.captureWarnings(True)
