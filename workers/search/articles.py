"""The article index: the newest revision of every retained article, with filters and full-text search (SQLite FTS5).

    articles topic ──▶ one transaction per batch: rows, text, positions ──▶ page(…), message_ids(…), story(id)

`seq` numbers the rows by arrival. A revision gets a new number, so lists by descending `seq` show the latest first.
The index holds at most MAX_ARTICLES, the newest, and follows the retention of the topic. Of each retained revision it
holds the message id. The web server, `copydesk articles` and `copydesk mcp` share it.
"""

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from streams.brokers.base import ConsumedMessage
from streams.codec import decode
from streams.errors import UnreadableError
from streams.records import Article, MessageId
from streams.routing import Router
from streams.topics import ARTICLES
from workers.search.query import match_expression, separated

MAX_ARTICLES = 500_000
MAX_TEXT_CHARS = 50_000  # of one article; the rest of a longer text is not found
MAX_LEDE_CHARS = 300
MAX_SEQ = 2**62
MAX_PAGE, MAX_MEMBERS, MAX_FACETS = 200, 500, 200

SCHEMA = """
CREATE TABLE IF NOT EXISTS articles (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
    story TEXT NOT NULL, publisher TEXT NOT NULL, publisher_key TEXT NOT NULL, language TEXT NOT NULL COLLATE NOCASE,
    feed TEXT NOT NULL, routes TEXT, is_revised INTEGER NOT NULL, is_copy INTEGER NOT NULL, time_s REAL,
    row TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS articles_by_story ON articles (story);
CREATE INDEX IF NOT EXISTS articles_by_publisher ON articles (publisher_key);
CREATE INDEX IF NOT EXISTS articles_by_language ON articles (language);
CREATE INDEX IF NOT EXISTS articles_by_feed ON articles (feed);
CREATE INDEX IF NOT EXISTS articles_by_offset ON articles (partition, offset);
CREATE INDEX IF NOT EXISTS articles_by_time ON articles (time_s);
CREATE INDEX IF NOT EXISTS articles_without_routes ON articles (seq) WHERE routes IS NULL;
CREATE TABLE IF NOT EXISTS revisions (
    id TEXT NOT NULL, revision INTEGER NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
    PRIMARY KEY (id, revision)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS revisions_by_offset ON revisions (partition, offset);
CREATE TABLE IF NOT EXISTS article_positions (partition INTEGER PRIMARY KEY, offset INTEGER NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS article_texts USING fts5 (
    title, text, tokenize = 'unicode61 remove_diacritics 2', columnsize = 0
);
"""
_WILDCARD = re.compile(r"[!%_]")
_INSERT = """
INSERT INTO articles
    (id, partition, offset, story, publisher, publisher_key, language, feed, routes, is_revised, is_copy, time_s, row)
VALUES (:id, :partition, :offset, :story, :publisher, :publisher_key, :language, :feed, :routes, :is_revised, :is_copy,
    :time_s, :row)
"""


class Filters(NamedTuple):
    """Conditions of a list; empty ones match all articles.

    `publishers`: whole names; `publisher_part`: a part of the name. `language` matches its subtags too (RFC 4647
    §3.3.1). `since` counts, `until` does not: the time of publication, else of the poll. `copies`: `hide` or `only`.
    `before`: a `seq`. `before_id`: an article; without effect while the index lacks it.
    `is_typing`: the last word may be incomplete.
    """

    words: str = ""
    is_typing: bool = False
    route: str = ""
    publishers: tuple[str, ...] = ()
    publisher_part: str = ""
    language: str = ""
    feed: str = ""
    copies: str = ""
    revised: bool = False
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    before_id: str = ""

    @property
    def is_empty(self) -> bool:
        return self == Filters(is_typing=self.is_typing)


class Page(NamedTuple):
    """Rows, the latest first. *next*: `before` of the following page; None on the last page."""

    rows: list[dict[str, Any]]
    next: int | None


