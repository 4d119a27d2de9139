"""Commands that run services: everything on one machine, or one worker of a scaled-out copydesk."""

from collections.abc import Callable
from typing import Any

import click

from streams.config.settings import LoadedSettings, Settings, load_with_sources
from streams.exit_codes import ExitCode
from workers.commands.base import FLAGS, Command, announce_data_dir, check_tables, loaded_settings

KAFKA_FLAGS = "--broker-url kafka://kafka1:9092 --state-url redis://redis1:6379"
name_option = click.option(
    "--name", default="", help="stable worker name, unique on the broker; a restarted worker replaces the former one"
)


@click.command("up", cls=Command, example="copydesk up --web-port 9000")
def up(settings: Settings) -> ExitCode:
    """Run all services on this machine.

    Starts a demo with invented feeds while no feeds are registered. Ctrl-C stops all services in order.
    """
    from workers.reload import Reloader
    from workers.services import run
    from workers.supervisor import Supervisor

    if settings.events:
        from workers.events.extra import require_extra

        require_extra()
    announce_data_dir(settings)
    supervisor = Supervisor(settings, Reloader(_settings_loader()), loaded_settings().text)
    return ExitCode(run(supervisor.run, supervisor.on_hangup))


@click.command("poll", cls=Command, example=f"copydesk poll {KAFKA_FLAGS}")
@name_option
def poll(settings: Settings, name: str) -> ExitCode:
    """Run a poller."""
    return _run("run_poller", settings, name)


@click.command("desk", cls=Command, example=f"copydesk desk {KAFKA_FLAGS}")
@name_option
def desk(settings: Settings, name: str) -> ExitCode:
    """Run a desk."""
    return _run("run_desk", settings, name)


@click.command("web", cls=Command, example=f"copydesk web {KAFKA_FLAGS}")
@name_option
def web(settings: Settings, name: str) -> ExitCode:
    """Serve the web interface and the HTTP API."""
    return _run("run_web", settings, name)


@click.command("sink", cls=Command, example=f"copydesk sink newsroom {KAFKA_FLAGS}")
@click.argument("sink", metavar="NAME", default="")
@name_option
def sink(settings: Settings, name: str, sink: str) -> ExitCode:
    """Deliver articles to the sink NAME of copydesk.toml, or to all of its [[sinks]]."""
    return _run("run_sinks", settings, name, only=sink)


@click.command("watch", cls=Command, example=f"copydesk watch {KAFKA_FLAGS}")
@name_option
def watch(settings: Settings, name: str) -> ExitCode:
    """Ingest the files that appear in the folders of [[sources]]."""
    return _run("run_watcher", settings, name)


@click.command("events", cls=Command, example=f"copydesk events {KAFKA_FLAGS}")
@name_option
def events(settings: Settings, name: str) -> ExitCode:
    """Group articles of one event, in all languages, and publish the topic `events`. Needs the extra `events`."""
    return _run("run_events", settings, name)


def _run(function: str, settings: Settings, name: str, **options: Any) -> ExitCode:
    from streams.subscribe import resolve_broker_url
    from workers import services
    from workers.reload import Reloader

    url = resolve_broker_url(settings)
    service: Callable[..., Any] = getattr(services, function)
    reloader = Reloader(_settings_loader())
    code = ExitCode(services.run(lambda: service(settings, url, name, **options), reloader.request))
    reloader.restart()
    return code


def _settings_loader() -> Callable[[], LoadedSettings]:
    """Return a function that reads the settings of this command again. It raises SettingsError."""
    flags = click.get_current_context().meta.get(FLAGS)

    def load() -> LoadedSettings:
        loaded = load_with_sources(flags)
        check_tables(loaded.settings)
        return loaded

    return load


COMMANDS = (up, poll, desk, web, sink, watch, events)
