"""Statements of the SQL sinks, in the syntax that SQLite and PostgreSQL share. Pure.

The table holds the newest revision of each article. The table of offsets holds the next offset of each partition.
"""

from collections.abc import Mapping
from typing import NamedTuple

from workers.sinks.article_rows import COLUMN_NAMES, COLUMNS, Kind


class Dialect(NamedTuple):
    """Placeholder of a parameter, and type of each kind. `json_type` is the type of the whole record."""

    placeholder: str
    types: Mapping[Kind, str]
    json_type: str


def create_articles(dialect: Dialect, table: str, first: str = "") -> str:
    """Return the statement that creates the table of articles. *first*: a further column before the others."""
    required = {"id": " NOT NULL UNIQUE"} if first else {"id": " PRIMARY KEY"}
    columns = [f"{c.name} {dialect.types[c.kind]}{required.get(c.name, _constraint(c.kind))}" for c in COLUMNS]
    columns = [*([first] if first else []), *columns, f"article {dialect.json_type} NOT NULL"]
    return f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(columns)})"


def _constraint(kind: Kind) -> str:
    return "" if kind is Kind.TIME else " NOT NULL"


def create_offsets(table: str) -> str:
    """Return the statement that creates the table of offsets."""
    return (
        f"CREATE TABLE IF NOT EXISTS {table} (topic TEXT NOT NULL, partition INTEGER NOT NULL,"
        " next_offset BIGINT NOT NULL, PRIMARY KEY (topic, partition))"
    )


def upsert_article(dialect: Dialect, table: str) -> str:
    """Return the statement that writes a row unless the table has this or a later revision."""
    names = (*COLUMN_NAMES, "article")
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name != "id")
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join([dialect.placeholder] * len(names))})"
        f" ON CONFLICT (id) DO UPDATE SET {changes} WHERE {table}.revision < excluded.revision"
    )


def upsert_offset(dialect: Dialect, table: str) -> str:
    """Return the statement that writes the next offset of a partition.

    It may become smaller: in a new data directory the offsets begin again.
    """
    values = ", ".join([dialect.placeholder] * 3)
    return (
        f"INSERT INTO {table} (topic, partition, next_offset) VALUES ({values})"
        " ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset"
    )


def raise_offset(dialect: Dialect, table: str) -> str:
    """Return the statement that writes the next offset of a partition unless the table has this or a later one."""
    return f"{upsert_offset(dialect, table)} WHERE {table}.next_offset < excluded.next_offset"


def select_offsets(dialect: Dialect, table: str) -> str:
    """Return the query of the partitions of a topic and their next offsets."""
    return f"SELECT partition, next_offset FROM {table} WHERE topic = {dialect.placeholder}"