def apply(connection: sqlite3.Connection, messages: Sequence[ConsumedMessage], router: Router | None) -> None:
    """Add *messages* of the articles topic, and store the position after them. Repetitions change nothing.

    Without a *router*, the routes stay unknown until a process with routes calls `set_routes`.
    """
    position = read_position(connection)
    for message in messages:
        if message.offset < position.get(message.partition, 0):
            continue
        position[message.partition] = message.offset + 1
        try:
            article = decode(message.value, Article)
        except UnreadableError:
            continue
        row = (article.id, article.revision, message.partition, message.offset)
        connection.execute("REPLACE INTO revisions VALUES (?, ?, ?, ?)", row)
        _replace(connection, message, article, None if router is None else router.route_names(article))
    connection.executemany("REPLACE INTO article_positions VALUES (?, ?)", position.items())
    oldest = "seq <= (SELECT max(seq) FROM articles) - ?"
    connection.execute(f"DELETE FROM revisions WHERE id IN (SELECT id FROM articles WHERE {oldest})", (MAX_ARTICLES,))
    _remove(connection, oldest, (MAX_ARTICLES,))


def _replace(
    connection: sqlite3.Connection, message: ConsumedMessage, article: Article, routes: Sequence[str] | None
) -> None:
    """Store the row of *article*, unless a later revision is stored."""
    known = connection.execute("SELECT row FROM articles WHERE id = ?", (article.id,)).fetchone()
    if known is not None:
        if msgspec.json.decode(known["row"])["revision"] > article.revision:
            return
        _remove(connection, "id = ?", (article.id,))
    time = article.published or article.fetched_at
    values = {
        "id": article.id, "partition": message.partition, "offset": message.offset,
        "story": article.story_id or article.id, "publisher": article.publisher,
        "publisher_key": article.publisher.casefold(), "language": article.language, "feed": article.feed,
        "routes": _joined(routes), "is_revised": article.revision > 1, "is_copy": bool(article.duplicate_of),
        "time_s": time.timestamp() if time else None,
        "row": msgspec.json.encode(to_row(article, message.time_s)).decode(),
    }  # fmt: skip
    seq = connection.execute(_INSERT, values).lastrowid
    text = "\n".join((article.dek, *article.byline, *article.tags, *article.paragraphs))[:MAX_TEXT_CHARS]
    connection.execute(
        "INSERT INTO article_texts (rowid, title, text) VALUES (?, ?, ?)",
        (seq, separated(article.title), separated(text)),
    )


def _joined(routes: Sequence[str] | None) -> str | None:
    return None if routes is None else "".join(f"/{name}/" for name in routes)


