"""The article index: filters, search, pages, revisions, retention, damage and restarts."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from streams.brokers.base import Broker, ConsumedMessage
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.codec import encode
from streams.config.settings import Settings
from streams.config.tables import Route
from streams.errors import UnavailableError
from streams.records import Article, RemovedBlock
from streams.routing import Router
from streams.topics import ARTICLES
from tests.conftest import until
from tests.support.site import NOW, article, publish
from workers.search import articles
from workers.search.articles import Filters
from workers.search.follow import in_time_order
from workers.search.index import SINGLE_READS, ArticleIndex, open_index
from workers.search.tables import file_path, open_database
from workers.services import connect

ROUTES = (Route(name="harbour", keyword=("harbour",)), Route(name="sport", tag=("sport",)))


@asynccontextmanager
async def index_of(broker: Broker, settings: Settings) -> AsyncGenerator[ArticleIndex, None]:
    """Yield an index that follows the articles topic."""
    index = ArticleIndex(broker, open_database(settings), ROUTES)
    following = asyncio.create_task(index.follower.run())
    try:
        yield index
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        await index.database.close()


@pytest.fixture
async def broker(settings: Settings) -> AsyncGenerator[Broker, None]:
    connected = await connect(settings, settings.broker_url)
    yield connected
    await connected.close()


def replaced(n: int, **changes: Any) -> Article:
    import msgspec

    return msgspec.structs.replace(article(n), **changes)


def titles(page: articles.Page) -> list[str]:
    return [row["title"] for row in page.rows]


async def filled(index: ArticleIndex, count: int) -> None:
    async def is_filled() -> bool:
        return await index.count() == count

    await until(is_filled)


NEWS = (
    replaced(1, title="Harbour reopens", publisher="The Courier", language="en", fetched_at=NOW,
             paragraphs=("Ships may enter again.",)),
    replaced(2, title="Der Hafen öffnet", publisher="Hafenbote", language="de", paragraphs=("Schiffe dürfen einlaufen.",)),
    replaced(3, title="港口重新开放", publisher="Port News", language="zh-Hans", published=NOW - timedelta(days=1),
             paragraphs=("船只可以进入。",)),
    replaced(4, title="Cup final", publisher="The Courier", language="en", tags=("Sport",), paragraphs=("A late goal.",)),
    replaced(5, title="Harbour open again", publisher="Orrin Wire", language="en", story_id=f"{1:020x}", duplicate_of=f"{1:020x}",
             fetched_at=NOW + timedelta(minutes=1), duplicate_kind="text", similarity=0.94, paragraphs=("Ships may enter again.",)),
    replaced(6, title="Canal closes", publisher="Orrin Wire", language="en", revision=2, paragraphs=("The harbour stays open.",)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "numbers"),
    [
        (Filters(), [6, 5, 4, 3, 2, 1]),
        (Filters(words="ships"), [5, 1]),
        (Filters(words="harb"), []),
        (Filters(words="harb", is_typing=True), [6, 5, 1]),
        (Filters(words="harb*"), [6, 5, 1]),
        (Filters(words='"open again"'), [5]),
        (Filters(words="harbour -canal"), [5, 1]),
        (Filters(words="offnet"), [2]),
        (Filters(words="口"), [3]),
        (Filters(words="船只"), [3]),
        (Filters(words="marrow"), [6, 5, 4, 3, 2, 1]),
        (Filters(words="- \""), []),
        (Filters(words="sport"), [4]),
        (Filters(publishers=("orrin wire",)), [6, 5]),
        (Filters(publishers=("Orrin Wire", "PORT NEWS")), [6, 5, 3]),
        (Filters(publishers=("Orrin",)), []),
        (Filters(publisher_part="COURIER"), [4, 1]),
        (Filters(language="de"), [2]),
        (Filters(language="ZH"), [3]),
        (Filters(language="zh-hant"), []),
        (Filters(language="%"), []),
        (Filters(since=NOW), [6, 5, 4, 2, 1]),
        (Filters(until=NOW), [3]),
        (Filters(since=NOW + timedelta(seconds=1)), []),
        (Filters(route="sport"), [4]),
        (Filters(route="harbour"), [6, 5, 1]),
        (Filters(route="arbour"), []),
        (Filters(revised=True), [6]),
        (Filters(copies="only"), [5]),
        (Filters(copies="hide", words="harbour"), [6, 1]),
        (Filters(words="harbour", publishers=("The Courier",)), [1]),
    ],
)  # fmt: skip
async def test_page_applies_every_filter(
    filters: Filters, numbers: list[int], settings: Settings, broker: Broker
) -> None:
    async with index_of(broker, settings) as index:
        for news in NEWS:
            await publish(broker, news)
        await filled(index, len(NEWS))
        rows = (await index.page(filters, 50)).rows
        assert sorted((int(row["id"], 16) for row in rows), reverse=True) == numbers


async def test_pages_list_every_article_once(settings: Settings, broker: Broker) -> None:
    await publish(broker, *(article(n) for n in range(95)))
    async with index_of(broker, settings) as index:
        await filled(index, 95)
        before, seen, sizes = None, list[str](), list[int]()
        while True:
            page = await index.page(Filters(before=before), 20)
            seen += [row["id"] for row in page.rows]
            sizes.append(len(page.rows))
            if page.next is None:
                break
            before = page.next
        assert sizes == [20, 20, 20, 20, 15]
        assert len(set(seen)) == 95


async def test_revision_replaces_the_one_before(settings: Settings, broker: Broker) -> None:
    async with index_of(broker, settings) as index:
        await publish(broker, replaced(1, title="Early title"), article(2))
        await publish(broker, replaced(1, title="Later title", revision=2))
        await publish(broker, replaced(1, title="Early title"))  # a repetition
        await publish(broker, article(3))
        await filled(index, 3)

        async def is_read() -> bool:
            return sum((await index.position()).values()) == 5

        await until(is_read)
        assert titles(await index.page(Filters(words="title"), 9)) == ["Later title"]
        assert titles(await index.page(Filters(words="early"), 9)) == []


async def test_story_lists_members_by_poll(settings: Settings, broker: Broker) -> None:
    async with index_of(broker, settings) as index:
        for news in NEWS:
            await publish(broker, news)
        await filled(index, len(NEWS))
        members = await index.story(f"{1:020x}")
        assert [member["title"] for member in members] == ["Harbour reopens", "Harbour open again"]
        assert members[1]["similarity"] == 0.94
        assert await index.story("0" * 20) == []


async def test_facets_count_publishers_and_languages(settings: Settings, broker: Broker) -> None:
    async with index_of(broker, settings) as index:
        await publish(broker, *NEWS)
        await filled(index, len(NEWS))
        facets = await index.facets()
        assert facets["total"] == 6
        assert facets["publishers"][0] == {"name": "Orrin Wire", "count": 2}
        assert {"name": "de", "count": 1} in facets["languages"]
        assert facets["routes"] == ["harbour", "sport"]


async def test_row_counts_removed_blocks(settings: Settings, broker: Broker) -> None:
    removed = (RemovedBlock("links", "Storm", "the label 'Explore'", "Explore"), RemovedBlock("links", "Ice", "model"))
    async with index_of(broker, settings) as index:
        await publish(broker, replaced(1, removed=removed, withdrawn="retracted"))
        await filled(index, 1)
        [row] = (await index.page(Filters(), 9)).rows
        assert (row["removed"], row["withdrawn"], row["word_count"]) == (2, "retracted", 0)


async def test_index_continues_after_restart(settings: Settings, broker: Broker) -> None:
    async with index_of(broker, settings) as index:
        await publish(broker, *(article(n) for n in range(10)))
        await filled(index, 10)
    await publish(broker, *(article(n) for n in range(10, 15)))
    async with index_of(broker, settings) as index:
        assert await index.count() >= 10, "the file has the articles of the first run"
        await filled(index, 15)
        await asyncio.wait_for(index.follower.is_caught_up.wait(), 300)


async def test_index_follows_removals_from_the_topic(settings: Settings, broker: Broker) -> None:
    assert isinstance(broker, RedisStreamsBroker)
    async with index_of(broker, settings) as index:
        await publish(broker, *(article(n) for n in range(30)))
        await filled(index, 30)
    await broker.trim_topic(ARTICLES.name, 20, before_s=time.time() + 60, unread=True)
    async with index_of(broker, settings) as index:
        await filled(index, await broker.message_count(ARTICLES.name))


async def test_index_begins_anew_with_its_topic(settings: Settings, broker: Broker) -> None:
    async with index_of(broker, settings) as index:
        await publish(broker, *(article(n) for n in range(30)))
        await filled(index, 30)
    await broker.state.execute_command("FLUSHALL", "SYNC")  # type: ignore[attr-defined]
    fresh = await connect(settings, settings.broker_url)
    await publish(fresh, article(99))
    async with index_of(fresh, settings) as index:
        await filled(index, 1)
    await fresh.close()


async def test_damaged_file_is_built_again(settings: Settings, broker: Broker) -> None:
    async with index_of(broker, settings) as index:
        await publish(broker, *(article(n) for n in range(5)))
        await filled(index, 5)
    path = file_path(settings)
    assert path.stat().st_mode & 0o077 == 0, "only the owner may read it"
    path.write_bytes(b"not a database" * 1000)
    async with index_of(broker, settings) as index:

        async def is_built() -> bool:
            try:
                return await index.count() == 5
            except UnavailableError:
                return False

        await until(is_built)


async def test_file_of_another_version_is_replaced(settings: Settings) -> None:
    database = open_database(settings)
    await database.run(lambda connection: connection.execute("PRAGMA user_version = 99"))
    await database.run(lambda connection: connection.execute("CREATE TABLE other (x)"))
    await database.close()
    database = open_database(settings)
    assert await database.run(articles.count) == 0
    [tables] = await database.run(
        lambda connection: connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'other'").fetchone()
    )
    assert tables == 0
    await database.close()


async def test_unwritable_file_is_unavailable(settings: Settings) -> None:
    file_path(settings).mkdir()
    database = open_database(settings)
    with pytest.raises(UnavailableError, match="database not usable"):
        await database.run(articles.count)
    await database.close()


def messages(*published: Article) -> Iterator[ConsumedMessage]:
    for offset, news in enumerate(published):
        yield ConsumedMessage(ARTICLES.name, 0, offset, NOW.timestamp(), news.id.encode(), encode(news))


async def test_unreadable_message_is_passed_over(settings: Settings) -> None:
    database, router = open_database(settings), Router(())
    batch = list(messages(article(1), article(2), article(3)))
    batch[1] = batch[1]._replace(value=b"{")
    await database.run(articles.apply, batch, router)
    await database.run(articles.apply, batch, router)  # a repetition changes nothing
    assert await database.run(articles.count) == 2
    assert await database.run(articles.read_position) == {0: 3}
    await database.close()


async def test_two_web_servers_share_the_file(settings: Settings) -> None:
    first, second = open_database(settings), open_database(settings)
    batch = list(messages(*(article(n) for n in range(40)), *(article(n, 2) for n in range(40))))
    halves = [(database, batch[start : start + 10]) for start in range(0, 80, 10) for database in (first, second)]
    await asyncio.gather(*(database.run(articles.apply, half, Router(())) for database, half in halves))
    for database in (first, second):
        assert await database.run(articles.count) == 40
        assert await database.run(articles.read_position) == {0: 80}
        assert {row["revision"] for row in (await database.run(articles.page, Filters(), 50)).rows} == {2}
        await database.close()


async def test_command_and_web_server_share_the_index(settings: Settings, broker: Broker) -> None:
    await publish(broker, *NEWS[:3])
    async with open_index(settings, broker) as command:  # without routes
        assert await command.count() == 3
        assert not (await command.page(Filters(route="harbour"), 9)).rows
        async with index_of(broker, settings) as index:
            await publish(broker, *NEWS[3:])
            await filled(index, len(NEWS))
            assert await command.count() == len(NEWS)

            async def has_routes() -> bool:
                return len((await index.page(Filters(route="harbour"), 9)).rows) == 3

            await until(has_routes)
    assert file_path(settings).exists()


async def test_route_of_a_command_is_applied(settings: Settings, broker: Broker) -> None:
    await publish(broker, *NEWS)
    async with open_index(settings, broker):
        """A command without routes has read the articles before."""
    async with open_index(settings, broker, ROUTES) as index:
        assert len((await index.page(Filters(route="harbour"), 9)).rows) == 3


async def test_each_broker_has_its_own_file(settings: Settings) -> None:
    other = replace(settings, broker_url="redis://elsewhere:6379")
    assert file_path(settings) != file_path(other)
    assert file_path(replace(settings, broker_url="valkey://")).name == "index.sqlite3"
    assert "secret" not in str(file_path(replace(settings, broker_url="redis://:secret@elsewhere:6379")))


async def test_index_without_data_dir_is_temporary(settings: Settings, broker: Broker) -> None:
    absent = replace(settings, data_dir=settings.data_dir / "absent")
    await publish(broker, *NEWS)
    async with open_index(absent, broker) as index:
        assert await index.count() == len(NEWS)
    assert not absent.data_dir.exists()


@pytest.mark.parametrize("others", [5, SINGLE_READS * 3], ids=["one by one", "in one pass"])
async def test_index_reads_places_of_each_broker(others: int, any_broker: Settings) -> None:
    connected = await connect(any_broker, any_broker.broker_url)
    await publish(connected, *(article(n) for n in range(others)), article(1, 2), article(1, 3))
    async with open_index(any_broker, connected) as index:
        ids = await index.message_ids(Filters(publishers=("The Courier",)))
        read = [a async for a in index.read(ids)]
        assert sorted((a.id, a.revision) for a in read) == sorted(
            (article(n).id, 3 if n == 1 else 1) for n in range(others)
        )
        assert [a.revision for a in await index.revisions(article(1).id)] == [1, 2, 3]
        assert len(await index.message_ids(Filters(words="1"), all_revisions=True)) == 3
        assert len(await index.message_ids(Filters(), 2)) == 2
        await publish(connected, article(others))
        await index.follower.catch_up()
        assert await index.count() == others + 1
    await connected.close()


async def test_expired_revisions_leave_the_index(settings: Settings, broker: Broker) -> None:
    assert isinstance(broker, RedisStreamsBroker)
    await publish(broker, *(article(1, n) for n in range(1, 31)))
    await broker.trim_topic(ARTICLES.name, 20, before_s=time.time() + 60, unread=True)
    async with open_index(settings, broker) as index:
        assert [a.revision for a in await index.revisions(article(1).id)][-1] == 30
    await publish(broker, *(article(1, n) for n in range(31, 60)))
    await broker.trim_topic(ARTICLES.name, 5, before_s=time.time() + 60, unread=True)
    async with open_index(settings, broker) as index:
        retained = [a.revision for a in await index.revisions(article(1).id)]
        assert len(retained) == await broker.message_count(ARTICLES.name)
        assert retained[-1] == 59


def test_messages_are_merged_by_time() -> None:
    def at(partition: int, offset: int, time_s: float) -> ConsumedMessage:
        return ConsumedMessage(ARTICLES.name, partition, offset, time_s, b"", b"")

    read = [at(0, 0, 1.0), at(0, 1, 5.0), at(0, 2, 2.0), at(1, 0, 3.0), at(1, 1, 6.0)]  # a clock went back
    assert [(m.partition, m.offset) for m in in_time_order(read)] == [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1)]
