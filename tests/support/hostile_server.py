"""Poller against hostile servers: each case of ../shared/tools/hostile_server.py, and its expected result.

python -m tests.support.hostile_server [--netns] [CASE ...]      failures as JSON lines; --netns only inside run_netns.sh
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import lxml.html

from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Item, PollResult
from streams.subscribe import subscribe
from streams.topics import DESK_GROUP
from streams.valkey.server import EmbeddedValkey
from tests.conftest import DEADLINE_S
from tests.support.ports import free_port
from workers.desk.article import clean_item, item_blocks
from workers.poller.poller import Poller
from workers.poller.registry import FeedRegistry
from workers.services import connect

SHARED = Path(__file__).parents[3] / "shared"
SERVER = SHARED / "tools" / "hostile_server.py"
NETNS = SHARED / "tools" / "run_netns.sh"
COSTLY_CPU_S = 5.0
AT_ONCE = 24
SERVER_PORTS = 20  # the server's port and the ports of its TLS cases, which follow it
MAX_S, MAX_RSS_MB = 20.0, 256
Case = Mapping[str, Any]


class Found:
    """Result of a case."""

    def __init__(self) -> None:
        self.polls: list[PollResult] = []
        self.items: list[Item] = []
        self.state: Mapping[str, Any] = {}
        self.hit = False


@asynccontextmanager
async def hostile_server(netns: bool) -> AsyncGenerator[Mapping[str, Any], None]:
    """Run the server; yield its manifest, with the certificate authority's file as `ca`."""
    host = ["--netns", "--host", "0.0.0.0", "--public", "feeds.example"] if netns else [
        "--port", str(free_port(SERVER_PORTS)), "--canary-port", str(free_port()), "--redis-port", str(free_port()),
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SERVER), *host, "--max-seconds", "600", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), DEADLINE_S))
        yield {**await read(ready["url"]), "ca": ready["ca"], "url": ready["url"]}
    finally:
        process.kill()
        await process.wait()


