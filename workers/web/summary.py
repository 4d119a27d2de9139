"""The state of copydesk in plain words, from a status report. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from workers.status import FEED_HEALTH

LAGGING_ITEMS = 100  # a shorter queue is normal


class Summary(NamedTuple):
    """`level`: `good`, `attention` (items are processed) or `bad` (items wait). `sentences`: the most urgent first."""

    level: str
    headline: str
    sentences: Sequence[str]


def summarise(report: Mapping[str, Any]) -> Summary:
    """Return the summary of a status report."""
    problems, warnings, lag = report["problems"], report["warnings"], report["lag"]
    health = Counter(feed["health"] for feed in report["feeds"])
    sentences = [*problems, *warnings]
    if not report["counters_consistent"]:
        sentences.insert(0, "counters inconsistent: items are missing; see `copydesk check`")
    if problems or not report["counters_consistent"]:
        return Summary("bad", "Items are not processed", sentences)
    if health["failing"]:
        sentences.append(f"feeds failing: {health['failing']:,} of {sum(health.values()):,}; see the feeds")
    if lag > LAGGING_ITEMS:
        sentences.append(f"items waiting for the desk: {lag:,}")
    if warnings:
        return Summary("attention", _attention(report), sentences)
    if not report["workers"]:
        return Summary("attention", "No worker runs", ["no worker sends heartbeats; start copydesk"])
    if not report["feeds"]:
        return Summary("good", "Ready: no feeds yet", sentences)
    return Summary("good", _good(lag), sentences)


def _attention(report: Mapping[str, Any]) -> str:
    if count := report["pending_letters"]:
        return f"{count:,} dead {'letter waits' if count == 1 else 'letters wait'} for a decision"
    failing = [sink["name"] for sink in report["sinks"] if sink["failing_s"] > 0]
    return f"Sink failing: {failing[0]}" if failing else "Needs attention"


def _good(lag: int) -> str:
    if lag > LAGGING_ITEMS:
        return f"Processing {lag:,} waiting items"
    return "All items are processed"


def counts(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers that every view shows."""
    health = Counter(feed["health"] for feed in report["feeds"])
    return {
        "feeds": len(report["feeds"]), "health": {name: health[name] for name in FEED_HEALTH},
        "pending_letters": report["pending_letters"], "lag": report["lag"], "archive_lag": report["archive_lag"],
    }  # fmt: skip
