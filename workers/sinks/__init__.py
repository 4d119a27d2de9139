"""Sinks: destinations for articles, by the `type` of their `[[sinks]]` table.

A new sink is a module here with a subclass of `base.Sink`, and its line in SINKS. Checks, reference and contract tests
follow from the class.
"""

from collections.abc import Mapping
from typing import Any

from streams.config.settings import Settings
from streams.config.tables import SinkTable
from workers.sinks.base import Sink
from workers.sinks.options import parse_options
from workers.sinks.webhook import WebhookSink

SINKS: Mapping[str, type[Sink[Any]]] = {
    "webhook": WebhookSink,
}


def create_sink(settings: Settings, table: SinkTable) -> Sink[Any]:
    """Return the sink of *table*, which connects when it delivers.

    Raises:
        SettingsError: its type or one of its options is unknown, missing or wrong.
    """
    sink_class = SINKS.get(table.type)
    if sink_class is None:
        failure = "invalid value" if table.type else "missing key"
        raise table.place.error("type", f"expected one of {', '.join(SINKS)}", failure)
    return sink_class(settings, parse_options(sink_class.options_type, table))


def check_sinks(settings: Settings) -> None:
    """Check all `[[sinks]]` tables. Raises SettingsError."""
    for table in settings.sinks:
        create_sink(settings, table)
