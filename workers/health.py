"""Health: problems and warnings of a status report. Pure.

A *problem* means that items are not processed: readiness is 503.
A *warning* asks the operator to act, while items are processed.
"""

from collections.abc import Mapping
from typing import Any

from streams.config.settings import Settings
from streams.topics import DAY_S
from workers.heartbeats import Worker, lag_problems, silent_problems
from workers.text.durations import format_duration

SINK_FAILING_S = 60.0  # a shorter failure is a retry
MIN_FAILING_FEEDS, FAILING_SHARE = 3, 0.25  # the alert CopydeskFeedsFailing has the same share


def find_problems(status: Mapping[str, Any], settings: Settings) -> list[str]:
    """Return a message for each silent worker, and for a lag of the desk above its limit."""
    workers = [Worker(**row) for row in status["workers"]]
    return [*silent_problems(workers), *lag_problems(status["lag"], settings.max_desk_lag)]


def find_warnings(status: Mapping[str, Any], settings: Settings) -> list[str]:
    """Return a message for each condition that needs attention: letters, sinks, sources, groups, feeds, templates."""
    return [
        *_letter_warnings(status["pending_letters"]),
        *_sink_warnings(status["sinks"]),
        *_source_warnings(status.get("sources", [])),
        *_group_warnings(status["groups"], settings.max_group_lag),
        *_feed_warnings(status["feeds"]),
        *_template_warnings(status.get("template_changes", {}).get("sites", [])),
    ]


def _template_warnings(sites: list[Mapping[str, Any]]) -> list[str]:
    """Return a message if templates changed in the last day."""
    changed = [site["site"] for site in sites if site["ago_s"] < DAY_S]
    if not changed:
        return []
    return [f"site templates changed: {len(changed)} ({changed[0]}); see `copydesk site {changed[0]}`"]


def _letter_warnings(count: int) -> list[str]:
    return [f"dead letters pending: {count:,}; see `copydesk dead-letters list`"] if count else []


def _sink_warnings(sinks: list[Mapping[str, Any]]) -> list[str]:
    return [
        f"sink failing for {format_duration(sink['failing_s'])}: {sink['name']} ({sink['error']}); "
        "check its destination"
        for sink in sinks
        if sink["failing_s"] > SINK_FAILING_S
    ]


def _source_warnings(sources: list[Mapping[str, Any]]) -> list[str]:
    return [
        f"source failing: {source['name']} ({source['error']}); check its folder"
        for source in sources
        if source["error"]
    ]


def _group_warnings(groups: list[Mapping[str, Any]], max_lag: int) -> list[str]:
    return [
        f"lag above max_group_lag: {group['group']} ({group['lag']:,} messages, limit {max_lag:,}); "
        "start its subscriber, or wait until it expires"
        for group in groups
        if group["lag"] > max_lag
    ]


def _feed_warnings(feeds: list[Mapping[str, Any]]) -> list[str]:
    active = [feed for feed in feeds if not feed["paused"]]
    failing = [feed for feed in active if feed["failures"]]
    limited = [feed for feed in active if feed["items_deferred"]]
    warnings = []
    if len(failing) >= MIN_FAILING_FEEDS and len(failing) > FAILING_SHARE * len(active):
        warnings.append(f"feeds failing: {len(failing):,} of {len(active):,}; check the network of the pollers first")
    if limited:
        first = limited[0]["url"]
        warnings.append(f"feeds over their daily budget: {len(limited):,} ({first}); see `copydesk feeds list`")
    return warnings
