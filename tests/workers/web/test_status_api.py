"""Status for pages: summary in plain words, rates and latency."""

from typing import Any

import pytest

from streams.config.settings import Settings
from tests.conftest import until
from tests.support.site import Site, article, open_site, publish
from workers.poller.registry import FeedRegistry
from workers.web.summary import summarise

FEED: dict[str, Any] = {"url": "https://a.example/f", "health": "ok"}
REPORT: dict[str, Any] = {
    "counters_consistent": True, "problems": [], "warnings": [], "lag": 0, "feeds": [FEED], "workers": [{"name": "desk-1"}],
    "pending_letters": 0, "sinks": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "level", "headline"),
    [
        ({}, "good", "All items are processed"),
        ({"feeds": []}, "good", "Ready: no feeds yet"),
        ({"lag": 5_000}, "good", "Processing 5,000 waiting items"),
        ({"workers": []}, "attention", "No worker runs"),
        ({"pending_letters": 1, "warnings": ["dead letters"]}, "attention", "1 dead letter waits for a decision"),
        ({"pending_letters": 11, "warnings": ["dead letters"]}, "attention", "11 dead letters wait for a decision"),
        ({"warnings": ["s"], "sinks": [{"name": "mail", "failing_s": 90}]}, "attention", "Sink failing: mail"),
        ({"warnings": ["group lags"]}, "attention", "Needs attention"),
        ({"problems": ["no heartbeat"]}, "bad", "Items are not processed"),
        ({"counters_consistent": False}, "bad", "Items are not processed"),
    ],
)
def test_summary_is_plain_and_never_green_with_trouble(changes: dict[str, Any], level: str, headline: str) -> None:
    summary = summarise(REPORT | changes)
    assert (summary.level, summary.headline) == (level, headline)
    assert level == "good" or summary.sentences


def test_summary_counts_failing_feeds() -> None:
    [sentence] = summarise(REPORT | {"feeds": [FEED, FEED | {"health": "failing"}]}).sentences
    assert sentence == "feeds failing: 1 of 2; see the feeds"


async def get(site: Site, path: str) -> Any:
    async with site.http.get(site.url + path) as response:
        assert response.status == 200
        return await response.json()


async def test_status_has_rates_without_feeds(settings: Settings) -> None:
    async with open_site(settings) as site:
        await FeedRegistry(site.broker.state).add([("https://a.example/f", "demo")], demo=True)
        await publish(site.broker, article(1))
        await site.server.status.sample()
        status = await get(site, "status")
        assert "feeds" not in status["counters"]
        assert (len(status["hour"]), len(status["day"])) == (60, 144)
        assert status["feeds"] == 1
        assert status["summary"]["headline"]

        async def is_counted() -> bool:
            return (await get(site, "summary.json"))["articles"] == 1

        await until(is_counted)
        summary = await get(site, "summary.json")
        assert summary["is_demo"]
        assert summary["health"]["new"] == 1
