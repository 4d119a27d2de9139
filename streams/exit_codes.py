"""Exit codes of all commands and workers, and the one immediate exit."""

import contextlib
import logging
import os
import sys
from enum import IntEnum
from typing import Any, NoReturn

from streams.logger import get_logger

log = get_logger(__name__)


class ExitCode(IntEnum):
    """Exit status of a process. 64 and above follow sysexits.h, 128 and above shells (128 + signal)."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    UNHEALTHY = 4
    SOFTWARE = 70  # EX_SOFTWARE: a bug
    TEMPFAIL = 75  # EX_TEMPFAIL: a restart may help
    INTERRUPTED = 130  # SIGINT


def abort(code: ExitCode, event: str, *, exc_info: bool = False, **fields: Any) -> NoReturn:
    """Log *event* and end the process at once, without cleanup: uncommitted messages are redelivered.

    Cleanup would block, or commit an unfinished batch. Reasons: a bug in a handler, a stalled or blocked event loop,
    lost shared state, a shutdown that timed out, a second interrupt.
    """
    log.critical(event, exc_info=exc_info, **fields)
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # closed, or the reader is gone
            stream.flush()
    os._exit(code)
