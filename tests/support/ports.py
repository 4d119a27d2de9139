"""Free ports on loopback for servers of other programs, which take a port number and not a socket."""

import random
import socket
from contextlib import ExitStack

# Below the ephemeral ranges of Linux (from 32768) and macOS (from 49152): no client of a parallel test takes such a port
# between this check and the start of the server, or while the server restarts.
FIRST, LAST = 18_000, 32_000


def free_port(count: int = 1) -> int:
    """Return a port that was free a moment ago, the first of *count* consecutive ones."""
    while True:
        port = random.SystemRandom().randrange(FIRST, LAST - count)
        if all_free(range(port, port + count)):
            return port


def all_free(ports: range) -> bool:
    with ExitStack() as stack:
        for port in ports:
            try:
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                return False
        return True
