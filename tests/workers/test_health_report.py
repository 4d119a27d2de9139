"""Problems and warnings of the health report: dead letters, sinks, groups, feeds; metrics of each."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.config.settings import Settings
from streams.config.tables import SinkTable
from streams.errors import UnavailableError
from streams.start import Start
from streams.topics import ARTICLES, DESK_GROUP
from tests.conftest import copydesk, until
from tests.support.site import open_site
from tests.support.subscribers import article
from tests.support.webhooks import Receiver, delivering
from workers import dead_letters
from workers.health import find_problems, find_warnings
from workers.heartbeats import BEAT_S, SILENT_S, STALLED_S
from workers.poller.registry import FEEDS, FeedState, feed_id
from workers.services import connect
from workers.sinks.state import SinkStateRecorder, read_sink_states
from workers.status import read_status

SINK = {"name": "newsroom", "lag": 3, "failures": 9, "rejected": 1, "failing_s": 0, "error": ""}
HEALTHY: dict[str, Any] = {
    "workers": [{"name": "desk-1", "role": "desk", "heartbeat_age_s": 2.0}], "lag": 0, "pending_letters": 0,
    "sinks": [SINK], "groups": [{"group": "mail", "lag": 10}],
    "feeds": [{"url": f"https://{n}.example/", "paused": False, "failures": n < 3, "items_deferred": 0} for n in range(20)],
}  # fmt: skip
ALL_FAIL = [feed | {"failures": 1} for feed in HEALTHY["feeds"]]
LIMITED = [HEALTHY["feeds"][0] | {"items_deferred": 5}]


def test_healthy_report_has_no_messages() -> None:
    assert find_problems(HEALTHY, Settings()) == []
    assert find_warnings(HEALTHY, Settings()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pending_letters": 7}, "dead letters pending: 7"),
        ({"sinks": [SINK | {"failing_s": 61, "error": "HTTP 503"}]}, "sink failing for 61 s: newsroom (HTTP 503)"),
        (
            {"groups": [{"group": "mail", "lag": 60_000}]},
            "lag above max_group_lag: mail (60,000 messages, limit 50,000)",
        ),
        ({"feeds": ALL_FAIL}, "feeds failing: 20 of 20"),
        ({"feeds": LIMITED}, "feeds over their daily budget: 1 (https://0.example/)"),
    ],
)
def test_warning_names_cause_and_next_step(changes: dict[str, Any], message: str) -> None:
    [warning] = find_warnings(HEALTHY | changes, Settings())
    assert warning.startswith(message)
    assert "; " in warning
    assert find_problems(HEALTHY | changes, Settings()) == []


def test_frozen_worker_is_a_problem_within_15_s() -> None:
    assert SILENT_S + BEAT_S <= 15
    assert STALLED_S + SILENT_S <= 15
    workers = [{"name": "desk-1", "role": "desk", "heartbeat_age_s": SILENT_S + 0.1}]
    assert "desk-1" in find_problems(HEALTHY | {"workers": workers}, Settings())[0]


async def test_readiness_and_status_show_warnings(settings: Settings, tmp_path: Path) -> None:
    async with open_site(settings) as site:
        letters = [dead_letters.build(None, b"", b"x", (), "unreadable", "bad entry", feed="https://a.example/")] * 2
        await site.broker.publish(letters)
        for n in range(4):
            state = FeedState(f"https://{n}.example/f", failures=2, error="unreachable", polled_s=7.0 + n)
            await site.broker.state.hset(FEEDS, feed_id(state.url), msgspec.json.encode(state))
        async with site.http.get(site.url + "readyz") as response:
            report = await response.json()
            assert response.status == 200
        assert [warning.partition(":")[0] for warning in report["warnings"]] == [
            "dead letters pending",
            "feeds failing",
        ]
        flags = ("--broker-url", settings.broker_url)
        shown = (await asyncio.to_thread(copydesk, "status", *flags, cwd=tmp_path)).stdout
        assert shown.count("dead letters pending") == 1
        assert "dead letters pending: 2" in shown
        assert "feeds failing: 4 of 4" in shown
        checked = await asyncio.to_thread(copydesk, "check", "--json", *flags, cwd=tmp_path, check=4)
        assert {"health"} <= {json.loads(line)["name"] for line in checked.stdout.splitlines()}
        async with site.http.get(site.url + "metrics") as response:
            lines = (await response.text()).splitlines()
        assert "copydesk_dead_letters_pending 2.0" in lines
        assert "copydesk_last_poll_timestamp_seconds 10.0" in lines
        assert any(line.startswith("copydesk_build_info{") for line in lines)
        assert any(line.startswith("process_cpu_seconds_total") for line in lines)
        for letter in await dead_letters.select(site.broker, []):
            await dead_letters.discard(site.broker, letter)
        assert await dead_letters.count_pending(site.broker) == 0


async def test_group_lag_counts_uncommitted_messages(settings: Settings) -> None:
    broker = await connect(settings, settings.broker_url)
    reader = await broker.open_reader(ARTICLES, "mail", Start.EARLIEST)
    await broker.publish([article("a"), article("b"), article("c")])
    assert await broker.group_lags() == {"mail": 3}
    report = await read_status(broker, DESK_GROUP, replace(settings, max_group_lag=2))
    assert report["warnings"][0].startswith("lag above max_group_lag: mail (3 messages, limit 2)")
    await reader.close()
    await broker.close()


async def test_failing_sink_is_reported_until_it_delivers(settings: Settings) -> None:
    receiver = Receiver()
    receiver.statuses = [503] * 40
    async with delivering(settings, receiver) as (broker, _, _):
        await broker.publish([article("a")])

        async def failing() -> bool:
            state = (await read_sink_states(broker.state)).get("desk")
            return state is not None and state.failures > 2 and state.failing_since_s > 0

        await until(failing)
        table = SinkTable(name="desk", type="webhook")
        [row] = (await read_status(broker, DESK_GROUP, replace(settings, sinks=(table,))))["sinks"]
        assert row["lag"] == 1
        assert row["error"].startswith("HTTP 503")
        receiver.statuses.clear()
        await until(lambda: receiver.accepted())

        async def recovered() -> bool:
            return not (await read_sink_states(broker.state))["desk"].failing_since_s

        await until(recovered)


async def test_sink_state_survives_unreachable_broker() -> None:
    class Unreachable:
        async def publish(self, *arguments: Any) -> bool:
            raise UnavailableError("broker unavailable")

    broker: Any = Unreachable()
    await SinkStateRecorder(broker, "s").failed("a", "HTTP 500")
