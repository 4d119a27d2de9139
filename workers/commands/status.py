"""Commands that report: counters and lag, health checks, effective settings."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import click

from streams.config.display import effective_settings, settings_table
from streams.config.settings import Settings
from streams.exit_codes import ExitCode
from streams.topics import DAY_S
from workers.commands.base import (
    Command,
    json_option,
    loaded_settings,
    print_json,
    run_with_running_broker,
    warn,
)
from workers.commands.terminal import print_text
from workers.text.counts import format_count

MAX_FEED_ROWS = 10  # above it, failing feeds are grouped by the kind of their error
MAX_MEMORY_USAGE = 0.85  # share of the broker's memory at which pollers pause


def _read_status(settings: Settings) -> dict[str, Any]:
    from streams.topics import DESK_GROUP
    from workers.status import read_status

    status: dict[str, Any] = run_with_running_broker(settings, lambda broker: read_status(broker, DESK_GROUP, settings))
    return status


@click.command("status", cls=Command, example="copydesk status --json")
@json_option("print one JSON object")
def status(settings: Settings, as_json: bool) -> ExitCode:
    """Print counters, lag, workers, sinks and the health of feeds. Needs a running copydesk."""
    from workers.text.durations import format_duration

    report = _read_status(settings)
    if as_json:
        print_json(report)
    else:
        for stage, counts in report["counters"].items():
            print_text(f"{stage:<8}" + "  ".join(f"{name} {n:,}" for name, n in counts.items()))
        print_text(f"desk lag {format_count(report['lag'], 'item')}; {_count_feeds(report['feeds'])}")
        for sink in report["sinks"]:
            print_text(f"sink {sink['name']}: {_describe_sink(sink)}")
        for source in report["sources"]:
            counts = ", ".join(f"{source[name]} {name}" for name in ("files", "items", "failed", "waiting"))
            print_text(f"source {source['name']}: {counts} ({source['path']})")
        for worker in report["workers"]:
            age = format_duration(worker["heartbeat_age_s"])
            print_text(f"worker {worker['name']}: last heartbeat {age} ago")
        for message in (*report["problems"], *report["warnings"]):
            print_text(message)
    if not report["counters_consistent"]:
        warn("counters inconsistent: items are missing; see `copydesk check`")
        return ExitCode.UNHEALTHY
    return ExitCode.OK


def _count_feeds(feeds: Sequence[Mapping[str, Any]]) -> str:
    """Return the number of feeds, and of each health other than ok."""
    counts = Counter(feed["health"] for feed in feeds)
    others = ", ".join(f"{count:,} {health}" for health, count in sorted(counts.items()) if health != "ok")
    total = format_count(len(feeds), "feed")
    return f"{total} ({others})" if others else total


def _describe_sink(sink: Mapping[str, Any]) -> str:
    from workers.text.durations import format_duration

    failing = f", failing for {format_duration(sink['failing_s'])}: {sink['error']}" if sink["failing_s"] else ""
    return f"lag {format_count(sink['lag'], 'article')}, {sink['rejected']:,} rejected{failing}"


class Check(NamedTuple):
    """The result of one check."""

    name: str
    ok: bool
    message: str


@click.command("check", cls=Command, example="copydesk check")
@json_option("print JSON, one object per line: name, ok, message")
def check(settings: Settings, as_json: bool) -> ExitCode:
    """Check settings, broker, memory, counters, workers and feeds.

    Needs a running copydesk. The exit code is 4 when a check fails.
    """
    checks = list(run_checks(settings, _read_status(settings)))
    for result in checks:
        if as_json:
            print_json(result._asdict())
        else:
            print_text(f"{'ok  ' if result.ok else 'FAIL'}  {result.name:<9} {result.message}")
    return ExitCode.OK if all(result.ok for result in checks) else ExitCode.UNHEALTHY


def run_checks(settings: Settings, status: Mapping[str, Any]) -> Iterator[Check]:
    """Yield the checks of a status report."""
    from streams.config.sources import redact_url
    from workers.health import find_warnings
    from workers.heartbeats import Worker, lag_problems, silent_problems
    from workers.poller.feed_urls import unregistered_feeds

    silent = silent_problems(Worker(**row) for row in status["workers"])
    lag = lag_problems(status["lag"], settings.max_desk_lag)
    failing = [feed for feed in status["feeds"] if feed["failures"]]
    urls = filter(None, (settings.broker_url, settings.state_url))
    routes, tables = format_count(len(settings.routes), "route"), format_count(len(settings.feeds), "[[feeds]] table")
    yield Check("settings", True, f"{routes}, {tables}")
    for url in unregistered_feeds(settings.feeds, {feed["url"] for feed in status["feeds"]}):
        yield Check("settings", False, f"never polled: {url} (a [[feeds]] table); run `copydesk feeds add {url}`")
    yield Check("broker", True, " and ".join(map(redact_url, urls)))
    yield check_memory(status["memory_usage"], status["memory_short_in_s"], status["removed_for_memory"])
    consistent = status["counters_consistent"]
    yield Check("counters", consistent, "consistent" if consistent else "inconsistent: items are missing")
    yield Check("desk", not lag, lag[0] if lag else f"lag {format_count(status['lag'], 'item')}")
    running = len(status["workers"]) - len(silent)
    yield Check("workers", not silent, f"{running} with heartbeats, {len(silent)} without")
    yield from (Check("worker", False, problem) for problem in silent)
    yield from (Check("health", False, warning) for warning in find_warnings(status, settings))
    yield Check("feeds", not failing, f"{len(status['feeds']) - len(failing)} ok, {len(failing)} failing")
    yield from _failing_feeds(failing)


def _failing_feeds(failing: Sequence[Mapping[str, Any]]) -> Iterator[Check]:
    """Yield a check for each failing feed; for each kind of error if there are many, with one feed as an example."""
    if len(failing) <= MAX_FEED_ROWS:
        yield from (Check("feed", False, f"{feed['url']}: {feed['error']}") for feed in failing)
        return
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for feed in failing:
        by_kind.setdefault(feed["error_kind"], []).append(feed)
    for kind, feeds in sorted(by_kind.items(), key=lambda pair: -len(pair[1])):
        example = f"{feeds[0]['url']}: {feeds[0]['error']}"
        yield Check("feeds", False, f"{len(feeds)} with {kind}, such as {example}; see `copydesk feeds list`")


def check_memory(usage: float, short_in_s: float | None, removed: Mapping[str, Any]) -> Check:
    """Check that the broker has free memory and removed no articles early in the last day; forecast the next time."""
    counts, age_s = removed["messages"], removed["articles_ago_s"]
    message = f"broker memory {usage:.0%} used".replace("%", " %")
    if short_in_s is not None:
        message += f"; short in {short_in_s / DAY_S:.1f} days at the current growth"
    if counts:
        by_topic = ", ".join(f"{count} of {topic}" for topic, count in sorted(counts.items()))
        last = f"; the last articles {age_s / 3600:.1f} hours ago" if age_s is not None else ""
        message += f"; removed before their retention ended: {by_topic}{last}; raise valkey_memory_mb"
    return Check("memory", usage < MAX_MEMORY_USAGE and (age_s is None or age_s > DAY_S), message)


@click.command("settings", cls=Command, example="copydesk settings")
@click.option("--markdown", is_flag=True, help="print all settings, defaults and meanings as a Markdown table")
@json_option("print JSON, one object per line: name, value, source")
def settings_(settings: Settings, markdown: bool, as_json: bool) -> ExitCode:
    """Print the effective settings and their sources. Secrets are hidden."""
    if markdown:
        print_text(settings_table())
        return ExitCode.OK
    rows = effective_settings(loaded_settings())
    width = max(len(f"{name} = {value}") for name, value, _ in rows)
    for name, value, source in rows:
        if as_json:
            print_json({"name": name, "value": value, "source": source})
        else:
            print_text(f"{f'{name} = {value}':<{width}}  # {source}")
    return ExitCode.OK


COMMANDS = (status, check, settings_)
