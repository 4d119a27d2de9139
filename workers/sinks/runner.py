"""Runs a sink: reads its topic, delivers article by article, retries, and writes dead letters.

topic ──▶ sink.deliver ──▶ confirmed: commit
            ├── CopydeskError (unreachable): retry without limit; the group keeps its position
            ├── SinkRetryError: retry with backoff; after MAX_RETRY_S a dead letter
            └── SinkRejectedError: a dead letter

A replayed dead letter returns on the topic of replays, with the sink's name as key.
"""

import asyncio
import contextlib
import itertools
import random
import time
from contextlib import aclosing
from typing import Any

from streams.brokers.base import Broker, ConsumedMessage
from streams.config.settings import Settings
from streams.config.tables import SinkTable
from streams.errors import CopydeskError, UnavailableError
from streams.logger import get_logger
from streams.records import MessageId
from streams.retry import JITTER, Backoff, retry_unavailable
from streams.start import Start
from streams.subscribe import Subscription
from streams.topics import SINK_REPLAYS
from workers.dead_letters import from_sink
from workers.sinks.base import Sink, SinkEvent, SinkRejectedError, SinkRetryError
from workers.sinks.state import SinkStateRecorder

log = get_logger(__name__)

INITIAL_DELAY_S, MAX_DELAY_S = 1.0, 300.0
MAX_RETRY_S = 3600.0  # from the first response that asks for a retry
LEASE_CHECK_S = 30.0


class SinkRunner:
    """Delivers the articles of one sink. Several processes share the partitions of its topic."""

    def __init__(
        self,
        settings: Settings,
        broker: Broker,
        options: SinkTable,
        sink: Sink[Any],
        *,
        initial_delay_s: float = INITIAL_DELAY_S,
        max_retry_s: float = MAX_RETRY_S,
    ) -> None:
        self.settings, self.broker, self.options, self.sink = settings, broker, options, sink
        self.initial_delay_s, self.max_retry_s = initial_delay_s, max_retry_s
        self.state = SinkStateRecorder(broker, options.name)

    async def run(self) -> None:
        """Deliver until cancelled. A later revision of an article never arrives before an earlier one."""
        name = self.options.name
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._consume(self.options.topic, self.options.start_from), name=f"sink {name}")
                tasks.create_task(self._consume(SINK_REPLAYS.name, Start.EARLIEST), name=f"sink {name}, replays")
        finally:
            await self.sink.close()

    async def _consume(self, topic: str, start: Start) -> None:
        is_replay = topic == SINK_REPLAYS.name
        group = f"sink.{self.options.name}" + (".replays" if is_replay else "")
        async with contextlib.AsyncExitStack() as stack:
            subscription = await retry_unavailable(
                lambda: stack.enter_async_context(self._subscription(topic, group, start)),
                "subscription failed", topic=topic, group=group, next_step="waiting for the broker",
            )  # fmt: skip
            messages = await stack.enter_async_context(aclosing(subscription.messages()))
            async for message, record in messages:
                if not is_replay or message.key == self.options.name.encode():
                    source = MessageId(message.topic, message.partition, message.offset)
                    await self._deliver(subscription, message, SinkEvent(source, record))

    def _subscription(self, topic: str, group: str, start: Start) -> Subscription:
        # Committing each record, a killed process repeats one event at most.
        return Subscription(topic, group=group, start=start, auto_commit=True, commit_every=1, settings=self.settings)

    async def _deliver(self, subscription: Subscription, message: ConsumedMessage, event: SinkEvent) -> None:
        """Deliver one event until it is confirmed, becomes a dead letter, or its lease is lost.

        The lease is checked before each attempt: without it, the event could arrive after later revisions.
        """
        event_log = log.bind(sink=self.options.name, **_event_fields(event))
        backoff, first_response_s = Backoff(self.initial_delay_s, MAX_DELAY_S), 0.0
        for attempt in itertools.count(1):
            delay_s = backoff.next_delay_s()
            try:
                if not await subscription.owns_current_record():
                    event_log.warning("lease lost", next_step="another process delivers the article")
                    await self.state.ended(str(event.source))
                    return
                await self.sink.deliver([event])
                event_log.info("article delivered")
                await self.state.ended(str(event.source))
                return
            except SinkRejectedError as exc:
                await self._write_dead_letter(message, event, str(exc), attempt)
                return
            except SinkRetryError as exc:
                first_response_s = first_response_s or time.monotonic()
                wait_s, error = max(delay_s, exc.delay_s * (1 + random.uniform(0, JITTER))), str(exc)
                if time.monotonic() + wait_s - first_response_s > self.max_retry_s:
                    await self._write_dead_letter(message, event, error, attempt)
                    return
            except CopydeskError as exc:
                first_response_s, wait_s, error = 0.0, delay_s, str(exc)
            event_log.warning("delivery failed", error=error, attempts=attempt, retry_s=wait_s)
            await self.state.failed(str(event.source), error)
            await self._wait(subscription, wait_s)

    @staticmethod
    async def _wait(subscription: Subscription, wait_s: float) -> None:
        """Wait and keep the lease: a member without a sign of life for minutes loses it."""
        end_s = time.monotonic() + wait_s
        while (remaining_s := end_s - time.monotonic()) > 0:
            await asyncio.sleep(min(remaining_s, LEASE_CHECK_S))
            with contextlib.suppress(UnavailableError):
                if not await subscription.owns_current_record():
                    return

    async def _write_dead_letter(self, message: ConsumedMessage, event: SinkEvent, error: str, attempts: int) -> None:
        name = self.options.name
        log.error("dead letter", sink=name, **_event_fields(event), error_kind="sink", error=error, attempts=attempts)
        reason = f"sink {name} rejected {event.id} from {event.source}: {error}"
        letter = from_sink(name, message, reason, attempts)
        await retry_unavailable(
            lambda: self.broker.publish([letter]), "dead letter not written", sink=name, article_id=event.article.id,
            revision=event.article.revision, next_step="waiting for the broker",
        )  # fmt: skip
        await self.state.ended(str(event.source), is_rejected=True)


def _event_fields(event: SinkEvent) -> dict[str, Any]:
    article, source = event.article, event.source
    return {
        "article_id": article.id, "revision": article.revision,
        "topic": source.topic, "partition": source.partition, "offset": source.offset,
    }  # fmt: skip
