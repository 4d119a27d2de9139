"""Runs a sink: reads its topic, delivers article by article or in batches, retries, and writes dead letters.

topic ──▶ sink.deliver ──▶ confirmed: commit
            ├── CopydeskError (unreachable): retry without limit; the group keeps its position
            ├── SinkRetryError: retry with backoff; after MAX_RETRY_S a dead letter
            ├── SinkRejectedError: a dead letter
            └── any other error, a bug: as SinkRetryError, so that it does not end the other sinks

If a batch fails by one of the last two, its events are delivered one by one. So each has its own outcome.
A replayed dead letter returns on the topic of replays, with the sink's name as key.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NamedTuple

from streams.brokers.base import Broker, ConsumedMessage
from streams.config.settings import Settings
from streams.config.tables import SinkTable
from streams.errors import CopydeskError, UnavailableError
from streams.logger import get_logger
from streams.retry import JITTER, Backoff, retry_unavailable
from streams.start import Start
from streams.subscribe import Subscription
from streams.topics import SINK_REPLAYS
from workers.dead_letters import from_sink
from workers.sinks.base import Sink, SinkEvent, SinkRejectedError, SinkRetryError
from workers.sinks.catch_up import catch_up
from workers.sinks.state import SinkStateRecorder

log = get_logger(__name__)

INITIAL_DELAY_S, MAX_DELAY_S = 1.0, 300.0
MAX_RETRY_S = 3600.0  # from the first response that asks for a retry
LEASE_CHECK_S = 30.0


class Delivery(NamedTuple):
    """A message and its event."""

    message: ConsumedMessage
    event: SinkEvent


@dataclass
class Attempts:
    """The attempts of a delivery so far. `first_response_s`: time of the first response that asks for a retry, or 0."""

    backoff: Backoff
    count: int = 0
    first_response_s: float = 0.0


class SinkRunner:
    """Delivers the articles of one sink. Several processes share the partitions of its topic."""

    def __init__(
        self,
        settings: Settings,
        broker: Broker,
        table: SinkTable,
        sink: Sink[Any],
        *,
        initial_delay_s: float = INITIAL_DELAY_S,
        max_retry_s: float = MAX_RETRY_S,
    ) -> None:
        self.settings, self.broker, self.table, self.sink = settings, broker, table, sink
        self.initial_delay_s, self.max_retry_s = initial_delay_s, max_retry_s
        self.state = SinkStateRecorder(broker, table.name)
        self._is_caught_up = False

    async def run(self) -> None:
        """Deliver until cancelled. A later revision of an article never arrives before an earlier one."""
        name = self.table.name
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._consume(self.table.topic, self.table.start_from), name=f"sink {name}")
                tasks.create_task(self._consume(SINK_REPLAYS.name, Start.EARLIEST), name=f"sink {name}, replays")
        finally:
            await self.sink.close()

    async def _consume(self, topic: str, start: Start) -> None:
        is_replay = topic == SINK_REPLAYS.name
        group = f"sink.{self.table.name}" + (".replays" if is_replay else "")
        async with contextlib.AsyncExitStack() as stack:
            subscription = await retry_unavailable(
                lambda: stack.enter_async_context(self._subscription(topic, group, start)),
                "subscription failed", topic=topic, group=group, next_step="waiting for the broker",
            )  # fmt: skip
            size, wait_s = self.sink.batch_size, self.sink.batch_wait_s
            batches = await stack.enter_async_context(aclosing(subscription.message_batches(size, wait_s)))
            async for batch in batches:
                deliveries = [
                    Delivery(message, SinkEvent(message.message_id, record))
                    for message, record in batch
                    if not is_replay or message.key == self.table.name.encode()
                ]
                if deliveries:
                    await self._deliver(subscription, deliveries, self._first_attempt())

    def _subscription(self, topic: str, group: str, start: Start) -> Subscription:
        # Committing each batch, a killed process repeats one batch at most.
        return Subscription(topic, group=group, start=start, auto_commit=True, commit_every=1, settings=self.settings)

    def _first_attempt(self, first_response_s: float = 0.0) -> Attempts:
        return Attempts(Backoff(self.initial_delay_s, MAX_DELAY_S), first_response_s=first_response_s)

    async def _deliver(self, subscription: Subscription, batch: Sequence[Delivery], attempts: Attempts) -> None:
        """Deliver events until they are confirmed, become dead letters, or their leases are lost.

        The leases are checked before each attempt: without them, an event could arrive after later revisions.
        """
        while True:
            delay_s, attempts.count = attempts.backoff.next_delay_s(), attempts.count + 1
            try:
                batch = await self._owned(subscription, batch)
                if not batch:
                    return
                await self._attempt([delivery.event for delivery in batch])
                for delivery in batch:
                    log.info("article delivered", sink=self.table.name, **delivery.event.log_fields)
                await self._end(batch)
                return
            except SinkRejectedError as exc:
                await self._reject(subscription, batch, attempts, str(exc), 0.0)
                return
            except SinkRetryError as exc:
                attempts.first_response_s = attempts.first_response_s or time.monotonic()
                wait_s, error = max(delay_s, exc.delay_s * (1 + random.uniform(0, JITTER))), str(exc)
                if time.monotonic() + wait_s - attempts.first_response_s > self.max_retry_s:
                    await self._reject(subscription, batch, attempts, error, attempts.first_response_s)
                    return
            except CopydeskError as exc:
                self._is_caught_up = False  # the destination may return with an older state
                attempts.first_response_s, wait_s, error = 0.0, delay_s, str(exc)
            log.warning(
                "delivery failed", sink=self.table.name, **batch[0].event.log_fields, count=len(batch),
                error=error, attempts=attempts.count, retry_s=wait_s,
            )  # fmt: skip
            await self.state.failed(str(batch[0].event.message_id), error)
            await self._wait(subscription, wait_s)

    async def _attempt(self, events: Sequence[SinkEvent]) -> None:
        """Deliver *events* after those that the store has lost. Raises: see `Sink.deliver`."""
        try:
            if not self._is_caught_up:
                await catch_up(self.broker, self.table, self.sink)
                self._is_caught_up = True
            await self.sink.deliver(events)
        except (CopydeskError, SinkRejectedError, SinkRetryError):
            raise
        except Exception as exc:
            log.exception(
                "delivery failed", sink=self.table.name, **events[0].log_fields, error_kind="bug",
                next_step="will retry",
            )  # fmt: skip
            raise SinkRetryError(f"bug: {exc!r}; its traceback is in the log") from exc

    async def _owned(self, subscription: Subscription, batch: Sequence[Delivery]) -> Sequence[Delivery]:
        """Return the events of *batch* whose leases this process has."""
        await subscription.owns_current_record()
        owned = {message.message_id for message, _ in subscription.current_batch}
        lost = [delivery for delivery in batch if delivery.event.message_id not in owned]
        for delivery in lost:
            log.warning(
                "lease lost", sink=self.table.name, **delivery.event.log_fields,
                next_step="another process delivers the article",
            )  # fmt: skip
        await self._end(lost)
        return [delivery for delivery in batch if delivery.event.message_id in owned] if lost else batch

    async def _reject(
        self, subscription: Subscription, batch: Sequence[Delivery], attempts: Attempts, error: str, first_s: float
    ) -> None:
        """Write the dead letter of an event that the destination does not accept; split a batch into single events.

        *first_s*: the first response that asked for a retry, else 0. A single event then has one more attempt.
        """
        if len(batch) == 1:
            await self._write_dead_letter(batch[0], error, attempts.count)
            await self.state.ended(str(batch[0].event.message_id), is_dead_letter=True, is_exhausted=first_s > 0)
            return
        for delivery in batch:
            await self._deliver(subscription, [delivery], self._first_attempt(first_s))

    async def _end(self, batch: Sequence[Delivery]) -> None:
        for delivery in batch:
            await self.state.ended(str(delivery.event.message_id))

    @staticmethod
    async def _wait(subscription: Subscription, wait_s: float) -> None:
        """Wait and keep the leases: a member without a heartbeat for minutes loses them."""
        end_s = time.monotonic() + wait_s
        while (remaining_s := end_s - time.monotonic()) > 0:
            await asyncio.sleep(min(remaining_s, LEASE_CHECK_S))
            with contextlib.suppress(UnavailableError):
                if not await subscription.owns_current_record():
                    return

    async def _write_dead_letter(self, delivery: Delivery, error: str, attempts: int) -> None:
        name, event = self.table.name, delivery.event
        log.error(
            "article rejected", sink=name, **event.log_fields, error_kind="sink", error=error, attempts=attempts,
            next_step="writing a dead letter",
        )  # fmt: skip
        reason = f"sink {name} rejected {event.id} from {event.message_id}: {error}"
        letter = from_sink(name, delivery.message, reason, attempts)
        await retry_unavailable(
            lambda: self.broker.publish([letter]), "dead letter not written", sink=name, article_id=event.article.id,
            revision=event.article.revision, next_step="waiting for the broker",
        )  # fmt: skip
