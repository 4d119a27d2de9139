"""The commands that look into a copydesk and look after it: topics, status, feeds, dead letters, replay, repair."""

import asyncio
import contextlib
import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from streams.config.settings import Settings, settings_table
from streams.errors import SettingsError, UnreadableError
from streams.topics import DAY_S
from streams.valkey.server import EmbeddedValkey, find_server_binary, is_responding, socket_url
from workers.commands.offline import DONE, FAILED, UNHEALTHY, print_json

MAX_MEMORY_USAGE = 0.85  # of the broker's memory: pollers pause there


@contextlib.contextmanager
def with_running_broker(settings: Settings) -> Iterator[Settings]:
    """Give settings that reach the broker; embedded, by the running server, else one started for the moment."""
    if not settings.embedded:
        yield settings
    elif is_responding(settings.data_dir):
        yield replace(settings, broker_url=socket_url(settings.data_dir))
    else:
        valkey = EmbeddedValkey(settings)
        valkey.start()
        try:
            yield replace(settings, broker_url=valkey.url)
        finally:
            valkey.stop()


def run_with_broker(settings: Settings, work: Callable[[Any], Any]) -> Any:
    """Return what the coroutine function *work* makes of an open broker."""
    from streams.brokers import open_broker

    async def go(at: Settings) -> Any:
        broker = open_broker(at)
        try:
            return await work(broker)
        finally:
            await broker.close()

    with with_running_broker(settings) as at:
        return asyncio.run(go(at))


def run_tail(settings: Settings, args: Any) -> int:
    from streams.subscribe import Subscription

    start = args.start or ("start" if args.group or not args.follow else "end")

    async def go(at: Settings) -> None:
        how = {"group": args.group, "start": start, "follow": args.follow, "settings": at}
        async with Subscription(args.topic, auto_commit=True, **how) as found:
            async for delivery, record in found.messages():
                if args.json:
                    at_ = f"{delivery.topic}/{delivery.partition}@{delivery.offset}"
                    print_json(msgspec.to_builtins(record) | {"at": at_})
                else:
                    print(format_record(record), flush=True)

    with with_running_broker(settings) as at:
        asyncio.run(go(at))
    return DONE


def format_record(record: Any) -> str:
    values: Mapping[str, Any] = msgspec.to_builtins(record)
    when = (
        values.get("published") or values.get("started_at") or values.get("failed_at") or values.get("fetched_at") or ""
    )
    who = values.get("publisher") or values.get("feed") or values.get("topic") or ""
    what = values.get("title") or f"{values.get('outcome', '')} {values.get('error', '')}"
    from workers.text.normalise import plain_text

    return plain_text(f"{when[:19]}  {who[:24]:<24}  {what}")


def run_status(settings: Settings, args: Any) -> int:
    from streams.topics import DESK_GROUP
    from workers.status import read_status

    found = run_with_broker(settings, lambda broker: read_status(broker, DESK_GROUP))
    if args.json:
        print_json(found)
    else:
        for stage, counts in found["counters"].items():
            print(f"{stage:<6}" + "  ".join(f"{name} {n:,}" for name, n in counts.items()))
        print(f"desk is {found['lag']} items behind; {len(found['feeds'])} feeds")
        for worker in found["workers"]:
            print(f"worker {worker['name']}: last heartbeat {worker['heartbeat_age_s']:.0f} s ago")
    if not found["balanced"]:
        print("copydesk: the counters don't add up", file=sys.stderr)
        return UNHEALTHY
    return DONE


