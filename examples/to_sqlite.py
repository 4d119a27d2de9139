"""Write the latest revision of every article to SQLite, with a search index: `python examples/to_sqlite.py news.db`.

Then: `sqlite3 news.db "select id, title from search where search match 'harbour' order by rank"`. PostgreSQL takes the
same statements, except for the index: use a column `tsvector generated always as …`.
"""

import asyncio
import sqlite3
import sys

from streams import Article, Subscription

SCHEMA = """
create table if not exists articles (id text primary key, revision int, story text, publisher text, published text,
    url text, title text, text text);
create virtual table if not exists search using fts5 (id unindexed, title, text);
"""
UPSERT = """
insert into articles values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (id) do update set revision = excluded.revision,
    story = excluded.story, publisher = excluded.publisher, published = excluded.published, url = excluded.url,
    title = excluded.title, text = excluded.text where excluded.revision > articles.revision
"""


def save(db: sqlite3.Connection, batch: list[Article]) -> None:
    with db:  # one transaction
        for a in batch:
            text = "\n\n".join(a.paragraphs)
            when = a.published.isoformat() if a.published else None
            row = (a.id, a.revision, a.story_id, a.publisher, when, a.url, a.title, text)
            if db.execute(UPSERT, row).rowcount:  # 0: the table has this or a later revision
                db.execute("delete from search where id = ?", (a.id,))
                db.execute("insert into search values (?, ?, ?)", (a.id, a.title, text))


async def main(path: str) -> None:
    db = sqlite3.connect(path)
    db.executescript(SCHEMA)
    async with Subscription("articles", group="to-sqlite") as articles:
        async for batch in articles.batches(200):
            save(db, batch)
            await articles.commit()


if len(sys.argv) != 2:
    sys.exit(f"usage: python {sys.argv[0]} DATABASE")
asyncio.run(main(sys.argv[1]))
