"""Logs: one line an event, on standard error or in a file; data goes to standard output."""

import logging
import sys
from logging.handlers import RotatingFileHandler

PART_BYTES, OLD_PARTS = 10 * 1024 * 1024, 3  # for months of running, on disks of any size
FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def log_to(level: str, path: str = "") -> None:
    """Send copydesk's logs at *level* to *path*, else to standard error; of the libraries, only what matters."""
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if path:
        handler = RotatingFileHandler(path, maxBytes=PART_BYTES, backupCount=OLD_PARTS, encoding="utf-8")
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
