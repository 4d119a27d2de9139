"""Chats: an HTTP server on loopback that reads article and revision from the text of a message."""

import json
import re
from typing import Any, ClassVar

from aiohttp import web

from tests.contract.sinks.destinations import Destination

MESSAGE = re.compile(r"(?:Revised: )?(?P<id>[a-z])\b")
REVISION = re.compile(r"revision ([0-9]+)")


class Chat(Destination):
    """A chat that rejects, delays or does not respond."""

    fails = ("retry", "reject", "down")

    async def __aenter__(self) -> "Chat":
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
            title = MESSAGE.match(self.title(body))
            revision = REVISION.search(json.dumps(body))
            assert title, body
            self.events.append(f"{title['id']}.{revision[1] if revision else 1}")
        return web.json_response({"retry_after": 0.01}, status=self.status)

    def title(self, body: Any) -> str:
        return str(body["text"])

    def options(self) -> dict[str, str]:
        return {"url": f'"http://127.0.0.1:{self.port}/in"', "revisions": "true"}

    def delivered(self) -> list[str]:
        return self.events

    async def fail(self, failure: str) -> None:
        if failure == "down":
            await self.site.stop()
        self.status = {"retry": 429, "reject": 400, "down": 200}[failure]

    async def recover(self) -> None:
        self.status = 200
        if self.site not in self.runner.sites:
            await self._listen()


class SlackChannel(Chat):
    """An incoming webhook of Slack."""

    invalid: ClassVar = {'url = "ftp://a.example"': "must start with http:// or https://"}


class DiscordChannel(Chat):
    """A webhook of Discord."""

    def title(self, body: Any) -> str:
        return str(body["embeds"][0]["title"])


class TelegramChat(Chat):
    """Telegram's Bot API."""

    invalid: ClassVar = {'token = "short"': "minimum length is 16 characters"}

    def title(self, body: Any) -> str:
        return str(body["text"]).removeprefix("<b>")

    def options(self) -> dict[str, str]:
        return super().options() | {"token": '"000000:0123456789"', "chat_id": '"@newsroom"'}
