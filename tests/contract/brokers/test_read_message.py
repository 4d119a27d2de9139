"""Reading one stored message by its position, on every broker."""

from streams.config.settings import Settings
from streams.records import MessageId
from streams.topics import ARTICLES
from tests.support.subscribers import article
from workers.services import connect


async def test_read_message_returns_message_at_offset(any_broker: Settings) -> None:
    broker = await connect(any_broker, any_broker.broker_url)
    await broker.publish([article("a", revision) for revision in (1, 2, 3)])
    partition = await broker.partition_for(ARTICLES.name, b"a")
    for offset in (0, 2):
        message = await broker.read_message(MessageId(ARTICLES.name, partition, offset))
        assert message is not None
        assert (message.offset, message.key) == (offset, b"a")
        assert f'"revision":{offset + 1}'.encode() in message.value
    await broker.close()


async def test_read_message_returns_none_for_removed_message(local_broker: Settings) -> None:
    broker = await connect(local_broker, local_broker.broker_url)
    await broker.publish([article("a"), article("a", 2)])
    partition = await broker.partition_for(ARTICLES.name, b"a")
    source = MessageId(ARTICLES.name, partition, 0)
    await broker.publish((), broker.removal_commands(source))
    is_removed = bool(broker.removal_commands(source))
    assert (await broker.read_message(source) is None) is is_removed
    assert await broker.read_message(MessageId(ARTICLES.name, partition, 2)) is None
    await broker.close()