def to_row(article: Article, time_s: float) -> dict[str, Any]:
    """Return what a list shows of *article*. *time_s*: its time in the topic."""
    lede = article.dek or next(iter(article.paragraphs), "")
    return {
        "id": article.id, "revision": article.revision, "title": article.title, "publisher": article.publisher,
        "language": article.language, "url": article.url, "canonical_url": article.canonical_url, "feed": article.feed,
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
    for partition_and_offset in first.items():
        _remove(connection, "partition = ? AND offset < ?", partition_and_offset)
        connection.execute("DELETE FROM revisions WHERE partition = ? AND offset < ?", partition_and_offset)


def clear(connection: sqlite3.Connection) -> None:
    """Remove everything: the topic has lost its messages."""
    _remove(connection, "true", ())
    for table in ("revisions", "article_positions"):
        connection.execute(f"DELETE FROM {table}")


def read_position(connection: sqlite3.Connection) -> dict[int, int]:
    """Return the next offset of each partition."""
    return dict(map(tuple, connection.execute("SELECT partition, offset FROM article_positions")))


def without_routes(connection: sqlite3.Connection, limit: int) -> list[MessageId]:
    """Return the message ids of articles whose routes are unknown, at most *limit*."""
    query = "SELECT partition, offset FROM articles WHERE routes IS NULL LIMIT ?"
    return [MessageId(ARTICLES.name, *row) for row in connection.execute(query, (limit,))]


def set_routes(connection: sqlite3.Connection, routes: Mapping[MessageId, Sequence[str]]) -> None:
    """Store the names of the routes of articles by their message ids."""
    rows = [(_joined(names), id_.partition, id_.offset) for id_, names in routes.items()]
    connection.executemany("UPDATE articles SET routes = ? WHERE partition = ? AND offset = ?", rows)


def page(connection: sqlite3.Connection, filters: Filters, limit: int) -> Page:
    """Return the rows that match *filters* by arrival, the latest first, at most *limit*."""
    limit = max(1, min(limit, MAX_PAGE))
    rows = _select(connection, "seq, row", filters, "seq DESC", limit + 1)
    return Page(_decoded(rows[:limit]), rows[limit - 1]["seq"] if len(rows) > limit else None)


def newest(connection: sqlite3.Connection, filters: Filters, limit: int) -> list[dict[str, Any]]:
    """Return the rows that match *filters* by time of publication, the latest first, at most *limit*."""
    return _decoded(_select(connection, "seq, row", filters, _BY_TIME, limit))


def message_ids(
    connection: sqlite3.Connection, filters: Filters, limit: int = -1, *, all_revisions: bool = False
) -> list[MessageId]:
    """Return the message ids of the articles that match *filters*, the latest published first.

    *limit* articles at most; -1: all. *all_revisions*: all retained revisions of them, instead of the newest.
    """
    rows = _select(connection, "id, partition, offset", filters, _BY_TIME, limit)
    if all_revisions:
        return [id_ for row in rows for id_ in revision_message_ids(connection, row["id"])]
    return [MessageId(ARTICLES.name, row["partition"], row["offset"]) for row in rows]


def revision_message_ids(connection: sqlite3.Connection, id_: str) -> list[MessageId]:
    """Return the message ids of the retained revisions of an article, in order."""
    query = "SELECT partition, offset FROM revisions WHERE id = ? ORDER BY revision"
    return [MessageId(ARTICLES.name, *row) for row in connection.execute(query, (id_,))]


_BY_TIME = "time_s DESC, seq DESC"


def _select(
    connection: sqlite3.Connection, columns: str, filters: Filters, order: str, limit: int
) -> list[sqlite3.Row]:
    conditions, parameters = _conditions(filters)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    query = f"SELECT {columns} FROM articles {where} ORDER BY {order} LIMIT ?"
    return connection.execute(query, (*parameters, limit)).fetchall()


def _conditions(filters: Filters) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    parameters: list[Any] = []

    def add(condition: str, *values: Any) -> None:
        conditions.append(condition)
        parameters.extend(values)

    if filters.before is not None:
        add("seq < ?", filters.before)
    if filters.before_id:
        add("seq < ifnull((SELECT seq FROM articles WHERE id = ?), ?)", filters.before_id, MAX_SEQ)
    if filters.publishers:
        names = [name.casefold() for name in filters.publishers]
        add(f"publisher_key IN ({', '.join('?' * len(names))})", *names)
    if filters.publisher_part:
        add("instr(publisher_key, ?) > 0", filters.publisher_part.casefold())
    if filters.language:
        add("(language = ? OR language LIKE ? ESCAPE '!')", filters.language, f"{_escaped(filters.language)}-%")
    if filters.feed:
        add("feed = ?", filters.feed)
    if filters.since:
        add("time_s >= ?", filters.since.timestamp())
    if filters.until:
        add("time_s < ?", filters.until.timestamp())
    if filters.route:
        add("instr(routes, ?) > 0", f"/{filters.route}/")
    if filters.revised:
        add("is_revised = 1")
    if filters.copies:
        add("is_copy = ?", int(filters.copies == "only"))
    if filters.words:
        expression = match_expression(filters.words, is_typing=filters.is_typing)
        add("seq IN (SELECT rowid FROM article_texts WHERE article_texts MATCH ?)" if expression else "false",
            *([expression] if expression else []))  # fmt: skip
    return conditions, parameters


def _escaped(text: str) -> str:
    """Return *text* for LIKE with `!` as escape."""
    return _WILDCARD.sub(r"!\g<0>", text)


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


def _decoded(rows: Iterable[sqlite3.Row]) -> list[dict[str, Any]]:
    return [{**msgspec.json.decode(row["row"]), "seq": row["seq"]} for row in rows]
