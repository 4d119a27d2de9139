"""A Valkey on a port: a container sees no socket of the machine."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streams.valkey.server import find_server_binary
from tests.support.ports import free_port


@contextmanager
def tcp_valkey(folder: Path) -> Iterator[str]:
    """Run a server on *folder* during the block; yield its URL."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen([find_server_binary(), *options], stdout=subprocess.DEVNULL) as server:
        try:
            yield f"valkey://127.0.0.1:{port}"
        finally:
            server.terminate()
