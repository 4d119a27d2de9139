"""Delay from a hub's push to a subscriber: poller, desk and web as separate processes, on Valkey or Kafka.

python -m tests.tools.bench.push            embedded
python -m tests.tools.bench.push 4.4.0      on a Kafka of that version
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from streams.config.settings import Settings
from streams.config.sources import ENV_PREFIX
from streams.subscribe import subscribe
from streams.valkey.server import die_with_parent
from tests.conftest import ROOT
from tests.support.feed_server import FeedServer, rss
from tests.support.kafka import cluster
from tests.support.ports import free_port
from tests.support.stories import story
from tests.support.websub_hub import Hub, active, with_hub
from tests.tools.bench.common import run, server
from workers.poller.registry import FeedRegistry
from workers.services import connect
from workers.supervisor import to_environ

COUNT, EVERY_S, WARM_UP = 400, 0.1, 40
_NUMBER = re.compile(r"Story (\d+)")


def process(role: str, settings: Settings) -> "subprocess.Popen[bytes]":
    environ = {**os.environ, **to_environ(settings), f"{ENV_PREFIX}LOG_LEVEL": "ERROR"}
    return subprocess.Popen(
        [sys.executable, "-m", "workers.cli", role], env=environ, cwd=ROOT, preexec_fn=die_with_parent
    )


def item(n: int) -> tuple[str, str, str]:
    title, text = story(n)
    return (f"https://a.example/{n}", f"Story {n} {title}", f"<p>{text}</p>")


async def measured(settings: Settings) -> dict[str, Any]:
    port = free_port()
    settings = replace(
        settings, web_port=port, websub_callback_url=f"http://127.0.0.1:{port}", allowed_private_hosts="127.0.0.1:*"
    )
    broker = await connect(settings, settings.broker_url)
    parts = [process(role, settings) for role in ("poll", "desk", "web")]
    sent_s: dict[int, float] = {}
    late_s: dict[int, float] = {}
    try:
        async with FeedServer() as feeds, Hub() as hub:
            feeds.answers["f"] = with_hub(hub, item(0))
            await FeedRegistry(broker.state).add([(feeds.url + "f", "")])
            taking = asyncio.create_task(_take(settings, sent_s, late_s))
            await active(broker, feeds.url + "f")
            for n in range(1, COUNT + WARM_UP + 1):
                sent_s[n] = time.monotonic()
                await hub.push(rss([item(n)]))
                await asyncio.sleep(max(0.0, sent_s[n] + EVERY_S - time.monotonic()))
            async with asyncio.timeout(60):
                await taking
    finally:
        for part in parts:
            part.terminate()
            part.wait(20)
        await broker.close()
    late = sorted(seconds for n, seconds in late_s.items() if n > WARM_UP)
    at = {q: round(1000 * late[min(len(late) - 1, int(len(late) * q))], 1) for q in (0.5, 0.9, 0.99)}
    return {"pushed": COUNT, "arrived": len(late), "ms": {str(q): ms for q, ms in at.items()}, "max_ms": round(1000 * late[-1], 1)}  # fmt: skip


async def _take(settings: Settings, sent_s: dict[int, float], late_s: dict[int, float]) -> None:
    async with aclosing(subscribe("articles", start="end", settings=settings)) as articles:
        async for article in articles:
            found = _NUMBER.match(article.title)
            if found and int(found[1]) in sent_s:
                late_s[int(found[1])] = time.monotonic() - sent_s[int(found[1])]
            if len(late_s) == COUNT + WARM_UP:
                return


def measure(kafka: str = "") -> dict[str, Any]:
    """Return the delay from a push to the article's arrival at a subscriber."""
    with server() as settings:
        if not kafka:
            return dict(run(lambda: measured(settings)))
        with cluster(kafka) as at:
            on_kafka = replace(settings, broker_url=at.url, state_url=settings.broker_url)
            return dict(run(lambda: measured(on_kafka)))


if __name__ == "__main__":
    print(json.dumps(measure(*sys.argv[1:]), indent=1))
