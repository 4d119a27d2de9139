"""Reads articles, groups those of one event, and publishes the events that change.

    article ──▶ signature ──▶ plan (decisions) ──▶ events + signatures + position in one step ──▶ window

The step has one condition: the token of the previous step. A second worker finds another token, and so does a worker
that was killed after its step. It reloads the state and continues after the stored position.
Each article is therefore counted once.
On Kafka, events are confirmed before the state; a crash in between repeats them under the same revision.
"""

import functools
from collections import OrderedDict
from contextlib import aclosing
from typing import Any

import numpy as np

from streams.brokers.base import Broker, Condition, ConsumedMessage, OutgoingMessage, RedisCommand
from streams.codec import decode, encode
from streams.config.settings import Settings
from streams.errors import UnreadableError
from streams.logger import get_logger
from streams.records import Article, MessageId
from streams.retry import retry_unavailable
from streams.start import Start
from streams.subscribe import Subscription
from streams.topics import ARTICLES, EVENTS
from workers.events.article_text import TextReader
from workers.events.decisions import EventChange, Plan
from workers.events.grouping import Grouper
from workers.events.reports import ReportDetails, news_event, to_report
from workers.events.signature import LAYOUT, RECORD_BYTES, unit_vectors
from workers.events.window import Window

log = get_logger(__name__)

GROUP = "copydesk.events"
STATE_KEY, RING_KEY = "copydesk:events:state", "copydesk:events:ring"
CHUNK = 1024  # signatures per string
CACHED_REPORTS = 20_000


class EventState:
    """The stored window: signatures in strings of CHUNK each, the number of articles, positions and the last token."""

    def __init__(self, broker: Broker, window: Window) -> None:
        self.broker, self.window = broker, window
        self.token = ""
        self.positions: dict[int, int] = {}

    async def load(self) -> None:
        """Read the state into the window, again while another worker writes it."""
        token: str | None = None
        while token != self.token or token is None:
            stored = await self.broker.state.hgetall(STATE_KEY)
            fields = {name.decode(): value.decode() for name, value in stored.items()}
            self.token = token = fields.get("token", "")
            count, records = int(fields.get("count", 0)), np.zeros(0, LAYOUT)
            used = min(count, self.window.capacity)
            chunks = [await self.broker.state.get(f"{RING_KEY}:{n}") or b"" for n in range(-(-used // CHUNK))]
            data = b"".join(chunk.ljust(CHUNK * RECORD_BYTES, b"\0") for chunk in chunks)[: used * RECORD_BYTES]
            records = np.frombuffer(data, LAYOUT)
            token = ((await self.broker.state.hget(STATE_KEY, "token")) or b"").decode()
        self.window.load(count, records)
        self.positions = {
            int(name.removeprefix("partition:")): int(value)
            for name, value in fields.items()
            if name.startswith("partition:")
        }

    def is_done(self, message: ConsumedMessage) -> bool:
        """Return whether a former step included *message*."""
        return message.offset < self.positions.get(message.partition, 0)

    async def write(self, plan: Plan, messages: list[OutgoingMessage], source: ConsumedMessage) -> bool:
        """Publish events and write the state in one step, then apply it; return False if another worker wrote."""
        token = f"{source.partition}/{source.offset}"
        writes: list[RedisCommand] = [
            ("SETRANGE", f"{RING_KEY}:{slot // CHUNK}", slot % CHUNK * RECORD_BYTES, record)
            for slot, record in plan.writes.items()
        ]
        writes.append(("HSET", STATE_KEY, "count", plan.count, f"partition:{source.partition}", source.offset + 1))
        condition = Condition(STATE_KEY, "token", self.token, token)
        if not await self.broker.publish(messages, writes, [condition]):
            return False
        self.window.apply(plan.writes, plan.count)
        self.token, self.positions[source.partition] = token, source.offset + 1
        return True


class EventWorker:
    """Groups articles into events until cancelled. Several workers on one broker take turns."""

    def __init__(self, settings: Settings, broker: Broker, reader: TextReader, window: Window | None = None) -> None:
        self.settings, self.broker, self.reader = settings, broker, reader
        self.state = EventState(broker, window or Window())
        self.grouper = Grouper(reader, self.state.window)
        self._reports: OrderedDict[str, ReportDetails] = OrderedDict()

    async def run(self, *, follow: bool = True) -> None:
        """Read articles from the group's position on. Without *follow*, return at the end of the topic."""
        await retry_unavailable(self.state.load, "state not read", key=STATE_KEY)
        subscription = Subscription(
            ARTICLES.name, group=GROUP, start=Start.EARLIEST, follow=follow, auto_commit=True, settings=self.settings
        )
        async with subscription, aclosing(subscription.messages()) as messages:
            async for message, article in messages:
                await retry_unavailable(
                    functools.partial(self.handle, message, article), "event not written",
                    topic=message.topic, partition=message.partition, offset=message.offset,
                )  # fmt: skip

    async def handle(self, message: ConsumedMessage, article: Article) -> None:
        """Add one article and publish the events that it changes; repeat if another worker wrote meanwhile."""
        while not self.state.is_done(message):
            plan = self._plan(message, article)
            events = [await self._event_message(change, plan) for change in plan.changes.values()]
            if await self.state.write(plan, events, message):
                for change in plan.changes.values():
                    log.debug("event published", event_id=change.event.hex(), revision=change.revision)
                return
            await self.state.load()

    def _plan(self, message: ConsumedMessage, article: Article) -> Plan:
        """Return the changes by an article; none, with an error in the log, if its text cannot be compared."""
        try:
            text = self.reader.read(article)
            self._remember(article.id, ReportDetails(to_report(article), text.names, text.places, not text.has_vector))
            return self.grouper.plan(article, text, message.partition, message.offset)
        except Exception:
            log.exception(
                "article not grouped", article_id=article.id, revision=article.revision, topic=message.topic,
                partition=message.partition, offset=message.offset, next_step="skipped",
            )  # fmt: skip
            return Plan(self.state.window.count)

    async def _event_message(self, change: EventChange, plan: Plan) -> OutgoingMessage:
        records = [self._record(slot, plan) for slot in change.slots]
        details = [await self._details(record) for record in records]
        vectors = unit_vectors(np.array(records, LAYOUT)) if records else np.zeros((0, 1), np.float32)
        event = news_event(change, details, vectors)
        return OutgoingMessage(EVENTS.name, event.id.encode(), encode(event))

    def _record(self, slot: int, plan: Plan) -> Any:
        if slot in plan.writes:
            return np.frombuffer(plan.writes[slot], LAYOUT)[0]
        return self.state.window.records[slot]

    async def _details(self, record: Any) -> ReportDetails:
        """Return the report of an article, from the topic if it is no longer cached."""
        id_ = bytes(record["article"]).hex()
        if id_ in self._reports:
            self._reports.move_to_end(id_)
            return self._reports[id_]
        source = MessageId(ARTICLES.name, int(record["partition"]), int(record["offset"]))
        message = await self.broker.read_message(source)
        try:
            article = decode(message.value, Article) if message is not None else Article(id=id_, revision=0)
        except UnreadableError:
            article = Article(id=id_, revision=0)
        text = self.reader.read_names(article)
        return self._remember(id_, ReportDetails(to_report(article), text.names, text.places, not text.has_vector))

    def _remember(self, id_: str, details: ReportDetails) -> ReportDetails:
        self._reports[id_] = details
        self._reports.move_to_end(id_)
        if len(self._reports) > CACHED_REPORTS:
            self._reports.popitem(last=False)
        return details
