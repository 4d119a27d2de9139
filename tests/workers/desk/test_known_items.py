"""Known items with rotated link lists: recognised before cleaning, with the outcomes of cleaned ones."""

import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from streams.brokers.base import ConsumedMessage
from streams.codec import decode, encode
from streams.config.settings import Settings
from streams.config.tables import FeedOptions
from streams.records import Article, Content, Item
from streams.topics import ARTICLES, ITEMS
from tests.support.server_commands import server_commands
from tests.support.stories import story
from workers.clean.cleaner import CleanedContent
from workers.clean.document import BlockDocument
from workers.clean.site_facts import SiteFacts
from workers.dedupe.identity import article_id
from workers.dedupe.known_items import MAX_AGE_S, KnownItems
from workers.desk.article import clean_item
from workers.desk.cleaning import PooledCleaning
from workers.desk.cleaning_pool import CleaningPool
from workers.desk.desk import Desk
from workers.desk.slow_items import SlowItems
from workers.services import connect

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def explore(shift: int) -> str:
    rows = "".join(f'<li><a href="https://a.example/e/{n}">{story(n, 1)[0]}</a></li>' for n in range(shift, shift + 6))
    return f"<h3>Explore</h3><ul>{rows}</ul>"


def make_item(number: int, shift: int, *, version: int = 0, minutes: float = 0.0, **fields: Any) -> Item:
    """Return a version of an item whose list begins at link *shift*."""
    title, text = story(1000 + number, 5)
    body = f"<p>{text}</p><p>{story(5000 + 10 * number + version, 1)[1]}</p>" + explore(shift)
    url = f"https://a.example/{number}"
    own = {
        "feed": "https://a.example/f", "identity_key": url, "link": url, "title": title, "content": (Content(body),),
        "fetched_at": NOW + timedelta(minutes=minutes), "fingerprint": "00" * 8,
    }  # fmt: skip
    return Item(**{**own, **fields})


