"""The programs in examples/js and examples/go, as they are: none loses an article across a restart."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streams.cloudevents import NEW
from streams.config.settings import Settings
from tests.conftest import ROOT, until
from tests.support.ports import free_port
from tests.support.site import article, open_site, publish
from tests.support.webhooks import SECRET, sink_runner
from workers.services import connect

EXAMPLES = ROOT / "examples"
BUILD_S = 600.0


def require(program: str) -> str:
    """Return the path of a program; skip without it, and fail in CI."""
    path = shutil.which(program)
    if path is None:
        assert not os.environ.get("CI"), f"{program} is missing in CI"
        pytest.skip(f"no {program} on this machine")
    return path


@pytest.fixture(scope="session")
def go_programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the built Go examples; skip without Go, or without its modules outside of CI."""
    folder = tmp_path_factory.mktemp("go")
    command = [require("go"), "build", "-o", f"{folder}/", "./..."]
    built = subprocess.run(command, cwd=EXAMPLES / "go", capture_output=True, text=True, timeout=BUILD_S)
    if built.returncode:
        assert not os.environ.get("CI"), built.stderr
        pytest.skip(f"Go examples not built: {built.stderr[-500:]}")
    return folder


@asynccontextmanager
async def running(*command: str | Path, output: Path, **env: str) -> AsyncGenerator["subprocess.Popen[bytes]", None]:
    """Run a program with its standard output in a file; kill it at the end."""
    with output.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, env={**os.environ, **env})
        try:
            yield process
            assert process.poll() is None, "program ended"
        finally:
            process.kill()
            process.wait()


def ids_in(path: Path) -> list[str]:
    """Return the `id revision` pairs of a file of JSON lines, or of lines with both."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    rows: list[Any] = [json.loads(line) if line.startswith("{") else line for line in lines]
    return [f"{row['id']} {row['revision']}" if isinstance(row, dict) else row for row in rows]


def printed(path: Path) -> set[str]:
    """Return the first two words of each line."""
    return {" ".join(line.split()[:2]) for line in ids_in(path)}


def expected(numbers: range) -> set[str]:
    return {f"{article(n).id} 1" for n in numbers}


SSE = {"js": lambda _: (require("node"), EXAMPLES / "js" / "subscribe.mjs"), "go": lambda folder: (folder / "sse",)}


@pytest.mark.parametrize("language", SSE)
async def test_sse_example_continues_after_a_kill(
    language: str, settings: Settings, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue("go_programs") if language == "go" else None
    program: Callable[[Any], tuple[str | Path, ...]] = SSE[language]
    path = tmp_path / "articles.jsonl"
    async with open_site(settings) as site:
        command = (*program(folder), str(path), f"{site.url}topics/articles")
        await publish(site.broker, *(article(n) for n in range(5)))
        async with running(*command, output=tmp_path / "out"):
            await until(lambda: expected(range(5)) <= set(ids_in(path)))
        await publish(site.broker, *(article(n) for n in range(5, 10)))
        async with running(*command, output=tmp_path / "out"):
            await until(lambda: expected(range(10)) <= set(ids_in(path)))
    if language == "js":
        assert len(ids_in(path)) == 10
    assert len(ids_in(path)) <= 11  # a kill between two writes repeats one article


async def test_js_webhook_example_checks_signatures(settings: Settings, tmp_path: Path) -> None:
    node, port = require("node"), free_port()
    broker = await connect(settings, settings.broker_url)
    await publish(broker, article(1))
    url, out = f"http://127.0.0.1:{port}/", tmp_path / "out"
    async with running(node, EXAMPLES / "js" / "webhook.mjs", str(port), output=out, WEBHOOK_SECRET=SECRET):
        sink = asyncio.create_task(sink_runner(settings, broker, "js", url).run())
        await until(lambda: f"{NEW} {article(1).title}" in out.read_text("utf-8"))
        sink.cancel()
        await asyncio.gather(sink, return_exceptions=True)
    async with running(
        node, EXAMPLES / "js" / "webhook.mjs", str(port), output=tmp_path / "other", WEBHOOK_SECRET="another secret"
    ):
        sink = asyncio.create_task(sink_runner(settings, broker, "other", url).run())
        await until(lambda: broker.message_count("copydesk.dead-letters"))
        sink.cancel()
        await asyncio.gather(sink, return_exceptions=True)
    assert (tmp_path / "other").read_text("utf-8") == ""
    await broker.close()


async def test_go_redis_example_continues_after_a_kill(settings: Settings, tmp_path: Path, go_programs: Path) -> None:
    broker = await connect(settings, settings.broker_url)
    command = (
        go_programs / "redis",
        settings.broker_url.replace("valkey://", "unix://"),
        str(tmp_path / "positions.json"),
    )
    await publish(broker, *(article(n) for n in range(5)))
    out = tmp_path / "out"
    async with running(*command, output=out):
        await until(lambda: expected(range(5)) <= printed(out))
    await publish(broker, *(article(n) for n in range(5, 10)))
    async with running(*command, output=out):
        await until(lambda: expected(range(10)) <= printed(out))
    await broker.close()


async def test_go_kafka_example_prints_events(
    settings: Settings, kafka_url: str, tmp_path: Path, go_programs: Path
) -> None:
    settings = replace(settings, broker_url=kafka_url, state_url=settings.broker_url)
    broker = await connect(settings, settings.broker_url)
    await publish(broker, *(article(n) for n in range(5)))
    out = tmp_path / "out"
    servers = kafka_url.removeprefix("kafka://")
    async with running(go_programs / "kafka", servers, f"go-{tmp_path.name}", output=out):
        await until(lambda: expected(range(5)) <= printed(out))
    await broker.close()


@pytest.mark.parametrize("path", sorted((EXAMPLES / "kafka-connect").glob("*.json")), ids=lambda path: path.stem)
def test_connector_reads_committed_articles(path: Path) -> None:
    config = json.loads(path.read_text("utf-8"))["config"]
    assert config["topics"].startswith("copydesk.articles")
    assert config["consumer.override.isolation.level"] == "read_committed"
