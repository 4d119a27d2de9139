"""Commands that read topics, send retained items through the desk again, and try routing rules."""

import asyncio
import functools
import sys
from collections.abc import Mapping
from typing import Any

import click

from streams.config.settings import Settings
from streams.exit_codes import ExitCode
from workers.commands.base import Command, Group, json_option, print_json, run_with_broker, warn
from workers.commands.terminal import print_text
from workers.text.counts import format_count


@click.command("tail", cls=Command, example="copydesk tail articles --from start --json")
@click.argument("topic")
@click.option(
    "--from",
    "start",
    metavar="start|end|OFFSET",
    help="first message; default: end; with --group or --no-follow: start",
)
@click.option("--group", default="", help="consumer group: resume at its offset and share the topic with its members")
@click.option("--follow/--no-follow", default=True, help="wait for more messages (default), or stop at the end")
@click.option(
    "--format", "format_name", type=click.Choice(("text", "json", "ninjs")), help="text (default), JSON, or ninjs 3.1"
)
@json_option()
def tail(
    settings: Settings, topic: str, start: str | None, group: str, follow: bool, format_name: str | None, as_json: bool
) -> ExitCode:
    """Print a topic: articles, articles.<route>, events, items, polls, dead-letters.

    Needs a running copydesk. If the broker stops, tail reports it once and waits; with --no-follow, it ends
    with exit code 3.
    """
    from streams.start import Start, parse_start
    from streams.subscribe import Subscription

    async def print_messages() -> None:
        default = Start.EARLIEST if group or not follow else Start.LATEST
        first = parse_start(start) if start else default
        await _require_topic(settings, topic)
        async with Subscription(
            topic, auto_commit=True, group=group, start=first, follow=follow, settings=settings
        ) as subscription:
            async for message, record in subscription.messages():
                if format_name == "ninjs":
                    _print_ninjs(record)
                elif as_json or format_name == "json":
                    _print_record(message, record)
                else:
                    print_text(format_record(record))

    asyncio.run(print_messages())
    return ExitCode.OK


async def _require_topic(settings: Settings, name: str) -> None:
    """Raise SettingsError if *name* is the topic of a route that neither settings nor broker know."""
    from streams.brokers import open_broker
    from streams.errors import SettingsError
    from streams.routing import route_topics
    from streams.subscribe import resolve_broker_url
    from streams.topics import BUILTIN_TOPICS, resolve_topic

    try:
        topic = resolve_topic(name)
    except ValueError as exc:
        raise SettingsError(str(exc)) from exc
    routes = route_topics(settings.routes)
    if topic in (*BUILTIN_TOPICS, *routes):
        return
    broker = open_broker(settings, resolve_broker_url(settings))
    try:
        exists = await broker.has_topic(topic.name)
    finally:
        await broker.close()
    if not exists:
        known = ", ".join(each.name.partition(".")[2] for each in (*BUILTIN_TOPICS, *routes))
        raise SettingsError(f"unknown topic: {name}; use one of {known}, or add a [[routes]] table")


def _print_ninjs(record: Any) -> None:
    from streams.errors import UnreadableError
    from streams.records import Article
    from workers.web.ninjs import to_ninjs

    if not isinstance(record, Article):
        raise UnreadableError("not articles: ninjs shows topics of articles only; use --json")
    print_json(to_ninjs(record))


def _print_record(message: Any, record: Any) -> None:
    import msgspec

    print_json(msgspec.to_builtins(record) | {"at": f"{message.topic}/{message.partition}@{message.offset}"})


def format_record(record: Any) -> str:
    """Return *record* as one line: time in UTC, source, and title or error. The URL of a feed stays complete."""
    import msgspec

    from workers.text.normalise import plain_text

    values: Mapping[str, Any] = msgspec.to_builtins(record)
    times = ("published", "failed_at", "started_at", "fetched_at", "newest_report")
    time = next((values[name] for name in times if values.get(name)), "")
    publishers = values.get("publisher") or ", ".join(values.get("publishers", ()))
    source = plain_text(publishers)[:24] or plain_text(values.get("feed") or values.get("topic") or "")
    text = values.get("title") or f"{values.get('outcome', '')} {values.get('error', '')}".strip()
    return f"{f'{time[:19]}Z' if time else '':<20}  {source:<24}  {plain_text(text)}"


@click.command("replay", cls=Command, example="copydesk replay --from 7d")
@click.option("--topic", type=click.Choice(["items"]), default="items", help="topic to replay")
@click.option(
    "--from", "since", required=True, metavar="TIME", help="oldest item: 2026-11-20, 2026-11-20T08:00, 7d, 12h, 30m"
)
def replay(settings: Settings, topic: str, since: str) -> ExitCode:
    """Clean retained items again with the current rules.

    A changed article becomes a new revision.
    """
    from datetime import UTC, datetime

    from workers.replay import parse_since, replay_items

    first = parse_since(since, datetime.now(UTC))
    report = functools.partial(print, file=sys.stderr)
    count = run_with_broker(settings, lambda broker: replay_items(settings, broker, first, report))
    print_text(f"{format_count(count, 'item')} sent through the desk again; changed articles get a new revision")
    return ExitCode.OK


@click.group("routes", cls=Group)
def routes() -> None:
    """Try the routing rules of copydesk.toml."""


@routes.command("test", example="copydesk routes test article.json")
@click.argument("file", metavar="ARTICLE.json")
@json_option()
def test_routes(settings: Settings, file: str, as_json: bool) -> ExitCode:
    """Print the routes of an article, and the result of each rule's fields.

    ARTICLE.json is one line of `copydesk tail articles --json`. `-` reads standard input.
    """
    from streams.codec import decode
    from streams.records import Article
    from streams.routing import Router
    from workers.commands.offline import read_input

    article = decode(read_input(file), Article)
    for route, results in Router(settings.routes).explain(article):
        is_taken = all(results.values())
        if as_json:
            print_json({"route": route, "taken": is_taken, "fields": results})
        else:
            reasons = ", ".join(f"{name} {'matches' if matches else 'differs'}" for name, matches in results.items())
            print_text(f"{route}  {'taken' if is_taken else 'not taken'}  {reasons}")
    if not settings.routes:
        warn("no routes: copydesk.toml (it has no [[routes]] table); add one")
    return ExitCode.OK


COMMANDS = (tail, replay, routes)
