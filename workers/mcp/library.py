"""The retained articles for searches: a temporary SQLite database, filled from the topic before each use.

SQLite keeps a database without a name in a temporary file, which ends with the process (sqlite.org/inmemorydb.html).
"""

import asyncio
import re
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from streams.codec import decode, encode
from streams.config.settings import Settings
from streams.records import Article
from streams.start import Last, Offsets, StartPosition
from streams.subscribe import Subscription
from streams.topics import ARTICLES
from workers.mcp.reading import opened

MAX_REVISIONS = 50_000  # about 300 MB; older ones leave the database
BATCH_ARTICLES = 200
SCHEMA = """
create table revisions (
    number integer primary key, id text, revision integer, story text, publisher text, language text, time_s real,
    value blob, unique (id, revision));
create index stories on revisions (story);
create virtual table words using fts5 (title, text, tokenize = "unicode61 remove_diacritics 2");
"""
# Scripts without spaces between words: each character is a word of its own, and a query a phrase of them.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\uf900-\ufaff]")
_LATEST = "r.revision = (select max(revision) from revisions where id = r.id)"


class Query(NamedTuple):
    """Conditions of a search; empty ones match every article."""

    words: str = ""
    publisher: str = ""
    language: str = ""
    since: datetime | None = None
    limit: int = 10


class Library:
    """Revisions of articles, at most MAX_REVISIONS, the newest that the topic retains."""

    def __init__(self, settings: Settings, max_revisions: int = MAX_REVISIONS) -> None:
        self.settings, self.max_revisions = settings, max_revisions
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(SCHEMA)
        self._next: StartPosition = Last(max_revisions)
        self._lock = asyncio.Lock()
        self._is_stopping = False

    def stop(self) -> None:
        """Let a running `refresh` end after its present batch."""
        self._is_stopping = True

    def close(self) -> None:
        """Remove the database."""
        self._db.close()

    async def refresh(self) -> None:
        """Add the articles published since the last call. Raises UnavailableError."""
        async with (
            self._lock,
            opened(Subscription(ARTICLES.name, start=self._next, follow=False, settings=self.settings)) as articles,
        ):
            async for batch in articles.batches(BATCH_ARTICLES, 0.0):
                self.add(batch)
                self._next = Offsets(dict(articles.position))
                if self._is_stopping:
                    return
                await asyncio.sleep(0)
            self._next = Offsets(dict(articles.position))

    def add(self, articles: Sequence[Article]) -> None:
        """Add revisions; a withdrawal removes the earlier revisions of its article."""
        self._db.execute("begin")
        for article in articles:
            self._add(article)
        last = self._db.execute("select max(number) from revisions").fetchone()[0] or 0
        self._remove("number <= ?", last - self.max_revisions)
        self._db.execute("commit")

    def _add(self, article: Article) -> None:
        row = self._db.execute("select max(revision), value from revisions where id = ?", (article.id,)).fetchone()
        newest, is_gone = row[0] or 0, row[1] is not None and bool(decode(row[1], Article).withdrawn)
        if newest == article.revision or (is_gone and newest > article.revision):
            return
        if article.withdrawn:
            self._remove("id = ?", article.id)
        time = article.published or article.fetched_at
        cursor = self._db.execute(
            "insert or ignore into revisions (id, revision, story, publisher, language, time_s, value)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            (article.id, article.revision, article.story_id, article.publisher.casefold(), article.language.casefold(),
             time.timestamp() if time else 0.0, encode(article)),
        )  # fmt: skip
        if newest > article.revision or not cursor.rowcount:
            return
        self._db.execute("delete from words where rowid in (select number from revisions where id = ?)", (article.id,))
        text = "\n".join((article.dek, *article.byline, *article.tags, *article.paragraphs))
        values = (cursor.lastrowid, _spaced(article.title), _spaced(text))
        self._db.execute("insert into words (rowid, title, text) values (?, ?, ?)", values)

    def _remove(self, condition: str, value: object) -> None:
        self._db.execute(f"delete from words where rowid in (select number from revisions where {condition})", (value,))
        self._db.execute(f"delete from revisions where {condition}", (value,))

    def search(self, query: Query) -> list[Article]:
        """Return the newest revisions of matching articles: the best matches first, or the newest without words."""
        terms = " ".join(f'"{_spaced(word).strip()}"' for word in query.words.replace('"', " ").split())
        conditions: list[tuple[str, tuple[object, ...]]] = [(_LATEST, ())]
        if terms:
            conditions.append(("words match ?", (terms,)))
        if query.publisher:
            conditions.append(("instr(r.publisher, ?)", (query.publisher.casefold(),)))
        if language := query.language.casefold():
            conditions.append(("(r.language = ? or r.language like ?)", (language, f"{language}-%")))
        if query.since:
            conditions.append(("r.time_s >= ?", (query.since.timestamp(),)))
        where = " and ".join(text for text, _ in conditions)
        source = "revisions r join words on words.rowid = r.number" if terms else "revisions r"
        order = "words.rank" if terms else "r.time_s desc, r.number desc"
        rows = self._db.execute(
            f"select r.value from {source} where {where} order by {order} limit ?",
            (*(value for _, values in conditions for value in values), query.limit),
        )
        return [decode(value, Article) for (value,) in rows]

    def revisions(self, id_: str) -> list[Article]:
        """Return the retained revisions of an article in order."""
        rows = self._db.execute("select value from revisions where id = ? order by revision", (id_,))
        return [decode(value, Article) for (value,) in rows]

    def story(self, story_id: str) -> list[Article]:
        """Return the articles of a story in their newest revisions, the first published first."""
        rows = self._db.execute(
            f"select r.value from revisions r where r.story = ? and {_LATEST} order by r.time_s, r.number", (story_id,)
        )
        return [decode(value, Article) for (value,) in rows]


def _spaced(text: str) -> str:
    return _UNSPACED.sub(r" \g<0> ", text)
