"""The system under test: pollers, desks and subscribers as processes, each behind its own proxy, over a private broker."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streams.brokers.base import ConsumedMessage, OutgoingMessage
from streams.codec import decode
from streams.config.settings import Settings
from streams.records import Article, DeadLetter
from streams.start import Start
from streams.topics import ARTICLES, DEAD_LETTERS, DESK_GROUP, ITEMS, Topic
from streams.valkey.server import EmbeddedValkey, die_with_parent, socket_path
from tests.conftest import ROOT
from tests.faults.checker import Out, Report, check, is_replayed
from tests.faults.ledger_server import TruthServer, digest
from tests.faults.proxy import Proxy
from tests.faults.stalls import StallClock, has_handler
from tests.support.fork_server import Command, start_module
from tests.support.kafka import Cluster
from workers.counters import read_counters
from workers.dead_letters import REMOVED_KEY
from workers.poller.registry import FeedRegistry
from workers.services import connect
from workers.urls.canonical import canonicalise

Event = tuple[str, int]
LEASE_S = 1.5
MEMBERS, SINKS = ("member-1", "member-2"), ("sink-1", "sink-2")
NAMES = ("poller-1", "poller-2", "desk-1", "desk-2", "tail", *MEMBERS, *SINKS)
CLOCK_FILE, SERVER = "FAKETIME_TIMESTAMP_FILE", "valkey"
COMMANDS = {
    "poller": ["poll"],
    "desk": ["desk"],
    "tail": ["tail", "articles", "--from", "start", "--json"],
    "member": ["tail", "articles", "--group", "members", "--json"],
    "sink": ["sink", "hook"],
}
SINK_TABLE = """[[sinks]]
type = "webhook"
name = "hook"
url = "{url}/hook"
secret = "0123456789abcdef"
start_from = "start"
"""
SERVICES = ("poller", "desk", "sink")  # that handle SIGUSR1
ENDED_BY_FAULT = (0, -signal.SIGKILL, -signal.SIGTERM)


def die_with_harness() -> None:
    die_with_parent(signal.SIGKILL)


class Part:
    """A process of the fleet; it is restarted after its death."""

    def __init__(
        self, name: str, arguments: list[str], folder: Path, bug: str, *, out: bool = False, is_forked: bool = True,
        is_forking: bool = True,
    ) -> None:  # fmt: skip
        self.environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        module = ["tests.faults.mutants", bug] if bug else ["workers.cli"]
        self.name, self.command, self.folder = name, [*module, *arguments], folder
        self.out = folder / f"{name}.jsonl" if out else None
        self.is_forked = is_forked  # shares the memory of the fork server
        self.is_forking = is_forking  # forks its cleaning and parser processes, too
        self.process: subprocess.Popen[bytes] | Command | None = None
        self.started_s = 0.0
        self.exits: list[int] = []  # codes of exits, except those by the signals of faults

    def ensure(self) -> None:
        if self.process is not None:
            if (code := self.process.poll()) is None:
                return
            if code not in ENDED_BY_FAULT:
                self.exits.append(code)
        with (self.folder / f"{self.name}.log").open("ab") as log, (self.out or Path(os.devnull)).open("ab") as out:
            self.started_s = time.monotonic()
            if "LD_PRELOAD" in self.environ or not self.is_forked:  # the loader of a new program reads LD_PRELOAD
                self.process = subprocess.Popen(
                    [sys.executable, "-m", *self.command], preexec_fn=die_with_harness, cwd=self.folder,
                    env=self.environ, stdout=out, stderr=log,
                )  # fmt: skip
            else:
                self.process = start_module(
                    *self.command,
                    cwd=self.folder,
                    environ=self.environ,
                    stdout=out,
                    stderr=log,
                    is_forking=self.is_forking,
                )

    def signal(self, signum: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signum)

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


class Fleet:
    """All processes of a fault run."""

    def __init__(
        self, folder: Path, truth: TruthServer, *, cluster: Cluster | None = None, bug: str = "",
        steady: tuple[str, ...] = (), is_forking: bool = True, **settings: Any,
    ) -> None:  # fmt: skip
        self.folder, self.truth, self.cluster, self.steady = folder, truth, cluster, steady
        self.valkey = EmbeddedValkey(Settings(data_dir=folder / "data", valkey_fsync=settings.pop("fsync", "always")))
        self.direct = Settings(
            broker_url=cluster.url if cluster else self.valkey.url, state_url=self.valkey.url if cluster else "",
            replication_factor=min(3, len(cluster.nodes)) if cluster else 0, data_dir=folder / "data", partitions=4,
            **{"lease_timeout_s": LEASE_S, "item_timeout_s": LEASE_S / 3, "desk_batch_size": 40, "poll_interval_s": 0.1, **settings},
        )  # fmt: skip
        self.proxies = {name: Proxy(self._dial) for name in (*NAMES, *steady)}
        self.parts: dict[str, Part] = {}
        self.bug, self.is_forking = bug, is_forking
        self.clock_environ: dict[str, str] = {}
        self.poison: list[str] = []
        self.wire: list[Out] = []
        self.counters: dict[str, dict[str, int]] = {}
        self.deliveries: dict[str, int] = {}
        self.repeats: dict[str, int] = {}
        self.hits: Counter[str] = Counter()  # faults by the process that they hit
        self.stalls = StallClock(time.monotonic())
        self.stalls.on_long_stall = self._report_stall
        self.node_faults = asyncio.Lock()  # held while a node of the cluster is away
        self.kills = asyncio.Lock()  # held by a fault that waits for progress before it kills
        self._stopping = asyncio.Event()

    async def _dial(self, factory: Callable[[], asyncio.Protocol]) -> Any:
        path = str(socket_path(self.folder / "data"))
        return await asyncio.get_running_loop().create_unix_connection(factory, path)

    async def start(self) -> None:
        self._with_clock(self.valkey.start)
        (self.folder / "copydesk.toml").write_text(SINK_TABLE.format(url=self.truth.url))
        self.broker = await connect(self.direct, self.direct.broker_url)
        await FeedRegistry(self.broker.state).add([(url, "") for url in self.truth.urls])
        for name, proxy in self.proxies.items():
            await proxy.start()
            program = name.split("-")[0]
            extra = ["--name", name] if program == "desk" else []
            arguments = [*COMMANDS[program], *extra, *self._flags(proxy.port)]
            self.parts[name] = Part(
                name, arguments, self.folder, self.bug, out=program in ("tail", "member"),
                is_forked=name not in self.steady, is_forking=self.is_forking,
            )  # fmt: skip
            if self.clock_environ:
                self.parts[name].environ |= self.clock_environ | {CLOCK_FILE: str(self._clock(name))}
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._watch())]
        self._ticks = asyncio.create_task(self.stalls.tick())

    def _flags(self, port: int) -> list[str]:
        through = f"valkey://127.0.0.1:{port}"
        urls = ["--broker-url", self.cluster.url, "--state-url", through] if self.cluster else ["--broker-url", through]
        return [
            *urls, "--lease-timeout-s", str(LEASE_S), "--item-timeout-s", str(LEASE_S / 3), "--partitions", "4", "--poll-interval-s", str(self.direct.poll_interval_s),
            "--poll-timeout-s", "3", "--allowed-private-hosts", "127.0.0.1:*", "--adaptive-polling", "off", "--host-delay-s", "0", "--desk-batch-size", str(self.direct.desk_batch_size), "--max-desk-lag", str(self.direct.max_desk_lag), "--replication-factor", str(self.direct.replication_factor), "--log-level", os.environ.get("FAULTS_LOG", "WARNING"),
            "--max-feed-items-per-day", str(self.direct.max_feed_items_per_day),
        ]  # fmt: skip

    async def _keep(self) -> None:
        """Restart all dead processes, as a supervisor does."""
        while not self._stopping.is_set():
            self._with_clock(self.valkey.restart_if_dead)
            for part in self.parts.values():
                part.ensure()
            for node in self.cluster.nodes if self.cluster else ():
                assert self.cluster is not None
                if node.process is None or node.process.poll() is not None:
                    self.cluster.run(node)
            await asyncio.sleep(0.05)

    async def _watch(self) -> None:
        """Measure stalls. A time without answers of the broker is none."""
        handled = -1
        while not self._stopping.is_set():
            await asyncio.sleep(0.5)
            try:
                before, handled = handled, await self._handled()
                async with asyncio.timeout(5):
                    is_idle = await self.broker.lag(ITEMS.name, DESK_GROUP) == 0
            except Exception:  # noqa: BLE001 - the faults of the run
                handled = -1
                continue
            is_stalled = not is_idle and handled > 0 and handled == before  # at 0, desks are still starting
            self.stalls.observe(time.monotonic(), is_stalled=is_stalled)

    async def _handled(self) -> int:
        return (await read_counters(self.broker.state))["desk"]["received"]

    async def next_progress(self, timeout_s: float, items: int = 1) -> None:
        """Wait until desks have handled so many *items*, for *timeout_s* at most."""
        before, end_s = await self._handled(), time.monotonic() + timeout_s
        while await self._handled() < before + items and time.monotonic() < end_s:
            await asyncio.sleep(0.05)

    def _report_stall(self, stall_s: float) -> None:
        self.record("stall", stall_s=round(stall_s, 1))
        self.log_tasks()

    def log_tasks(self) -> None:
        """Let the services log their running tasks."""
        for name, part in self.parts.items():
            if name.split("-")[0] in SERVICES and part.process and has_handler(part.process.pid, signal.SIGUSR1):
                part.signal(signal.SIGUSR1)

    def record(self, event: str, **detail: Any) -> None:
        """Append an event with its time to `events.jsonl`, to be compared with the logs."""
        row = {"at": datetime.now(UTC).isoformat(), "event": event, **detail}
        with (self.folder / "events.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")

    @property
    def exits(self) -> dict[str, list[int]]:
        """Return the codes of processes that ended without a signal or with an error."""
        return {name: part.exits for name, part in self.parts.items() if part.exits}

    def _with_clock(self, start: Callable[[], Any]) -> None:
        os.environ.update(self.clock_environ)  # inherited by the server; this process keeps the true clock
        try:
            start()
        finally:
            for name in self.clock_environ:
                del os.environ[name]

    async def add_poison(self, key: str) -> None:
        """Publish an unreadable item."""
        await self.broker.publish([OutgoingMessage(ITEMS.name, key.encode(), b'{"poison":' + key.encode())])
        self.poison.append(key)

    def share_clock(self, library: Path) -> None:
        """Give each process started from now on a clock that `jump` moves. *library*: path of libfaketime (Debian)."""
        self.jump(0)
        self.clock_environ = {
            "LD_PRELOAD": str(library), CLOCK_FILE: str(self._clock(SERVER)), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip

    def _clock(self, name: str) -> Path:
        return self.folder / f"clock-{name}"

    def jump(self, seconds: int, names: Sequence[str] = ()) -> None:
        """Set the clocks of the processes *names*, or of all and the server, to the true time plus this offset."""
        for name in names or (*self.proxies, SERVER):
            self._clock(name).write_text(f"{seconds:+d}")

    def heal(self) -> None:
        for proxy in self.proxies.values():
            proxy.heal()
        for part in self.parts.values():
            part.signal(signal.SIGCONT)
        for node in self.cluster.nodes if self.cluster else ():
            if node.process is not None and node.process.poll() is None:
                node.process.send_signal(signal.SIGCONT)

    async def settle(self, patience_s: float) -> bool:
        """Heal all faults, stop the feeds, and return whether all queues became empty in time."""
        self.heal()
        self.truth.freeze()
        end = asyncio.get_running_loop().time() + patience_s
        while asyncio.get_running_loop().time() < end:
            try:
                if self.truth.all_taken() and await self.broker.lag(ITEMS.name, DESK_GROUP) == 0:
                    return True
            except Exception as exc:  # noqa: BLE001 - the broker may still be starting
                print(f"settling: {exc}", file=sys.stderr)
            await asyncio.sleep(0.1)
        self.log_tasks()
        return False

    async def report(self) -> Report:
        """Check the output against the ledger."""
        self.wire = [_out(message) for message in await self._all(ARTICLES)]
        letters = [decode(message.value, DeadLetter) for message in await self._all(DEAD_LETTERS)]
        keys = [letter.key.decode() for letter in letters if not is_replayed(letter)]
        removed = len(await self.broker.state.hkeys(REMOVED_KEY))  # by `replay_letters`; each has a successor
        keys += {letter.key.decode() for letter in letters if removed and is_replayed(letter)} - set(keys)
        urls = {canonicalise(url).key: url for url in self.truth.ledger}  # the key of an item is its identity key
        dead = [urls.get(key, key) for key in keys]
        items = len(await self._all(ITEMS))
        self.counters = await read_counters(self.broker.state)
        return check(
            self.truth.ledger, self.wire, dead, self.poison, self.counters, items, len(letters) - len(keys) + removed
        )

    async def _all(self, topic: Topic) -> list[ConsumedMessage]:
        reader = await self.broker.open_reader(topic, "", Start.EARLIEST)
        out: list[ConsumedMessage] = []
        while True:
            messages = await reader.read(0.05)
            out += messages
            if not messages and await reader.at_end():
                await reader.close()
                return out

    def subscribers(self) -> dict[str, list[Event]]:
        """Return the articles that each subscriber and the webhook received, in order."""
        return {name: self._received(name) for name in ("tail", *MEMBERS)} | {"hook": list(self.truth.hooks)}

    def _received(self, name: str) -> list[Event]:
        rows = []
        path = self.folder / f"{name}.jsonl"
        for line in path.read_bytes().splitlines() if path.exists() else ():
            try:
                row = json.loads(line)
            except ValueError:  # killed during a write
                continue
            rows.append((row["id"], row["revision"]))
        return rows

    async def stop(self) -> None:
        self._stopping.set()
        self._ticks.cancel()
        await asyncio.gather(*self._tasks, self._ticks, return_exceptions=True)
        for part in self.parts.values():
            part.signal(signal.SIGCONT)
            part.end()
        for proxy in self.proxies.values():
            await proxy.stop()
        await self.broker.close()
        self.valkey.stop()


def _out(message: ConsumedMessage) -> Out:
    article = decode(message.value, Article)
    assert article.source is not None
    source = (article.source.partition, article.source.offset)
    words = digest(article.title, article.paragraphs)
    return Out(article.canonical_url, words, article.id, article.revision, message.partition, source)
