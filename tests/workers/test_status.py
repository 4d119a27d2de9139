"""Health report: the health of feeds, and its use by /metrics."""

from pathlib import Path

from streams.brokers.base import Broker
from streams.config.settings import Settings
from streams.topics import DESK_GROUP
from tests.support.site import open_site
from workers.poller.registry import FeedRegistry
from workers.services import connect
from workers.status import read_status

FEEDS = [("https://courier.example/a", ""), ("https://courier.example/b", "")]


async def add_feeds(broker: Broker) -> None:
    registry = FeedRegistry(broker.state)
    await registry.add(FEEDS)
    await registry.set_paused([FEEDS[0][0]], True)


async def test_status_reports_health_of_each_feed(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    await add_feeds(broker)
    report = await read_status(broker, DESK_GROUP)
    assert {feed["url"]: feed["health"] for feed in report["feeds"]} == {FEEDS[0][0]: "paused", FEEDS[1][0]: "new"}
    assert report["counters_consistent"]
    reference = (Path(__file__).parents[2] / "docs" / "reference" / "http-api.md").read_text("utf-8")
    assert [name for name in (*report, *report["feeds"][0]) if f"`{name}`" not in reference] == []
    await broker.close()


async def test_metrics_count_feeds_by_health(settings: Settings) -> None:
    async with open_site(settings) as site:
        await add_feeds(site.broker)
        async with site.http.get(site.url + "metrics") as response:
            lines = (await response.text()).splitlines()
        assert 'copydesk_feeds{health="paused"} 1.0' in lines
        assert 'copydesk_feeds{health="new"} 1.0' in lines
        assert 'copydesk_feeds{health="ok"} 0.0' in lines
