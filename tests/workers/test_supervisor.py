"""`copydesk up` with real processes that are killed, compared with the ledger of the demo newsroom."""

import asyncio
import json
import os
import signal
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from tests.conftest import DEADLINE_S, copydesk, until
from tests.support.up import output, pids, up
from workers.demo.stories import reprints, story


def ledger(folder: Path) -> list[tuple[int, int]]:
    path = folder / "copydesk-data" / "demo" / "ledger.jsonl"
    return [tuple(json.loads(line)[:2]) for line in path.read_text().splitlines()] if path.exists() else []


def prints(folder: Path) -> set[tuple[str, int]]:
    """Return the URLs and revisions of the ledger's stories, and of their copies in other papers."""
    stories = [story(number, revision) for number, revision in ledger(folder)]
    return {(version.url, version.revision) for s in stories for version in (s, *reprints(s))}


def articles(folder: Path) -> list[dict[str, Any]]:
    lines = copydesk("tail", "articles", "--from", "start", "--no-follow", "--json", cwd=folder).stdout.splitlines()
    return [json.loads(line) for line in lines]


def published(folder: Path) -> Counter[tuple[str, int]]:
    polled = [a for a in articles(folder) if a["feed"].startswith("http")]
    return Counter((a["canonical_url"], a["revision"]) for a in polled)


async def check_status_page(folder: Path) -> None:
    """Check the page and the status of a running `copydesk up`."""
    await until(lambda: "web interface http" in output(folder))
    url = output(folder).partition("web interface ")[2].split()[0].partition("#")[0]

    def get(path: str, host: str | None = None) -> tuple[int, bytes, Any]:
        request = urllib.request.Request(url + path, headers={"Host": host} if host else {})
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as exc:
            return exc.code, exc.read(), exc.headers

    await until(lambda: json.loads(get("recent.json")[1])["articles"], what="articles on the page")
    status, body, headers = get("status.json")
    assert status == 200
    assert json.loads(body)["counters_consistent"]
    assert get("healthz")[0] == 200
    assert b"<title>copydesk</title>" in get("")[1]
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert get("status.json", host="evil.example")[0] == 403


async def test_up_publishes_exactly_once_after_kills(tmp_path: Path) -> None:
    with up(tmp_path):
        await until(lambda: len(ledger(tmp_path)) > 14, what="stories")
        for victim in (("workers.cli", "poll"), ("workers.cli", "desk"), ("valkey-server",)) * 2:
            [pid] = await until(lambda v=victim: pids(tmp_path, *v))  # type: ignore[misc]
            before = len(ledger(tmp_path))
            os.kill(pid, signal.SIGKILL)
            await until(lambda v=victim, p=pid: [x for x in pids(tmp_path, *v) if x != p], what=f"{victim} again")  # type: ignore[misc]
            await until(lambda n=before: len(ledger(tmp_path)) > n + 3)  # type: ignore[misc]
        # The newsroom corrects every fifth story after 15 s.
        await until(lambda: sum(r == 2 for _, r in ledger(tmp_path)) >= 2, what="corrections")
        wanted = prints(tmp_path)
        await until(lambda: wanted <= set(published(tmp_path)), what="all of it published")
        counts = published(tmp_path)
        assert set(counts) <= prints(tmp_path)
        assert max(counts.values()) == 1
        status = json.loads(copydesk("status", "--json", cwd=tmp_path).stdout)
        assert status["counters_consistent"]
        assert status["counters"]["desk"]["failed"] == 0
        article = next(a for a in articles(tmp_path) if a["removed"])
        clutter = ("Explore", "appeared first", "ALSO READ")
        assert not any(text in paragraph for paragraph in article["paragraphs"] for text in clutter)
    assert "Traceback" not in output(tmp_path)


async def test_up_serves_its_page_resumes_and_reports(tmp_path: Path) -> None:
    with up(tmp_path) as process:
        await until(lambda: "●" in output(tmp_path), what="a first article shown")
        await check_status_page(tmp_path)
        await until(lambda: len(ledger(tmp_path)) > 16 and "✗" in output(tmp_path))
        process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE_S) == 0
    first = prints(tmp_path)
    text = output(tmp_path)
    assert "copydesk is up after" in text
    assert "feeds add" in text
    assert "✗" in text  # the broken feed
    assert "stopped; so far" in text
    assert not pids(tmp_path, "valkey-server")
    assert not pids(tmp_path, "workers.cli")
    with up(tmp_path):
        before = len(ledger(tmp_path))
        await until(lambda: len(ledger(tmp_path)) > before + 5)
        wanted = prints(tmp_path)
        await until(lambda: wanted <= set(published(tmp_path)))
        assert max(published(tmp_path).values()) == 1
    assert first <= wanted


