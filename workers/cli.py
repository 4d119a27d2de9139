"""The command line: parses and calls. Data on standard output, logs on standard error.

Exit codes: 0 done, 1 failed, 2 usage or settings, 3 broker unreachable, 4 unhealthy.
"""

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import msgspec

from streams.errors import CopydeskError, SettingsError, UnavailableError
from streams.settings import Settings, load_settings, settings_table
from streams.transport.embedded import EmbeddedValkey, answers, socket_url
from workers.logs import log_to
from workers.offline import print_json, run_clean, run_parse

DONE, FAILED, USAGE, UNREACHABLE, UNHEALTHY = 0, 1, 2, 3, 4
EPILOG = """\
exit codes: 0 done, 1 failed, 2 usage or settings, 3 broker unreachable, 4 unhealthy

examples:
  copydesk up                                       everything on this machine, with a demo while there are no feeds
  copydesk feeds add https://example.org/feed.xml   poll a feed
  copydesk tail articles --json                     clean articles, a JSON line each, as they come
  copydesk clean story.html --json                  clean one story, without any server
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    args = build_parser().parse_args(argv)
    try:
        settings = load_settings({f.name: getattr(args, f.name, None) for f in fields(Settings) if f.name != "routes"})
        _log(settings)
        code: int = args.run(settings, args)
        sys.stdout.flush()
        return code
    except UnavailableError as exc:
        return _complain(exc, UNREACHABLE)
    except SettingsError as exc:
        return _complain(exc, USAGE)
    except CopydeskError as exc:
        return _complain(exc, FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader (head, less) has had enough
        return DONE
    except KeyboardInterrupt:
        return 130


def _log(settings: Settings) -> None:
    try:
        log_to(settings.log_level, settings.log_file)
    except OSError as exc:
        raise SettingsError(f"log_file = {settings.log_file}: {exc.strerror}") from exc


def _complain(exc: Exception, code: int) -> int:
    print(f"copydesk: {exc}", file=sys.stderr)
    return code


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "copydesk", description="Raw wire copy in, clean copy out.", epilog=EPILOG, formatter_class=formatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[Settings, Any], int], help: str, into: Any = commands
    ) -> argparse.ArgumentParser:
        sub: argparse.ArgumentParser = into.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        group = sub.add_argument_group("settings", "each can be a COPYDESK_* variable or stand in copydesk.toml too")
        for f in fields(Settings):
            if f.name != "routes":
                group.add_argument(f"--{f.name.replace('_', '-')}", dest=f.name, metavar="X", help=argparse.SUPPRESS)
        return sub

    command("up", run_up, "run everything on this machine")
    command("poll", run_poll, "run a poller")
    command("desk", run_desk, "run a desk worker").add_argument("--name", default="", help="its own name in the group")
    command("web", run_web, "serve the status page")
    tail = command("tail", run_tail, "show a topic: articles, articles.<route>, items, polls, dead-letters")
    tail.add_argument("topic")
    tail.add_argument(
        "--from", dest="start", default=None, metavar="start|end|OFFSET", help="default: end, or start with a group"
    )
    tail.add_argument("--group", default="", help="resume where this group was, and share the topic with its members")
    tail.add_argument("--json", action="store_true", help="a JSON line each")
    tail.add_argument("--follow", action=argparse.BooleanOptionalAction, default=True, help="wait for more (default)")
    status = command("status", run_status, "show counters, lag and feeds")
    status.add_argument("--json", action="store_true")
    command("settings", run_settings, "list all settings")
    _offline_commands(command)
    _feeds_commands(command, commands)
    _dead_letter_commands(command, commands)
    return parser


def _offline_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    parse = command("parse", run_parse, "read feed documents: an item, as JSON, a line")
    parse.add_argument("files", nargs="+", metavar="FILE", help="`-` reads standard input")
    parse.add_argument("--url", default="", help="where the document came from")
    parse.add_argument("--json", action="store_true", help="as ever; for symmetry")
    clean = command("clean", run_clean, "clean stories: an article, as JSON, a line")
    clean.add_argument("files", nargs="+", metavar="FILE", help="`-` reads standard input")
    clean.add_argument("--type", choices=("auto", "text", "html", "page"), default="auto", help="what the files are")
    clean.add_argument("--url", default="", help="where the story came from; resolves relative links")
    clean.add_argument("--title", default="", help="its headline, where that isn't in the file")
    clean.add_argument("--json", action="store_true", help="JSON lines instead of plain text")


def _feeds_commands(command: Callable[..., argparse.ArgumentParser], commands: Any) -> None:
    feeds = commands.add_parser("feeds", help="add, remove, list, import and export feeds").add_subparsers(
        required=True, metavar="ACTION"
    )
    add = command("add", run_feeds_add, "poll these feeds", feeds)
    add.add_argument("urls", nargs="+", metavar="URL")
    add.add_argument("--folder", default="", help="a label to group them by")
    command("remove", run_feeds_remove, "stop polling these feeds", feeds).add_argument(
        "urls", nargs="+", metavar="URL"
    )
    command("list", run_feeds_list, "list the feeds and how they are", feeds).add_argument(
        "--json", action="store_true"
    )
    command("import", run_feeds_import, "add the feeds of an OPML file", feeds).add_argument("file", type=Path)
    command("export", run_feeds_export, "write the feeds as OPML", feeds)


def _dead_letter_commands(command: Callable[..., argparse.ArgumentParser], commands: Any) -> None:
    group = commands.add_parser("dead-letters", help="list, show, replay and drop what could not be processed")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    listed = command("list", run_letters_list, "list the dead letters that wait", actions)
    listed.add_argument("--json", action="store_true")
    shown = command("show", run_letters_show, "show dead letters whole, with the original bytes", actions)
    shown.add_argument("names", nargs="+", metavar="LETTER")
    for name, help in (
        ("replay", "send the originals through the desk again"),
        ("drop", "settle without doing anything"),
    ):
        sub = command(name, run_letters_settle, help, actions)
        sub.add_argument("names", nargs="*", metavar="LETTER", help="as `list` names them")
        sub.add_argument("--all", action="store_true", help="every one that waits")
        sub.set_defaults(action=name)


# -- services -------------------------------------------------------------------------------------------------


def run_up(settings: Settings, args: Any) -> int:
    from workers.service import run
    from workers.up import Up

    return run(Up(settings).run)


def run_poll(settings: Settings, args: Any) -> int:
    from streams.subscribe import broker_url
    from workers import service

    url = broker_url(settings)
    return service.run(lambda: service.run_poller(settings, url))


def run_desk(settings: Settings, args: Any) -> int:
    from streams.subscribe import broker_url
    from workers import service

    url = broker_url(settings)
    return service.run(lambda: service.run_desk(settings, url, args.name))


def run_web(settings: Settings, args: Any) -> int:
    from streams.subscribe import broker_url
    from workers import service

    url = broker_url(settings)
    return service.run(lambda: service.run_web(settings, url))


# -- topics and state -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def connected(settings: Settings) -> Iterator[Settings]:
    """Give settings that reach the broker; embedded, by the running server, else one started for the moment."""
    if not settings.embedded:
        yield settings
    elif answers(settings.data_dir):
        yield replace(settings, broker_url=socket_url(settings.data_dir))
    else:
        valkey = EmbeddedValkey(settings)
        valkey.start()
        try:
            yield replace(settings, broker_url=valkey.url)
        finally:
            valkey.stop()


def with_state(settings: Settings, work: Callable[[Any], Any]) -> Any:
    """Return what the coroutine function *work* makes of an open broker."""
    from streams.transport.broker import open_broker

    async def go(at: Settings) -> Any:
        broker = open_broker(at)
        try:
            return await work(broker)
        finally:
            await broker.close()

    with connected(settings) as at:
        return asyncio.run(go(at))


def run_tail(settings: Settings, args: Any) -> int:
    from streams.subscribe import deliveries

    start = args.start or ("start" if args.group or not args.follow else "end")

    async def go(at: Settings) -> None:
        async with contextlib.aclosing(
            deliveries(args.topic, group=args.group, start=start, follow=args.follow, settings=at)
        ) as found:
            async for delivery, record in found:
                if args.json:
                    at_ = f"{delivery.topic}/{delivery.partition}@{delivery.offset}"
                    print_json(msgspec.to_builtins(record) | {"at": at_})
                else:
                    print(_one_line(record), flush=True)

    with connected(settings) as at:
        asyncio.run(go(at))
    return DONE


def _one_line(record: Any) -> str:
    values: Mapping[str, Any] = msgspec.to_builtins(record)
    when = values.get("published") or values.get("time") or values.get("fetched_at") or ""
    who = values.get("publisher") or values.get("feed") or values.get("topic") or ""
    what = values.get("title") or values.get("reason") or f"{values.get('outcome', '')} {values.get('error', '')}"
    from workers.clean.blocks import plain

    return plain(f"{when[:19]}  {who[:24]:<24}  {what}")


def run_status(settings: Settings, args: Any) -> int:
    from streams.topics import DESK_GROUP
    from workers.web.server import status

    found = with_state(settings, lambda broker: status(broker, DESK_GROUP))
    if args.json:
        print_json(found)
    else:
        for stage, counts in found["counters"].items():
            print(f"{stage:<6}" + "  ".join(f"{name} {n:,}" for name, n in counts.items()))
        print(f"desk is {found['lag']} items behind; {len(found['feeds'])} feeds")
    if not found["balanced"]:
        print("copydesk: the counters don't add up", file=sys.stderr)
        return UNHEALTHY
    return DONE


def run_settings(settings: Settings, args: Any) -> int:
    print(settings_table())
    return DONE


# -- feeds ----------------------------------------------------------------------------------------------------


def run_feeds_add(settings: Settings, args: Any) -> int:
    return _add_feeds(settings, [(url, args.folder) for url in args.urls])


def run_feeds_import(settings: Settings, args: Any) -> int:
    from workers.poller.opml import read_opml

    return _add_feeds(settings, read_opml(args.file))


def _add_feeds(settings: Settings, wanted: list[tuple[str, str]]) -> int:
    from workers.poller.feeds import Feeds

    new = with_state(settings, lambda broker: Feeds(broker.state).add(wanted))
    for url in new:
        print(f"added {url}")
    known = len({url for url, _ in wanted}) - len(new)
    print(f"{len(new)} added" + (f", {known} known before" if known else ""))
    return DONE


def run_feeds_remove(settings: Settings, args: Any) -> int:
    from workers.poller.feeds import Feeds

    gone = with_state(settings, lambda broker: Feeds(broker.state).remove(args.urls))
    for url in args.urls:
        print(
            f"removed {url}" if url in gone else f"no such feed: {url}", file=sys.stdout if url in gone else sys.stderr
        )
    return DONE if len(gone) == len(args.urls) else FAILED


def run_feeds_list(settings: Settings, args: Any) -> int:
    from workers.poller.feeds import Feeds

    for feed in with_state(settings, lambda broker: Feeds(broker.state).all()):
        if args.json:
            print_json(msgspec.to_builtins(feed))
        else:
            how = feed.error or (f"{feed.sent} items in {feed.polls} polls" if feed.polls else "not polled yet")
            print(f"{feed.url}  {feed.title or '-'}  {how}")
    return DONE


def run_feeds_export(settings: Settings, args: Any) -> int:
    from workers.poller.feeds import Feeds
    from workers.poller.opml import write_opml

    sys.stdout.write(write_opml(with_state(settings, lambda broker: Feeds(broker.state).all())))
    return DONE


# -- dead letters ---------------------------------------------------------------------------------------------


def run_letters_list(settings: Settings, args: Any) -> int:
    from workers.deadletter import chosen

    for one in with_state(settings, lambda broker: chosen(broker, [])):
        letter = one.letter
        if args.json:
            print_json({"letter": one.name} | msgspec.to_builtins(letter))
        else:
            when, why = f"{letter.time:%Y-%m-%d %H:%M:%S}", letter.reason.partition("\n")[0]
            print(f"{one.name:<8} {when}  {letter.error}  {letter.feed or letter.topic}  {why}")
    return DONE


def run_letters_show(settings: Settings, args: Any) -> int:
    from workers.deadletter import chosen

    for one in with_state(settings, lambda broker: chosen(broker, args.names)):
        letter = one.letter
        print(f"{one.name}: {letter.error}, {letter.topic}/{letter.partition}@{letter.offset}, key {letter.key!r}")
        print(f"{letter.reason}\n{letter.original.decode('utf-8', 'backslashreplace')}\n")
    return DONE


def run_letters_settle(settings: Settings, args: Any) -> int:
    from workers import deadletter

    if args.all == bool(args.names):
        raise SettingsError("name dead letters, or give --all")
    settle = deadletter.replay if args.action == "replay" else deadletter.drop

    async def work(broker: Any) -> int:
        return sum([await settle(broker, one) for one in await deadletter.chosen(broker, args.names)])

    count = with_state(settings, work)
    print(f"{count} {'replayed' if args.action == 'replay' else 'dropped'}")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
