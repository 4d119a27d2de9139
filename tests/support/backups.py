"""A data directory with keys, for tests of backups."""

from pathlib import Path

from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.config.settings import Settings
from streams.valkey.server import EmbeddedValkey
from tests.support.server_commands import server_commands

KEYS = 2_000


async def fill(url: str) -> None:
    broker = RedisStreamsBroker(url)
    await server_commands(broker.state).mset({f"key:{n}": f"value {n} " * 500 for n in range(KEYS)})
    await broker.close()


async def keys(data_dir: Path) -> int:
    async def go(url: str) -> int:
        broker = RedisStreamsBroker(url)
        count = int(await server_commands(broker.state).dbsize())
        await broker.close()
        return count

    server = EmbeddedValkey(Settings(data_dir=data_dir))
    server.start()
    try:
        return await go(server.url)
    finally:
        server.stop()
