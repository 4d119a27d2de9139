"""Sinks: destinations for articles, by the `type` of their `[[sinks]]` table.

A new sink is a module here with a class that meets `base.Sink`, a line in SINKS, and its options in
`streams.config.tables.SINK_TYPES`.
"""

from collections.abc import Callable
from typing import Any

from streams.config.settings import Settings
from workers.sinks.base import Sink
from workers.sinks.webhook import WebhookSink

SINKS: dict[str, Callable[[Settings, Any], Sink]] = {"webhook": WebhookSink}
