"""The command line: parses and calls. Data on standard output, logs on standard error.

Exit codes: 0 done, 1 failed, 2 usage or settings, 3 broker unreachable, 4 unhealthy.
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from streams.config.settings import Settings, load_settings
from streams.config.tables import TABLE_SETTINGS
from streams.errors import CopydeskError, SettingsError, UnavailableError
from streams.version import version
from workers.commands import manage
from workers.commands.examples import EXAMPLES
from workers.commands.offline import DONE, FAILED, UNREACHABLE, USAGE, run_clean, run_dedupe, run_parse, run_url
from workers.logging_setup import configure_logging

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
        settings = load_settings(
            {f.name: getattr(args, f.name, None) for f in fields(Settings) if f.name not in TABLE_SETTINGS}
        )
        _configure_logging(settings)
        code: int = args.run(settings, args)
        sys.stdout.flush()
        return code
    except UnavailableError as exc:
        return _fail(exc, UNREACHABLE)
    except SettingsError as exc:
        return _fail(exc, USAGE)
    except CopydeskError as exc:
        return _fail(exc, FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader (head, less) has had enough
        return DONE
    except KeyboardInterrupt:
        return 130


def _configure_logging(settings: Settings) -> None:
    try:
        configure_logging(settings.log_level, settings.log_file, settings.log_format)
    except OSError as exc:
        raise SettingsError(f"log_file = {settings.log_file}: {exc.strerror}") from exc


def _fail(exc: Exception, code: int) -> int:
    print(f"copydesk: {exc}", file=sys.stderr)
    return code


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "copydesk", description="Raw wire copy in, clean copy out.", epilog=EPILOG, formatter_class=formatter
    )
    parser.add_argument("--version", action="version", version=f"copydesk {version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[Settings, Any], int], help: str, into: Any = commands
    ) -> argparse.ArgumentParser:
        sub: argparse.ArgumentParser = into.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        sub.epilog = "example: " + EXAMPLES[" ".join(sub.prog.split()[1:])]
        group = sub.add_argument_group("settings", "each can be a COPYDESK_* variable or stand in copydesk.toml too")
        for f in fields(Settings):
            if f.name not in TABLE_SETTINGS:
                group.add_argument(f"--{f.name.replace('_', '-')}", dest=f.name, metavar="X", help=argparse.SUPPRESS)
        return sub

    _service_commands(command)
    tail = command("tail", manage.run_tail, "show a topic: articles, articles.<route>, items, polls, dead-letters")
    tail.add_argument("topic")
    tail.add_argument(
        "--from", dest="start", default=None, metavar="start|end|OFFSET", help="default: end, or start with a group"
    )
    tail.add_argument("--group", default="", help="resume where this group was, and share the topic with its members")
    tail.add_argument("--json", action="store_true", help="a JSON line each")
    tail.add_argument("--follow", action=argparse.BooleanOptionalAction, default=True, help="wait for more (default)")
    status = command("status", manage.run_status, "show counters, lag and feeds")
    status.add_argument("--json", action="store_true")
    replay = command("replay", manage.run_replay, "clean kept items by the present rules; what changes is a revision")
    replay.add_argument("--topic", choices=("items",), default="items")
    replay.add_argument(
        "--from", dest="since", required=True, metavar="TIME", help="2026-11-20, 2026-11-20T08:00, 7d, 12h"
    )
    _upkeep_commands(command, commands)
    _offline_commands(command)
    _feeds_commands(command, commands)
    _dead_letter_commands(command, commands)
    return parser


def _service_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    command("up", run_up, "run everything on this machine")
    for name, run, help in (
        ("poll", run_poll, "run a poller"),
        ("desk", run_desk, "run a desk worker"),
        ("web", run_web, "serve the status page"),
        ("sink", run_sink, "deliver articles to the [[sinks]] of copydesk.toml"),
    ):
        parser = command(name, run, help)
        parser.add_argument("--name", default="", help="the worker's name, that no other has")
        if name == "sink":
            parser.add_argument("sink", nargs="?", default="", metavar="NAME", help="only this sink (default: all)")


def _upkeep_commands(command: Callable[..., argparse.ArgumentParser], commands: Any) -> None:
    check = command("check", manage.run_check, "say whether all that copydesk needs is there, and which feeds fail")
    check.add_argument("--json", action="store_true", help="a JSON line each: what, good, says")
    routes = commands.add_parser("routes", help="try the rules of copydesk.toml").add_subparsers(
        required=True, metavar="ACTION"
    )
    tried = command("test", manage.run_routes_test, "show which routes an article takes, and why", routes)
    tried.add_argument("file", metavar="ARTICLE.json", help="an article, as `copydesk tail articles --json` shows it")
    tried.add_argument("--json", action="store_true")
    command("settings", manage.run_settings, "list all settings")
    backup = command("backup", manage.run_backup, "write all that embedded mode keeps into one file, while it runs")
    backup.add_argument("file", type=Path, metavar="FILE.tar")
    restore = command("restore", manage.run_restore, "make a new data directory of a backup")
    restore.add_argument("file", type=Path, metavar="FILE.tar")
    repair = command("repair", manage.run_repair, "say what is wrong with the embedded server's log, and mend it")
    repair.add_argument("--yes", action="store_true", help="cut off what is damaged, after making a copy")


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
    judge = command(
        "judge", run_dedupe, "tell new articles, revisions, duplicates and copies in JSON lines, in their order"
    )
    judge.add_argument(
        "files", nargs="+", metavar="FILE", help="rows with title, text, url, …; `-` reads standard input"
    )
    judge.add_argument("--json", action="store_true", help="JSON lines instead of plain text")
    url = command("url", run_url, "show how links are spelt, and by which rules")
    url.add_argument("urls", nargs="+", metavar="URL")
    url.add_argument("--json", action="store_true", help="a JSON line each: url, canonical, key, rules")


def _feeds_commands(command: Callable[..., argparse.ArgumentParser], commands: Any) -> None:
    feeds = commands.add_parser("feeds", help="add, remove, list, pause, find, import and export feeds").add_subparsers(
        required=True, metavar="ACTION"
    )
    add = command("add", manage.run_feeds_add, "poll these feeds", feeds)
    add.add_argument("urls", nargs="+", metavar="URL")
    add.add_argument("--folder", default="", help="a label to group them by")
    command("remove", manage.run_feeds_remove, "stop polling these feeds", feeds).add_argument(
        "urls", nargs="+", metavar="URL"
    )
    command("list", manage.run_feeds_list, "list the feeds and how they are", feeds).add_argument(
        "--json", action="store_true"
    )
    shown = command("show", manage.run_feeds_show, "show all that is known of a feed", feeds)
    shown.add_argument("url", metavar="URL")
    shown.add_argument("--json", action="store_true")
    for action, said, help in (
        ("pause", "paused", "stop polling these feeds for a while"),
        ("resume", "resumed", "go on polling them, at once"),
        ("poll-now", "due now:", "poll these feeds now instead of when they are due"),
    ):
        sub = command(action, manage.run_feeds_change, help, feeds)
        sub.add_argument("urls", nargs="+", metavar="URL")
        sub.set_defaults(action=action, said=said)
    found = command("discover", manage.run_feeds_discover, "find the feeds of a page", feeds)
    found.add_argument("url", metavar="URL")
    found.add_argument("--json", action="store_true")
    command("import", manage.run_feeds_import, "add the feeds of an OPML file", feeds).add_argument("file", type=Path)
    command("export", manage.run_feeds_export, "write the feeds as OPML", feeds)


def _dead_letter_commands(command: Callable[..., argparse.ArgumentParser], commands: Any) -> None:
    group = commands.add_parser("dead-letters", help="list, show, replay and drop what could not be processed")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    listed = command("list", manage.run_dead_letters_list, "list the dead letters that wait", actions)
    listed.add_argument("--json", action="store_true")
    shown = command("show", manage.run_dead_letters_show, "show dead letters whole, with the original bytes", actions)
    shown.add_argument("names", nargs="+", metavar="LETTER")
    for name, help in (
        ("replay", "send the originals through the desk again"),
        ("drop", "settle without doing anything"),
    ):
        sub = command(name, manage.run_dead_letters_resolve, help, actions)
        sub.add_argument("names", nargs="*", metavar="LETTER", help="as `list` names them")
        sub.add_argument("--all", action="store_true", help="every one that waits")
        sub.set_defaults(action=name)


# -- services -------------------------------------------------------------------------------------------------


def run_up(settings: Settings, args: Any) -> int:
    from workers.services import run
    from workers.supervisor import Supervisor

    return run(Supervisor(settings).run)


def run_poll(settings: Settings, args: Any) -> int:
    from streams.subscribe import resolve_broker_url
    from workers import services

    url = resolve_broker_url(settings)
    return services.run(lambda: services.run_poller(settings, url, args.name))


def run_desk(settings: Settings, args: Any) -> int:
    from streams.subscribe import resolve_broker_url
    from workers import services

    url = resolve_broker_url(settings)
    return services.run(lambda: services.run_desk(settings, url, args.name))


def run_web(settings: Settings, args: Any) -> int:
    from streams.subscribe import resolve_broker_url
    from workers import services

    url = resolve_broker_url(settings)
    return services.run(lambda: services.run_web(settings, url, args.name))


def run_sink(settings: Settings, args: Any) -> int:
    from streams.subscribe import resolve_broker_url
    from workers import services

    url = resolve_broker_url(settings)
    return services.run(lambda: services.run_sinks(settings, url, args.name, only=args.sink))


if __name__ == "__main__":
    sys.exit(main())
