"""`copydesk up` as a user has it: real processes, killed for real, compared with what the newsroom published."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import DEADLINE_S, ROOT, copydesk, until

PACE_S = 0.25


@contextmanager
def up(folder: Path, *flags: str, port: int = 0) -> Generator["subprocess.Popen[str]", None, None]:
    """`copydesk up` in *folder*, for as long as the block lasts."""
    log = (folder / "up.out").open("a")
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.cli", "up", "--web-port", str(port), "--demo-interval-s", str(PACE_S), *flags],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
        log.close()


def output(folder: Path) -> str:
    return (folder / "up.out").read_text("utf-8")


def ledger(folder: Path) -> list[tuple[int, int]]:
    path = folder / "copydesk-data" / "demo" / "ledger.jsonl"
    return [tuple(json.loads(line)[:2]) for line in path.read_text().splitlines()] if path.exists() else []


def articles(folder: Path) -> list[dict[str, Any]]:
    lines = copydesk("tail", "articles", "--from", "start", "--no-follow", "--json", cwd=folder).stdout.splitlines()
    return [json.loads(line) for line in lines]


def published(folder: Path) -> Counter[tuple[int, int]]:
    return Counter((int(a["canonical_url"].rpartition("/")[2]), a["revision"]) for a in articles(folder))


def pids(folder: Path, *words: str) -> list[int]:
    """Process ids of children with all of *words* on their command line, and which belong to *folder*."""
    found = []
    for proc in Path("/proc").iterdir():
        if proc.name.isdecimal():
            try:
                # Valkey writes its own title over its arguments, with spaces between.
                words_there = re.split(r"[\0 ]", (proc / "cmdline").read_bytes().decode("utf-8", "replace"))
                line = {Path(word).name for word in words_there}
                cwd = str((proc / "cwd").readlink())
            except OSError:
                continue
            if all(w in line for w in words) and cwd.startswith(str(folder)):
                found.append(int(proc.name))
    return found


def test_everything_is_published_exactly_once_whatever_is_killed(tmp_path: Path) -> None:
    async def go() -> None:
        with up(tmp_path):
            await until(lambda: len(ledger(tmp_path)) > 14, what="stories")
            for victim in (("workers.cli", "poll"), ("workers.cli", "desk"), ("valkey-server",)) * 2:
                [pid] = await until(lambda v=victim: pids(tmp_path, *v))
                before = len(ledger(tmp_path))
                os.kill(pid, signal.SIGKILL)
                await until(lambda v=victim, p=pid: [x for x in pids(tmp_path, *v) if x != p], what=f"{victim} again")
                await until(lambda n=before: len(ledger(tmp_path)) > n + 3)
            # Every fifth story is corrected 15 s after it came: wait until some corrections are among the articles.
            await until(lambda: sum(r == 2 for _, r in ledger(tmp_path)) >= 2, what="corrections")
            wanted = set(ledger(tmp_path))
            await until(lambda: wanted <= set(published(tmp_path)), what="all of it published")
        out = published(tmp_path)
        assert set(out) <= set(ledger(tmp_path))
        assert max(out.values()) == 1
        assert wanted <= set(out)
        status = json.loads(copydesk("status", "--json", cwd=tmp_path).stdout)
        assert status["balanced"]
        assert status["counters"]["desk"]["dead"] == 0
        one = next(a for a in articles(tmp_path) if a["removed"])
        assert not any("Explore" in p or "appeared first" in p or "ALSO READ" in p for p in one["paragraphs"])
        assert "Traceback" not in output(tmp_path)

    asyncio.run(go())


def test_it_resumes_where_it_was_and_says_what_it_does(tmp_path: Path) -> None:
    async def go() -> None:
        with up(tmp_path) as process:
            await until(lambda: "●" in output(tmp_path), what="a first article shown")
            await until(lambda: len(ledger(tmp_path)) > 16 and "✗" in output(tmp_path))
            process.send_signal(signal.SIGINT)
            assert process.wait(DEADLINE_S) == 0
        first = set(ledger(tmp_path))
        text = output(tmp_path)
        assert "copydesk is up after" in text
        assert "feeds add" in text
        assert "✗" in text  # the broken feed, in words
        assert "stopped; items so far" in text
        assert not pids(tmp_path, "valkey-server")
        assert not pids(tmp_path, "workers.cli")
        with up(tmp_path):
            await until(lambda: len(ledger(tmp_path)) > len(first) + 5)
            wanted = set(ledger(tmp_path))
            await until(lambda: wanted <= set(published(tmp_path)))
            assert max(published(tmp_path).values()) == 1
        assert first <= wanted

    asyncio.run(go())


def test_the_status_page_answers_while_it_runs(tmp_path: Path) -> None:
    async def go() -> None:
        with up(tmp_path):
            await until(lambda: "status page http" in output(tmp_path))
            url = output(tmp_path).partition("status page ")[2].split()[0].partition("#")[0]

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
            assert json.loads(body)["balanced"]
            assert get("healthz")[0] == 200
            assert b"<title>copydesk</title>" in get("")[1]
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert get("status.json", host="evil.example")[0] == 403

    asyncio.run(go())


def test_a_feed_of_one_s_own_takes_the_place_of_the_demo(tmp_path: Path) -> None:
    from tests.support.feed_server import FeedServer, rss

    async def go() -> None:
        async with FeedServer() as server:
            server.answers["f"] = rss([("https://a.example/1", "A story of my own", "<p>And what it says.</p>")])
            added = await asyncio.to_thread(copydesk, "feeds", "add", server.url + "f", cwd=tmp_path)
            assert f"added {server.url}f" in added.stdout
            with up(tmp_path, "--allowed-private-hosts", "127.0.0.1:*"):
                await until(lambda: "A story of my own" in output(tmp_path))
                assert "demo newsroom" not in output(tmp_path)
                listed = await asyncio.to_thread(copydesk, "feeds", "list", "--json", cwd=tmp_path)
                url = json.loads(listed.stdout.splitlines()[0])["url"]
                shown = await asyncio.to_thread(copydesk, "feeds", "show", url, cwd=tmp_path)
                assert f"url              {url}" in shown.stdout
                await asyncio.to_thread(copydesk, "feeds", "show", "https://nobody.example/", cwd=tmp_path, check=1)
                [feed] = map(json.loads, listed.stdout.splitlines())
                assert (feed["title"], feed["sent"]) == ("The Test Courier", 1)
                opml = (await asyncio.to_thread(copydesk, "feeds", "export", cwd=tmp_path)).stdout
                (tmp_path / "f.opml").write_text(opml)
                again = await asyncio.to_thread(copydesk, "feeds", "import", "f.opml", cwd=tmp_path)
                assert "0 added, 1 known before" in again.stdout

    asyncio.run(go())


def test_what_keeps_it_from_starting_is_one_clear_line(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = copydesk("up", "--web-port", str(port), cwd=tmp_path, check=2)
        assert f"web_port = {port}" in done.stderr
        assert "Traceback" not in done.stderr + done.stdout
        assert not pids(tmp_path, "valkey-server")
    for arguments, code, says in (
        (("up", "--web-port", "many"), 2, "web_port = 'many' is not a whole number"),
        (("desk",), 3, "no copydesk is running"),
        (("status", "--broker-url", "valkey://127.0.0.1:1"), 3, "broker valkey://127.0.0.1:1 doesn't answer"),
        (
            ("tail", "articles", "--broker-url", "kafka://127.0.0.1:1", "--state-url", "redis://127.0.0.1:1"),
            3,
            "doesn't answer",
        ),
        (("tail", "nonsense"), 2, "no topic 'nonsense'"),
        (("tail", "articles", "--from", "yesterday"), 2, "start, end or an offset"),
        (("feeds", "add", "a.example"), 2, "'a.example': not an http or https URL"),
        (("feeds", "import", "nowhere.opml"), 1, "nowhere.opml: No such file"),
        (("feeds", "remove", "https://a.example/f"), 1, "no such feed"),
    ):
        done = copydesk(*arguments, cwd=tmp_path, check=code)
        assert says in done.stderr, arguments
        assert "Traceback" not in done.stderr, arguments
        assert len(done.stderr.strip().splitlines()) == 1, (arguments, done.stderr)


def test_a_broker_that_is_down_is_waited_for_in_words_and_ctrl_c_ends_the_wait(tmp_path: Path) -> None:
    async def go() -> None:
        with up(tmp_path, "--broker-url", "valkey://127.0.0.1:1") as process:
            await until(lambda: "retrying in" in output(tmp_path))
            process.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(process.wait, DEADLINE_S) == 0
        assert "broker valkey://127.0.0.1:1 doesn't answer" in output(tmp_path)
        assert "Traceback" not in output(tmp_path)

    asyncio.run(go())


def test_a_log_that_is_damaged_while_it_runs_is_said_and_not_started_over(tmp_path: Path) -> None:
    async def go() -> None:
        with up(tmp_path) as process:
            await until(lambda: "●" in output(tmp_path))
            [pid] = pids(tmp_path, "valkey-server")
            [log] = (tmp_path / "copydesk-data" / "valkey" / "appendonlydir").glob("*.incr.aof")
            os.kill(process.pid, signal.SIGSTOP)  # so that it can't start the server again before the damage is done
            os.kill(pid, signal.SIGKILL)
            await until(lambda: (Path(f"/proc/{pid}/stat").read_text().split()[2]) == "Z", what="the server dead")
            log.write_bytes(log.read_bytes()[:-11])
            os.kill(process.pid, signal.SIGCONT)
            assert await asyncio.to_thread(process.wait, DEADLINE_S) == 2
        assert "is damaged, and starting would lose" in output(tmp_path)
        assert "Traceback" not in output(tmp_path)

    asyncio.run(go())
