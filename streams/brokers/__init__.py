"""Brokers: the interface in `base.py`, one package per implementation, and the registry of URL schemes."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.config.sources import redact_url
from streams.errors import SettingsError

Opener = Callable[[str, Settings], Broker]


def _open_redis_streams(url: str, settings: Settings) -> Broker:
    from streams.brokers.redis_streams.broker import RedisStreamsBroker

    return RedisStreamsBroker(url, partitions=settings.partitions, lease_s=settings.lease_timeout_s)


def _open_kafka(url: str, settings: Settings) -> Broker:
    from streams.brokers.kafka.broker import KafkaBroker  # lazy: aiokafka takes memory

    return KafkaBroker(url, settings)


def _open_in_memory(url: str, settings: Settings) -> Broker:
    from streams.brokers.memory.broker import InMemoryBroker

    if not (name := urlsplit(url).netloc):
        raise SettingsError(f"missing broker name: {url}; use memory://NAME")
    return InMemoryBroker(name, partitions=settings.partitions)


OPENERS: Mapping[str, Opener] = {
    "valkey": _open_redis_streams,
    "redis": _open_redis_streams,
    "kafka": _open_kafka,
    "memory": _open_in_memory,  # for tests of subscribers; `load_settings` refuses it, since nothing is stored
}
"""URL scheme → function that returns the broker, not yet connected. Implementations are imported on first use."""


def open_broker(settings: Settings, url: str | None = None) -> Broker:
    """Return the broker at *url* (default: `settings.broker_url`), not yet connected.

    Raises:
        SettingsError: no implementation for the URL's scheme.
    """
    url = url or settings.broker_url
    opener = OPENERS.get(urlsplit(url).scheme)
    if opener is None:
        raise SettingsError(
            f"unsupported broker URL: {redact_url(url)} (schemes: {', '.join(OPENERS)}); change broker_url"
        )
    return opener(url, settings)
