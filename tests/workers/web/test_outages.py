"""The web server while its broker is away: producers and subscribers try again, so they lose nothing."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from streams.config.settings import Settings
from streams.topics import ARTICLES
from streams.valkey.server import EmbeddedValkey
from tests.conftest import until
from tests.support.site import Site, article, open_site, publish
from workers.web.admin_api import TOKEN_HEADER
from workers.web.broadcast import BUFFER_EVENTS


@asynccontextmanager
async def open_mortal_site(folder: Path) -> AsyncGenerator[tuple[Site, EmbeddedValkey], None]:
    """Run a web server on a Valkey of its own, which the test may stop."""
    settings = Settings(data_dir=folder, partitions=1, shutdown_timeout_s=5.0)
    valkey = EmbeddedValkey(settings)
    valkey.start()
    try:
        async with open_site(replace(settings, broker_url=valkey.url)) as site:
            yield site, valkey
    finally:
        valkey.stop()


CHANGES: dict[str, Any] = {
    "items?source=courier": {"title": "Canal reopens"},
    "feeds": {"action": "add", "url": "https://courier.example/f"},
    "dead-letters": {"action": "discard", "all": True},
}


async def test_changes_without_broker_are_unavailable(tmp_path: Path) -> None:
    async with open_mortal_site(tmp_path) as (site, valkey):
        valkey.stop()
        headers = {
            TOKEN_HEADER: site.server.admin.token,
            "Content-Type": "application/json",
            "Idempotency-Key": "push-1",
        }
        for path, body in CHANGES.items():
            async with site.http.post(site.url + path, data=json.dumps(body), headers=headers) as response:
                assert response.status == 503, path
                assert "broker" in (await response.json())["message"]


async def test_subscriber_whose_resume_fails_is_disconnected(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with open_mortal_site(tmp_path) as (site, valkey):
        await publish(site.broker, *(article(n) for n in range(BUFFER_EVENTS + 1)))
        broadcaster = site.server.topics.broadcasters[ARTICLES.name]
        await until(lambda: broadcaster.position == {0: BUFFER_EVENTS + 1}, what="a full buffer")
        await broadcaster.start()
        valkey.stop()
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(site.url).port)
        writer.write(b"GET /topics/articles?from=start HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = b""
        try:
            while chunk := await reader.read(10_000):
                answer += chunk
        except ConnectionError:
            pass  # reset by the server, so that the client resumes
        writer.close()
    assert answer.endswith(b"retry: 1000\n\n\r\n"), "no second response in the stream"
    assert "subscriber disconnected" in caplog.text
