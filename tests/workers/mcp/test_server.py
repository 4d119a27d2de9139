"""The MCP server with the client of its SDK: protocol, notifications, and a kill."""

import asyncio
import gc
import os
import signal
import sys
import warnings
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace as with_settings
from pathlib import Path
from typing import Any

import pytest

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.config.tables import Route
from tests.conftest import DEADLINE_S, ROOT, copydesk, until
from tests.support.mcp import read_answer, require_sdk
from tests.support.site import article, publish
from workers.services import connect

require_sdk()

import mcp_types as types  # noqa: E402 - the module is skipped without the SDK
from mcp.client import Client  # noqa: E402
from mcp.client.stdio import StdioServerParameters, stdio_client  # noqa: E402
from mcp.shared.exceptions import MCPError  # noqa: E402

from workers.mcp.server import McpServer  # noqa: E402

ARTICLES = "copydesk://topics/articles"


@asynccontextmanager
async def client_of(settings: Settings, **options: Any) -> AsyncGenerator[tuple[Client, Broker], None]:
    """Yield a client in this process, and a broker."""
    broker = await connect(settings, settings.broker_url)
    try:
        async with Client(McpServer(settings).protocol, **options) as client:
            yield client, broker
    finally:
        await broker.close()


def process(settings: Settings, folder: Path) -> AbstractAsyncContextManager[Any]:
    """Return the streams of a server process that writes its id to `pid`."""
    assert sys.__stderr__ is not None  # the default is `sys.stderr` at the time of the import
    shell = f"echo $$ > {folder}/pid; exec {sys.executable} -m workers.cli mcp"
    env = {"COPYDESK_BROKER_URL": settings.broker_url, "PYTHONPATH": str(ROOT)}
    return stdio_client(
        StdioServerParameters(command="/bin/sh", args=["-c", shell], env=env, cwd=folder), sys.__stderr__
    )


def position(text: str) -> str:
    return text.partition("Next position: ")[2].partition(".\n")[0].partition(". More")[0].rstrip(".")


async def text_of(client: Client, name: str, **arguments: Any) -> str:
    result = await client.call_tool(name, arguments)
    assert not result.is_error
    return str(result.content[0].text)  # type: ignore[union-attr]


async def test_client_lists_tools_and_resources(local_broker: Settings) -> None:
    settings = with_settings(local_broker, routes=(Route(name="world", language=("en",)),))
    async with client_of(settings) as (client, _):
        tools = (await client.list_tools()).tools
        resources = (await client.list_resources()).resources
        [template] = (await client.list_resource_templates()).resource_templates
    assert [tool.name for tool in tools] == [
        "search_articles",
        "get_article",
        "list_since",
        "get_story",
        "diff_revisions",
    ]
    for tool in tools:
        assert tool.description
        assert tool.annotations
        assert tool.annotations.read_only_hint
        assert tool.input_schema["type"] == "object"
        assert all(field["description"] for field in tool.input_schema["properties"].values())
    assert [resource.uri for resource in resources] == [ARTICLES, ARTICLES + ".world"]
    assert template.uri_template == "copydesk://topics/{topic}{?after}"


async def test_new_article_is_notified(either: Settings) -> None:
    async with client_of(either) as (client, broker), client.listen(resource_subscriptions=[ARTICLES]) as events:
        for n in range(3):
            await publish(broker, article(n))
            event = await asyncio.wait_for(anext(events), DEADLINE_S)
            assert event.uri == ARTICLES  # type: ignore[union-attr]
            assert article(n).id in await text_of(client, "list_since")


async def test_position_in_uri_notifies_of_earlier_articles(local_broker: Settings) -> None:
    async with client_of(local_broker) as (client, broker):
        start = position(await text_of(client, "list_since"))
        await publish(broker, article(1))
        uri = f"{ARTICLES}?after={start}"
        async with client.listen(resource_subscriptions=[uri]) as events:
            event = await asyncio.wait_for(anext(events), DEADLINE_S)
        assert event.uri == uri  # type: ignore[union-attr]
        text = str((await client.read_resource(uri)).contents[0].text)  # type: ignore[union-attr]
        assert [record["id"] for record in read_answer(text).records] == [article(1).id]


