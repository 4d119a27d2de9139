"""Starts `copydesk sink` by a fork for each line on standard input, and prints its process id.

A new interpreter would take a second of CPU to import all modules, for each of hundreds of kills.
"""

import importlib
import os
import signal
import sys
from importlib.util import find_spec

from streams.valkey.server import die_with_parent
from workers import cli

# Modules that a sink imports when it starts or delivers.
MODULES = (
    "workers.services", "workers.sinks.runner", "workers.reload", "workers.logging_setup", "structlog", "uvloop",
    "streams.brokers.redis_streams.broker", "redis.asyncio", "aiohttp", "sqlite3", "psycopg", "pyarrow.parquet",
    "awscrt.auth", "workers.commands.services",
)  # fmt: skip


def main(arguments: list[str]) -> None:
    for name in MODULES:
        if find_spec(name.partition(".")[0]):
            importlib.import_module(name)
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
