"""Public API: records, their encoding, settings, and subscriptions to topics.

from streams import subscribe

async for article in subscribe("articles", group="my-app"):
    print(article.title)
"""

from streams.codec import decode, encode, schema
from streams.config.settings import Settings, load_settings
from streams.errors import CopydeskError, SettingsError, UnavailableError, UnreadableError
from streams.records import Article, DeadLetter, Image, Item, PollResult, RemovedBlock
from streams.subscribe import Subscription, subscribe, subscribe_sync

__all__ = [
    "Article",
    "CopydeskError",
    "DeadLetter",
    "Image",
    "Item",
    "PollResult",
    "RemovedBlock",
    "Settings",
    "SettingsError",
    "Subscription",
    "UnavailableError",
    "UnreadableError",
    "decode",
    "encode",
    "load_settings",
    "schema",
    "subscribe",
    "subscribe_sync",
]
