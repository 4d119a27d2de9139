"""Backup and restore of the embedded data directory."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.conftest import copydesk, until
from tests.support.up import output, up


async def restarted(folder: Path) -> list[tuple[str, int]]:
    """Start copydesk in *folder* without the demo; return its articles, and check its counters."""
    starts = output(folder).count("copydesk is up") if (folder / "up.out").exists() else 0
    with up(folder, "--demo", "off"):
        await until(lambda: output(folder).count("copydesk is up") > starts)
        tail = ("tail", "articles", "--from", "start", "--no-follow", "--json")
        lines = (await asyncio.to_thread(copydesk, *tail, cwd=folder)).stdout.splitlines()
        status = (await asyncio.to_thread(copydesk, "status", "--json", cwd=folder)).stdout
    assert json.loads(status)["counters_consistent"], "counters and topics are of one moment"
    return sorted((a["id"], a["revision"]) for a in map(json.loads, lines))


async def test_backup_while_running_restores_consistent_data(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    with up(one):
        await until(lambda: output(one).count("●") > 10)
        done = await asyncio.to_thread(copydesk, "backup", "../b.tar", cwd=one)
        assert "bytes" in done.stdout
    assert "file already exists" in copydesk("backup", "../b.tar", cwd=one, check=2).stderr
    assert "as it was at 20" in copydesk("restore", "../b.tar", cwd=two).stdout
    assert "holds data" in copydesk("restore", "../b.tar", cwd=two, check=2).stderr
    before, after = await restarted(one), await restarted(two)
    assert 10 < len(after) <= len(before)
    assert set(after) <= set(before)
    assert not list(one.rglob("dump.rdb"))


@pytest.mark.parametrize("data", [b"", b"no tar", b"\0" * 10_240])
def test_restore_of_foreign_file_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_bytes(data)
    assert "not a readable backup" in copydesk("restore", "b.tar", cwd=tmp_path, check=1).stderr
    assert not (tmp_path / "copydesk-data" / "valkey").exists()
    assert "not a readable backup" in copydesk("restore", "gone.tar", cwd=tmp_path, check=1).stderr
