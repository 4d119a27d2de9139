"""Starts `copydesk sink` by a fork for each line on standard input, and prints its process id.

A new interpreter would take a second of CPU to import all modules, for each of hundreds of kills.
"""

import os
import signal
import sys

from streams.valkey.server import die_with_parent
from workers import cli
from workers.sinks import SINKS, runner


def main(arguments: list[str]) -> None:
    assert SINKS and runner  # imported here, and not in each child
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the children
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            die_with_parent(signal.SIGKILL)
            os._exit(cli.main(arguments))
        print(pid, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