async def test_client_of_2025_is_notified(local_broker: Settings) -> None:
    updates: asyncio.Queue[Any] = asyncio.Queue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK marks the methods of 2025-11-25 as deprecated
        async with client_of(local_broker, mode="legacy", message_handler=updates.put) as (client, broker):
            await client.subscribe_resource(ARTICLES)
            await publish(broker, article(1))
            message = await asyncio.wait_for(updates.get(), DEADLINE_S)
            assert str(message.params.uri) == ARTICLES
            await client.unsubscribe_resource(ARTICLES)
            assert article(1).id in await text_of(client, "search_articles")


@pytest.mark.parametrize(
    "uri", ["copydesk://topics/items", "copydesk://topics/nope", "file:///etc/passwd", ARTICLES + "?after=x"]
)
async def test_unknown_resource_is_refused(local_broker: Settings, uri: str) -> None:
    async with client_of(local_broker) as (client, _):
        with pytest.raises(MCPError) as unread:
            await client.read_resource(uri)
        with pytest.raises(MCPError) as unheard:
            async with client.listen(resource_subscriptions=[uri]):
                pass
    assert unread.value.code == unheard.value.code == types.INVALID_PARAMS
    if uri.startswith("file:"):
        assert str(unread.value) == f'unknown resource: "{uri}"; its URI starts with copydesk://topics/'


async def test_kill_loses_no_article(settings: Settings, tmp_path: Path) -> None:
    """The server process is killed again and again while articles arrive; each is notified and listed once."""
    broker = await connect(settings, settings.broker_url)
    seen: list[str] = []
    start, count = "", 0
    for _ in range(4):
        try:
            async with Client(process(settings, tmp_path)) as client:
                start = start or position(await text_of(client, "list_since"))
                uri = f"{ARTICLES}?after={start}"
                async with client.listen(resource_subscriptions=[uri]) as events:
                    await publish(broker, *(article(n) for n in range(count, count + 5)))
                    count += 5
                    while len(seen) < count:
                        assert (await asyncio.wait_for(anext(events), DEADLINE_S)).uri == uri  # type: ignore[union-attr]
                        start = await list_all(client, start, seen)
                    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
                    await publish(broker, *(article(n) for n in range(count, count + 5)))
                    count += 5
        except Exception:  # noqa: BLE001 - the client reports a lost connection in several types
            pass
    async with Client(process(settings, tmp_path)) as client:
        await list_all(client, start, seen)
    await broker.close()
    assert count == 40
    assert sorted(seen) == [article(n).id for n in range(count)]


async def list_all(client: Client, start: str, seen: list[str]) -> str:
    """Add the ids of all articles after *start* to *seen*; return the position after them."""
    while True:
        text = await text_of(client, "list_since", since=start)
        seen += [record["id"] for record in read_answer(text).records]
        start = position(text)
        if "More articles follow" not in text:
            return start


async def test_server_without_copydesk_answers_with_the_next_step(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "absent")
    async with Client(McpServer(settings).protocol) as client:
        result = await client.call_tool("search_articles", {})
        with pytest.raises(MCPError, match="start it with `copydesk up`") as unread:
            await client.read_resource(ARTICLES)
    assert unread.value.code == types.INTERNAL_ERROR
    assert result.is_error
    assert "start it with `copydesk up`" in result.content[0].text  # type: ignore[union-attr]


def test_command_ends_with_its_client(settings: Settings, tmp_path: Path) -> None:
    done = copydesk("mcp", cwd=tmp_path, input="", env={"COPYDESK_BROKER_URL": settings.broker_url})
    assert done.stdout == ""


async def test_closed_streams_leave_no_connection(settings: Settings) -> None:
    async with client_of(settings) as (client, broker):
        await text_of(client, "search_articles")

        async def connections() -> int:
            return bytes(await broker.state.execute_command("CLIENT", "LIST")).count(b"\n")

        before = await connections()
        for _ in range(10):
            async with client.listen(resource_subscriptions=[ARTICLES]):
                pass

        async def are_closed() -> bool:
            return await connections() <= before

        await until(are_closed)
        gc.collect()  # a connection that is collected open is a warning, and so an error


async def test_subscriptions_are_bounded(local_broker: Settings) -> None:
    async with client_of(local_broker) as (client, _):
        uris = [f"{ARTICLES}?after=0:{n}" for n in range(33)]
        with pytest.raises(MCPError, match="too many subscriptions: 33"):
            async with client.listen(resource_subscriptions=uris):
                pass
        async with client.listen(resource_subscriptions=uris[:32]):
            pass
