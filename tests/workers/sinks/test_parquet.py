"""Parquet sink: folders of days, each revision once, complete files."""

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from streams.codec import decode
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.records import Article, MessageId
from tests.support.extras import require_module
from workers.sinks.base import SinkEvent
from workers.sinks.parquet import ParquetOptions, ParquetSink, day_of

require_module("pyarrow")
import pyarrow  # noqa: E402
from pyarrow import parquet  # noqa: E402

MARCH, APRIL = datetime(2026, 3, 4, 23, 30, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC)


def event(id_: str, revision: int = 1, **fields: Any) -> SinkEvent:
    record = Article(id=id_, revision=revision, **({"published": MARCH} | fields))
    return SinkEvent(MessageId("copydesk.articles", 0, 0), record)


async def write(folder: Path, *batches: Sequence[SinkEvent]) -> None:
    sink = ParquetSink(Settings(), ParquetOptions(path=folder))
    try:
        for batch in batches:
            await sink.deliver(batch)
    finally:
        await sink.close()


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of all files in *folder* and below."""
    files = sorted(folder.rglob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    return [row for path in files for row in parquet.ParquetFile(path).read().to_pylist()]


async def test_parquet_folder_is_the_day(tmp_path: Path) -> None:
    await write(tmp_path, [event("a"), event("b", published=APRIL), event("c", published=None)])
    folders = {path.name: [row["id"] for row in rows(path)] for path in tmp_path.iterdir()}
    assert folders == {"day=2026-03-04": ["a"], "day=2026-04-05": ["b"], "day=unknown": ["c"]}


def test_day_of_is_in_utc() -> None:
    east = timezone(timedelta(hours=9))
    assert day_of(Article(id="a", revision=1, published=datetime(2026, 3, 5, 3, tzinfo=east))) == "day=2026-03-04"
    assert day_of(Article(id="a", revision=1, fetched_at=APRIL)) == "day=2026-04-05"


async def test_parquet_columns_are_typed(tmp_path: Path) -> None:
    await write(tmp_path, [event("a", byline=("Mø Å",), tags=("x", "y"), paragraphs=("One.", "Two."), similarity=0.5)])
    [row] = rows(tmp_path)
    assert (row["published"], row["byline"], row["tags"]) == (MARCH, ["Mø Å"], ["x", "y"])
    assert (row["body"], row["similarity"], row["updated"]) == ("One.\n\nTwo.", 0.5, None)
    assert decode(row["article"].encode(), Article).id == "a"


async def test_parquet_repeat_adds_no_row(tmp_path: Path) -> None:
    await write(tmp_path, [event("a"), event("b")], [event("a"), event("a", 2)])
    await write(tmp_path, [event("b"), event("a", 2), event("a"), event("c")])
    assert [f"{row['id']}.{row['revision']}" for row in rows(tmp_path)] == ["a.1", "b.1", "a.2", "c.1"]


async def test_parquet_withdrawal_is_a_row(tmp_path: Path) -> None:
    await write(tmp_path, [event("a", paragraphs=("Text.",))], [event("a", 2, withdrawn="mistake")])
    assert [(row["revision"], row["withdrawn"], row["body"]) for row in rows(tmp_path)] == [
        (1, "", "Text."),
        (2, "mistake", ""),
    ]


async def test_parquet_removes_abandoned_files_only(tmp_path: Path) -> None:
    day = tmp_path / "day=2026-03-04"
    day.mkdir()
    old, new = day / ".old.parquet.tmp", day / ".new.parquet.tmp"
    for path in (old, new):
        path.write_bytes(b"half a file")
    os.utime(old, (time.time() - 7_200,) * 2)
    await write(tmp_path, [event("a")])
    assert (old.exists(), new.exists()) == (False, True)
    assert len(rows(tmp_path)) == 1


async def test_parquet_missing_folder_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"folder not writable: .*absent \(no such folder\)"):
        await write(tmp_path / "absent", [event("a")])


def test_parquet_options_bound_the_batch(tmp_path: Path) -> None:
    sink = ParquetSink(Settings(), ParquetOptions(path=tmp_path, batch_rows=7, batch_s=3.0))
    assert (sink.batch_size, sink.batch_wait_s) == (7, 3.0)


@pytest.mark.parametrize("content", [b"", b"PAR1" + 60 * b"x" + b"PAR1"])
async def test_parquet_unreadable_file_is_unavailable(content: bytes, tmp_path: Path) -> None:
    foreign = tmp_path / "day=2026-03-04" / "foreign.parquet"
    foreign.parent.mkdir()
    foreign.write_bytes(content)
    with pytest.raises(
        UnavailableError, match=r"file unreadable: .*foreign\.parquet \(.*\); remove it from the folder"
    ):
        await write(tmp_path, [event("a")])
    foreign.unlink()
    await write(tmp_path, [event("a")])
    assert [row["id"] for row in rows(tmp_path)] == ["a"]


@pytest.mark.parametrize("table", [{"x": [1]}, {"id": ["a"], "revision": ["first"]}])
async def test_parquet_file_with_other_columns_is_unavailable(table: dict[str, list[Any]], tmp_path: Path) -> None:
    foreign = tmp_path / "day=2026-03-04" / "foreign.parquet"
    foreign.parent.mkdir()
    parquet.write_table(pyarrow.table(table), foreign)
    with pytest.raises(UnavailableError, match=r"file unreadable: .*foreign\.parquet"):
        await write(tmp_path, [event("a")])


async def test_parquet_row_without_revision_is_ignored(tmp_path: Path) -> None:
    foreign = tmp_path / "day=2026-03-04" / "foreign.parquet"
    foreign.parent.mkdir()
    parquet.write_table(pyarrow.table({"id": ["a", None], "revision": [None, 2]}), foreign)
    await write(tmp_path, [event("a")])
    assert [row.get("title") for row in rows(tmp_path) if row["revision"] == 1] == [""]
