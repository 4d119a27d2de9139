"""The article index: the newest revision of every retained article, with filters and full-text search (SQLite FTS5).

    articles topic ──▶ one transaction per batch: rows, text, position ──▶ page(Filters), story(id), facets()

`seq` numbers the rows by arrival: a revision gets a new number, so lists by descending `seq` show the latest first.
The index holds at most MAX_ARTICLES, the newest, and follows the retention of the topic.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from streams.brokers.base import ConsumedMessage
from streams.codec import decode
from streams.errors import UnreadableError
from streams.records import Article
from streams.routing import Router
from workers.search.query import match_expression, separated

MAX_ARTICLES = 500_000
MAX_TEXT_CHARS = 50_000  # of one article; the rest of a longer text is not found
MAX_LEDE_CHARS = 300
MAX_PAGE, MAX_MEMBERS, MAX_FACETS = 200, 500, 200

SCHEMA = """
CREATE TABLE IF NOT EXISTS articles (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
    story TEXT NOT NULL, publisher TEXT NOT NULL, language TEXT NOT NULL, feed TEXT NOT NULL, routes TEXT NOT NULL,
    is_revised INTEGER NOT NULL, is_copy INTEGER NOT NULL, time_s REAL NOT NULL, row TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS articles_by_story ON articles (story);
CREATE INDEX IF NOT EXISTS articles_by_publisher ON articles (publisher);
CREATE INDEX IF NOT EXISTS articles_by_language ON articles (language);
CREATE INDEX IF NOT EXISTS articles_by_feed ON articles (feed);
CREATE INDEX IF NOT EXISTS articles_by_offset ON articles (partition, offset);
CREATE TABLE IF NOT EXISTS article_positions (partition INTEGER PRIMARY KEY, offset INTEGER NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS article_texts USING fts5 (
    title, text, tokenize = 'unicode61 remove_diacritics 2', columnsize = 0
);
"""
_INSERT = """
INSERT INTO articles (id, partition, offset, story, publisher, language, feed, routes, is_revised, is_copy, time_s, row)
VALUES (:id, :partition, :offset, :story, :publisher, :language, :feed, :routes, :is_revised, :is_copy, :time_s, :row)
"""


class Filters(NamedTuple):
    """Conditions of a list; "" and None apply to no article. `copies`: `hide` or `only`. *before*: a `seq`."""

    words: str = ""
    route: str = ""
    publisher: str = ""
    language: str = ""
    feed: str = ""
    copies: str = ""
    revised: bool = False
    before: int | None = None

    @property
    def is_empty(self) -> bool:
        return self == Filters()


class Page(NamedTuple):
    """Rows, the latest first. *next*: `before` of the following page; None on the last page."""

    rows: list[dict[str, Any]]
    next: int | None


def apply(connection: sqlite3.Connection, messages: Sequence[ConsumedMessage], router: Router) -> None:
    """Add *messages* of the articles topic, and store the position after them. Repetitions change nothing."""
    position = read_position(connection)
    for message in messages:
        if message.offset < position.get(message.partition, 0):
            continue
        position[message.partition] = message.offset + 1
        try:
            article = decode(message.value, Article)
        except UnreadableError:
            continue
        _replace(connection, message, article, router.route_names(article))
    connection.executemany("REPLACE INTO article_positions VALUES (?, ?)", position.items())
    _remove(connection, "seq <= (SELECT max(seq) FROM articles) - ?", (MAX_ARTICLES,))


def _replace(connection: sqlite3.Connection, message: ConsumedMessage, article: Article, routes: Sequence[str]) -> None:
    """Store the row of *article*, unless a later revision is stored."""
    known = connection.execute("SELECT row FROM articles WHERE id = ?", (article.id,)).fetchone()
    if known is not None:
        if msgspec.json.decode(known["row"])["revision"] > article.revision:
            return
        _remove(connection, "id = ?", (article.id,))
    values = {
        "id": article.id, "partition": message.partition, "offset": message.offset,
        "story": article.story_id or article.id, "publisher": article.publisher, "language": article.language,
        "feed": article.feed, "routes": "".join(f"/{name}/" for name in routes), "is_revised": article.revision > 1,
        "is_copy": bool(article.duplicate_of), "time_s": message.time_s,
        "row": msgspec.json.encode(to_row(article, message.time_s, routes)).decode(),
    }  # fmt: skip
    seq = connection.execute(_INSERT, values).lastrowid
    text = "\n".join((article.dek, *article.byline, *article.paragraphs))[:MAX_TEXT_CHARS]
    connection.execute(
        "INSERT INTO article_texts (rowid, title, text) VALUES (?, ?, ?)",
        (seq, separated(article.title), separated(text)),
    )


def to_row(article: Article, time_s: float, routes: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a list shows of *article*. *time_s*: its time in the topic."""
    lede = article.dek or next(iter(article.paragraphs), "")
    return {
        "id": article.id, "revision": article.revision, "title": article.title, "publisher": article.publisher,
        "language": article.language, "url": article.url, "feed": article.feed, "routes": list(routes),
        "tag": next(iter(article.tags), ""), "lede": lede[:MAX_LEDE_CHARS], "word_count": article.word_count,
        "published": article.published.isoformat() if article.published else None,
        "fetched_at": article.fetched_at.isoformat() if article.fetched_at else None, "time_s": round(time_s, 3),
        "story_id": article.story_id or article.id, "duplicate_of": article.duplicate_of,
        "duplicate_kind": article.duplicate_kind, "similarity": article.similarity, "withdrawn": article.withdrawn,
        "correction": article.correction.kind if article.correction else "", "removed": len(article.removed),
    }  # fmt: skip


def _remove(connection: sqlite3.Connection, condition: str, parameters: Sequence[Any]) -> None:
    connection.execute(
        f"DELETE FROM article_texts WHERE rowid IN (SELECT seq FROM articles WHERE {condition})", parameters
    )
    connection.execute(f"DELETE FROM articles WHERE {condition}", parameters)


def remove_expired(connection: sqlite3.Connection, first: Mapping[int, int]) -> None:
    """Remove the articles below the *first* offset of each partition, which the topic no longer has."""
    for partition, offset in first.items():
        _remove(connection, "partition = ? AND offset < ?", (partition, offset))


def clear(connection: sqlite3.Connection) -> None:
    """Remove everything: the topic has begun anew."""
    _remove(connection, "true", ())
    connection.execute("DELETE FROM article_positions")


def read_position(connection: sqlite3.Connection) -> dict[int, int]:
    """Return the next offset of each partition."""
    return dict(map(tuple, connection.execute("SELECT partition, offset FROM article_positions")))


def page(connection: sqlite3.Connection, filters: Filters, limit: int) -> Page:
    """Return the rows that match *filters*, at most *limit*."""
    conditions, parameters = _conditions(filters)
    limit = max(1, min(limit, MAX_PAGE))
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    query = f"SELECT seq, row FROM articles {where} ORDER BY seq DESC LIMIT ?"
    rows = connection.execute(query, (*parameters, limit + 1)).fetchall()
    return Page(_decoded(rows[:limit]), rows[limit - 1]["seq"] if len(rows) > limit else None)


def _conditions(filters: Filters) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    parameters: list[Any] = []

    def add(condition: str, *values: Any) -> None:
        conditions.append(condition)
        parameters.extend(values)

    if filters.before is not None:
        add("seq < ?", filters.before)
    for column in ("publisher", "language", "feed"):
        if value := getattr(filters, column):
            add(f"{column} = ?", value)
    if filters.route:
        add("instr(routes, ?) > 0", f"/{filters.route}/")
    if filters.revised:
        add("is_revised = 1")
    if filters.copies:
        add("is_copy = ?", int(filters.copies == "only"))
    if filters.words:
        expression = match_expression(filters.words)
        add("seq IN (SELECT rowid FROM article_texts WHERE article_texts MATCH ?)" if expression else "false",
            *([expression] if expression else []))  # fmt: skip
    return conditions, parameters


def story(connection: sqlite3.Connection, id_: str) -> list[dict[str, Any]]:
    """Return the articles of a story by the time of their polls, at most MAX_MEMBERS."""
    query = "SELECT seq, row FROM articles WHERE story = ? ORDER BY seq LIMIT ?"
    members = _decoded(connection.execute(query, (id_, MAX_MEMBERS)))
    return sorted(members, key=lambda row: (row["fetched_at"] or "", row["seq"]))


def facets(connection: sqlite3.Connection) -> dict[str, Any]:
    """Return the number of articles, and by publisher and language, the most frequent first."""
    return {
        "total": count(connection),
        "publishers": _counts(connection, "publisher"),
        "languages": _counts(connection, "language"),
    }


def _counts(connection: sqlite3.Connection, column: str) -> list[dict[str, Any]]:
    query = (
        f"SELECT {column} AS name, count(*) AS count FROM articles WHERE {column} != '' "
        f"GROUP BY {column} ORDER BY 2 DESC, 1 LIMIT ?"
    )
    return [dict(row) for row in connection.execute(query, (MAX_FACETS,))]


def count(connection: sqlite3.Connection) -> int:
    """Return the number of articles."""
    return int(connection.execute("SELECT count(*) FROM articles").fetchone()[0])


def seq_of(connection: sqlite3.Connection, id_: str) -> int | None:
    """Return the number of an article's row; None if it isn't in the index."""
    row = connection.execute("SELECT seq FROM articles WHERE id = ?", (id_,)).fetchone()
    return None if row is None else int(row["seq"])


def _decoded(rows: Iterable[sqlite3.Row]) -> list[dict[str, Any]]:
    return [{**msgspec.json.decode(row["row"]), "seq": row["seq"]} for row in rows]
