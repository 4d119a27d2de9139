"""Positions of subscriptions: a later subscription continues where an earlier one ended."""

from streams.config.settings import Settings
from streams.start import Last, Offsets
from streams.subscribe import Subscription
from tests.support.site import article, publish
from workers.services import connect


async def read(
    settings: Settings, position: dict[int, int] | None, count: int = 1_000
) -> tuple[list[str], dict[int, int]]:
    ids: list[str] = []
    start = Offsets(position) if position is not None else Last(0)
    async with Subscription("articles", start=start, follow=False, settings=settings) as articles:
        async for _, record in articles.messages():
            ids.append(record.id)
            if len(ids) == count:
                break
        return ids, dict(articles.position)


async def test_position_continues_after_yielded_records(any_broker: Settings) -> None:
    broker = await connect(any_broker, any_broker.broker_url)
    ids, position = await read(any_broker, None)
    assert ids == []
    assert len(position) == any_broker.partitions
    await publish(broker, *(article(n) for n in range(20)))
    first, position = await read(any_broker, position, count=7)
    rest, position = await read(any_broker, position)
    assert sorted(first + rest) == [article(n).id for n in range(20)]
    assert await read(any_broker, position) == ([], position)
    await broker.close()


async def test_batches_advance_the_position(local_broker: Settings) -> None:
    broker = await connect(local_broker, local_broker.broker_url)
    await publish(broker, *(article(n) for n in range(20)))
    ids: list[str] = []
    async with Subscription("articles", follow=False, settings=local_broker) as articles:
        async for batch in articles.batches(7):
            ids += [record.id for record in batch]
            position = dict(articles.position)
            break
    rest, _ = await read(local_broker, position)
    assert sorted(ids + rest) == [article(n).id for n in range(20)]
    await broker.close()
