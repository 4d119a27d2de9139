"""The base of HTTP servers on loopback that survive a stop."""

import asyncio
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from tests.support.journal import Journal

MAX_BODY_BYTES = 100_000_000


class HttpServer(ABC):
    """A server that keeps its port and its content while it is stopped."""

    port = 0  # 0: a free one, at the first start

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the server."""

    async def start(self) -> None:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_routes(self.routes())
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port).start()
        self.port = self.runner.addresses[0][1]

    async def stop(self) -> None:
        await self.runner.cleanup()


def run_until_killed(open_server: Callable[[Journal], HttpServer]) -> None:
    """Run a server with the port and the journal that the command line gives."""

    async def run() -> None:
        server = open_server(Journal(Path(sys.argv[2])))
        server.port = int(sys.argv[1])
        await server.start()
        await asyncio.Event().wait()

    asyncio.run(run())
