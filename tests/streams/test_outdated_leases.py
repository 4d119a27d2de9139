"""A member whose leases end while it commits yields no record of another member's partition."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Article
from streams.start import Start
from streams.subscribe import Subscription
from streams.testing import InMemoryBroker, OutgoingMessage
from streams.topics import ARTICLES, partition_name

GROUP = "readers"


class InterruptedSubscription(Subscription):
    """Runs *interrupt* once, at the end of a commit: the process was frozen before the reply."""

    interrupt: Callable[[], Awaitable[None]] | None = None

    async def __aenter__(self) -> "InterruptedSubscription":
        await super().__aenter__()
        return self

    async def commit(self) -> None:
        had_records = bool(self._done)
        await super().commit()
        if had_records and self.interrupt is not None:
            interrupt, self.interrupt = self.interrupt, None
            await interrupt()


@pytest.fixture
async def broker() -> AsyncGenerator[InMemoryBroker, None]:
    broker = InMemoryBroker("outdated-leases", partitions=2)
    await broker.create_topics([ARTICLES])
    yield broker
    broker.clear()


async def publish(broker: InMemoryBroker, *names: str) -> None:
    await broker.publish(
        [OutgoingMessage(ARTICLES.name, name.encode(), encode(Article(id=name, revision=1))) for name in names]
    )


async def commit_all(broker: InMemoryBroker) -> None:
    """End the leases, and commit all articles as another member would."""
    broker.revoke_leases(GROUP)
    progress = await broker.progress(ARTICLES.name, GROUP)
    await broker.publish(
        (), [("HSET", f"copydesk:offsets:{GROUP}", partition_name(*tp), p.end) for tp, p in progress.items()]
    )
    await publish(broker, *NEW)


OLD, NEW = tuple(f"old{n}" for n in range(40)), tuple(f"new{n}" for n in range(40))


def subscription(broker: InMemoryBroker, **options: Any) -> InterruptedSubscription:
    settings = Settings(broker_url=broker.url)
    return InterruptedSubscription("articles", group=GROUP, auto_commit=True, settings=settings, **options)


async def test_lease_ended_during_handover_yields_no_record(broker: InMemoryBroker) -> None:
    await publish(broker, *OLD)
    async with subscription(broker) as member:
        records = aiter(member)
        assert (await anext(records)).id in OLD
        other = await broker.open_reader(ARTICLES, GROUP, Start.EARLIEST)  # so that a partition is handed over
        member.interrupt = lambda: commit_all(broker)
        assert (await anext(records)).id in NEW
        await other.close()


async def test_lease_ended_before_batch_yields_no_record(broker: InMemoryBroker) -> None:
    await publish(broker, *OLD)
    async with subscription(broker, commit_every=1_000) as member:
        batches = member.batches(len(OLD) - 1, max_wait_s=0.2)
        assert {article.id for article in await anext(batches)} < {*OLD}
        member.interrupt = lambda: commit_all(broker)
        assert {article.id for article in await anext(batches)} <= {*NEW}
