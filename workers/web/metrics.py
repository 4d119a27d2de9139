"""Prometheus metrics, named by its conventions (prometheus.io/docs/practices/naming). Computed per request."""

import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from streams.version import version
from workers.counters import RECEIVED
from workers.status import FEED_HEALTH
from workers.web.latency import Latency

CONTENT_TYPE = "text/plain; version=0.0.4"  # the exposition format of generate_latest


def render_metrics(status: Mapping[str, Any], subscribers: Mapping[str, int], latency: Latency) -> bytes:
    """Return all metrics in the exposition format. *status*: the report of `workers.status`."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(
        StaticCollector(
            [
                *_items(status),
                *_gauges(status),
                *_workers(status),
                *_polls(status),
                *_feeds(status),
                *_letters(status),
                *_sinks(status),
                *_groups(status),
                *_templates(status),
                *_build(),
                *_subscribers(subscribers),
                _latency(latency),
            ]
        )
    )
    return generate_latest(registry)


class StaticCollector:
    """A collector of metrics that exist already."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _items(status: Mapping[str, Any]) -> Iterable[Metric]:
    received = CounterMetricFamily("copydesk_items_received", "Items that a stage received.", labels=["stage"])
    items = CounterMetricFamily(
        "copydesk_items", "Items that a stage processed, by outcome.", labels=["stage", "outcome"]
    )
    for stage, counts in status["counters"].items():
        for outcome, count in counts.items():
            if outcome == RECEIVED:
                received.add_metric([stage], count)
            else:
                items.add_metric([stage, outcome], count)
    return received, items


def _gauges(status: Mapping[str, Any]) -> Iterable[Metric]:
    for name, value, help in (
        (
            "copydesk_counters_consistent",
            float(status["counters_consistent"]),
            "1 while every received item of every stage has an outcome.",
        ),
        ("copydesk_desk_lag_items", status["lag"], "Items that no desk has processed yet."),
        ("copydesk_broker_memory_ratio", status["memory_usage"], "Used share of the broker's memory, 0 to 1."),
    ):
        yield GaugeMetricFamily(name, help, value=value)
    # Without a limit or growth, memory is never short: +Inf lets an alert compare it.
    short_s = status.get("memory_short_in_s")
    yield GaugeMetricFamily(
        "copydesk_memory_short_seconds",
        "Seconds until messages are removed for lack of memory, at the growth of the last day; +Inf if none are.",
        value=float("inf") if short_s is None else short_s,
    )


def _workers(status: Mapping[str, Any]) -> Iterable[Metric]:
    help = "Seconds since a worker's last heartbeat."
    metric = GaugeMetricFamily("copydesk_heartbeat_age_seconds", help, labels=["worker"])
    for worker in status["workers"]:
        metric.add_metric([worker["name"]], worker["heartbeat_age_s"])
    return (metric,)


def _feeds(status: Mapping[str, Any]) -> Iterable[Metric]:
    counts = Counter(feed["health"] for feed in status["feeds"])
    metric = GaugeMetricFamily("copydesk_feeds", "Feeds by health.", labels=["health"])
    for health in FEED_HEALTH:
        metric.add_metric([health], counts[health])
    return (metric,)


def _polls(status: Mapping[str, Any]) -> Iterable[Metric]:
    polls = CounterMetricFamily("copydesk_polls", "Polls by outcome.", labels=["outcome"])
    for outcome, count in status["polls"].items():
        polls.add_metric([outcome], count)
    help = "Unix time of the last poll of any feed, 0 before the first."
    return polls, GaugeMetricFamily("copydesk_last_poll_timestamp_seconds", help, value=status["last_poll_s"])


def _letters(status: Mapping[str, Any]) -> Iterable[Metric]:
    help = "Dead letters that are neither replayed nor discarded."
    yield GaugeMetricFamily("copydesk_dead_letters_pending", help, value=status["pending_letters"])
    deferred = sum(feed["items_deferred"] for feed in status["feeds"])
    help = "Entries over the daily budgets of their feeds at the last polls."
    yield GaugeMetricFamily("copydesk_items_over_budget", help, value=deferred)


def _sinks(status: Mapping[str, Any]) -> Iterable[Metric]:
    lag = GaugeMetricFamily("copydesk_sink_lag_items", "Articles that a sink has not delivered.", labels=["sink"])
    failing = GaugeMetricFamily(
        "copydesk_sink_failing_seconds",
        "Seconds since a sink's first failed attempt, 0 while it works.",
        labels=["sink"],
    )
    failures = CounterMetricFamily("copydesk_sink_failures", "Failed attempts of a sink.", labels=["sink"])
    rejected = CounterMetricFamily(
        "copydesk_sink_rejected", "Articles that a sink rejected, which are dead letters.", labels=["sink"]
    )
    for sink in status["sinks"]:
        lag.add_metric([sink["name"]], sink["lag"])
        failing.add_metric([sink["name"]], sink["failing_s"])
        failures.add_metric([sink["name"]], sink["failures"])
        rejected.add_metric([sink["name"]], sink["rejected"])
    return lag, failing, failures, rejected


def _groups(status: Mapping[str, Any]) -> Iterable[Metric]:
    metric = GaugeMetricFamily(
        "copydesk_group_lag_messages", "Messages that a consumer group has not committed.", labels=["group"]
    )
    for group in status["groups"]:
        metric.add_metric([group["group"]], group["lag"])
    return (metric,)


def _templates(status: Mapping[str, Any]) -> Iterable[Metric]:
    help = "Changes of a site's template; see `copydesk site`."
    yield CounterMetricFamily("copydesk_template_changes", help, value=status["template_changes"]["count"])


def _build() -> Iterable[Metric]:
    metric = GaugeMetricFamily("copydesk_build_info", "1, with the versions as labels.", labels=["version", "python"])
    metric.add_metric([version(), platform.python_version()], 1)
    return (metric,)


def _subscribers(subscribers: Mapping[str, int]) -> Iterable[Metric]:
    metric = GaugeMetricFamily("copydesk_event_subscribers", "Subscribers over Server-Sent Events.", labels=["topic"])
    for topic, count in subscribers.items():
        metric.add_metric([topic], count)
    return (metric,)


def _latency(latency: Latency) -> Metric:
    help = "Time from an item's poll to the publication of its article, as seen by this process."
    metric = HistogramMetricFamily("copydesk_article_latency_seconds", help)
    metric.add_metric([], latency.buckets(), latency.sum_s)
    return metric
