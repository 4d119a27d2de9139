"""Commands for the feed registry: add, remove, list, pause, discover, import and export feeds."""

import asyncio
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import click

from streams.config.settings import Settings
from streams.errors import SettingsError, UnavailableError, UnreadableError
from streams.exit_codes import ExitCode
from workers.commands.base import (
    Group,
    json_option,
    print_json,
    result_code,
    run_with_broker,
    run_with_running_broker,
    warn,
)
from workers.commands.terminal import print_text
from workers.text.counts import format_count

URL = "https://example.org/feed.xml"
UNITS = {
    "feed": "items", "sitemap": "pages", "sitemap index": "sitemaps", "page": "articles; add it with --type page",
}  # fmt: skip
urls_argument = click.argument("urls", nargs=-1, required=True, metavar="URL...")


@click.group("feeds", cls=Group)
def feeds() -> None:
    """Manage the feeds."""


@feeds.command("add", example=f"copydesk feeds add {URL} --folder world")
@urls_argument
@click.option("--folder", default="", help="folder of the feeds; routing rules can match it")
@click.option(
    "--type",
    "type_",
    type=click.Choice(["feed", "page"]),
    default="feed",
    help="page: a section page that links to articles",
)
def add(settings: Settings, urls: Sequence[str], folder: str, type_: str) -> ExitCode:
    """Register feeds. Creates the data directory if it is absent."""
    from workers.poller.feed_urls import validate_feed_url

    return _add_feeds(settings, [(validate_feed_url(url), folder) for url in urls], "page" if type_ == "page" else "")


@feeds.command("import", example="copydesk feeds import feeds.opml")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.opml")
def import_(settings: Settings, file: Path) -> ExitCode:
    """Register the feeds of an OPML file. Creates the data directory if it is absent."""
    from workers.poller.feed_urls import validate_feed_url
    from workers.poller.opml import read_outlines

    code = ExitCode.OK
    entries: list[tuple[str, ...]] = []
    for url, folder, title in read_outlines(file):
        try:
            entries.append((validate_feed_url(url), folder, title))
        except SettingsError as exc:  # an invalid entry must not prevent the import of the others
            warn(f"feed skipped: {exc}")
            code = ExitCode.FAILED
    return _add_feeds(settings, entries) or code


def _add_feeds(settings: Settings, entries: Sequence[tuple[str, ...]], type_: str = "") -> ExitCode:
    from workers.poller.registry import FeedRegistry

    new = run_with_broker(settings, lambda broker: FeedRegistry(broker.state).add(entries, type=type_), create=True)
    for url in new:
        print_text(f"added {url}")
    existing = len({url for url, *_ in entries}) - len(new)
    print_text(
        f"{len(new)} added"
        + (f", {existing} already registered; change them with `copydesk feeds edit`" if existing else "")
    )
    return ExitCode.OK


@feeds.command("remove", example=f"copydesk feeds remove {URL}")
@urls_argument
def remove(settings: Settings, urls: Sequence[str]) -> ExitCode:
    """Unregister feeds."""
    from workers.poller.registry import FeedRegistry

    removed = run_with_broker(settings, lambda broker: FeedRegistry(broker.state).remove(_spellings(urls)))
    return _print_changes(urls, removed, "removed", "feed not found")


def _spellings(urls: Sequence[str]) -> list[str]:
    """Return *urls*, and their normal forms, under which feeds are registered."""
    return list(dict.fromkeys(spelling for url in urls for spelling in (url, _normal_form(url))))


def _normal_form(url: str) -> str:
    from workers.poller.feed_urls import validate_feed_url

    try:
        return validate_feed_url(url)
    except SettingsError:
        return url


def _print_changes(urls: Sequence[str], changed: Collection[str], past_tense: str, failure: str) -> ExitCode:
    changed = [url for url in urls if url in changed or _normal_form(url) in changed]
    for url in urls:
        if url in changed:
            print_text(f"{past_tense} {url}")
        else:
            warn(f"{failure}: {url}; see `copydesk feeds list`")
    return result_code(list(changed), urls)


@feeds.command("list", example="copydesk feeds list --failing")
@click.option("--failing", is_flag=True, help="only feeds whose last poll failed")
@json_option()
def list_(settings: Settings, failing: bool, as_json: bool) -> ExitCode:
    """List the feeds and their state. Needs a running copydesk."""
    from workers.poller.registry import FeedRegistry
    from workers.status import feed_health
    from workers.text.normalise import plain_text

    for feed in run_with_running_broker(settings, lambda broker: FeedRegistry(broker.state).all()):
        if failing and feed_health(feed) != "failing":
            continue
        if as_json:
            print_json(_to_row(feed))
        else:
            print_text(f"{feed.url}  {plain_text(feed.shown_title) or '-'}  {plain_text(_describe(feed))}")
    return ExitCode.OK


