"""Phrase tables: TSV files with a heading and the columns kind, language, phrase.

It must not know any table: the model's vocabulary is frozen, and the lexicon of the rules is edited freely.
"""

from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """A row of a table."""

    kind: str
    language: str
    phrase: str


def read_entries(path: Path) -> tuple[Entry, ...]:
    """Return the rows of the table at *path*."""
    return tuple(Entry(*line.split("\t")) for line in path.read_text(encoding="utf8").splitlines()[1:])
