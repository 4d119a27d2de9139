"""The parts that all commands share: settings as options, exit codes, access to the broker, JSON output.

It must not know any single command.
"""

import asyncio
import contextlib
import json
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import click

from streams.config.settings import LoadedSettings, Settings, load_with_sources
from streams.config.tables import TABLE_SETTINGS
from streams.errors import CopydeskError, SettingsError, UnavailableError
from streams.exit_codes import ExitCode
from workers.commands.terminal import print_text

SETTINGS_HELP = (
    "Every setting is an option (--log-level DEBUG), a variable (COPYDESK_LOG_LEVEL) and a key of copydesk.toml.\n"
    "`copydesk settings` lists them."
)
FLAGS = "copydesk.flags"  # key of the settings among the options, in the context of a command
PRIVATE = 0o077  # umask: logs, backups and data hold texts and secrets
EXIT_CODES_HELP = "0 done, 1 failed, 2 usage or settings, 3 broker unreachable, 4 unhealthy"


def _store_setting(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None and param.name is not None:
        ctx.meta.setdefault(FLAGS, {})[param.name] = value


# Shared by all commands: 40 options for each of 35 commands would cost 30 ms of every start.
SETTING_OPTIONS: list[click.Parameter] = [
    click.Option(
        [f"--{spec.name.replace('_', '-')}", spec.name], hidden=True, expose_value=False, callback=_store_setting
    )
    for spec in fields(Settings)
    if spec.name not in TABLE_SETTINGS
]


class Command(click.Command):
    """A command that gets the settings as its first argument and returns an exit code.

    *example* is a command line for its help. A test parses it.
    """

    def __init__(self, *args: Any, example: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.example = example

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's parameters and the settings."""
        own = super().get_params(ctx)
        names = {param.name for param in own}
        return [*own, *(option for option in SETTING_OPTIONS if option.name not in names)]

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the first line of the help in full: the formatter wraps it."""
        return (self.help or "").partition("\n")[0]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example and the note on settings."""
        for heading, text in (("Example", self.example), ("Settings", SETTINGS_HELP)):
            with formatter.section(heading):
                for line in text.splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")

    def invoke(self, ctx: click.Context) -> ExitCode:
        """Load the settings, run the command, and map its exception to an exit code."""
        os.umask(PRIVATE)
        try:
            loaded = load_with_sources(ctx.meta.get(FLAGS))
            check_tables(loaded.settings)
            _configure_logging(loaded.settings)
            _warn_of_readable_secrets(loaded)
            ctx.obj = loaded
            code = ExitCode(ctx.invoke(self.callback, loaded.settings, **ctx.params) or ExitCode.OK)  # type: ignore[arg-type]
            sys.stdout.flush()
            return code
        except UnavailableError as exc:
            return _fail(exc, ExitCode.UNREACHABLE)
        except SettingsError as exc:
            return _fail(exc, ExitCode.USAGE)
        except CopydeskError as exc:
            return _fail(exc, ExitCode.FAILED)
        except BrokenPipeError:  # the reader of the pipe, such as head, has enough lines
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitCode.OK


class Group(click.Group):
    """A group of `Command`s."""

    command_class = Command
    group_class = type


def loaded_settings() -> LoadedSettings:
    """Return the settings of the running command with their sources."""
    loaded = click.get_current_context().obj
    assert isinstance(loaded, LoadedSettings)
    return loaded


def check_tables(settings: Settings) -> None:
    """Check the options of all sinks and the rules of all feeds. Raises SettingsError."""
    if any(options.uses_rules for options in settings.feeds):
        from workers.desk.entry_rules import check_feed_rules

        check_feed_rules(settings.feeds)
    if settings.sinks:
        from workers.sinks import check_sinks

        check_sinks(settings)


def _configure_logging(settings: Settings) -> None:
    from workers.logging_setup import configure_logging

    try:
        configure_logging(settings.log_level, settings.log_file, settings.log_format)
    except OSError as exc:
        message = f"log file not writable: {settings.log_file} ({exc.strerror}); set log_file to another path"
        raise SettingsError(message) from exc


def _warn_of_readable_secrets(loaded: LoadedSettings) -> None:
    path = loaded.path
    if path is not None and _file_has_secrets(loaded) and path.stat().st_mode & stat.S_IROTH:
        warn(f"readable by all users: {path} (it has passwords); run `chmod o-r {path}`")


def _file_has_secrets(loaded: LoadedSettings) -> bool:
    if loaded.file_has_secrets or not loaded.settings.sinks:
        return loaded.file_has_secrets
    from workers.sinks import have_secrets

    return have_secrets(loaded.settings)


def _fail(exc: Exception, code: ExitCode) -> ExitCode:
    warn(str(exc))
    return code


def warn(message: str) -> None:
    """Print a message to standard error."""
    print_text(f"copydesk: {message}", out=sys.stderr)


def print_json(value: Mapping[str, Any]) -> None:
    """Print *value* as one line of JSON and flush it, because a pipe's reader may wait for it."""
    print(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode("utf-8"), flush=True)


def json_option(help: str = "print JSON, one object per line") -> Callable[[Any], Any]:
    """Return the decorator for `--json`."""
    return click.option("--json", "as_json", is_flag=True, help=help)


def announce_data_dir(settings: Settings) -> None:
    """Tell the user that the command creates `data_dir`, if it does."""
    if not settings.data_dir.exists():
        warn(f"creating data directory: {settings.data_dir.resolve()}")


def require_data_dir(settings: Settings) -> None:
    """Raise UnavailableError if `data_dir` is absent."""
    if not settings.data_dir.exists():
        path = settings.data_dir.resolve()
        raise UnavailableError(f"no data directory: {path}; run `copydesk up` or `copydesk feeds add`, or set data_dir")


@contextlib.contextmanager
def _reachable_broker(settings: Settings, create: bool) -> Iterator[Settings]:
    """Yield settings with the URL of the broker; start the embedded server for the block if it doesn't run.

    Raises:
        UnavailableError: `data_dir` is absent, and the command must not *create* it.
    """
    from streams.valkey.server import EmbeddedValkey, is_responding, socket_url

    if not settings.embedded:
        yield settings
        return
    if is_responding(settings.data_dir):
        yield replace(settings, broker_url=socket_url(settings.data_dir))
        return
    if create:
        announce_data_dir(settings)
    else:
        require_data_dir(settings)
    valkey = EmbeddedValkey(settings)
    valkey.start()
    try:
        yield replace(settings, broker_url=valkey.url)
    finally:
        valkey.stop()


def run_with_broker(settings: Settings, body: Callable[[Any], Any], *, create: bool = False) -> Any:
    """Return the result of the coroutine function *body*, called with an open broker.

    Without a running copydesk it starts the embedded server for the call.
    """
    with _reachable_broker(settings, create) as reachable:
        return asyncio.run(_with_open_broker(reachable, reachable.broker_url, body))


def run_with_running_broker(settings: Settings, body: Callable[[Any], Any]) -> Any:
    """Return the result of the coroutine function *body*, called with an open broker.

    Raises:
        UnavailableError: no copydesk is running.
    """
    from streams.subscribe import resolve_broker_url

    return asyncio.run(_with_open_broker(settings, resolve_broker_url(settings), body))


async def _with_open_broker(settings: Settings, url: str, body: Callable[[Any], Any]) -> Any:
    from streams.brokers import open_broker

    broker = open_broker(settings, url)
    try:
        return await body(broker)
    finally:
        await broker.close()


def result_code(done: Sequence[Any], requested: Sequence[Any]) -> ExitCode:
    """Return OK if all *requested* objects are *done*."""
    return ExitCode.OK if len(done) == len(requested) else ExitCode.FAILED
