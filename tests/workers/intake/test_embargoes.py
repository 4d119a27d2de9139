"""Embargoes: the cost of a check, and items that an earlier version of copydesk holds; on a real Valkey."""

from datetime import UTC, datetime, timedelta

from streams.brokers.base import Broker
from streams.codec import encode
from streams.config.settings import Settings
from tests.support.pipeline import desk, everything, settled
from workers.intake.embargo import KEY, TIMES, release_due
from workers.intake.publish import publish
from workers.intake.pushed_items import to_item
from workers.services import connect

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ROW = {"title": "Canal reopens", "content_text": "The harbour board reopened the salt canal on Monday. " * 400}
ITEMS = [to_item(ROW | {"id": str(number)}, "source:wire", NOW) for number in range(50)]
LATER = NOW + timedelta(hours=1)


async def output_bytes(broker: Broker) -> int:
    return int((await broker.state.info("stats"))["total_net_output_bytes"])


async def hold_as_before(broker: Broker, number: int, until: datetime) -> None:
    """Hold an item as versions without the sorted set do."""
    value = b"%d\n%s" % (until.timestamp(), encode(ITEMS[number]))
    await broker.publish((), [("HSET", KEY, ITEMS[number].identity_key, value)])


async def test_check_transfers_no_item_before_its_time(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    await publish(broker, [], held=[(LATER, item) for item in ITEMS])
    before = await output_bytes(broker)
    assert await release_due(broker, NOW.timestamp()) == 0
    assert await output_bytes(broker) - before < 20_000
    assert await release_due(broker, LATER.timestamp()) == len(ITEMS)
    assert [await broker.state.exists(key) for key in (KEY, TIMES)] == [0, 0]
    await broker.close()


async def test_items_held_by_earlier_version_are_released(settings: Settings) -> None:
    async with desk(settings) as broker:
        await publish(broker, [], held=[(LATER, ITEMS[0])])
        await hold_as_before(broker, 1, NOW)
        await hold_as_before(broker, 2, LATER)
        assert await release_due(broker, NOW.timestamp()) == 1
        assert await release_due(broker, LATER.timestamp()) == 2
        await settled(broker, {})
    assert len(await everything(settings, "articles")) == 3


async def test_earlier_version_may_change_held_items(settings: Settings) -> None:
    """It postpones one item and releases another. The sorted set then has other times than the hash."""
    async with desk(settings) as broker:
        await publish(broker, [], held=[(NOW, ITEMS[0]), (NOW, ITEMS[1])])
        await hold_as_before(broker, 0, LATER)
        await broker.publish((), [("HDEL", KEY, ITEMS[1].identity_key)])
        assert await release_due(broker, NOW.timestamp()) == 0
        assert await release_due(broker, LATER.timestamp()) == 1
        assert [await broker.state.exists(key) for key in (KEY, TIMES)] == [0, 0]
        await settled(broker, {})
