"""JSON Lines sink: each revision once, rotation, torn lines, and files that others append to and rename."""

import os
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from streams.codec import decode, encode
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.records import Article, MessageId
from workers.sinks.base import SinkEvent
from workers.sinks.jsonl import JsonLinesOptions, JsonLinesSink


def event(id_: str, revision: int = 1, **fields: Any) -> SinkEvent:
    return SinkEvent(MessageId("copydesk.articles", 0, 0), Article(id=id_, revision=revision, **fields))


def open_sink(folder: Path, **options: Any) -> JsonLinesSink:
    return JsonLinesSink(Settings(), JsonLinesOptions(path=folder / "a.jsonl", **options))


async def write(folder: Path, *batches: Sequence[SinkEvent], **options: Any) -> None:
    sink = open_sink(folder, **options)
    try:
        for batch in batches:
            await sink.deliver(batch)
    finally:
        await sink.close()


def lines(*paths: Path) -> list[str]:
    records = [decode(line, Article) for path in paths for line in path.read_bytes().splitlines()]
    return [f"{record.id}.{record.revision}" for record in records]


def renamed(folder: Path) -> list[Path]:
    return sorted(folder.glob("a-*.jsonl"))


async def test_jsonl_repeat_adds_no_line(tmp_path: Path) -> None:
    await write(tmp_path, [event("a"), event("b")], [event("a"), event("a", 2)])
    await write(tmp_path, [event("b"), event("a", 2), event("a"), event("c")])
    assert lines(tmp_path / "a.jsonl") == ["a.1", "b.1", "a.2", "c.1"]


async def test_jsonl_withdrawal_is_a_line(tmp_path: Path) -> None:
    await write(tmp_path, [event("a", paragraphs=("Text.",))], [event("a", 2, withdrawn="mistake")])
    record = decode((tmp_path / "a.jsonl").read_bytes().splitlines()[-1], Article)
    assert (record.revision, record.withdrawn, record.paragraphs) == (2, "mistake", ())


async def test_jsonl_full_file_is_renamed(tmp_path: Path) -> None:
    batches = [[event(f"a{n}", title="x" * 400)] for n in range(10)]
    await write(tmp_path, *batches, max_mb=0.001)
    files = renamed(tmp_path)
    assert len(files) == 3
    assert lines(*files, tmp_path / "a.jsonl") == [f"a{n}.1" for n in range(10)]


async def test_jsonl_repeat_of_renamed_file_adds_no_line(tmp_path: Path) -> None:
    await write(tmp_path, [event("a", title="x" * 2_000)], max_mb=0.001)
    await write(tmp_path, [event("a", title="x" * 2_000), event("b")], max_mb=0.001)
    assert lines(*renamed(tmp_path)) == ["a.1"]
    assert lines(tmp_path / "a.jsonl") == ["b.1"]


async def test_jsonl_keeps_the_newest_files(tmp_path: Path) -> None:
    await write(tmp_path, *([event(f"a{n}", title="x" * 2_000)] for n in range(6)), max_mb=0.001, keep_files=2)
    assert lines(*renamed(tmp_path)) == ["a4.1", "a5.1"]


async def test_jsonl_incomplete_line_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    line = encode(event("b").article)
    (tmp_path / "a.jsonl").write_bytes(encode(event("a").article) + b"\n" + line[:-3])
    await write(tmp_path, [event("a"), event("b")])
    assert lines(tmp_path / "a.jsonl") == ["a.1", "b.1"]
    assert (
        f"a.jsonl (position_bytes={len(encode(event('a').article)) + 1}, removed_bytes={len(line) - 3})" in caplog.text
    )


async def test_jsonl_processes_share_a_file(tmp_path: Path) -> None:
    first, second = open_sink(tmp_path), open_sink(tmp_path)
    await first.deliver([event("a")])
    await second.deliver([event("a"), event("b")])
    await first.deliver([event("b"), event("c")])
    (tmp_path / "a.jsonl").rename(tmp_path / "a.jsonl.1")  # as logrotate does
    await first.deliver([event("d")])
    await second.deliver([event("d"), event("e")])
    await first.close()
    await second.close()
    assert lines(tmp_path / "a.jsonl.1", tmp_path / "a.jsonl") == ["a.1", "b.1", "c.1", "d.1", "e.1"]


async def test_jsonl_foreign_lines_stay(tmp_path: Path) -> None:
    foreign = [b"not JSON", b"\xff", b"{}", b'{"x": ' + 5_000 * b"[" + 5_000 * b"]" + b"}"]
    (tmp_path / "a.jsonl").write_bytes(b"".join(line + b"\n" for line in foreign))
    await write(tmp_path, [event("a")])
    assert (tmp_path / "a.jsonl").read_bytes().splitlines()[:4] == foreign


async def test_jsonl_failed_write_is_repeated(tmp_path: Path) -> None:
    """A limit of the file size stands for a full disk: the first bytes of a line are written."""
    sink, batch = open_sink(tmp_path), [event("a", title="x" * 4_000), event("b")]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    try:
        with pytest.raises(UnavailableError, match=r"file not writable: .*a.jsonl \(File too large\)"):
            await sink.deliver(batch)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "a.jsonl").stat().st_size == 1_000
    await sink.deliver(batch)
    await sink.close()
    assert lines(tmp_path / "a.jsonl") == ["a.1", "b.1"]


async def test_jsonl_truncated_file_is_read_again(tmp_path: Path) -> None:
    """As logrotate does with `copytruncate`: the file stays the same, and is empty."""
    path, sink = tmp_path / "a.jsonl", open_sink(tmp_path, max_mb=0.002)
    await sink.deliver([event("a", title="x" * 1_500)])
    (tmp_path / "a.jsonl.1").write_bytes(path.read_bytes())
    os.truncate(path, 0)
    await write(tmp_path, [event("b")])
    await sink.deliver([event("b"), event("c", title="x" * 1_000)])
    await sink.close()
    assert lines(path) == ["b.1", "c.1"]
    assert renamed(tmp_path) == []