async def test_up_with_feed_starts_no_demo(tmp_path: Path) -> None:
    from tests.support.feed_server import FeedServer, rss

    async with FeedServer() as server:
        server.answers["f"] = rss([("https://a.example/1", "A story of my own", "<p>And what it says.</p>")])
        added = await asyncio.to_thread(copydesk, "feeds", "add", server.url + "f", cwd=tmp_path)
        assert f"added {server.url}f" in added.stdout
        assert f"creating data directory: {tmp_path / 'copydesk-data'}" in added.stderr
        stopped = await asyncio.to_thread(copydesk, "feeds", "list", cwd=tmp_path, check=3)
        assert "copydesk not running" in stopped.stderr
        with up(tmp_path, "--allowed-private-hosts", "127.0.0.1:*"):
            await until(lambda: "A story of my own" in output(tmp_path))
            assert "demo newsroom" not in output(tmp_path)
            listed = await asyncio.to_thread(copydesk, "feeds", "list", "--json", cwd=tmp_path)
            url = json.loads(listed.stdout.splitlines()[0])["url"]
            shown = await asyncio.to_thread(copydesk, "feeds", "show", url, cwd=tmp_path)
            assert f"URL            {url}" in shown.stdout
            await asyncio.to_thread(copydesk, "feeds", "show", "https://nobody.example/", cwd=tmp_path, check=1)
            [feed] = map(json.loads, listed.stdout.splitlines())
            assert (feed["title"], feed["items_published"]) == ("The Test Courier", 1)
            opml = (await asyncio.to_thread(copydesk, "feeds", "export", cwd=tmp_path)).stdout
            (tmp_path / "f.opml").write_text(opml)
            again = await asyncio.to_thread(copydesk, "feeds", "import", "f.opml", cwd=tmp_path)
            assert "0 added, 1 already registered" in again.stdout


def test_startup_error_is_one_line(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = copydesk("up", "--web-port", str(port), cwd=tmp_path, check=2)
        assert f"web_port = {port}" in done.stderr
        assert "Traceback" not in done.stderr + done.stdout
        assert not pids(tmp_path, "valkey-server")
    (tmp_path / "copydesk.toml").write_text("")
    for arguments, code, message in (
        (("up", "--web-port", "many"), 2, "web_port = 'many' (flag --web-port); expected a whole number"),
        (("desk",), 3, "copydesk not running"),
        (("status", "--broker-url", "valkey://127.0.0.1:1"), 3, "broker unavailable: valkey://127.0.0.1:1"),
        (
            ("tail", "articles", "--broker-url", "kafka://127.0.0.1:1", "--state-url", "redis://127.0.0.1:1"),
            3,
            "broker unavailable",
        ),
        (("status",), 3, "copydesk not running"),
        (("check",), 3, "copydesk not running"),
        (("feeds", "list"), 3, "copydesk not running"),
        (("tail", "articles"), 3, "copydesk not running"),
        (("tail", "nonsense"), 2, "unknown topic: nonsense; use one of items, articles,"),
        (("tail", "articles", "--from", "yesterday"), 2, "start, end or an offset"),
        (("feeds", "add", "a.example"), 2, "'a.example' (not an http or https URL)"),
        (("feeds", "import", "nowhere.opml"), 1, "file not readable: nowhere.opml (No such file"),
        (("feeds", "remove", "https://a.example/f"), 1, "feed not found"),
        (("feeds", "remove", "https://a.example/f", "--data-dir", "gone"), 3, "no data directory"),
        (("dead-letters", "replay"), 2, "no dead letters selected; name them, or use --all"),
        (("init",), 2, "file exists: copydesk.toml"),
    ):
        done = copydesk(*arguments, cwd=tmp_path, check=code)
        assert message in done.stderr, arguments
        assert "Traceback" not in done.stderr, arguments
        assert len(done.stderr.strip().splitlines()) == 1, (arguments, done.stderr)
    assert not (tmp_path / "gone").exists()


async def test_up_waits_for_broker_until_interrupted(tmp_path: Path) -> None:
    with up(tmp_path, "--broker-url", "valkey://127.0.0.1:1") as process:
        await until(lambda: "retrying in" in output(tmp_path))
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, DEADLINE_S) == 0
    assert "broker unavailable: valkey://127.0.0.1:1" in output(tmp_path)
    assert "Traceback" not in output(tmp_path)


async def test_up_reports_log_damaged_while_running(tmp_path: Path) -> None:
    with up(tmp_path) as process:
        await until(lambda: "●" in output(tmp_path), what=lambda: f"article in {output(tmp_path)[-2000:]}")
        [pid] = pids(tmp_path, "valkey-server")
        [log] = (tmp_path / "copydesk-data" / "valkey" / "appendonlydir").glob("*.incr.aof")
        os.kill(process.pid, signal.SIGSTOP)  # it must not restart the server before the log is damaged
        os.kill(pid, signal.SIGKILL)
        await until(lambda: (Path(f"/proc/{pid}/stat").read_text().split()[2]) == "Z", what="dead server")
        log.write_bytes(log.read_bytes()[:-11])
        os.kill(process.pid, signal.SIGCONT)
        assert await asyncio.to_thread(process.wait, DEADLINE_S) == 2
    assert "append-only file damaged" in output(tmp_path)
    assert "Traceback" not in output(tmp_path)
