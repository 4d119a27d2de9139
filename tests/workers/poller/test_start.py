"""The start of a poller: the check of a large registry delays no poll."""

import asyncio
from dataclasses import replace

from streams.config.settings import Settings
from streams.topics import DESK_GROUP
from tests.conftest import until
from tests.support.feed_server import FeedServer, rss
from workers.poller.poller import Poller
from workers.poller.registry import FeedRegistry
from workers.services import connect


class SlowRegistry(FeedRegistry):
    """A registry whose check never ends."""

    async def reconcile(self) -> int:
        await asyncio.Event().wait()
        return 0


async def test_polls_begin_before_registry_is_checked(settings: Settings) -> None:
    settings = replace(settings, allowed_private_hosts="127.0.0.1:*")
    broker = await connect(settings, settings.broker_url)
    poller = Poller(settings, broker, DESK_GROUP)
    poller.feeds = SlowRegistry(broker.state, settings.lease_timeout_s, settings.host_delay_s)
    async with FeedServer() as feeds:
        feeds.answers["a"] = rss([("https://courier.example/1", "Canal opens", "The harbour opens.")])
        await poller.feeds.add([(feeds.url + "a", "")])
        polling = asyncio.create_task(poller.run())

        async def is_polled() -> bool:
            return bool((await poller.feeds.all())[0].polls)

        await until(is_polled, what="the poll")
        poller.stop()
        await polling
    await broker.close()
