"""The tables of the web server's database."""

from pathlib import Path

from workers.search import articles, polls, samples
from workers.search.database import Database

FILE_NAME = "web.sqlite3"


def open_database(data_dir: Path) -> Database:
    """Return the database in *data_dir*; its file is created at the first statement."""
    return Database(data_dir / FILE_NAME, (articles.SCHEMA, polls.SCHEMA, samples.SCHEMA))