def _to_row(feed: Any) -> dict[str, Any]:
    """Return the feed's state as JSON; the history of its rate is internal."""
    import msgspec

    return {**msgspec.to_builtins(msgspec.structs.asdict(feed)), "history": None}


def _describe(feed: Any) -> str:
    items = format_count(feed.items_published, "new or changed item")
    counts = f"{items} in {format_count(feed.polls, 'poll')}" if feed.polls else "not polled yet"
    state = feed.error or counts
    entries = format_count(feed.items_deferred, "entry")
    deferred = f"; {entries} over the daily budget" if feed.items_deferred else ""
    moved = f"; moved to {feed.moved_to}" if feed.moved_to else ""
    return ("paused; " if feed.paused else "") + state + deferred + moved


@feeds.command("show", example=f"copydesk feeds show {URL}")
@click.argument("url")
@json_option()
def show(settings: Settings, url: str, as_json: bool) -> ExitCode:
    """Print the state of a feed; with --json all of it, internal fields included."""
    return show_feed(settings, url, as_json)


def show_feed(settings: Settings, url: str, as_json: bool) -> ExitCode:
    """Print the state of a feed. Raises UnreadableError if it is not registered."""
    from workers.poller.registry import FeedRegistry

    registered = {feed.url: feed for feed in run_with_broker(settings, lambda broker: FeedRegistry(broker.state).all())}
    url = url if url in registered else _normal_form(url)
    if url not in registered:
        raise UnreadableError(f"feed not found: {url}; see `copydesk feeds list`")
    history = registered[url].history
    row = _to_row(registered[url]) | {"items_per_day": round(24 * history.per_hour, 1) if history else None}
    if as_json:
        print_json(row)
        return ExitCode.OK
    for name, text in _shown_fields(registered[url]):
        print_text(f"{name:<14} {text}")
    return ExitCode.OK


def _shown_fields(feed: Any) -> list[tuple[str, str]]:
    """Return the fields of a feed that a user can act on, with readable values; empty ones are left out."""
    from workers.text.durations import format_duration
    from workers.text.normalise import plain_text

    history, full_text = feed.history, {None: "", True: "yes", False: "no"}[feed.full_text]
    fields = {
        "URL": feed.url,
        "title": feed.shown_title,
        "folder": feed.folder,
        "type": feed.type,
        "state": "paused" if feed.paused else "failing" if feed.failures else "ok" if feed.polls else "not polled yet",
        "error": f"{feed.error} ({format_count(feed.failures, 'poll')} in a row)" if feed.error else "",
        "last poll": format_time(feed.polled_s) if feed.polls else "",
        "next poll": _next_poll(feed),
        "interval": f"{format_duration(feed.interval_s)}, set by `feeds edit`" if feed.interval_s else "",
        "polls": f"{feed.polls:,}",
        "new or changed": f"{feed.items_published:,}",
        "items a day": f"{24 * history.per_hour:.1f}" if history is not None and history.is_rate_known else "",
        "over budget": format_count(feed.items_deferred, "item") if feed.items_deferred else "",
        "moved to": feed.moved_to or feed.redirect_to,
        "full text": full_text,
        "WebSub hub": feed.websub_hub,
    }
    return [(name, plain_text(value)) for name, value in fields.items() if value]


def _next_poll(feed: Any) -> str:
    from workers.text.durations import format_duration

    if feed.paused or not feed.polls:
        return "" if feed.paused else "at once"
    interval_s = feed.due_s - feed.polled_s
    return format_time(feed.due_s) + (f", after {format_duration(interval_s)}" if interval_s > 0 else "")


def format_time(time_s: float) -> str:
    """Return a Unix time as text."""
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M:%S} UTC"


