"""The slow lane beside a hostile feed: its feeds in turn, no item published twice, no slow item among ordinary ones."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import msgspec

from streams.brokers.base import ConsumedMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Item
from streams.topics import ITEMS
from tests.conftest import until
from tests.support.cleaning import CLEANERS, STORY, make_item
from tests.support.pipeline import everything, settled
from tests.support.pooled_desk import are_held, count, is_done, pooled_desk, send
from workers.clean.site_facts import SiteFacts
from workers.dedupe.identity import article_id
from workers.desk.cleaning_job import CleaningJob
from workers.desk.cleaning_pool import MAX_SLOW_BYTES, MAX_SLOW_JOBS, CleaningPool
from workers.desk.slow_items import HOLD_S, SlowItems
from workers.desk.turns import TurnQueue
from workers.services import connect

PADDED = STORY + f"<!--{'x' * 900_000}-->"  # takes little CPU time, of which the slow lane gets little too


def test_turn_queue_serves_feeds_in_turn() -> None:
    queue = TurnQueue[str]()
    for value in ("a1", "a2", "a3", "b1", "c1", "c2"):
        queue.push(value[0], value)
    assert (queue.count("a"), queue.count("d"), len(queue)) == (3, 0, 6)
    assert [queue.pop() for _ in range(len(queue))] == ["a1", "b1", "c1", "a2", "c2", "a3"]
    assert not list(queue)


def test_turn_queue_returns_urgent_value_first() -> None:
    queue = TurnQueue[str]()
    for value in ("b1", "a3", "a4"):
        queue.push(value[0], value)
    for value in ("a1", "a2"):
        queue.push("a", value, is_urgent=True)
    assert (queue.count("a"), len(queue)) == (4, 5)
    assert [queue.pop() for _ in range(len(queue))] == ["b1", "a1", "a2", "a3", "a4"]


async def test_divided_item_is_cleaned_before_later_ones_are_divided() -> None:
    """With many slow items of a feed, none would be published before all are divided into blocks."""
    async with CleaningPool(1, 600.0, CLEANERS) as pool:
        jobs = [pool.prepare(encode(make_item(n)), feed="large", is_slow=True) for n in range(90)]
        await until(lambda: jobs[0].is_finished)
        pool.clean(jobs[0], SiteFacts())
        await until(lambda: jobs[0].is_finished)
        assert sum(job.prepared is not None for job in jobs) < 60


async def test_suspects_never_join_ordinary_items() -> None:
    """A full slow lane postpones them."""
    async with CleaningPool(1, 600.0, CLEANERS) as pool:
        hanging = [pool.prepare(encode(make_item(n, "Hang")), is_slow=True) for n in range(MAX_SLOW_JOBS + 20)]
        assert not any([await pool.settle(job) for job in hanging])
        assert sum(job.is_postponed for job in hanging) > 0
        ordinary = pool.prepare(encode(make_item(500)))
        assert await pool.settle(ordinary)
        assert not pool._waiting


async def test_feed_with_one_slow_item_gets_its_turn() -> None:
    """Its item does not wait for all the items of another feed."""
    async with CleaningPool(1, 0.4, CLEANERS) as pool:
        hostile = [pool.prepare(encode(make_item(n, "Hang")), feed="hostile", is_slow=True) for n in range(60)]
        await until(lambda: all(job.is_finished for job in hostile))
        for job in hostile:
            pool.clean(job, SiteFacts())
        good = pool.prepare(encode(make_item(70)), feed="good", is_slow=True)
        await until(lambda: good.is_finished)
        assert sum(job.is_finished for job in hostile) < 10


async def test_held_item_of_active_desk_stays(settings: Settings) -> None:
    """Neither its own desk nor another one publishes it again while its desk works on it."""
    now_s = [time.time()]
    async with pooled_desk(settings, 900.0, release=False, clock_s=lambda: now_s[0]) as (broker, slow_items):
        await send(broker, make_item(1, "Hang"), make_item(2))
        await until(lambda: are_held(broker, 1))
        other = SlowItems(broker, lambda: now_s[0])
        for _ in range(10):
            now_s[0] += HOLD_S / 2
            assert await slow_items.release_due() == 0
            assert await other.release_due() == 0
        assert await broker.message_count(ITEMS.name) == 2
        now_s[0] += HOLD_S + 1  # its desk has ended
        assert await other.release_due() == 1
        assert not await broker.state.hgetall("copydesk:slow-items:until")


async def test_versions_behind_a_held_item_stay(settings: Settings) -> None:
    now_s = [time.time()]
    async with pooled_desk(settings, 900.0, release=False, clock_s=lambda: now_s[0]) as (broker, slow_items):
        slow = make_item(1, "Hang")
        await send(broker, slow, msgspec.structs.replace(slow, title="Swans"))
        await until(lambda: are_held(broker, 2))
        for _ in range(10):
            now_s[0] += HOLD_S / 2
            assert await slow_items.release_due() == 0
        assert await broker.message_count(ITEMS.name) == 2


async def test_postponed_items_resume_without_new_messages(settings: Settings) -> None:
    """The slow lane reads a postponed item from the hash once it has room, and publishes each once."""
    settings = replace(settings, partitions=1)
    number = MAX_SLOW_BYTES // 900_000 + 4
    items = [make_item(n, "Large", PADDED) for n in range(number)]
    async with pooled_desk(settings, item_timeout_s=30.0) as (broker, slow_items):
        await send(broker, make_item(number))
        await settled(broker, {"new": 1})
        fork_server = fork_server_of(slow_items)
        fork_server.send_signal(signal.SIGSTOP)  # the slow lane waits for a process
        await send(broker, *items)
        await until(lambda: are_held(broker, number))
        assert sum(held.job.is_postponed for held in slow_items._jobs.values()) > 0
        fork_server.send_signal(signal.SIGCONT)
        await settled(broker, {"new": number + 1})
        await until(lambda: is_done(broker))
        assert await broker.message_count(ITEMS.name) == 1 + 2 * number  # as received, and with the result
    articles = await everything(settings, "articles")
    assert sorted(article.url for article in articles) == sorted(item.link for item in [*items, make_item(number)])


def fork_server_of(slow_items: SlowItems) -> "subprocess.Popen[bytes]":
    assert isinstance(slow_items.lane, CleaningPool)
    process = slow_items.lane._fork_server._process
    assert process is not None
    return process


async def test_slow_feed_stays_suspect(settings: Settings) -> None:
    """Each slow item prolongs the suspicion."""
    now_s = [time.time()]
    async with pooled_desk(settings, 30.0, clock_s=lambda: now_s[0]) as (broker, slow_items):
        feed = make_item(1, "Slow").feed
        await send(broker, make_item(1, "Slow"))
        await settled(broker, {"new": 1})
        now_s[0] += 500.0
        await send(broker, make_item(2, "Slow"))
        await settled(broker, {"new": 2})
        now_s[0] += 500.0
        assert slow_items.is_suspect(feed)


async def test_ordinary_items_of_suspect_end_suspicion(settings: Settings) -> None:
    now_s = [time.time()]
    async with pooled_desk(settings, 30.0, clock_s=lambda: now_s[0]) as (broker, slow_items):
        await send(broker, make_item(1, "Slow"))
        await settled(broker, {"new": 1})
        now_s[0] += 500.0
        await send(broker, ordinary_of_hostile_feed(2))
        await settled(broker, {"new": 2})
        now_s[0] += 200.0
        assert not slow_items.is_suspect(make_item(1, "Slow").feed)


def ordinary_of_hostile_feed(n: int) -> Item:
    return msgspec.structs.replace(make_item(n), feed=make_item(n, "Slow").feed)


async def test_good_items_are_published_beside_hostile_ones(either: Settings) -> None:
    """Sixty items of one hostile feed hang. The items behind them do not wait for any of their budgets."""
    settings = replace(either, partitions=1)
    hostile = [make_item(n, "Hang") for n in range(60)]
    async with pooled_desk(settings, item_timeout_s=900.0) as (broker, _):
        await send(broker, hostile[0])
        await until(lambda: are_held(broker, 1))
        for n in range(1, 60, 10):
            await send(broker, *hostile[n : n + 10], make_item(100 + n))
        await settled(broker, {"new": 6})
        assert await count(broker, "failed") == 0
    assert len(await everything(settings, "articles")) == 6


async def test_feed_of_expensive_items_becomes_suspect(settings: Settings) -> None:
    """No item is slow, but together they would hold up the items behind them."""
    async with pooled_desk(settings, 30.0) as (broker, slow_items):
        items = [make_item(n, "Expensive") for n in range(12)]
        await send(broker, *items)
        await settled(broker, {"new": len(items)})
        assert slow_items.is_suspect(items[0].feed)


async def test_cost_of_ordinary_items_is_no_suspicion(settings: Settings) -> None:
    now_s = [0.0]
    slow_items = SlowItems(await connect(settings, settings.broker_url), lambda: now_s[0])
    for _ in range(100):
        slow_items.add_cost("pages", 0.03)
    assert not slow_items.is_suspect("pages")  # many pages of a first poll
    for n in range(12):
        now_s[0] = 20.0 * n
        slow_items.add_cost("long stories", 0.15)
    assert not slow_items.is_suspect("long stories")  # never a second in a minute
    for _ in range(7):
        slow_items.add_cost("expensive", 0.15)
    assert slow_items.is_suspect("expensive")
    await slow_items.broker.close()


class TakingLane:
    """A slow lane without room. The desk takes the item while it is asked for."""

    def __init__(self) -> None:
        self.take: Callable[[], object] = lambda: None

    def has_room(self, size: int) -> bool:
        self.take()
        return False

    def slow_count(self, feed: str) -> int:
        return 0

    def resume(self, job: CleaningJob, value: bytes) -> None: ...

    def clean(self, job: CleaningJob, facts: SiteFacts) -> None: ...

    def forget(self, jobs: Iterable[CleaningJob]) -> None: ...


async def test_item_taken_during_check_is_no_error(settings: Settings) -> None:
    lane, id_ = TakingLane(), article_id("slow.example/1")
    broker = await connect(settings, settings.broker_url)
    slow_items = SlowItems(broker, time.time, lane)
    message = ConsumedMessage(ITEMS.name, 0, 9, 0.0, b"k", encode(make_item(1)))
    job = CleaningJob(1, message.value)
    job.is_postponed = True
    slow_items.keep(message, id_, job)
    await broker.publish((), slow_items.hold(message, id_))
    lane.take = lambda: slow_items.take(message, id_)
    assert await slow_items.release_due() == 0
    assert not slow_items.is_blocked(id_)
    await broker.close()
