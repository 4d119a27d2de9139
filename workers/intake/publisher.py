"""The Python API of pushed items. `copydesk.py` exports it.

async with ItemPublisher(source="newsroom") as publisher:
    await publisher.publish({"url": "https://example.org/a", "title": "Bridge opens", "content_text": "…"})
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from streams.brokers import open_broker
from streams.config.settings import Settings, load_settings
from streams.subscribe import resolve_broker_url


class ItemPublisher:
    """Pushes items of one source to copydesk.

    An item is a mapping with the fields of a JSON Feed item, and those of `pushed_items`. *source* names the producer;
    articles have it as `feed`, behind `source:`.

    Raises:
        UnavailableError: no copydesk is running, or the broker is unreachable.
        UnreadableError: invalid source.
    """

    def __init__(self, source: str, *, settings: Settings | None = None) -> None:
        # Imported late: programs that only subscribe do not load the poller's modules.
        from workers.intake.pushed_items import source_url

        self.source = source_url(source)
        self.settings = settings or load_settings()

    async def __aenter__(self) -> "ItemPublisher":
        self._broker = open_broker(self.settings, resolve_broker_url(self.settings))
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._broker.close()

    async def publish(self, *items: Mapping[str, Any]) -> Sequence[str]:
        """Publish *items*; return their identity keys once the broker has confirmed all of them.

        Raises:
            UnavailableError: the broker is unreachable or its memory is full; publish again later.
            UnreadableError: an item is invalid; none is published.
        """
        from workers.intake.publish import publish
        from workers.intake.pushed_items import as_archived, is_archived, to_item

        now = datetime.now(UTC)
        converted = [(to_item(item, self.source, now), is_archived(item)) for item in items]
        archived = [as_archived(item) for item, is_old in converted if is_old]
        await publish(self._broker, [item for item, is_old in converted if not is_old], archived=archived)
        return [item.identity_key for item, _ in converted]


async def publish_item(item: Mapping[str, Any], source: str, *, settings: Settings | None = None) -> str:
    """Publish one item; return its identity key. `ItemPublisher` publishes many over one connection.

    Raises:
        UnavailableError: no copydesk is running, the broker is unreachable or its memory is full; publish again later.
        UnreadableError: the source or the item is invalid; the item is not published.
        SettingsError: a setting is invalid.
    """
    async with ItemPublisher(source, settings=settings) as publisher:
        return (await publisher.publish(item))[0]


def publish_item_sync(item: Mapping[str, Any], source: str, *, settings: Settings | None = None) -> str:
    """Publish one item, for programs without asyncio; see `publish_item`.

    Raises:
        UnavailableError: no copydesk is running, the broker is unreachable or its memory is full; publish again later.
        UnreadableError: the source or the item is invalid; the item is not published.
        SettingsError: a setting is invalid.
    """
    return asyncio.run(publish_item(item, source, settings=settings))
