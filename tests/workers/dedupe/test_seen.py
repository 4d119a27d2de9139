"""Seen articles and recent texts on a real Valkey: bounded by count, kept while feeds offer the article."""

from streams.brokers import open_broker
from streams.config.settings import Settings
from tests.support.server_commands import server_commands
from workers.dedupe import recent_texts
from workers.dedupe.classify import ArticleMemory
from workers.dedupe.identity import article_id
from workers.dedupe.recent_texts import RecentTexts
from workers.dedupe.seen import PREFIX, SEGMENTS, SeenStore

A, B = b"a" * 8, b"b" * 8


async def test_seen_store_is_bounded(settings: Settings) -> None:
    """Articles older than SEGMENTS segments are forgotten, and their keys are gone."""
    broker = open_broker(settings)
    seen = SeenStore(broker.state, segment_articles=10)
    ids = [article_id(str(n)) for n in range(10 * (SEGMENTS + 2))]
    for id_ in ids:
        assert await seen.get([id_]) == {}
        await broker.publish([], seen.set_commands(id_, ArticleMemory(1, 1.0, (A,))))
    memories = await SeenStore(broker.state, segment_articles=10).get(ids)
    assert set(ids[-10 * (SEGMENTS - 1) :]) <= set(memories)
    assert ids[0] not in memories
    keys = [key async for key in server_commands(broker.state).scan_iter(f"{PREFIX}:[0-9]*:*")]
    assert 0 < len(keys) <= 10 * (SEGMENTS + 1)
    await broker.close()


async def test_seen_entry_moves_to_newest_segment(settings: Settings) -> None:
    broker = open_broker(settings)
    seen = SeenStore(broker.state, segment_articles=5)
    offered = article_id("offered")
    await seen.get([offered])
    await broker.publish([], seen.set_commands(offered, ArticleMemory(3, 1.0, (A,))))
    for n in range(5 * SEGMENTS * 3):
        other = article_id(str(n))
        memories = await seen.get([offered, other])
        assert memories[offered].revision == 3, n
        commands = seen.set_commands(other, ArticleMemory(1, 1.0, (B,)))
        if seen.expires_soon(offered):
            commands += seen.set_commands(offered, memories[offered])
        await broker.publish([], commands)
    await broker.close()


async def test_recent_texts_is_bounded(settings: Settings) -> None:
    broker = open_broker(settings)
    texts = RecentTexts(broker.state, segment_articles=10)
    ids = [f"{n:020x}" for n in range(100)]
    for n, id_ in enumerate(ids):
        await texts.get([])
        await broker.publish([], texts.set_commands({id_: (f"Title {n}", "text", "")}))
    remembered = await texts.get(ids)
    assert 10 <= len(remembered) <= 20
    assert remembered[ids[-1]] == ["Title 99", "text", ""]
    assert len(await server_commands(broker.state).keys(f"{recent_texts.PREFIX}:*")) <= 4
    await broker.close()


async def test_recent_texts_skips_long_texts(settings: Settings) -> None:
    broker = open_broker(settings)
    incompressible = "".join(chr(0x4E00 + n * 7 % 20000) for n in range(200_000))
    assert RecentTexts(broker.state).set_commands({"5e" * 10: ("x", incompressible)}) == []
    await broker.close()
