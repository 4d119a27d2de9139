"""Reload of copydesk.toml on SIGHUP: a service restarts with valid settings, or keeps the old ones.

    SIGHUP ──▶ read settings ──▶ valid: drain, then execute the same command again in this process
                             └─▶ invalid: log file, line and reason

The process keeps its id, so that a supervisor sees no exit.
"""

import os
import signal
import sys
from collections.abc import Callable

from streams.config.settings import LoadedSettings
from streams.errors import SettingsError
from streams.logger import get_logger
from workers.notify import notify

log = get_logger(__name__)


class Reloader:
    """Reads the settings again when SIGHUP arrives. *load* raises SettingsError for invalid ones."""

    def __init__(self, load: Callable[[], LoadedSettings]) -> None:
        self.load = load
        self.is_requested = False

    def request(self) -> None:
        """Check the settings; stop the service in order if they are valid."""
        if not self.is_requested and self.read() is not None:  # a second SIGTERM would end the process at once
            self.is_requested = True
            notify("RELOADING=1")
            os.kill(os.getpid(), signal.SIGTERM)

    def read(self) -> LoadedSettings | None:
        """Return the settings; None, with a log event, if they are invalid."""
        try:
            return self.load()
        except SettingsError as exc:
            log.error("reload failed", error=exc, next_step="keeping the former settings")
            return None

    def restart(self) -> None:
        """Execute the command of this process again, after a reload was requested. Otherwise do nothing."""
        if self.is_requested:
            log.warning("settings reloaded", next_step="restarting in this process")
            os.execv(sys.executable, sys.orig_argv)


def has_lost_terminal(had_terminal: bool) -> bool:
    """Return whether SIGHUP means that the terminal of this process was closed, and not a reload."""
    if not had_terminal:
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return True
    return False
