"""Sinks: destinations for articles, by the `type` of their `[[sinks]]` table.

A new sink is a module here with a subclass of `base.Sink`, and its line in SINKS. Checks, reference and contract tests
follow from the class.
"""

from collections.abc import Mapping
from dataclasses import fields
from importlib.util import find_spec
from typing import Any

from streams.config.settings import Settings
from streams.config.tables import SinkTable
from workers.sinks.base import Sink
from workers.sinks.discord import DiscordSink
from workers.sinks.jsonl import JsonLinesSink
from workers.sinks.opensearch import OpenSearchSink
from workers.sinks.options import parse_options
from workers.sinks.parquet import ParquetSink
from workers.sinks.postgresql import PostgresqlSink
from workers.sinks.s3 import S3Sink
from workers.sinks.slack import SlackSink
from workers.sinks.sqlite import SqliteSink
from workers.sinks.telegram import TelegramSink
from workers.sinks.webhook import WebhookSink

SINKS: Mapping[str, type[Sink[Any]]] = {
    "webhook": WebhookSink,
    "sqlite": SqliteSink,
    "postgresql": PostgresqlSink,
    "jsonl": JsonLinesSink,
    "slack": SlackSink,
    "discord": DiscordSink,
    "telegram": TelegramSink,
    "opensearch": OpenSearchSink,
    "parquet": ParquetSink,
    "s3": S3Sink,
}


def create_sink(settings: Settings, table: SinkTable) -> Sink[Any]:
    """Return the sink of *table*, which connects when it delivers.

    Raises:
        SettingsError: its type or one of its options is unknown, missing or wrong, or its client library is absent.
    """
    sink_class = SINKS.get(table.type)
    if sink_class is None:
        failure = "invalid value" if table.type else "missing key"
        raise table.place.error("type", f"expected one of {', '.join(SINKS)}", failure)
    options = parse_options(sink_class.options_type, table)
    require_library(sink_class, table)
    return sink_class(settings, options)


def require_library(sink_class: type[Sink[Any]], table: SinkTable) -> None:
    """Raise SettingsError if the client library of *sink_class* is absent. It is not imported here."""
    module, extra = sink_class.requires
    if module and find_spec(module) is None:
        raise table.place.error("type", f'run `pip install "copydesk[{extra}]"`', f"missing package {module}")


def have_secrets(settings: Settings) -> bool:
    """Return whether a `[[sinks]]` table has a secret option, such as a password."""
    return any(
        spec.metadata.get("secret") and spec.name in table.options
        for table in settings.sinks
        for spec in fields(SINKS[table.type].options_type)
    )


def check_sinks(settings: Settings) -> None:
    """Check all `[[sinks]]` tables. Raises SettingsError."""
    for table in settings.sinks:
        create_sink(settings, table)
