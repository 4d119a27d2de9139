"""The feeds of the fault suite: a document is acknowledged by its ETag, and a slow webhook pauses them."""

import aiohttp

from tests.faults.ledger_server import TruthServer


async def test_feeds_pause_while_webhook_lags() -> None:
    async with TruthServer(1, feeds=1, news=400) as truth, aiohttp.ClientSession() as client:
        etag, statuses = "", []

        async def poll() -> None:
            nonlocal etag
            async with client.get(truth.urls[0], headers={"If-None-Match": etag}) as response:
                etag = response.headers["ETag"]
                statuses.append(response.status)

        for _ in range(5):
            await poll()
        assert statuses == [200, 200, 200, 304, 304]  # 400, 800 and more than 1,200 events
        assert truth.offered == sum(map(len, truth.ledger.values()))
        truth.hooks += [("a", 1)] * 800
        await poll()
        assert statuses[-1] == 200
