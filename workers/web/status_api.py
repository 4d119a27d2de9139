"""Status over HTTP for the pages: a summary in plain words, and rates of the last hour and day.

GET /summary.json    level, sentences, counts of feeds and dead letters
GET /status          the report of /status.json without its feeds, with rates and latency
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.logger import get_logger
from streams.topics import DAY_S, ITEMS
from workers.counters import RECEIVED, read_counters
from workers.search.index import ArticleIndex
from workers.search.samples import DAY_STEP_S, HOUR_S, MINUTE_S, Sample, SampleStore, rates
from workers.status import read_status
from workers.web.latency import Latency
from workers.web.pages import with_page
from workers.web.responses import json_response
from workers.web.summary import counts, summarise

log = get_logger(__name__)
CACHE_S = 2.0  # a report of 10,000 feeds takes .1 s; all open pages share one
FIRST_SAMPLE_S = 2.0


class StatusApi:
    """Handlers of the status for pages, and the task that samples the counters."""

    def __init__(
        self, broker: Broker, desk_group: str, settings: Callable[[], Settings], latency: Latency, index: ArticleIndex
    ) -> None:
        self.broker, self.desk_group, self.settings = broker, desk_group, settings
        self.latency, self.index = latency, index
        self.samples = SampleStore(index.database)
        self._cached: tuple[float, dict[str, Any]] = (float("-inf"), {})
        self._reading = asyncio.Lock()

    def register(self, app: web.Application) -> None:
        """Add the paths to *app*."""
        app.router.add_get("/summary.json", self._summary)
        app.router.add_get("/status", with_page(self._status))

    async def report(self) -> dict[str, Any]:
        """Return the status report, at most CACHE_S old."""
        async with self._reading:
            if time.monotonic() - self._cached[0] > CACHE_S:
                report = await read_status(self.broker, self.desk_group, self.settings())
                self._cached = time.monotonic(), report
            return self._cached[1]

    async def _summary(self, request: web.Request) -> web.StreamResponse:
        report = await self.report()
        demo = bool(report["feeds"]) and all(feed["demo"] for feed in report["feeds"])
        answer = summarise(report)._asdict() | counts(report) | {"articles": await self.index.count(), "is_demo": demo}
        return json_response(answer)

    async def _status(self, request: web.Request) -> web.StreamResponse:
        report = dict(await self.report())
        numbers, summary = counts(report), summarise(report)._asdict()
        del report["feeds"]
        samples, now_s = await self.samples.read(), time.time()
        answer = report | numbers | {
            "summary": summary,
            "latency_ms": self.latency.percentiles_ms(),
            "hour": rates(samples, now_s, HOUR_S, MINUTE_S),
            "day": rates(samples, now_s, DAY_S, DAY_STEP_S),
        }  # fmt: skip
        return json_response(answer)

    async def sample_forever(self) -> None:
        """Store a sample of the counters every minute."""
        wait_s = FIRST_SAMPLE_S
        while True:
            await asyncio.sleep(wait_s)
            with contextlib.suppress(UnavailableError):
                await self.sample()
            wait_s = MINUTE_S - time.time() % MINUTE_S

    async def sample(self) -> None:
        """Store a sample of the counters now."""
        counters = await read_counters(self.broker.state)
        lag = await self.broker.lag(ITEMS.name, self.desk_group)
        desk = {name: n for name, n in counters["desk"].items() if name != RECEIVED}
        values = {"polled": counters["poll"][RECEIVED], **desk}
        await self.samples.add(Sample(time.time(), values, lag, self.latency.percentiles_ms()))
