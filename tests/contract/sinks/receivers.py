"""HTTP servers on loopback that receive one event in each request."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from aiohttp import web

from tests.contract.sinks.destinations import Destination


class Receiver(Destination):
    """A server that rejects, delays or does not respond. *statuses*: its response to each failure."""

    fails = ("retry", "reject", "down")
    statuses: ClassVar[Mapping[str, int]] = {"retry": 503, "reject": 410}

    async def __aenter__(self) -> Self:
        self.status, self.events, self.port = 200, list[str](), 0
        app = web.Application()
        app.router.add_post("/{path:.*}", self._respond)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await self._listen()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.runner.cleanup()

    async def _listen(self) -> None:
        self.site = web.TCPSite(self.runner, "127.0.0.1", self.port)
        await self.site.start()
        self.port = self.runner.addresses[0][1]

    async def _respond(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.status == 200:
            self.events.append(self.event(body))
        return web.json_response({"retry_after": 0.01}, status=self.status)

    @abstractmethod
    def event(self, body: Any) -> str:
        """Return the event of a request as `id.revision`."""

    def delivered(self) -> list[str]:
        return self.events

    async def fail(self, failure: str) -> None:
        if failure == "down":
            await self.site.stop()
        self.status = self.statuses.get(failure, 200)

    async def recover(self) -> None:
        self.status = 200
        if self.site not in self.runner.sites:
            await self._listen()