async def read(url: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return json.loads(await answer.text())


async def survey(manifest: Mapping[str, Any], settings: Settings, only: list[str]) -> tuple[dict[str, Found], float]:
    """Poll each case as often as it requires; return the results, and the poller's memory in MB."""
    cases = [case for case in manifest["cases"] if not only or case["id"] in only]
    ports = {urlsplit(case["url"]).port for case in manifest["cases"]}
    host = urlsplit(manifest["url"]).hostname
    settings = replace(settings, allowed_private_hosts=",".join(f"{host}:{port}" for port in ports))
    broker = await connect(settings, settings.broker_url)
    await FeedRegistry(broker.state).add([(case["url"], "") for case in cases])
    results = {case["id"]: Found() for case in cases}
    turns = asyncio.Semaphore(AT_ONCE)
    poller = Poller(settings, broker, DESK_GROUP)
    # Only a case that stalls is to run into the time limit; another may be slow because the machine is busy.
    patient = Poller(replace(settings, poll_timeout_s=DEADLINE_S), broker, DESK_GROUP)
    rss_mb = _rss_mb()

    async def polled(case: Case) -> None:
        async with turns:
            for _ in range(case["polls"]):
                loaded = await poller.feeds.load(case["url"])
                assert loaded is not None
                await (poller if stalls(case) else patient).poll(loaded, poller.feeds.clock)

    await poller.feeds.claim(1)  # reads the clock
    async with poller.http, poller.parsers, patient.http, patient.parsers:
        costly = [case for case in cases if case["expect"].get("max_cpu_s", 0) > COSTLY_CPU_S]
        await asyncio.gather(*(polled(case) for case in cases if case not in costly))
        for case in costly:  # expensive cases run one by one, so that they take no time from the others
            await polled(case)
    by_url = {case["url"]: results[case["id"]] for case in cases}
    async for poll in subscribe("polls", start="start", follow=False, settings=settings):
        by_url[poll.feed].polls.append(poll)
    async for item in subscribe("items", start="start", follow=False, settings=settings):
        by_url[item.feed].items.append(item)
    for state in await FeedRegistry(broker.state).all():
        by_url[state.url].state = {"error": state.error, "kind": state.error_kind, "due_s": state.due_s}
    base = manifest["url"].rpartition("/")[0]
    for hit in await read(f"{base}/hits.json"):
        if hit["case"] in results and hit["internal"]:
            results[hit["case"]].hit = True
    served = await read(f"{base}/state.json")
    for name, one in results.items():
        one.state = {**one.state, "requests": sum(s["polls"] for key, s in served.items() if key.split("|")[0] == name)}
    await broker.close()
    return results, _rss_mb() - rss_mb


def stalls(case: Case) -> bool:
    """Whether the time limit on polls may end *case*."""
    return "timeout" in case["expect"].get("error", ())


def _rss_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def complaints(case: Case, result: Found) -> list[str]:
    """Return the failures of *case*."""
    expect, out = case["expect"], []
    outcome, kinds = expect["outcome"], {poll.error_kind for poll in result.polls}
    if len(result.polls) != case["polls"]:
        return [f"{len(result.polls)} polls of {case['polls']}"]
    count = len({item.identity_key for item in result.items}) if expect.get("over_polls") else len(result.items)
    if outcome == "ok" and "dead-letter" in expect.get("note", ""):
        count += result.polls[0].items_failed + result.polls[0].items_deferred
    low, high = expect.get("entries", [0, 10**9])
    if not low <= count <= high:
        out.append(f"{count} items, not {low} to {high}")
    expected_kinds = expect.get("error", [])
    expected_kinds = {expected_kinds} if isinstance(expected_kinds, str) else set(expected_kinds)
    failed = any(poll.outcome == "failed" for poll in result.polls)
    if outcome in ("ok", "unchanged", "moved") and failed and low > 0:
        out.append(f"failed: {result.polls[-1].error}")
    if outcome == "unchanged" and result.polls[-1].outcome != "unchanged":
        out.append(f"{result.polls[-1].outcome}, not unchanged")
    # An item that is read within the case's bounds is no failure.
    if (
        outcome in ("reject", "cap", "blocked", "gone", "backoff")
        and expected_kinds
        and not kinds & expected_kinds
        and not (high and count)
    ):
        out.append(f"kinds {sorted(kinds)}, not {sorted(expected_kinds)}: {result.polls[-1].error}")
    delay_s = (
        (result.polls[-1].next_due - result.polls[-1].started_at).total_seconds() if result.polls[-1].next_due else 0.0
    )
    if delay_s < expect.get("min_delay_s", 0) or delay_s > expect.get("max_delay_s", 10**9) * 1.06:
        out.append(f"polled again after {delay_s:.0f} s")
    slowest_s = max(poll.elapsed_ms for poll in result.polls) / 1000
    if stalls(case) and slowest_s > expect.get("max_s", MAX_S) + 1:
        out.append(f"took {slowest_s:.1f} s")
    if result.hit and (expect.get("no_hit") or outcome == "blocked"):
        out.append("reached what it must not")
    if result.state["requests"] > expect.get("max_requests", 10**9):
        out.append(f"{result.state['requests']} requests")
    return out + _item_failures(expect, result)


def _item_failures(expect: Mapping[str, Any], result: Found) -> list[str]:
    """Check the items and their articles."""
    out = []
    articles = [clean_item(item, item_blocks(item)) for item in result.items[:20]]
    raw = json.dumps([json.loads(encode(item)) for item in result.items], ensure_ascii=False)
    for text in expect.get("forbid", []):
        if text in raw:
            out.append(f"an item says {text!r}")
    for text in expect.get("must_contain", []):
        if result.items and text not in raw:
            out.append(f"no item says {text!r}")
    if set(expect.get("forbid_ids", [])) & {item.guid for item in result.items}:
        out.append("another feed's items")
    links = " ".join(item.canonical_url.partition("?q=")[0] for item in result.items)
    out += [f"links carry {text}" for text in expect.get("must_not_contain_links", []) if text in links]
    for article in articles:
        text_content = article.html + "".join(article.paragraphs) + article.title
        if not inert(article.html):
            out.append(f"not inert: {article.html[:200]}")
        if text_content != printable(text_content):
            out.append(f"control characters: {text_content[:100]!r}")
    return out


def inert(markup: str) -> bool:
    """Return whether *markup* contains no script, neither automatic nor on click, as a browser parses it."""
    tree = lxml.html.fragment_fromstring(markup, create_parent="div")
    return not any(
        element.tag in ("script", "iframe", "object", "embed", "style", "base", "meta", "link", "form")
        or any(name.startswith("on") or name == "style" for name in element.attrib)
        or any("script:" in value.replace("\t", "").lower() or value.lower().startswith("data:text")
               for name, value in element.items() if name in ("href", "src"))
        for element in tree.iter()
    )  # fmt: skip


def printable(text: str) -> str:
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in ("Cc", "Cs"))


async def verdict(settings: Settings, netns: bool, only: list[str]) -> tuple[int, dict[str, list[str]]]:
    """Return the number of cases, and the failures by case."""
    async with hostile_server(netns) as manifest:
        os.environ["SSL_CERT_FILE"] = manifest["ca"] or ""
        found, rss_mb = await survey(manifest, settings, only)
        by_id = {case["id"]: case for case in manifest["cases"]}
        wrong = {name: said for name, one in found.items() if (said := complaints(by_id[name], one))}
        if rss_mb > MAX_RSS_MB:
            wrong["all"] = [f"the poller grew by {rss_mb:.0f} MB"]
        return len(found), wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--netns", action="store_true")
    args = parser.parse_args()
    start_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedValkey(Settings(data_dir=Path(folder), valkey_fsync="everysec"))
        server.start()
        try:
            count, wrong = asyncio.run(verdict(Settings(broker_url=server.url, partitions=4), args.netns, args.cases))
        finally:
            server.stop()
    for name, said in wrong.items():
        print(json.dumps({"case": name, "wrong": said}, ensure_ascii=False))
    print(json.dumps({"cases": count, "wrong": len(wrong), "wall_s": round(time.monotonic() - start_s, 1)}))


if __name__ == "__main__":
    main()