def run_check(settings: Settings, args: Any) -> int:
    """Say whether everything that copydesk needs is there; exit code UNHEALTHY when something isn't."""
    from streams.topics import DESK_GROUP
    from workers.heartbeats import Worker, lag_problems, silent_problems
    from workers.status import read_status

    found = run_with_broker(settings, lambda broker: read_status(broker, DESK_GROUP))
    silent = silent_problems(Worker(**row) for row in found["workers"])
    behind = lag_problems(found["lag"], settings.max_desk_lag)
    failing = [feed for feed in found["feeds"] if feed["failures"]]
    good, lag = len(found["feeds"]) - len(failing), found["lag"]
    rows = [
        ("settings", True, f"{len(settings.routes)} routes, {len(settings.feeds)} tables of feeds"),
        ("broker", True, " and ".join(filter(None, map(redact_url, (settings.broker_url, settings.state_url))))),
        ("memory", *_memory(found["memory"], found["removed_for_memory"])),
        ("counters", found["balanced"], "they add up" if found["balanced"] else "they don't add up"),
        ("desk", not behind, behind[0] if behind else f"{lag} items behind"),
        ("workers", not silent, f"{len(found['workers']) - len(silent)} with heartbeats, {len(silent)} without"),
        *(("worker", False, problem) for problem in silent),
        ("feeds", not failing, f"{good} good, {len(failing)} failing"),
        *(("feed", False, f"{feed['url']}: {feed['error']}") for feed in failing),
    ]
    for what, well, says in rows:
        if args.json:
            print_json({"what": what, "good": well, "says": says})
        else:
            print(f"{'good' if well else 'BAD '}  {what:<9} {says}")
    return DONE if all(well for _, well, _ in rows) else UNHEALTHY


def _memory(share: float, removed: Mapping[str, Any]) -> tuple[bool, str]:
    """Return whether the broker has room and had to remove no articles in the last day, and what it removed."""
    counts, ago_s = removed["messages"], removed["articles_ago_s"]
    says = f"{share:.0%} of the broker's"
    if counts:
        listed = ", ".join(f"{count} of {topic}" for topic, count in sorted(counts.items()))
        last = f"; the last articles {ago_s / 3600:.1f} hours ago" if ago_s is not None else ""
        says += f"; removed before their retention ended: {listed}{last}; raise valkey_memory_mb"
    return share < MAX_MEMORY_USAGE and (ago_s is None or ago_s > DAY_S), says


def redact_url(url: str) -> str:
    """Return a broker's URL as it may be shown."""
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


def run_routes_test(settings: Settings, args: Any) -> int:
    """Say which routes an article takes, and what of each rule holds; `-` reads standard input."""
    from streams.codec import decode
    from streams.records import Article
    from streams.routing import explain_routes

    data = sys.stdin.buffer.read() if args.file == "-" else _read(args.file)
    article = decode(data, Article)
    for route, fields in explain_routes(article, settings.routes):
        taken = all(fields.values())
        if args.json:
            print_json({"route": route, "taken": taken, "fields": fields})
        else:
            why = ", ".join(f"{name} {'holds' if held else 'fails'}" for name, held in fields.items())
            print(f"{route}  {'taken' if taken else 'not taken'}  {why}")
    if not settings.routes:
        print("copydesk: there are no routes in copydesk.toml", file=sys.stderr)
    return DONE


