"""Pushed items of the demo: two articles, a page dump and a dead letter. The second article is withdrawn later.

copydesk:demo:pushed    `pushed`, then `withdrawn`; a restart continues there
"""

import asyncio
from datetime import UTC, datetime

from msgspec.structs import replace

from streams.brokers.base import Broker
from streams.errors import UnreadableError
from streams.records import Item
from streams.retry import retry_unavailable
from workers.intake.publish import publish
from workers.intake.pushed_items import decode_rows, source_url, to_item

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
    {  # the visible text of a whole page
        "url": "https://vale.example/city/bells", "publisher": "The Vale Reader", "language": "en",
        "page_text": """The Vale Reader
Home
News
Sport
Sign in
Subscribe

Bell foundry of Skelby Down casts its last bell

By Junia Sark
Thursday, 26 November 2026

Share on Facebook
Share on Twitter

The bell foundry of Skelby Down cast its last bell on Thursday, after more than two hundred years by the river.

Ruth Oyelade, who has worked the furnace since she was sixteen, asked the visitors to be silent until the metal had set. “You hear whether it is a good one before you see it,” she said.

The bell weighs as much as four cows and is meant for the night-tram company, which wants to ring in the morning with it. The workshop itself becomes a school for instrument makers, the valley council said.

Explore
Vote on the glass bridge splits Lanthe by 12 ballots
Can the night-tram company still be saved?
Storm spares Quillmere, takes 18 roofs in the valley
Scientists near Tarn Hollow hear 9-day hum

Sign up for our newsletter
© 2026 The Vale Reader. All rights reserved.
Privacy policy
Terms of use
""",
    },
)  # fmt: skip
# A push that another program might have sent: its text ends in the middle.
BROKEN_PUSH = '{"url": "https://desk.example/pushed/kite", "title": "Kite festival postponed by la'


async def push_examples(broker: Broker, withdraw_after_s: float = WITHDRAW_AFTER_S) -> None:
    """Push all items, and withdraw the second; each once for a data directory."""
    await retry_unavailable(lambda: _push(broker), "demo items not pushed")
    await asyncio.sleep(withdraw_after_s)
    await retry_unavailable(lambda: _withdraw(broker), "demo item not withdrawn")


async def _push(broker: Broker) -> None:
    if await broker.state.get(KEY) is None:
        items = [_item(number) for number in range(len(ROWS))]
        try:
            decode_rows(BROKEN_PUSH.encode(), one_per_line=False)
        except UnreadableError as exc:
            failed = [(SOURCE, BROKEN_PUSH, str(exc))]
        await publish(broker, items, failed=failed, state_writes=[("SET", KEY, "pushed")])


async def _withdraw(broker: Broker) -> None:
    if await broker.state.get(KEY) == b"pushed":
        withdrawn = replace(_item(1), withdrawn=REASON, content=())
        await publish(broker, [withdrawn], state_writes=[("SET", KEY, "withdrawn")])


def _item(number: int) -> Item:
    return to_item(ROWS[number], SOURCE, datetime.now(UTC))
