"""The MCP server over standard input and output, for clients of the revisions 2025-11-25 and 2026-07-28.

It only reads: tools answer from the topics, resources are topics of articles.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import mcp_types as types
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp.shared.exceptions import MCPError

from streams.config.settings import Settings
from streams.errors import CopydeskError
from streams.logger import get_logger
from streams.routing import route_topics
from streams.topics import ARTICLES
from streams.version import version
from workers.mcp.delimiters import WARNING
from workers.mcp.library import Library
from workers.mcp.subscriptions import AFTER, URI_PREFIX, Notifier, parse_uri
from workers.mcp.tools import TOOLS, ListSinceArguments, ToolError, Tools

log = get_logger(__name__)

INSTRUCTIONS = (
    "News articles of many publishers, cleaned by copydesk. "
    f"{WARNING} A delimiter is random for each answer. "
    "To miss no article, subscribe to a topic, and call list_since with the position of the answer before."
)
TEXT = "text/plain"


class McpServer:
    """Handlers of the protocol over one copydesk."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.library = settings, Library(settings)
        self.tools, self.notifier = Tools(settings, self.library), Notifier(settings)
        self._subscribed: dict[str, AbstractAsyncContextManager[None]] = {}
        self.protocol: Server[Any] = Server(
            "copydesk", version=version(), instructions=INSTRUCTIONS, lifespan=self._lifespan,
            on_list_tools=self._list_tools, on_call_tool=self._call_tool,
            on_list_resources=self._list_resources, on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource, on_subscribe_resource=self._subscribe,
            on_unsubscribe_resource=self._unsubscribe, on_subscriptions_listen=self._listen,
        )  # fmt: skip

    @asynccontextmanager
    async def _lifespan(self, _: Server[Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Fill the library while the client connects; end all subscriptions afterwards."""
        filling = asyncio.create_task(self._fill())
        try:
            yield {}
        finally:
            with anyio.CancelScope(shield=True):
                await self.library.close()
                await asyncio.gather(filling, return_exceptions=True)
            for uri in list(self._subscribed):
                await self._end_subscription(uri)

    async def _fill(self) -> None:
        try:
            await self.library.refresh()
        except CopydeskError as exc:
            log.warning("articles not read", error=exc, next_step="the next call reads them")

    async def _list_tools(self, context: Any, params: Any) -> types.ListToolsResult:
        hints = types.ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True)
        tools = [
            types.Tool(name=name, description=tool.description, input_schema=tool.schema(), annotations=hints)
            for name, tool in TOOLS.items()
        ]
        return types.ListToolsResult(tools=tools)

    async def _call_tool(self, context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            text, failed = await self.tools.call(params.name, params.arguments or {}), False
        except CopydeskError as exc:
            text, failed = str(exc), True
        return types.CallToolResult(content=[types.TextContent(text=text)], is_error=failed)

    async def _list_resources(self, context: Any, params: Any) -> types.ListResourcesResult:
        topics = [ARTICLES, *route_topics(self.settings.routes)]
        names = [topic.name.partition(".")[2] for topic in topics]
        resources = [
            types.Resource(uri=URI_PREFIX + name, name=name, description=f"Latest articles of {name}", mime_type=TEXT)
            for name in names
        ]
        return types.ListResourcesResult(resources=resources)

    async def _list_templates(self, context: Any, params: Any) -> types.ListResourceTemplatesResult:
        template = types.ResourceTemplate(
            uri_template=f"{URI_PREFIX}{{topic}}{{{AFTER[0]}after}}", name="articles after a position", mime_type=TEXT,
            description="Articles of a topic after the position of the answer before.",
        )  # fmt: skip
        return types.ListResourceTemplatesResult(resource_templates=[template])

    async def _read_resource(self, context: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        uri = str(params.uri)
        async with _protocol_errors():
            topic, position = parse_uri(uri)
            text = await self.tools.list_since(ListSinceArguments(topic=topic, since=position))
        return types.ReadResourceResult(contents=[types.TextResourceContents(uri=uri, mime_type=TEXT, text=text)])

    async def _subscribe(self, context: Any, params: types.SubscribeRequestParams) -> types.EmptyResult:
        """Notify of a resource until the client unsubscribes (2025-11-25)."""
        uri, send = str(params.uri), context.session.send_resource_updated
        if uri not in self._subscribed:
            async with _protocol_errors():
                notifying = self.notifier.notifying([uri], send)
                await notifying.__aenter__()
            self._subscribed[uri] = notifying
        return types.EmptyResult()

    async def _unsubscribe(self, context: Any, params: types.UnsubscribeRequestParams) -> types.EmptyResult:
        await self._end_subscription(str(params.uri))
        return types.EmptyResult()

    async def _end_subscription(self, uri: str) -> None:
        if uri in self._subscribed:
            await self._subscribed.pop(uri).__aexit__(None, None, None)

    async def _listen(
        self, context: Any, params: types.SubscriptionsListenRequestParams
    ) -> types.SubscriptionsListenResult:
        """Notify of resources until the client closes the stream (2026-07-28)."""
        bus = InMemorySubscriptionBus()
        uris = [str(uri) for uri in params.notifications.resource_subscriptions or ()]

        async def publish(uri: str) -> None:
            await bus.publish(ResourceUpdated(uri=uri))

        async with _protocol_errors(), self.notifier.notifying(uris, publish):
            return await ListenHandler(bus)(context, params)


@asynccontextmanager
async def _protocol_errors() -> AsyncGenerator[None, None]:
    """Turn errors of copydesk into errors of the protocol. Only a ToolError is an error of the client."""
    try:
        yield
    except CopydeskError as exc:
        code = types.INVALID_PARAMS if isinstance(exc, ToolError) else types.INTERNAL_ERROR
        raise MCPError(code, str(exc)) from exc


async def serve(settings: Settings) -> None:
    """Serve one client over standard input and output, until it closes them."""
    server = McpServer(settings).protocol
    async with stdio_server() as (read_stream, write_stream):
        await server.run(read_stream, write_stream, server.create_initialization_options())
