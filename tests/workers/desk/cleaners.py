"""Cleaners for tests of cleaning processes: the title of an item selects a failure."""

import hashlib
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from streams.records import Item
from workers.clean.cleaner import CleanedContent
from workers.clean.document import BlockDocument
from workers.clean.site_facts import SiteFacts
from workers.desk.article import clean_item


def hang_in_c() -> None:
    """Compute in C code, which handles no Python signal, for hours."""
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 2**31 - 1)


def compute() -> None:
    """Take .6 s of CPU time."""
    end_s = time.process_time() + 0.6
    while time.process_time() < end_s:
        sum(range(1000))


def compute_briefly() -> None:
    """Take .15 s of CPU time, which is not slow."""
    end_s = time.process_time() + 0.15
    while time.process_time() < end_s:
        sum(range(1000))


def fail() -> None:
    raise KeyError("swans")


def open_file() -> None:
    Path("/etc/hostname").read_bytes()


def connect() -> None:
    socket.socket()


def grow() -> None:
    bytearray(1 << 29)


FAILURES: dict[str, Callable[[], None]] = {
    "Hang": hang_in_c, "Slow": compute, "Expensive": compute_briefly, "Abort": os.abort, "Bug": fail, "File": open_file, "Socket": connect,
    "Memory": grow,
}  # fmt: skip


def clean(item: Item, document: BlockDocument, facts: SiteFacts) -> CleanedContent:
    """Clean as usual, after the failure that the first word of the title names."""
    FAILURES.get(item.title.partition(" ")[0], bool)()
    return clean_item(item, document, facts)
