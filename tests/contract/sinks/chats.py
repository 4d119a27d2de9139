"""Chats: an HTTP server on loopback that reads article and revision from the text of a message."""

import json
import re
from typing import Any, ClassVar

from tests.contract.sinks.receivers import Receiver

MESSAGE = re.compile(r"(?:Revised: )?(?P<id>[a-z])\b")
REVISION = re.compile(r"revision ([0-9]+)")


class Chat(Receiver):
    """A chat that rejects, delays or does not respond."""

    statuses: ClassVar = {"retry": 429, "reject": 400}

    def event(self, body: Any) -> str:
        title = MESSAGE.match(self.title(body))
        revision = REVISION.search(json.dumps(body))
        assert title, body
        return f"{title['id']}.{revision[1] if revision else 1}"

    def title(self, body: Any) -> str:
        return str(body["text"])

    def options(self) -> dict[str, str]:
        return {"url": f'"http://127.0.0.1:{self.port}/in"', "revisions": "true"}


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
