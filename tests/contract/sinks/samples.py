"""A sample destination of each sink, for the contract tests. A new sink needs an entry in SAMPLES.

A destination is a real one: a server on loopback, a file, a database.
"""

from typing import ClassVar

from aiohttp import web

from tests.contract.sinks.chats import DiscordChannel, SlackChannel, TelegramChat
from tests.contract.sinks.destinations import Destination
from tests.contract.sinks.files import LinesFile, ParquetFolder
from tests.contract.sinks.servers import Bucket, SearchIndex
from tests.contract.sinks.stores import PostgresqlTable, SqliteFile


class WebhookReceiver(Destination):
    """An HTTP server on loopback."""

    fails = ("retry", "reject", "down")
    invalid: ClassVar = {
        'url = "ftp://a.example"': "must start with http:// or https://",
        'secret = "short"': "minimum length is 16 characters",
        'secret = "whsec_0123456789abcd!"': "expected base64 after whsec_",
    }

    async def __aenter__(self) -> "WebhookReceiver":
        self.status, self.events, self.port = 200, list[str](), 0
        app = web.Application()
        app.router.add_post("/", self._respond)
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
        article = (await request.json())["data"]
        if self.status == 200:
            self.events.append(f"{article['id']}.{article['revision']}")
        return web.Response(status=self.status)

    def options(self) -> dict[str, str]:
        return {"url": f'"http://127.0.0.1:{self.port}/"', "secret": '"0123456789abcdef"'}

    def delivered(self) -> list[str]:
        return self.events

    async def fail(self, failure: str) -> None:
        if failure == "down":
            await self.site.stop()
        self.status = {"retry": 503, "reject": 410, "down": 200}[failure]

    async def recover(self) -> None:
        self.status = 200
        if self.site not in self.runner.sites:
            await self._listen()


SAMPLES: dict[str, type[Destination]] = {
    "webhook": WebhookReceiver,
    "sqlite": SqliteFile,
    "postgresql": PostgresqlTable,
    "jsonl": LinesFile,
    "slack": SlackChannel,
    "discord": DiscordChannel,
    "telegram": TelegramChat,
    "opensearch": SearchIndex,
    "parquet": ParquetFolder,
    "s3": Bucket,
}
