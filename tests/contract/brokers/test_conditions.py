"""Conditions of `Broker.publish`: a step happens at most once."""

from streams.brokers import open_broker
from streams.brokers.base import Condition, OutgoingMessage
from streams.config.settings import Settings


async def test_publish_conditions_make_step_idempotent(local_broker: Settings) -> None:
    broker = open_broker(local_broker)
    step = ([OutgoingMessage("copydesk.polls", b"k", b"v")], [("INCR", "n")], [Condition("turns", "f", "", "1")])
    assert await broker.publish(*step)
    assert await broker.publish(*step)  # a retry after a lost reply: already done, so not done again
    assert not await broker.publish([], [("INCR", "n")], [Condition("turns", "f", "0", "2")])
    partly_done = [Condition("turns", "f", "", "1"), Condition("turns", "other", "", "1")]
    assert not await broker.publish([], [("INCR", "n")], partly_done)
    assert await broker.state.get("n") == b"1"
    await broker.close()


async def test_long_state_writes_are_one_step(local_broker: Settings) -> None:
    broker = open_broker(local_broker)
    fields = [f"f{n}" for n in range(10_000)]
    values = [part for field in fields for part in (field, "1")]
    assert await broker.publish([OutgoingMessage("copydesk.polls", b"k", b"v")], [("HSET", "h", *values)])
    assert len(await broker.state.hgetall("h")) == len(fields)
    assert await broker.publish((), [("HDEL", "h", *fields)])
    assert not await broker.state.hgetall("h")
    await broker.close()