def _read(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as exc:
        raise UnreadableError(f"{name}: {exc.strerror}") from exc


def run_settings(settings: Settings, args: Any) -> int:
    print(settings_table())
    return DONE


def run_replay(settings: Settings, args: Any) -> int:
    from datetime import UTC, datetime

    from workers.replay import parse_since, replay_items

    since = parse_since(args.since, datetime.now(UTC))
    say = functools.partial(print, file=sys.stderr)
    count = run_with_broker(settings, lambda broker: replay_items(settings, broker, since, say))
    print(f"{count} items sent through the desk again; stories that come out changed get a new revision")
    return DONE


def run_backup(settings: Settings, args: Any) -> int:
    from streams.valkey import backup

    require_embedded(settings, "backup")
    with backup.one_at_a_time(settings.data_dir):
        backup.require_absent(args.file)
        run_with_broker(settings, lambda broker: backup.take_snapshot(broker.state))
        print(f"{args.file}: {backup.write_archive(settings.data_dir, args.file):,} bytes")
    return DONE


def run_restore(settings: Settings, args: Any) -> int:
    from streams.valkey.backup import restore

    require_embedded(settings, "restore")
    when = restore(args.file, settings.data_dir, find_server_binary())
    print(f"{settings.data_dir}: as it was at {when:%Y-%m-%d %H:%M:%S} UTC")
    return DONE


def require_embedded(settings: Settings, command: str) -> None:
    if not settings.embedded:
        raise SettingsError(f"{command} is for embedded mode; another broker has tools of its own")


def run_repair(settings: Settings, args: Any) -> int:
    require_embedded(settings, "repair")
    valkey = EmbeddedValkey(settings)
    if args.yes:
        done = valkey.repair()
        damage = done and done[0]
    else:
        done, damage = None, valkey.check_aof()
    if damage is None:
        print("the log is sound")
        return DONE
    lost = damage.size - damage.valid_bytes
    print(f"{damage.path}: readable up to byte {damage.valid_bytes} of {damage.size}; {lost} bytes are not")
    if damage.confirmed > damage.valid_bytes:
        print(f"{damage.confirmed - damage.valid_bytes} bytes behind that were confirmed: restore a backup, if any.")
    if done:
        print(f"they were cut off; the log as it was is in {done[1]}")
        return DONE
    print("An unfinished write at the end, as after a power cut, was never confirmed to anybody; more may have been.")
    print("`copydesk repair --yes` makes a copy and cuts them off.")
    return UNHEALTHY


# -- feeds ----------------------------------------------------------------------------------------------------


def run_feeds_add(settings: Settings, args: Any) -> int:
    return _add_feeds(settings, [(url, args.folder) for url in args.urls])


def run_feeds_import(settings: Settings, args: Any) -> int:
    from workers.poller.opml import read_opml
    from workers.poller.registry import validate_feed_url

    wanted, code = [], DONE
    for url, folder in read_opml(args.file):
        try:
            wanted.append((validate_feed_url(url), folder))
        except SettingsError as exc:  # one bad line of a thousand keeps nobody from the others
            print(f"left out: {exc}", file=sys.stderr)
            code = FAILED
    return _add_feeds(settings, wanted) or code


def run_feeds_discover(settings: Settings, args: Any) -> int:
    from workers.http.client import HttpClient
    from workers.poller.discovery import discover
    from workers.poller.parser_pool import ParserPool
    from workers.poller.registry import validate_feed_url

    async def find() -> Any:
        async with HttpClient(settings) as fetcher, ParserPool(1) as parsers:
            return await discover(fetcher, parsers, validate_feed_url(args.url))

    found = asyncio.run(find())
    for url, feed in found:
        if args.json:
            print_json({"url": url, "title": feed.title, "items": feed.document_items})
        else:
            print(f"{url}  {feed.title or '-'}  {feed.document_items} items")
    if not found:
        print(f"no feed found at {args.url}", file=sys.stderr)
    return DONE if found else FAILED


def run_feeds_change(settings: Settings, args: Any) -> int:
    """Pause feeds, go on with them, or poll them at once."""
    from workers.poller.registry import FeedRegistry

    def change(broker: Any) -> Any:
        feeds = FeedRegistry(broker.state)
        return (
            feeds.poll_now(args.urls)
            if args.action == "poll-now"
            else feeds.set_paused(args.urls, args.action == "pause")
        )

    changed = run_with_broker(settings, change)
    for url in args.urls:
        if url in changed:
            print(f"{args.said} {url}")
        else:
            print(f"no such feed{' that is polled' if args.action == 'poll-now' else ''}: {url}", file=sys.stderr)
    return DONE if len(changed) == len(args.urls) else FAILED


def _add_feeds(settings: Settings, wanted: list[tuple[str, str]]) -> int:
    from workers.poller.registry import FeedRegistry

    new = run_with_broker(settings, lambda broker: FeedRegistry(broker.state).add(wanted))
    for url in new:
        print(f"added {url}")
    known = len({url for url, _ in wanted}) - len(new)
    print(f"{len(new)} added" + (f", {known} known before" if known else ""))
    return DONE


def run_feeds_remove(settings: Settings, args: Any) -> int:
    from workers.poller.registry import FeedRegistry

    gone = run_with_broker(settings, lambda broker: FeedRegistry(broker.state).remove(args.urls))
    for url in args.urls:
        print(
            f"removed {url}" if url in gone else f"no such feed: {url}", file=sys.stdout if url in gone else sys.stderr
        )
    return DONE if len(gone) == len(args.urls) else FAILED


def run_feeds_list(settings: Settings, args: Any) -> int:
    from workers.poller.registry import FeedRegistry

    for feed in run_with_broker(settings, lambda broker: FeedRegistry(broker.state).all()):
        if args.json:
            print_json(msgspec.to_builtins(msgspec.structs.asdict(feed)) | {"history": None})
        else:
            how = feed.error or (f"{feed.items_total} items in {feed.polls} polls" if feed.polls else "not polled yet")
            how = f"paused; {how}" if feed.paused else how
            how += f"; now at {feed.moved_to}" if feed.moved_to else ""
            print(f"{feed.url}  {feed.title or '-'}  {how}")
    return DONE


def run_feeds_show(settings: Settings, args: Any) -> int:
    from workers.poller.registry import FeedRegistry

    found = [f for f in run_with_broker(settings, lambda broker: FeedRegistry(broker.state).all()) if f.url == args.url]
    if not found:
        raise UnreadableError(f"no feed {args.url}; `copydesk feeds list` shows which there are")
    feed = found[0]
    per_day = round(24 * feed.history.per_hour, 1) if feed.history else None
    shown = msgspec.to_builtins(msgspec.structs.asdict(feed)) | {"history": None, "items_a_day": per_day}
    if args.json:
        print_json(shown)
        return DONE
    for name, value in shown.items():
        if value not in (None, "", 0, False):
            print(f"{name:<16} {format_time(value) if name.endswith('_s') else value}")
    return DONE


def format_time(time_s: float) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M:%S} UTC"


