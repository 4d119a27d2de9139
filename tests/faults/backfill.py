"""Backfill of WARC files of the corpus pages with kills of reader, desk and broker: the articles of an undisturbed run.

python -m tests.faults.backfill FOLDER [--records 100000] [--kills 50] [--minutes 9] [--seed 1] [--only calm|killed] \
    [--largest-kb 0]

It needs ../shared. A run of all records takes hours, so FOLDER keeps the state: a repeated command continues where the
last one ended, until both runs are complete. Then it compares them. Exit codes: 0 equal, 1 different, 75 to be continued.
With `--only`, two commands can work on both runs at the same time. `--largest-kb` leaves out longer pages: a page that
needs much CPU time is published later, at a place that the load of the machine decides, and the site history differs.

    pages/N.html.gz      the pages of the corpus
    calm/, killed/       data of the two runs, one after the other
    calm.jsonl           [offset, id, revision, digest of title and text] of each message of the articles topic
    calm.json            parts that are complete, next offset, kills
"""

import argparse
import asyncio
import gzip
import hashlib
import json
import random
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from streams.brokers.base import Broker
from streams.codec import decode
from streams.config.settings import Settings
from streams.errors import CopydeskError
from streams.exit_codes import ExitCode
from streams.records import Article
from streams.start import Offsets
from streams.topics import ARCHIVE_ITEMS, ARTICLES, DESK_GROUP
from streams.valkey.server import EmbeddedValkey
from tests.support.archives import page_record
from tests.support.fork_server import Command, start_module
from tests.support.pipeline import queued
from tests.tools.skips import SHARED
from workers.counters import is_consistent, read_counters
from workers.desk.slow_items import KEY as SLOW_ITEMS
from workers.services import connect
from workers.supervisor import to_environ

PART = 1000  # records of a file
READER_PART = 80
SETS = ("dev_core", "dev_multi", "dev_trafeval", "dev_wcxb")
FIRST_CAPTURE, CAPTURE_EVERY = datetime(2012, 1, 1, tzinfo=UTC), timedelta(minutes=17)
PROCESSES = ("reader", "desk", "broker")
CHECK_S, PATIENCE_S = 0.05, 3600.0
CALM, KILLED = "calm", "killed"


class Kill(NamedTuple):
    """A kill of *process* once the desk has handled *after* records of a part."""

    after: int
    process: str


class RunState(msgspec.Struct):
    """The state of one run after its last complete part."""

    parts: int = 0
    offset: int = 0
    kills: dict[str, int] = msgspec.field(default_factory=lambda: dict.fromkeys(PROCESSES, 0))


# -- files ----------------------------------------------------------------------------------------------------


def extract_pages(folder: Path, largest_kb: int) -> int:
    """Write each page of the corpus as a file, unless done before; return their number. 0 kB: pages of any size."""
    done = folder / "pages.json"
    if done.exists():
        return int(json.loads(done.read_text()))
    (folder / "pages").mkdir(parents=True, exist_ok=True)
    count = 0
    for name in SETS:
        with tarfile.open(SHARED / "corpus" / "pages" / f"{name}.tar.xz") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.name.endswith("/page.html") else None
                if file is not None and (not largest_kb or member.size <= 1000 * largest_kb):
                    (folder / "pages" / f"{count}.html.gz").write_bytes(gzip.compress(file.read(), 1))
                    count += 1
    done.write_text(json.dumps(count))
    return count


def write_part(path: Path, pages: Path, page_count: int, first: int, count: int) -> None:
    """Write records *first* to *first* + *count* as WARC.gz. After the last page, the pages begin anew on other hosts."""
    with path.open("wb") as file:
        for number in range(first, first + count):
            cycle, page = divmod(number, page_count)
            body = gzip.decompress((pages / f"{page}.html.gz").read_bytes())
            url = f"https://outlet-{cycle}-{page % 40}.example/archive/{number}"
            file.write(gzip.compress(page_record(url, body, FIRST_CAPTURE + CAPTURE_EVERY * number), 1))


