"""Planted bugs: variants of the product's classes that break one promise each. The simulation must find all of them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from streams.brokers.base import Broker, Condition, OutgoingMessage
from streams.brokers.redis_streams.clock import Jump
from streams.brokers.redis_streams.retention import Retention
from streams.clock import Moment
from streams.codec import decode, encode
from streams.config.settings import Settings
from streams.errors import UnavailableError, UnreadableError
from streams.faust.agents import BatchResult
from streams.records import Article, Item
from streams.state.lookup import Lookup
from streams.subscribe import Subscription
from streams.topics import ARTICLES, SINK_REPLAYS
from tests.simulation.brokers import SimulatedStreams
from tests.simulation.programs import Parsers, Parts, SimulatedPoller, Surroundings
from tests.simulation.simulation import Scene, default_parts
from tests.simulation.variants import Variant, commit_conditions, for_program, offset_writes
from workers import dead_letters
from workers.clean.cleaner import CleanedContent
from workers.dedupe.classify import ArticleMemory
from workers.dedupe.seen import SeenStore
from workers.desk.article import clean_item
from workers.desk.desk import Desk
from workers.poller.feed_update import FeedUpdate
from workers.poller.parser_pool import ParseRequest
from workers.poller.registry import FEEDS, FeedRegistry, FeedState, feed_id
from workers.sinks.runner import SinkRunner

LONG = Scene(8_000)
SHORT = Scene(1_500, settle_s=120.0)  # for a bug that shows early, and as queues that never become empty


class Bug(NamedTuple):
    """A planted bug, the simulation that reveals it, and the figures of which one must be above 0."""

    change: Callable[[Parts], Parts]
    scene: Scene
    figures: frozenset[str]
    brokers: Sequence[str] = ("memory", "streams")

    def parts(self, memory_name: str) -> Parts:
        return self.change(default_parts(memory_name))


BUGS: dict[str, Bug] = {}


def bug(
    kinds: str, figures: str, brokers: str = "memory streams", scene: Scene = LONG
) -> Callable[[Callable[[Parts], Parts]], Callable[[Parts], Parts]]:
    """Register the decorated change under its name."""

    def register(change: Callable[[Parts], Parts]) -> Callable[[Parts], Parts]:
        faults = scene._replace(kinds=kinds.split())
        BUGS[change.__name__] = Bug(change, faults, frozenset(figures.split()), brokers.split())
        return change

    return register


# -- steps that are not atomic or not fenced ------------------------------------------------------------------


@bug("kill:poller", "lost conserve")
def remember_before_publish(parts: Parts) -> Parts:
    """The poller stores validators and known items before it sends the items."""

    class Remembering(Variant):
        async def publish(self, messages: Any, state_writes: Any = (), conditions: Any = ()) -> bool:
            done = await self.broker.publish((), state_writes, conditions)
            return done and await self.broker.publish(messages)

    return replace(parts, wrap=for_program("poller", Remembering))


@bug("kill:desk", "lost conserve")
def commit_before_publish(parts: Parts) -> Parts:
    class Committing(Variant):
        async def publish_and_commit(self, context: Any, ranges: Any, messages: Any, state_writes: Any) -> bool:
            done = await self.broker.publish_and_commit(context, ranges, (), ())
            return done and await self.broker.publish(messages, state_writes)

    return replace(parts, wrap=for_program("desk", Committing))


@bug("kill:desk", "dup order fence conserve")
def publish_before_commit(parts: Parts) -> Parts:
    class Publishing(Variant):
        async def publish_and_commit(self, context: Any, ranges: Any, messages: Any, state_writes: Any) -> bool:
            await self.broker.publish(messages)
            return bool(await self.broker.publish_and_commit(context, ranges, (), state_writes))

    return replace(parts, wrap=for_program("desk", Publishing))


@bug("freeze:desk cut:desk", "dup order fence conserve")
def lease_not_checked(parts: Parts) -> Parts:
    """A desk with a lost lease still publishes and commits."""

    class Unfenced(Variant):
        async def publish_and_commit(self, context: Any, ranges: Any, messages: Any, state_writes: Any) -> bool:
            return bool(await self.broker.publish(messages, [*state_writes, *offset_writes(context, ranges)]))

    return replace(parts, wrap=for_program("desk", Unfenced))


@bug("lose_replies", "dup order fence conserve")
def repeat_after_lost_reply(parts: Parts) -> Parts:
    """A step whose reply was lost is done again."""

    class Repeating(Variant):
        async def publish_and_commit(self, context: Any, ranges: Any, messages: Any, state_writes: Any) -> bool:
            writes = [*state_writes, *offset_writes(context, ranges)]
            return bool(await self.broker.publish(messages, writes, commit_conditions(context, ranges, leases=True)))

    return replace(parts, wrap=for_program("desk", Repeating))


@bug("lose_requests outage freeze_server cut:desk", "lost conserve")
def drop_on_error(parts: Parts) -> Parts:
    """A batch whose handler finds no server is committed without results."""

    class Dropping(Desk):
        async def handle(self, batch: Any) -> BatchResult:
            try:
                return await super().handle(batch)
            except UnavailableError:
                return BatchResult()

    return replace(parts, desk=Dropping)


# -- decisions of the desk ------------------------------------------------------------------------------------


@bug("poison_item", "lost conserve")
def poison_drops_batch(parts: Parts) -> Parts:
    class Skipping(Desk):
        async def handle(self, batch: Any) -> BatchResult:
            try:
                [decode(message.value, Item) for message in batch]
            except UnreadableError:
                return BatchResult()
            return await super().handle(batch)

    return replace(parts, desk=Skipping)


@bug("freeze:poller slow_network", "live order")
def older_version_accepted(parts: Parts) -> Parts:
    """The desk forgets the times of articles, so that a version of an earlier poll replaces a newer one."""

    class Timeless(SeenStore):
        def lookup(self, ids: Sequence[str]) -> Lookup[dict[str, ArticleMemory]]:
            return (
                super()
                .lookup(ids)
                .map(lambda memories: {id_: memory._replace(fetched_s=0.0) for id_, memory in memories.items()})
            )

    class Accepting(Desk):
        def __init__(self, settings: Settings, broker: Broker, clean: Any = None) -> None:
            super().__init__(settings, broker, clean)
            self.seen = Timeless(broker.state)

    return replace(parts, desk=Accepting)


@bug("restart", "dup order")
def forgetful(parts: Parts) -> Parts:
    """The desk treats every item as new."""

    class NothingSeen(SeenStore):
        def lookup(self, ids: Sequence[str]) -> Lookup[dict[str, ArticleMemory]]:
            return super().lookup(ids).map(lambda memories: {})

    class Forgetting(Desk):
        def __init__(self, settings: Settings, broker: Broker, clean: Any = None) -> None:
            super().__init__(settings, broker, clean)
            self.seen = NothingSeen(broker.state)

    return replace(parts, desk=Forgetting)


@bug("restart", "corrupt")
def half_cleaned(parts: Parts) -> Parts:
    def clean(item: Item, *args: Any) -> CleanedContent:
        content = clean_item(item, *args)
        is_hit = item.identity_key.endswith("3")
        return msgspec.structs.replace(content, paragraphs=content.paragraphs[:-1]) if is_hit else content

    return replace(parts, clean=clean)


@bug("restart", "phantom")
def wrong_link(parts: Parts) -> Parts:
    """Articles are published under links that no feed offered."""

    def renamed(message: OutgoingMessage) -> OutgoingMessage:
        if message.topic != ARTICLES.name:
            return message
        article = decode(message.value, Article)
        url = f"{article.canonical_url}/print" if article.canonical_url.endswith("5") else article.canonical_url
        return message._replace(value=encode(msgspec.structs.replace(article, canonical_url=url)))

    class Renaming(Variant):
        async def publish_and_commit(self, context: Any, ranges: Any, messages: Any, state_writes: Any) -> bool:
            messages = [renamed(message) for message in messages]
            return bool(await self.broker.publish_and_commit(context, ranges, messages, state_writes))

    return replace(parts, wrap=for_program("desk", Renaming))


@bug("restart", "conserve")
def uncounted(parts: Parts) -> Parts:
    class Uncounting(Desk):
        async def handle(self, batch: Any) -> BatchResult:
            result = await super().handle(batch)
            writes = [write for write in result.state_writes if write[0] != "HINCRBY" or len(batch) > 1]
            return result._replace(state_writes=writes)

    return replace(parts, desk=Uncounting)


# -- subscribers and sinks ------------------------------------------------------------------------------------


@bug("kill:member", "group_lost")
def commit_before_work(parts: Parts) -> Parts:
    return replace(parts, commits_before_work=True)


@bug("freeze:member cut:member", "group_repeated group_order")
def stale_records_delivered(parts: Parts) -> Parts:
    """A member goes on with the records of lost partitions."""

    class Stale(Subscription):
        def _drop(self, partitions: Any) -> None: ...

    return replace(parts, subscription=Stale)


@bug("restart:member", "group_lost")
def drop_on_rebalance(parts: Parts) -> Parts:
    """A member that hands over a partition commits the records that it has buffered and not delivered."""

    class Dropping(Subscription):
        async def _confirm_leases_once(self) -> None:
            self._mark_consumed(*self._pending)
            await super()._confirm_leases_once()

    return replace(parts, subscription=Dropping)


@bug("freeze:sink cut:sink", "group_repeated group_order")
def sink_ignores_lease(parts: Parts) -> Parts:
    class Careless(Subscription):
        async def owns_current_record(self) -> bool:
            return True

        def _drop(self, partitions: Any) -> None: ...

    class Runner(SinkRunner):
        def _subscription(self, topic: str, group: str, start: Any) -> Subscription:
            return Careless(topic, group=group, start=start, auto_commit=True, commit_every=1, settings=self.settings)

    return replace(parts, sink_runner=Runner)


@bug("replay:letter", "replay")
def letter_replayed_twice(parts: Parts) -> Parts:
    """A dead letter is marked as replayed after it was sent, so that a kill in between sends it again."""

    async def replay(broker: Broker, pending: dead_letters.PendingLetter) -> bool:
        letter = pending.letter
        await broker.publish([OutgoingMessage(SINK_REPLAYS.name, letter.sink.encode(), letter.payload)])
        return await broker.publish([], conditions=[Condition(dead_letters.RESOLVED_KEY, pending.name, "", "replayed")])

    return replace(parts, replay_letter=replay)


@bug("change_feeds:import", "stuck", scene=SHORT)
def import_not_atomic(parts: Parts) -> Parts:
    """New feeds are registered first and scheduled afterwards, and no poller reconciles them."""

    async def import_feeds(registry: FeedRegistry, urls: Sequence[str]) -> None:
        new = [
            url for url in urls if await registry.state.hsetnx(FEEDS, feed_id(url), msgspec.json.encode(FeedState(url)))
        ]
        await registry.add([(url, "") for url in new])

    class Registry(FeedRegistry):
        async def reconcile(self) -> int:
            return 0

    class Careless(SimulatedPoller):
        def __init__(self, around: Surroundings, broker: Broker) -> None:
            super().__init__(around, broker)
            self.feeds = Registry(broker.state, around.settings.lease_timeout_s, around.settings.host_delay_s)

    return replace(parts, poller=Careless, import_feeds=import_feeds)


# -- clocks ---------------------------------------------------------------------------------------------------


@bug("jump_server_clock", "lost conserve", "streams")
def retention_trusts_clock(parts: Parts) -> Parts:
    """Messages are removed by the wall clock."""

    class Trusting(Retention):
        async def _read_clock(self) -> tuple[Moment, list[Jump]]:
            return (await super()._read_clock())[0], []

        def _permitted(self, name: str, expired: int, total: int, cutoff: Moment) -> int:
            return expired

    async def loop(broker: Any, settings: Settings, interval_s: float) -> None:
        retention = Trusting(broker)
        while True:
            await asyncio.sleep(interval_s)
            try:
                await retention.trim()
            except UnavailableError:
                continue

    return replace(parts, retention=loop)


@bug("jump_server_clock", "stuck", scene=SHORT)
def due_times_not_shifted(parts: Parts) -> Parts:
    """After the clock is put back, feeds wait for as long as the jump."""

    class Waiting(SimulatedPoller):
        def __init__(self, around: Surroundings, broker: Broker) -> None:
            super().__init__(around, broker)
            source = files("workers.poller").joinpath("lua", "claim.lua").read_text("utf-8")
            self.feeds._claim = broker.state.register_script(source.replace("if jump ~= 0 then", "if false then"))

    return replace(parts, poller=Waiting)


@bug("jump_server_clock kill:member kill:sink", "stuck", "streams", SHORT)
def far_leases_kept(parts: Parts) -> Parts:
    """After the clock is put back, a killed member keeps its leases for as long as the jump.

    A desk that restarts takes over the leases of its name, and so hides the bug.
    """

    class Keeping(SimulatedStreams):
        async def script(self, name: str, keys: Any, args: Any, *, reserve: bool = True) -> Any:
            if name != "heartbeat":
                return await super().script(name, keys, args, reserve=reserve)
            source = files("streams.brokers.redis_streams").joinpath("lua", "heartbeat.lua").read_text("utf-8")
            source = source.replace("math.min(rows[i + 1] + jump, latest_expiry)", "rows[i + 1] + jump")
            return await self.state.register_script(source)(keys=keys, args=args)

    return replace(parts, open_broker=Keeping)


@bug("jump_clock:poller", "lost live")
def items_timed_by_poller(parts: Parts) -> Parts:
    """Items carry the wall clock of their poller, so that a clock that was put back makes new versions old."""

    class Timing(Parsers):
        def __init__(self, around: Surroundings) -> None:
            self.world = around.world

        async def parse(self, request: ParseRequest, *, is_suspect: bool = False) -> FeedUpdate:
            now = datetime.fromtimestamp(self.world.wall_s(), UTC)
            return await super().parse(msgspec.structs.replace(request, fetched_at=now), is_suspect=is_suspect)

    class Timed(SimulatedPoller):
        def __init__(self, around: Surroundings, broker: Broker) -> None:
            super().__init__(around, broker)
            self.parsers: Any = Timing(around)

    return replace(parts, poller=Timed)