@feeds.command("edit", example=f"copydesk feeds edit {URL} --title 'World news' --interval 3600")
@urls_argument
@click.option("--title", help="title that overrides the feed's own; an empty text restores it")
@click.option("--folder", help="folder of the feeds; an empty text removes it")
@click.option("--interval", "interval_s", type=click.FloatRange(0), help="seconds between polls; 0: by the settings")
@click.option(
    "--full-text", type=click.Choice(["yes", "no", "default"]), help="whether to fetch the pages of new items"
)
def edit(
    settings: Settings,
    urls: Sequence[str],
    title: str | None,
    folder: str | None,
    interval_s: float | None,
    full_text: str | None,
) -> ExitCode:
    """Change the title, folder, interval or full text of feeds, and poll them at once."""
    from workers.poller.registry import FeedRegistry

    changes: dict[str, Any] = {"name": title, "folder": folder, "interval_s": interval_s}
    changes = {name: value for name, value in changes.items() if value is not None}
    if full_text:
        changes["full_text"] = {"yes": True, "no": False, "default": None}[full_text]
    if not changes:
        raise SettingsError("nothing to change; set --title, --folder, --interval or --full-text")
    edited = run_with_broker(settings, lambda broker: FeedRegistry(broker.state).edit(_spellings(urls), **changes))
    return _print_changes(urls, edited, "edited", "feed not found")


@feeds.command("pause", example=f"copydesk feeds pause {URL}")
@urls_argument
def pause(settings: Settings, urls: Sequence[str]) -> ExitCode:
    """Stop polling feeds until `resume`."""
    return _set_paused(settings, urls, True, "paused")


@feeds.command("resume", example=f"copydesk feeds resume {URL}")
@urls_argument
def resume(settings: Settings, urls: Sequence[str]) -> ExitCode:
    """Poll paused feeds again, at once."""
    return _set_paused(settings, urls, False, "resumed")


def _set_paused(settings: Settings, urls: Sequence[str], paused: bool, past_tense: str) -> ExitCode:
    from workers.poller.registry import FeedRegistry

    changed = run_with_broker(settings, lambda broker: FeedRegistry(broker.state).set_paused(_spellings(urls), paused))
    return _print_changes(urls, changed, past_tense, "feed not found")


@feeds.command("poll-now", example="copydesk feeds poll-now --all")
@click.argument("urls", nargs=-1, metavar="[URL]...")
@click.option("--all", "all_", is_flag=True, help="all feeds that are not paused")
def poll_now(settings: Settings, urls: Sequence[str], all_: bool) -> ExitCode:
    """Poll feeds now, before their next poll is due."""
    from workers.poller.registry import FeedRegistry

    if all_ == bool(urls):
        raise SettingsError("no feeds selected; name them, or use --all")
    if all_:
        count = run_with_broker(settings, lambda broker: FeedRegistry(broker.state).poll_all_now())
        print_text(f"due now: {format_count(count, 'feed')}")
        return ExitCode.OK
    changed = run_with_broker(settings, lambda broker: FeedRegistry(broker.state).poll_now(_spellings(urls)))
    return _print_changes(urls, changed, "due now:", "active feed not found")


@feeds.command("discover", example="copydesk feeds discover https://example.org/")
@click.argument("url")
@json_option()
def discover(settings: Settings, url: str, as_json: bool) -> ExitCode:
    """Find the feeds and sitemaps of a web page. Without these, list the page itself if it links to articles.

    The exit code is 1 if the page is unreachable or has none of them.
    """
    from workers.http.client import HttpClient
    from workers.poller.discovery import discover as discover_feeds
    from workers.poller.discovery import source_items, source_kind
    from workers.poller.feed_urls import validate_feed_url
    from workers.poller.formats import ACCEPT
    from workers.poller.parser_pool import ParserPool
    from workers.text.normalise import plain_text

    async def find() -> Any:
        async with HttpClient(settings, ACCEPT) as client, ParserPool(1) as parsers:
            return await discover_feeds(client, parsers, validate_feed_url(url))

    try:
        results = asyncio.run(find())
    except UnavailableError as exc:
        raise UnreadableError(f"discovery failed: {url} ({exc}); check the address") from exc
    for feed_url, feed in results:
        count, kind = source_items(feed), source_kind(feed)
        if as_json:
            print_json({"url": feed_url, "title": feed.title, "type": kind, "items": count})
        else:
            print_text(f"{feed_url}  {plain_text(feed.title) or '-'}  {count} {UNITS[kind]}")
    if not results:
        warn(f"no feed found: {url}")
    return ExitCode.OK if results else ExitCode.FAILED


@feeds.command("export", example="copydesk feeds export > feeds.opml")
def export(settings: Settings) -> ExitCode:
    """Print the feeds as OPML."""
    from workers.poller.opml import write_opml
    from workers.poller.registry import FeedRegistry

    sys.stdout.write(write_opml(run_with_broker(settings, lambda broker: FeedRegistry(broker.state).all())))
    return ExitCode.OK


COMMANDS = (feeds,)