class CountingCleaner:
    """The cleaner, with the number of its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, item: Item, document: BlockDocument, facts: SiteFacts) -> CleanedContent:
        self.calls += 1
        return clean_item(item, document, facts)


@asynccontextmanager
async def open_desk(settings: Settings, clean: Any = None) -> AsyncGenerator[Desk, None]:
    broker = await connect(settings, settings.broker_url)
    try:
        yield Desk(settings, broker, clean)
    finally:
        await broker.close()


async def handle(desk: Desk, *items: Item) -> tuple[Counter[str], Sequence[Article]]:
    """Handle one batch and publish its result; return its counters and articles."""
    batch = [ConsumedMessage(ITEMS.name, 0, n, 0.0, b"k", encode(item)) for n, item in enumerate(items)]
    counts, articles = Counter[str](), list[Article]()
    while batch:
        result = await desk.handle(batch)
        await desk.broker.publish(result.messages, result.state_writes)
        counters = [c for c in result.state_writes if c[1] == "copydesk:counters" and c[2] != "desk:received"]
        counts.update({str(c[2]).removeprefix("desk:"): int(c[3]) for c in counters})
        articles += [decode(m.value, Article) for m in result.messages if m.topic == ARTICLES.name]
        batch = batch[result.handled :]
    return counts, articles


async def test_rotated_list_is_duplicate_without_cleaning(settings: Settings) -> None:
    clean = CountingCleaner()
    async with open_desk(settings, clean) as desk:
        assert (await handle(desk, make_item(1, 0), make_item(2, 0)))[0] == {"new": 2}
        assert clean.calls == 2
        assert (await handle(desk, make_item(1, 3, minutes=1), make_item(2, 4, minutes=1)))[0] == {"duplicate": 2}
        assert clean.calls == 2


async def test_changed_text_and_title_are_revised(settings: Settings) -> None:
    clean = CountingCleaner()
    async with open_desk(settings, clean) as desk:
        await handle(desk, make_item(1, 0))
        counts, [article] = await handle(desk, make_item(1, 3, version=1, minutes=1))
        assert (counts, article.revision) == ({"revised": 1}, 2)
        counts, [article] = await handle(desk, make_item(1, 3, version=1, minutes=2, title="A canal reopens at last"))
        assert (counts, article.revision) == ({"revised": 1}, 3)
        assert clean.calls == 3


async def test_earlier_version_again_is_revised(settings: Settings) -> None:
    """The feed takes its change back: the digest is known, but the article has another revision."""
    clean = CountingCleaner()
    async with open_desk(settings, clean) as desk:
        await handle(desk, make_item(1, 0))
        await handle(desk, make_item(1, 1, version=1, minutes=1))
        counts, articles = await handle(desk, make_item(1, 2, minutes=2), make_item(2, 0))
        assert counts == {"revised": 1, "new": 1}
        assert [article.revision for article in articles] == [3, 1]


async def test_versions_in_one_batch_keep_order(settings: Settings) -> None:
    async with open_desk(settings) as desk:
        await handle(desk, make_item(1, 0), make_item(2, 0))
        counts, articles = await handle(
            desk, make_item(1, 1, minutes=1), make_item(1, 2, version=1, minutes=2), make_item(2, 3, minutes=2),
            make_item(1, 4, minutes=3),
        )  # fmt: skip
        assert counts == {"duplicate": 2, "revised": 2}
        assert [article.revision for article in articles] == [2, 3]


async def test_kept_link_is_not_known(settings: Settings) -> None:
    """The cleaner keeps a link as a line of the story, so another link is another text."""

    def clean(item: Item, document: BlockDocument, facts: SiteFacts) -> CleanedContent:
        lines = tuple(block.text for block in document.blocks if block.text)
        return CleanedContent(title=item.title, paragraphs=lines, stable_lines=lines)

    async with open_desk(settings, clean) as desk:
        await handle(desk, make_item(1, 0))
        counts, [article] = await handle(desk, make_item(1, 6, minutes=1))
        assert (counts, article.revision) == ({"revised": 1}, 2)


async def test_forgotten_article_is_published_again(settings: Settings) -> None:
    async with open_desk(settings) as desk:
        await handle(desk, make_item(1, 0))
        await server_commands(desk.broker.state).flushall()
        assert (await handle(desk, make_item(1, 3, minutes=1)))[0] == {"new": 1}


async def test_item_is_cleaned_again_after_an_hour(settings: Settings) -> None:
    clean = CountingCleaner()
    async with open_desk(settings, clean) as desk:
        for shift, minutes in enumerate((0, 20, 40, MAX_AGE_S / 60 + 1, MAX_AGE_S / 60 + 2)):
            await handle(desk, make_item(1, shift, minutes=minutes))
        assert clean.calls == 2


async def test_feed_rules_drop_known_items(settings: Settings) -> None:
    options = FeedOptions(url="https://a.example/f", block_rules="EntryContent=Ferry of the day")
    async with open_desk(replace(settings, feeds=(options,))) as desk:
        body = make_item(1, 0).content[0].value
        await handle(desk, make_item(1, 0))
        listed = Content(body.replace("</ul>", '<li><a href="/f">Ferry of the day</a></li></ul>'))
        assert (await handle(desk, make_item(1, 0, minutes=1, content=(listed,))))[0] == {"filtered": 1}


@pytest.mark.parametrize("seed", range(6))
async def test_outcomes_equal_those_of_cleaning(settings: Settings, seed: int) -> None:
    """Versions and lists in any order, from two feeds: the same articles and counters with and without the memory."""
    rnd, numbers = random.Random(seed), range(5)
    batches = [
        [
            make_item(
                rnd.choice(numbers), rnd.randint(0, 40), version=rnd.choice((0, 0, 0, 1, 2)), minutes=10 * batch + n,
                feed=rnd.choice(("https://a.example/f", "https://a.example/f", "https://b.example/f")),
            )
            for n in range(rnd.randint(1, 8))
        ]
        for batch in range(12)
    ]  # fmt: skip
    results = []
    for most in (0, 100):
        clean = CountingCleaner()
        async with open_desk(settings, clean) as desk:
            await server_commands(desk.broker.state).flushall()
        async with open_desk(settings, clean) as desk:
            desk.known_items = KnownItems(most)
            results.append(([await handle(desk, *batch) for batch in batches], clean.calls))
    (cleaned, all_calls), (known, calls) = results
    assert known == cleaned
    assert calls < all_calls


async def test_pooled_desk_sends_no_known_item(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    async with CleaningPool(1, 600.0) as pool:
        slow_items = SlowItems(broker, time.time)
        desk = Desk(settings, broker, pooled=PooledCleaning(pool, slow_items))
        assert (await handle(desk, make_item(1, 0), make_item(2, 0)))[0] == {"new": 2}
        last = pool.prepare(b"{}")
        assert (await handle(desk, make_item(1, 3, minutes=1), make_item(2, 4, minutes=1)))[0] == {"duplicate": 2}
        assert pool.prepare(b"{}").number == last.number + 1
        assert (await handle(desk, make_item(1, 3, version=1, minutes=2)))[0] == {"revised": 1}
        assert (await handle(desk, make_item(1, 5, minutes=3), make_item(2, 6, minutes=3)))[0] == {
            "revised": 1, "duplicate": 1,
        }  # fmt: skip
    await broker.close()


async def test_known_item_waits_behind_slow_version(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    async with CleaningPool(1, 600.0) as pool:
        slow_items = SlowItems(broker, time.time)
        desk = Desk(settings, broker, pooled=PooledCleaning(pool, slow_items))
        first = make_item(1, 0)
        await handle(desk, first)
        slow = ConsumedMessage(ITEMS.name, 0, 9, 0.0, b"k", encode(make_item(1, 1, version=1, minutes=1)))
        held_id = article_id(first.identity_key)
        slow_items.keep(slow, held_id, pool.prepare(slow.value))
        assert (await handle(desk, make_item(1, 2, minutes=2), make_item(2, 0)))[0] == {"new": 1}
        held = await broker.state.hgetall("copydesk:slow-items")
        assert len(held) == 1
    await broker.close()
