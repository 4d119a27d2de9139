"""An article as a row, for databases and tables. Pure.

Each sink maps the kinds of the columns to its own types.
"""

from enum import StrEnum
from typing import Any, NamedTuple

from streams.records import Article


class Kind(StrEnum):
    """The type of a column. A time is aware UTC or None."""

    TEXT = "text"
    TEXTS = "list of texts"
    INTEGER = "integer"
    REAL = "real"
    TIME = "time"


class Column(NamedTuple):
    """A column; except for `body`, its name is the record's field."""

    name: str
    kind: Kind = Kind.TEXT


COLUMNS = (
    Column("id"),
    Column("revision", Kind.INTEGER),
    Column("url"),
    Column("canonical_url"),
    Column("title"),
    Column("dek"),
    Column("byline", Kind.TEXTS),
    Column("published", Kind.TIME),
    Column("updated", Kind.TIME),
    Column("fetched_at", Kind.TIME),
    Column("publisher"),
    Column("feed"),
    Column("folder"),
    Column("language"),
    Column("tags", Kind.TEXTS),
    Column("body"),
    Column("word_count", Kind.INTEGER),
    Column("article_type"),
    Column("story_id"),
    Column("duplicate_of"),
    Column("similarity", Kind.REAL),
    Column("withdrawn"),
)
COLUMN_NAMES = tuple(column.name for column in COLUMNS)


def to_row(article: Article) -> tuple[Any, ...]:
    """Return the values of COLUMNS: str, int, float, datetime or None, and lists of str."""
    return tuple(_value(article, column) for column in COLUMNS)


def _value(article: Article, column: Column) -> Any:
    if column.name == "body":
        return "\n\n".join(article.paragraphs)
    value = getattr(article, column.name)
    return list(value) if column.kind is Kind.TEXTS else value
