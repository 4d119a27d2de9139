"""A sample destination of each sink, for the contract tests. A new sink needs an entry in SAMPLES.

A destination is a real one: a server on loopback, a file, a database.
"""

from typing import Any, ClassVar

from tests.contract.sinks.chats import DiscordChannel, SlackChannel, TelegramChat
from tests.contract.sinks.destinations import Destination
from tests.contract.sinks.files import LinesFile, ParquetFolder
from tests.contract.sinks.receivers import Receiver
from tests.contract.sinks.servers import Bucket, SearchIndex
from tests.contract.sinks.stores import PostgresqlTable, SqliteFile


class WebhookReceiver(Receiver):
    """A receiver of webhooks."""

    invalid: ClassVar = {
        'url = "ftp://a.example"': "must start with http:// or https://",
        'secret = "short"': "minimum length is 16 characters",
        'secret = "whsec_0123456789abcd!"': "expected base64 after whsec_",
    }

    def event(self, body: Any) -> str:
        return f"{body['data']['id']}.{body['data']['revision']}"

    def options(self) -> dict[str, str]:
        return {"url": f'"http://127.0.0.1:{self.port}/"', "secret": '"0123456789abcdef"'}


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
