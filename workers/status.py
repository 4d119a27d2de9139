"""Status: the health report of a running copydesk, in one shape for the CLI, the page and the metrics.

The states of sinks and sources are read where copydesk.toml has some: their modules import the cleaner and aiohttp.
"""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from streams.brokers.base import Broker
from streams.brokers.redis_streams.broker import RedisStreamsBroker
from streams.brokers.redis_streams.forecast import read_forecast
from streams.brokers.redis_streams.memory import read_removed
from streams.config.settings import Settings
from streams.config.tables import SinkTable, SourceTable
from streams.topics import ARCHIVE_ITEMS, ITEMS, resolve_topic
from workers.counters import is_consistent, read_counters, read_polls
from workers.dead_letters import count_pending
from workers.dedupe.template_changes import read_changes
from workers.health import find_problems, find_warnings
from workers.heartbeats import as_rows, read_workers
from workers.poller.registry import FeedRegistry, FeedState

if TYPE_CHECKING:
    from workers.intake.folder import SourceState

DEFAULTS = Settings()
MAX_CHANGED_SITES = 20
FEED_HEALTH = ("ok", "failing", "paused", "new")


async def read_status(broker: Broker, desk_group: str, settings: Settings = DEFAULTS) -> dict[str, Any]:
    """Return the health report: counters, lag, memory, workers, sinks, groups, feeds, and problems. JSON types only."""
    counters = await read_counters(broker.state)
    feeds = await FeedRegistry(broker.state).all()
    now_s = time.time()
    report = {
        "counters": counters,
        "counters_consistent": is_consistent(counters),
        "lag": await broker.lag(ITEMS.name, desk_group),
        "archive_lag": await broker.lag(ARCHIVE_ITEMS.name, desk_group),
        "memory_usage": round(await broker.memory_usage(), 4),
        "memory_short_in_s": await _memory_short_in_s(broker),
        "removed_for_memory": await _removed_for_memory(broker),
        "workers": as_rows(await read_workers(broker.state)),
        "pending_letters": await count_pending(broker),
        "sinks": [await _sink_row(broker, sink, now_s) for sink in settings.sinks],
        "sources": await _source_rows(broker, settings.sources, now_s) if settings.sources else [],
        "groups": [{"group": group, "lag": lag} for group, lag in sorted((await broker.group_lags()).items())],
        "template_changes": await _template_changes(broker, now_s),
        "polls": await read_polls(broker.state),
        "last_poll_s": max((feed.polled_s for feed in feeds), default=0.0),
        "feeds": [feed_row(feed, now_s) for feed in feeds],
    }
    return report | {"problems": find_problems(report, settings), "warnings": find_warnings(report, settings)}


def readiness(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return whether items are processed: all workers send heartbeats and the desk's lag is within its limit."""
    problems, warnings = report["problems"], report["warnings"]
    return {"ready": not problems, "lag": report["lag"], "problems": problems, "warnings": warnings}


async def _sink_row(broker: Broker, sink: SinkTable, now_s: float) -> dict[str, Any]:
    from workers.sinks.state import SinkState, read_sink_states

    state = (await read_sink_states(broker.state)).get(sink.name, SinkState())
    return {
        "name": sink.name,
        "lag": await broker.lag(resolve_topic(sink.topic).name, f"sink.{sink.name}"),
        "failures": state.failures,
        "rejected": state.rejected,
        "failing_s": round(max(0.0, now_s - state.failing_since_s)) if state.failing_since_s else 0,
        "error": state.error,
    }


async def _template_changes(broker: Broker, now_s: float) -> dict[str, Any]:
    """Return the number of template changes so far, and the sites with the newest ones."""
    changes, count = await read_changes(broker.state)
    newest = [{"site": c.site, "ago_s": round(max(0.0, now_s - c.changed_s))} for c in changes[:MAX_CHANGED_SITES]]
    return {"count": count, "sites": newest}


async def _source_rows(broker: Broker, sources: Sequence[SourceTable], now_s: float) -> list[dict[str, Any]]:
    from workers.intake.folder import SourceState, read_source_states

    states = await read_source_states(broker.state)
    return [_source_row(source, states.get(source.name) or SourceState(), now_s) for source in sources]


def _source_row(source: SourceTable, state: "SourceState", now_s: float) -> dict[str, Any]:
    return {
        "name": source.name, "type": source.type, "path": source.path, "files": state.files, "items": state.items,
        "failed": state.failed, "waiting": state.waiting, "error": state.error,
        "scanned_ago_s": round(max(0.0, now_s - state.scanned_s)) if state.scanned_s else None,
    }  # fmt: skip


def feed_row(feed: FeedState, now_s: float) -> dict[str, Any]:
    """Return the state of a feed as JSON object."""
    return {
        "url": feed.url,
        "title": feed.title,
        "folder": feed.folder,
        "health": feed_health(feed),
        "status": feed.status,
        "error": feed.error,
        "error_kind": feed.error_kind,
        "failures": feed.failures,
        "polls": feed.polls,
        "items_published": feed.items_published,
        "items_deferred": feed.items_deferred,
        "due_in_s": round(feed.due_s - now_s, 1),
        "interval_s": round(max(0.0, feed.due_s - feed.polled_s)) if feed.polls else 0,
        "items_per_day": round(24 * feed.history.per_hour, 1) if feed.history and feed.history.is_rate_known else None,
        "paused": feed.paused,
        "demo": feed.demo,
    }


def feed_health(feed: FeedState) -> str:
    """Return the health of a feed, one of FEED_HEALTH."""
    if feed.paused:
        return "paused"
    return "failing" if feed.failures else "ok" if feed.polls else "new"


async def _memory_short_in_s(broker: Broker) -> int | None:
    """Return the seconds until messages are removed for lack of memory, at the growth of the last day."""
    forecast_s = await read_forecast(broker) if isinstance(broker, RedisStreamsBroker) else None
    return None if forecast_s is None else round(forecast_s)


async def _removed_for_memory(broker: Broker) -> dict[str, Any]:
    """Return the number of messages removed before their retention ended, and the age of the last article removal."""
    if not isinstance(broker, RedisStreamsBroker):
        return {"messages": {}, "articles_ago_s": None}
    removed = await read_removed(broker)
    ago_s = time.time() - removed.articles_last_s if removed.articles_last_s else None
    return {"messages": removed.counts, "articles_ago_s": ago_s and round(ago_s)}
