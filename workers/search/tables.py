"""The tables of the database, and its file."""

import hashlib
import os
from pathlib import Path

from streams.config.settings import Settings
from streams.config.sources import redact_url
from streams.valkey.server import socket_url
from workers.search import articles, polls, samples
from workers.search.database import Database


def file_path(settings: Settings) -> Path:
    """Return the file for the broker of *settings* in `data_dir`. Each broker that is not embedded has its own."""
    is_embedded = settings.embedded or settings.broker_url == socket_url(settings.data_dir)
    suffix = "" if is_embedded else f"-{hashlib.sha256(redact_url(settings.broker_url).encode()).hexdigest()[:8]}"
    return settings.data_dir / f"index{suffix}.sqlite3"


def open_database(settings: Settings) -> Database:
    """Return the database of the web server; its file is created at the first statement."""
    return _database(file_path(settings))


def open_shared_database(settings: Settings) -> Database:
    """Return the database of the web server for another process, or a temporary one.

    A temporary one replaces it if `data_dir` is absent or belongs to another user.
    Otherwise the web server could not write to a file of a second owner.
    """
    folder = settings.data_dir
    is_own = folder.is_dir() and folder.stat().st_uid == os.geteuid() and os.access(folder, os.W_OK)
    return _database(file_path(settings) if is_own else None)


def _database(path: Path | None) -> Database:
    return Database(path, (articles.SCHEMA, polls.SCHEMA, samples.SCHEMA))
