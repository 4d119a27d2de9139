"""Connections of a Faust app to the broker."""

import faust

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings
from streams.faust.agents import create_app
from tests.conftest import until
from tests.support.server_commands import server_commands


async def connections(broker: RedisStreamsBroker) -> set[str]:
    """Return the ids of the server's connections."""
    return {client["id"] for client in await server_commands(broker.state).client_list()}


def agent_app(settings: Settings) -> faust.App:
    """Return an app with an agent, which has a consumer and a producer."""
    app = create_app(settings, "connections")
    topic = app.topic("connections", key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def ignore(stream: object) -> None:
        async for _ in stream.events():  # type: ignore[attr-defined]
            pass

    app.agent(topic)(ignore)
    return app


async def test_app_stop_closes_its_connections(settings: Settings) -> None:
    broker = RedisStreamsBroker(settings.broker_url)
    before = await connections(broker)
    app = agent_app(settings)
    await app.start()
    await app.producer.send_and_wait("connections", b"k", b"v", 0, None, None)

    async def is_assigned() -> bool:
        return bool(app.consumer.assignment())

    await until(is_assigned, what="assigned partitions")
    assert len(await connections(broker) - before) >= 2  # of the consumer and the producer
    await app.stop()

    async def is_closed() -> bool:
        return not await connections(broker) - before

    await until(is_closed, what="all connections closed")
    await broker.close()