def run_feeds_export(settings: Settings, args: Any) -> int:
    from workers.poller.opml import write_opml
    from workers.poller.registry import FeedRegistry

    sys.stdout.write(write_opml(run_with_broker(settings, lambda broker: FeedRegistry(broker.state).all())))
    return DONE


# -- dead letters ---------------------------------------------------------------------------------------------


def run_dead_letters_list(settings: Settings, args: Any) -> int:
    from workers.dead_letters import select

    for one in run_with_broker(settings, lambda broker: select(broker, [])):
        letter = one.letter
        if args.json:
            print_json({"letter": one.name} | msgspec.to_builtins(letter))
        else:
            when, why = f"{letter.failed_at:%Y-%m-%d %H:%M:%S}", letter.error.partition("\n")[0]
            print(f"{one.name:<8} {when}  {letter.error_kind}  {letter.feed or letter.topic}  {why}")
    return DONE


def run_dead_letters_show(settings: Settings, args: Any) -> int:
    from workers.dead_letters import select

    for one in run_with_broker(settings, lambda broker: select(broker, args.names)):
        letter = one.letter
        print(f"{one.name}: {letter.error_kind}, {letter.source}, key {letter.key!r}")
        print(f"{letter.error}\n{letter.payload.decode('utf-8', 'backslashreplace')}\n")
    return DONE


def run_dead_letters_resolve(settings: Settings, args: Any) -> int:
    from workers import dead_letters

    if args.all == bool(args.names):
        raise SettingsError("name dead letters, or give --all")
    settle = dead_letters.replay if args.action == "replay" else dead_letters.discard

    async def work(broker: Any) -> int:
        return sum([await settle(broker, one) for one in await dead_letters.select(broker, args.names)])

    count = run_with_broker(settings, work)
    print(f"{count} {'replayed' if args.action == 'replay' else 'dropped'}")
    return DONE