def planned_kills(records: int, kills: int, part: int, seed: int) -> list[Kill]:
    """Return the kills of a part: *kills* over all records, at random places, each process in turn."""
    rnd = random.Random(seed)
    places = sorted(rnd.sample(range(records), kills))
    own = [(place % PART, PROCESSES[n % len(PROCESSES)]) for n, place in enumerate(places) if place // PART == part]
    # The reader is up to 150 records ahead of the desk, and must still run.
    return sorted(Kill(place % READER_PART if process == "reader" else place, process) for place, process in own)


# -- one run --------------------------------------------------------------------------------------------------


class Run:
    """A run of all parts in one data folder, with its processes."""

    def __init__(self, folder: Path, name: str, records: int, kills: int, seed: int) -> None:
        self.folder, self.name, self.records, self.seed = folder, name, records, seed
        self.kill_count = kills if name == KILLED else 0
        self.state_path, self.ledger_path = folder / f"{name}.json", folder / f"{name}.jsonl"
        self.state = RunState()
        if self.state_path.exists():
            self.state = msgspec.json.decode(self.state_path.read_bytes(), type=RunState)
        self.valkey = EmbeddedValkey(Settings(data_dir=folder / name))
        # The desk removes lines that earlier batches of a site had. One partition and batches of one item: then the
        # order of the pages decides that, and no kill.
        self.settings = Settings(
            broker_url=self.valkey.url, data_dir=folder / name, partitions=1, desk_batch_size=1, log_level="ERROR"
        )
        self.processes: dict[str, Command] = {}
        self.exits: Counter[str] = Counter()  # by name and code, except those by signals

    @property
    def is_complete(self) -> bool:
        return self.state.parts * PART >= self.records

    async def work(self, until_s: float, page_count: int) -> None:
        """Play parts until *until_s* of the monotonic clock."""
        self.valkey.start()
        broker = await connect(self.settings, self.settings.broker_url)
        try:
            while not self.is_complete and time.monotonic() < until_s:
                began_s = time.monotonic()
                await self._play(broker, page_count)
                print(
                    f"{self.name}: part {self.state.parts}, {time.monotonic() - began_s:.0f} s, exits {dict(self.exits)}",
                    flush=True,
                )
        finally:
            await broker.close()
            for process in self.processes.values():
                process.terminate()
                process.wait(60)
            self.valkey.stop()

    async def _play(self, broker: Broker, page_count: int) -> None:
        """Ingest one part, with its kills, and record its articles."""
        first = self.state.parts * PART
        path = self.folder / f"{self.name}-{self.state.parts:04}.warc.gz"
        write_part(path, self.folder / "pages", page_count, first, min(PART, self.records - first))
        kills = planned_kills(self.records, self.kill_count, self.state.parts, self.seed)
        base = await self._handled(broker)
        end_s = time.monotonic() + PATIENCE_S
        while not await self._is_done(broker, path) or kills:
            assert time.monotonic() < end_s, f"no progress: {path}"
            handled = await self._handled(broker)
            if kills and (handled - base >= kills[0].after or self._has_ended("reader")):
                self._kill(kills.pop(0).process)
            await asyncio.sleep(CHECK_S)
        await self._record(broker)
        path.unlink()
        self.processes.pop("reader").wait()

    async def _is_done(self, broker: Broker, path: Path) -> bool:
        """Restart ended processes; return whether all records of the file are handled."""
        self.valkey.restart_if_dead()
        self._ensure("desk", "desk", "--name", "desk-1")
        if not self._has_ended("reader"):
            self._ensure("reader", "ingest", str(path), "--source", "archive")
            return False
        try:
            return await queued(broker) == 0 and not await broker.state.hkeys(SLOW_ITEMS)
        except CopydeskError:
            return False

    def _ensure(self, name: str, *arguments: str) -> None:
        process = self.processes.get(name)
        if process is None or process.poll() is not None:
            if process is not None and process.wait() >= 0:
                self.exits[f"{name} {process.wait()}"] += 1
            self.processes[name] = start_module(
                "workers.cli", *arguments, cwd=self.folder, environ=to_environ(self.settings)
            )

    def _has_ended(self, name: str) -> bool:
        """Return whether a process has completed its work."""
        process = self.processes.get(name)
        return process is not None and process.poll() == ExitCode.OK

    def _kill(self, name: str) -> None:
        process = self.valkey.process if name == "broker" else self.processes.get(name)
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
            self.state.kills[name] += 1

    async def _handled(self, broker: Broker) -> int:
        try:
            return sum(p.position for p in (await broker.progress(ARCHIVE_ITEMS.name, DESK_GROUP)).values())
        except CopydeskError:
            return 0

    async def _record(self, broker: Broker) -> None:
        """Add the new messages of the articles topic to the ledger, then store the state."""
        reader = await broker.open_reader(ARTICLES, "", Offsets({0: self.state.offset}))
        with self.ledger_path.open("a") as ledger:
            while (batch := await reader.read(0.2)) or not await reader.at_end():
                for message in batch:
                    article = decode(message.value, Article)
                    ledger.write(json.dumps([message.offset, article.id, article.revision, digest(article)]) + "\n")
                    self.state.offset = message.offset + 1
        await reader.close()
        assert is_consistent(await read_counters(broker.state))
        self.state.parts += 1
        new = self.state_path.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(self.state))
        new.replace(self.state_path)


