"""Health with real processes: a frozen worker turns readiness red, and a resumed one turns it green again."""

import asyncio
import json
import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from streams.brokers.base import OutgoingMessage
from streams.config.settings import Settings
from streams.topics import DESK_GROUP, ITEMS
from streams.valkey.server import EmbeddedValkey
from tests.conftest import DEADLINE_S, copydesk, until
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY
from tests.support.up import output, pids, up
from workers.heartbeats import read_workers
from workers.services import connect
from workers.supervisor import Supervisor
from workers.web.server import WebServer

FLAGS = ("--demo", "off", "--allowed-private-hosts", "127.0.0.1:*", "--poll-interval-s", "0.2", "--adaptive-polling", "false",
         "--host-delay-s", "0")  # fmt: skip


async def page_url(folder: Path) -> str:
    await until(lambda: "web interface http" in output(folder))
    return output(folder).partition("web interface ")[2].split()[0].partition("#")[0]


async def get(url: str) -> tuple[int, str]:
    def ask() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as exc:
            return exc.code, exc.read().decode()

    return await asyncio.to_thread(ask)


async def ready(url: str) -> dict[str, Any]:
    status, body = await get(url + "readyz")
    report: dict[str, Any] = json.loads(body)
    assert report["ready"] == (status == 200)
    return report


async def check(folder: Path) -> tuple[int, list[str]]:
    """Return the exit code of `copydesk check`, and the messages of failed checks."""
    done = await asyncio.to_thread(copydesk, "check", "--json", cwd=folder, check=None)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, [row["message"] for row in rows if not row["ok"]]


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def turns_red(url: str, folder: Path, worker: str) -> None:
    """Wait until readiness names *worker*; then `check` does as well, and the web process still lives."""

    async def red() -> bool:
        return any(worker in problem for problem in (await ready(url)).get("problems", ()))

    await until(red, what=f"/readyz naming {worker}")
    code, messages = await check(folder)
    assert code == 4
    assert any("no heartbeat for" in message and worker in message for message in messages), messages
    assert (await get(url + "healthz"))[0] == 200


async def turns_green(url: str, folder: Path) -> None:
    async def green() -> bool:
        return (await ready(url))["ready"]

    await until(green, what="/readyz green")
    assert await check(folder) == (0, []), output(folder)


async def test_lag_above_limit_turns_readiness_red(settings: Settings, tmp_path: Path) -> None:
    limited = replace(settings, max_desk_lag=2, web_port=0)
    broker = await connect(limited, limited.broker_url)
    server = WebServer(limited, broker, DESK_GROUP)
    await server.start()
    flags = ("--broker-url", limited.broker_url, "--max-desk-lag", "2")
    for count, message in ((2, None), (3, "lag above max_desk_lag: desk (3 items, limit 2); read the desks' logs")):
        while await broker.lag(ITEMS.name, DESK_GROUP) < count:
            await broker.publish([OutgoingMessage(ITEMS.name, b"k", b"{")])
        problems = (await ready(server.url))["problems"]
        done = await asyncio.to_thread(copydesk, "check", *flags, cwd=tmp_path, check=4 if message else 0)
        assert bool(problems) == bool(message)
        assert message is None or problems[0].startswith(message)
        assert message is None or message in done.stdout
        assert (await get(server.url + "healthz"))[0] == 200
    await server.stop()
    await broker.close()


def test_worker_names_on_shared_broker_carry_the_host() -> None:
    assert Supervisor(Settings())._worker_name("desk-1") == "desk-1"
    shared = Supervisor(Settings(broker_url="valkey://valkey1:6379"))
    assert shared._worker_name("desk-1") == f"desk-1@{socket.gethostname()}"


async def test_frozen_poller_turns_readiness_red(tmp_path: Path) -> None:
    with up(tmp_path, *FLAGS):
        url = await page_url(tmp_path)
        await turns_green(url, tmp_path)
        [pid] = await until(lambda: pids(tmp_path, "workers.cli", "poll"))
        with frozen(pid):
            await turns_red(url, tmp_path, "poller")
        await turns_green(url, tmp_path)
    valkey = EmbeddedValkey(Settings(data_dir=tmp_path / "copydesk-data"))
    valkey.start()
    try:
        broker = await connect(valkey.settings, valkey.url)
        assert await read_workers(broker.state) == []  # an ordered stop removes the entries
        await broker.close()
    finally:
        valkey.stop()


async def test_frozen_desk_with_queued_items_turns_readiness_red(tmp_path: Path) -> None:
    async with FeedServer() as server:
        server.answers["f"] = rss([("https://a.example/0", "Story 0", BODY)])
        await asyncio.to_thread(copydesk, "feeds", "add", server.url + "f", cwd=tmp_path)
        with up(tmp_path, *FLAGS):
            url = await page_url(tmp_path)
            await until(lambda: "Story 0" in output(tmp_path))
            await turns_green(url, tmp_path)
            [pid] = await until(lambda: pids(tmp_path, "workers.cli", "desk"))
            with frozen(pid):
                server.answers["f"] = rss([(f"https://a.example/{n}", f"Story {n}", BODY) for n in range(40)])
                await turns_red(url, tmp_path, "desk-1")
                assert (await ready(url))["lag"] >= 39
            await turns_green(url, tmp_path)
            await until(lambda: "Story 39" in output(tmp_path))
