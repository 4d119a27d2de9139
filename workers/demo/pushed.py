"""Pushed items of the demo: two invented stories without a feed, of which the second is withdrawn later.

copydesk:demo:pushed    `pushed`, then `withdrawn`; a restart continues there
"""

import asyncio
from datetime import UTC, datetime

from msgspec.structs import replace

from streams.brokers.base import Broker
from streams.records import Item
from streams.retry import retry_unavailable
from workers.intake.publish import publish
from workers.intake.pushed_items import source_url, to_item

KEY = "copydesk:demo:pushed"
SOURCE = source_url("demo-desk")
WITHDRAW_AFTER_S = 20.0
REASON = "published by mistake"
ROWS = (
    {
        "url": "https://desk.example/pushed/lantern", "title": "Lantern works lights its hundredth lamp",
        "publisher": "Demo Desk", "language": "en",
        "content_text": "The lantern works of Quillmere lit its hundredth lamp on Tuesday, pushed by a program instead "
        "of a feed.\n\nIda Marrow, who keeps the wicks, called the light “frankly sufficient”.",
    },
    {
        "url": "https://desk.example/pushed/ferry", "title": "Winter ferry to be sold to a museum of maps",
        "publisher": "Demo Desk", "language": "en",
        "content_text": "The winter ferry of Port Maren is to be sold, according to a letter that nobody has signed."
        "\n\nTomas Velk, its captain of thirty years, said that he had heard of no buyer.",
    },
)  # fmt: skip


async def push_examples(broker: Broker, withdraw_after_s: float = WITHDRAW_AFTER_S) -> None:
    """Push both stories, and withdraw the second; each once for a data directory."""
    await retry_unavailable(lambda: _push(broker), "demo items not pushed")
    await asyncio.sleep(withdraw_after_s)
    await retry_unavailable(lambda: _withdraw(broker), "demo item not withdrawn")


async def _push(broker: Broker) -> None:
    if await broker.state.get(KEY) is None:
        await publish(broker, [_item(number) for number in range(len(ROWS))], state_writes=[("SET", KEY, "pushed")])


async def _withdraw(broker: Broker) -> None:
    if await broker.state.get(KEY) == b"pushed":
        withdrawn = replace(_item(1), withdrawn=REASON, content=())
        await publish(broker, [withdrawn], state_writes=[("SET", KEY, "withdrawn")])


def _item(number: int) -> Item:
    return to_item(ROWS[number], SOURCE, datetime.now(UTC))