def digest(article: Article) -> str:
    text = json.dumps([article.title, article.paragraphs, article.withdrawn, article.url])
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


# -- comparison -----------------------------------------------------------------------------------------------


def rows(path: Path) -> list[tuple[str, int, str]]:
    """Return (id, revision, digest) of each message. A part that was recorded twice counts once."""
    by_offset = {row[0]: (row[1], row[2], row[3]) for row in map(json.loads, _lines(path))}
    return list(by_offset.values())


def _lines(path: Path) -> Iterator[str]:
    with path.open() as file:
        yield from file


def compared(calm: Sequence[tuple[str, int, str]], killed: Sequence[tuple[str, int, str]]) -> dict[str, Any]:
    """Return the differences of two runs. A revision on the topic twice is `repeated`."""
    wanted, real = ({(id_, revision): text for id_, revision, text in run} for run in (calm, killed))
    repeated = sum(n - 1 for n in Counter(row[:2] for row in killed).values())
    differences = {
        "missing": len(wanted.keys() - real.keys()),
        "additional": len(real.keys() - wanted.keys()),
        "changed": sum(wanted[key] != real[key] for key in wanted.keys() & real.keys()),
        "repeated": repeated,
    }
    return {"articles": len(wanted), **differences, "ok": not any(differences.values())}


async def main(arguments: Sequence[str]) -> ExitCode | int:
    """Continue the runs in a folder; print the state, or the comparison."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    for name, default in (("records", 100_000), ("kills", 50), ("minutes", 9), ("seed", 1), ("largest-kb", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--only", choices=(CALM, KILLED), help="continue this run only")
    options = parser.parse_args(arguments)
    folder = options.folder.resolve()
    until_s = time.monotonic() + 60 * options.minutes
    page_count = extract_pages(folder, options.largest_kb)
    runs = [Run(folder, name, options.records, options.kills, options.seed) for name in (CALM, KILLED)]
    for run in runs:
        if not run.is_complete and options.only in (None, run.name):
            await run.work(until_s, page_count)
    if not all(run.is_complete for run in runs):
        print(json.dumps({run.name: f"{run.state.parts * PART} of {options.records}" for run in runs}))
        return ExitCode.TEMPFAIL
    result = compared(*(rows(run.ledger_path) for run in runs))
    print(json.dumps({"records": options.records, "kills": runs[1].state.kills, **result}))
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
