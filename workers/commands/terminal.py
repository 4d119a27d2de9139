"""The terminal: the one place that prints text for people. Text of feeds cannot send control sequences.

It must not know any command. JSON and other data for programs are printed elsewhere.
"""

import sys
from typing import TextIO

# C0 and C1 controls except tab and newline, and the bidirectional controls that reorder other text (UAX #9 §2.1, §2.2).
_CONTROLS = (*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x61C)
_ESCAPES = {code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" for code in _CONTROLS}


def printable(text: str) -> str:
    r"""Return *text* with control characters escaped; tab and newline stay.

    >>> printable("a\x1b]0;b\x07")
    'a\\x1b]0;b\\x07'
    """
    text = text if text.isprintable() else text.translate(_ESCAPES)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def print_text(text: str = "", *, out: TextIO | None = None) -> None:
    """Print *text* for people, by default to standard output, and flush it, because a pipe's reader may wait for it."""
    print(printable(text), file=out or sys.stdout, flush=True)
