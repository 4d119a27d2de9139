"""Messages of the command line: topics, times, URLs, durations, exit codes and usage."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from streams.config.settings import Settings
from streams.config.tables import FeedOptions
from streams.records import PollResult
from tests.conftest import ROOT, copydesk
from tests.support.newsroom import FAILING, fill
from tests.support.ports import free_port
from tests.support.site import NOW, article, publish
from workers.commands.feeds import _shown_fields
from workers.commands.offline import URL_RULES
from workers.commands.status import _count_feeds, _describe_sink, run_checks
from workers.commands.topics import format_record
from workers.poller.registry import FeedState
from workers.poller.schedule import initial_history
from workers.services import connect


def run(settings: Settings, folder: Path, *arguments: str, check: int = 0) -> Any:
    return copydesk(*arguments, "--broker-url", settings.broker_url, cwd=folder, check=check)


def test_tail_of_unknown_topic_is_refused(settings: Settings, tmp_path: Path) -> None:
    for topic in ("articles.nope", "nope"):
        done = run(settings, tmp_path, "tail", topic, check=2)
        assert f"unknown topic: {topic}" in done.stderr.replace("'", "")
        assert "articles" in done.stderr


async def test_tail_reads_existing_route_without_settings(settings: Settings, tmp_path: Path) -> None:
    """The route is in the copydesk.toml of the desk, and not in the settings of this command."""
    from streams.brokers.base import OutgoingMessage
    from streams.codec import encode

    broker = await connect(settings, settings.broker_url)
    await broker.publish([OutgoingMessage("copydesk.articles.world", b"1", encode(article(1)))])
    await broker.close()
    assert "Story 1" in run(settings, tmp_path, "tail", "articles.world", "--no-follow").stdout


@pytest.mark.parametrize("topic", ["articles", "polls"])
async def test_brokers_know_their_topics(any_broker: Settings, topic: str) -> None:
    broker = await connect(any_broker, any_broker.broker_url)
    await publish(broker, article(1))
    assert await broker.has_topic(f"copydesk.{topic}")
    assert not await broker.has_topic("copydesk.articles.nope")
    assert not await broker.has_topic("copydesk.articles.nope"), "the question created it"
    await broker.close()


def test_tail_line_has_zone_and_whole_url() -> None:
    url = "https://www.courier.example/a/long/path/of/a/feed/world.xml"
    poll = PollResult(id="1", feed=url, started_at=NOW, outcome="failed", error="HTTP 500")
    assert format_record(poll) == f"2026-11-23T12:00:00Z  {url}  failed HTTP 500"
    assert format_record(article(1)).startswith("2026-11-23T12:00:00Z  The Courier ")


def test_failed_discovery_exits_with_one(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    done = copydesk("feeds", "discover", url, "--allowed-private-hosts", "127.0.0.1:*", cwd=tmp_path, check=1)
    assert f"discovery failed: {url} (unreachable" in done.stderr
    assert "ssl:default" not in done.stderr


def test_shown_feed_has_no_internal_fields() -> None:
    now_s = datetime.now(UTC).timestamp()
    feed = FeedState(
        url="https://courier.example/f", title="Courier", body_hash="b0d1", polls=3, polled_s=now_s, due_s=now_s + 1822,
        items_published=1_377, history=initial_history(now_s, []),
    )  # fmt: skip
    shown = dict(_shown_fields(feed))
    assert shown["next poll"].endswith("after 30 min")
    assert shown["new items"] == "1,377"
    assert "items a day" not in shown  # nothing is known of a day yet
    assert "b0d1" not in "".join(shown.values())
    assert not any("_" in name for name in shown)


def test_new_feed_is_polled_at_once() -> None:
    assert dict(_shown_fields(FeedState(url="https://courier.example/f")))["next poll"] == "at once"


def test_second_add_names_the_next_step(tmp_path: Path) -> None:
    for _ in range(2):
        done = copydesk("feeds", "add", "https://courier.example/f", "--folder", "world", cwd=tmp_path)
    assert "1 already registered; change them with `copydesk feeds edit`" in done.stdout


async def test_list_selects_failing_feeds(settings: Settings, tmp_path: Path) -> None:
    broker = await connect(settings, settings.broker_url)
    await fill(broker)
    await broker.close()
    lines = run(settings, tmp_path, "feeds", "list", "--failing").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [FAILING]
    assert len(run(settings, tmp_path, "feeds", "list").stdout.splitlines()) == 3


def test_check_reports_table_without_feed() -> None:
    settings = Settings(feeds=(FeedOptions(url="https://courier.example/f"), FeedOptions(url="https://*.example/*")))
    status = {
        "workers": [], "lag": 0, "feeds": [], "memory_usage": 0.0, "memory_short_in_s": None, "pending_letters": 0,
        "removed_for_memory": {"messages": {}, "articles_ago_s": None}, "counters_consistent": True, "sinks": [], "groups": [],
    }  # fmt: skip
    failed = [check.message for check in run_checks(settings, status) if not check.ok]
    assert failed == [
        "never polled: https://courier.example/f (a [[feeds]] table); run `copydesk feeds add https://courier.example/f`"
    ]


def test_feed_rate_is_shown_after_a_day() -> None:
    from workers.poller.schedule import update_history

    history = update_history(initial_history(0.0, []), 2 * 86_400.0, [])
    feed = FeedState(url="https://courier.example/f", polls=3, polled_s=1.0, due_s=2.0, history=history)
    assert "items a day" in dict(_shown_fields(feed))


def test_status_counts_feeds_by_health() -> None:
    feeds = [{"health": "ok"}, {"health": "failing"}, {"health": "paused"}, {"health": "failing"}]
    assert _count_feeds(feeds) == "4 feeds (2 failing, 1 paused)"
    assert _count_feeds([{"health": "ok"}]) == "1 feed"


def test_status_describes_failing_sink() -> None:
    sink = {"lag": 1_200, "rejected": 11, "failing_s": 1_900, "error": "HTTP 503"}
    assert _describe_sink(sink) == "lag 1,200 articles, 11 rejected, failing for 31 min: HTTP 503"


def test_url_explains_each_rule(tmp_path: Path) -> None:
    done = copydesk("url", "https://amp.example.org/a?utm_source=rss", "https://example.org/a", cwd=tmp_path)
    first, second = done.stdout.splitlines()
    assert first.endswith("removed: query (tracking parameters), variant (mobile or AMP host)")
    assert second == "https://example.org/a  key example.org/a"


def test_url_rules_are_those_of_the_code() -> None:
    source = (ROOT / "workers" / "urls" / "canonical.py").read_text("utf-8")
    applied = re.findall(r'_apply\("(\w+)"|rules\.append\("(\w+)"\)|\(\*applied, "(\w+)"\)|\("(\w+)", _without', source)
    assert {name for names in applied for name in names if name} == set(URL_RULES)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("to_*.py")), ids=lambda path: path.stem)
def test_example_without_arguments_prints_usage(path: Path) -> None:
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(("usage: python", "not installed: pyarrow"))
