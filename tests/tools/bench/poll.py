"""Cost of a poll: the poller against nginx, beside a bare aiohttp loop and lemon24's reader in the same run.

The feed has 33 items and 52 KB; "changed" has one more item each time. CPU is that of the poller and its parsers;
Valkey's is reported separately. `floor` is a loop that requests, reads the response and drops it.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp

from streams.topics import DESK_GROUP
from tests.support.feed_server import rss
from tests.tools.bench.common import run, server
from workers.poller.poller import Poller
from workers.services import connect

ITEMS, BODY_CHARS = 33, 1400
ROUNDS = {"unmodified": 1500, "same body": 700, "changed": 200}
WORDS = "harbour canal board salt barge ferry council bridge flood tide quay pilot cargo lock engineer dredger".split()
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ }}
http {{
  access_log off; default_type application/rss+xml;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port}; root {folder};
    location /plain/ {{ etag off; if_modified_since off; add_header Last-Modified ""; alias {folder}/; }}
  }}
}}
"""


def document(extra: int = 0, items: int = ITEMS) -> bytes:
    """Return the feed, with *extra* items before the first; the total stays the same."""
    stories = []
    for n in range(items + extra, extra, -1):
        text = " ".join(WORDS[(n * 7 + k * (k + n) % 13) % len(WORDS)] for k in range(BODY_CHARS // 7))
        stories.append((f"https://courier.example/world/{n}", f"Story {n} of the day", f"<p>{text}</p>"))
    return rss(stories)


@contextlib.contextmanager
def nginx() -> Iterator[tuple[str, Path]]:
    """Yield the URL of a real server and the folder that it serves."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        port = 20_000 + os.getpid() % 20_000
        (folder / "conf").write_text(NGINX.format(folder=folder, port=port))
        (folder / "feed.xml").write_bytes(document())
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        with subprocess.Popen([program, "-c", str(folder / "conf"), "-e", str(folder / "error.log")]) as process:
            time.sleep(0.5)
            yield f"http://127.0.0.1:{port}/", folder
            process.terminate()


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def timed(rounds: int, work: Callable[[int], Awaitable[Any]], pids: Callable[[], list[int]]) -> float:
    """Return the CPU milliseconds of this process and of *pids* per round."""
    await work(0)
    before = time.process_time() + sum(map(cpu_s, pids()))
    for n in range(1, rounds + 1):
        await work(n)
    return 1000 * (time.process_time() + sum(map(cpu_s, pids())) - before) / rounds


async def bare(url: str, rounds: int, conditional: bool) -> float:
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as first:
            headers = {"If-None-Match": first.headers["ETag"]} if conditional else {}

        async def ask(n: int) -> None:
            async with session.get(url, headers=headers) as answer:
                await answer.read()

        return await timed(rounds, ask, list)


async def ours(settings: Any, url: str, rounds: int, change: Callable[[int], None]) -> dict[str, float]:
    broker = await connect(settings, settings.broker_url)
    poller = Poller(settings, broker, DESK_GROUP)
    await poller.feeds.add([(url, "")])
    await poller.feeds.claim(1)  # reads the clock
    valkey = int((await broker.state.info("server"))["process_id"])

    async def poll(n: int) -> None:
        change(n)
        loaded = await poller.feeds.load(url)
        assert loaded is not None
        await poller.poll(loaded, poller.feeds.clock)

    async with poller.http, poller.parsers:
        await poll(0)
        served = cpu_s(valkey)
        own = await timed(rounds, poll, lambda: [p.process.pid for p in poller.parsers._idle])
        served = 1000 * (cpu_s(valkey) - served) / rounds
    polled = (await poller.feeds.all())[0]
    assert not polled.error, polled.error
    await broker.close()
    return {"cpu_ms": round(own, 3), "valkey_cpu_ms": round(served, 3), "items_published": polled.items_published}


PEER = """
import sys, time
from reader import make_reader
folder, url, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
reader = make_reader(":memory:")
reader.add_feed(url)
reader.update_feed(url)
sys.path.insert(0, ".")
from tests.tools.bench.poll import document
from pathlib import Path
began = time.process_time()
made = 0.0
for n in range(1, rounds + 1):
    if "changed" in sys.argv:
        at = time.process_time()
        Path(folder, "feed.xml").write_bytes(document(n))
        made += time.process_time() - at
    reader.update_feed(url)
print(1000 * (time.process_time() - began - made) / rounds)
"""


def peer(folder: Path, url: str, rounds: int, *kind: str) -> float | str:
    """Return the cost of lemon24's reader with its store in memory, or the reason for its absence."""
    words = [sys.executable, "-c", PEER, str(folder), url, str(rounds), *kind]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    return round(float(done.stdout), 2) if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


def one(name: str, folder: Path, url: str, path: str, change: Callable[[int], None]) -> dict[str, Any]:
    """Return the cost of one kind of poll, with the floor's and reader's."""
    rounds = ROUNDS[name]
    with server() as settings:
        result = run(lambda: ours(settings, url + path, rounds, change))
    floor = run(lambda: bare(url + "feed.xml", rounds, name == "unmodified"))
    (folder / "feed.xml").write_bytes(document())
    theirs = peer(folder, url + path, max(20, rounds // 10), name)
    return result | {
        "floor_cpu_ms": round(floor, 3),
        "ratio": round(result["cpu_ms"] / floor, 2),
        "reader_cpu_ms": theirs,
    }


def measure() -> dict[str, Any]:
    """Return the CPU milliseconds of each kind of poll: copydesk's, the floor's, and reader's."""
    out: dict[str, Any] = {"items": ITEMS, "bytes": len(document())}
    with nginx() as (url, folder):

        def change(n: int) -> None:
            (folder / "feed.xml").write_bytes(document(n))

        def keep(n: int) -> None:
            pass

        began = time.process_time()
        for n in range(50):
            change(n)
        writing_ms = 1000 * (time.process_time() - began) / 50
        for name, path in (("unmodified", "feed.xml"), ("same body", "plain/feed.xml"), ("changed", "feed.xml")):
            change(0)
            out[name] = one(name, folder, url, path, change if name == "changed" else keep)
        out["changed"]["cpu_ms"] = round(out["changed"]["cpu_ms"] - writing_ms, 3)
    return out


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=1))
