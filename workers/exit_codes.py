"""The exit codes of the command line."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit code of a command."""

    OK = 0
    FAILED = 1
    USAGE = 2  # of the command line or the settings; click and argparse use 2, too
    UNREACHABLE = 3  # the broker doesn't answer, or no copydesk runs on the data directory
    UNHEALTHY = 4
    TEMPORARY_FAILURE = 75  # sysexits.h: EX_TEMPFAIL; the watchdog's, so that a supervisor restarts the worker
    INTERRUPTED = 130  # 128 + SIGINT, a convention of shells
