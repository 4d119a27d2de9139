"""Commands for dead letters: list, show, replay and discard messages that could not be processed."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import click

from streams.config.settings import Settings
from streams.errors import SettingsError
from streams.exit_codes import ExitCode
from workers.commands.base import Group, json_option, print_json, run_with_broker, warn
from workers.commands.terminal import print_text
from workers.text.counts import format_count

Resolve = Callable[[Any, Any], Awaitable[bool]]
names_argument = click.argument("names", nargs=-1, metavar="[LETTER]...")
all_option = click.option("--all", "all_", is_flag=True, help="all pending dead letters")


@click.group("dead-letters", cls=Group)
def dead_letters() -> None:
    """List, show, replay and discard dead letters."""


@dead_letters.command("list", example="copydesk dead-letters list --json")
@json_option()
def list_(settings: Settings, as_json: bool) -> ExitCode:
    """List the pending dead letters."""
    import msgspec

    from workers.dead_letters import pending
    from workers.text.normalise import plain_text

    async def body(broker: Any) -> None:
        async for name, letter in pending(broker):
            if as_json:
                print_json({"letter": name} | msgspec.to_builtins(letter))
            else:
                time, error = f"{letter.failed_at:%Y-%m-%d %H:%M:%SZ}", plain_text(letter.error.partition("\n")[0])
                print_text(f"{name:<8} {time}  {letter.error_kind}  {letter.feed or letter.topic}  {error}")

    run_with_broker(settings, body)
    return ExitCode.OK


@dead_letters.command("show", example="copydesk dead-letters show 3@17")
@click.argument("names", nargs=-1, required=True, metavar="LETTER...")
def show(settings: Settings, names: Sequence[str]) -> ExitCode:
    """Print whole dead letters, with their payload."""
    from workers.dead_letters import select

    for pending in run_with_broker(settings, lambda broker: select(broker, names)):
        letter = pending.letter
        key = f", key {letter.key.decode('utf-8', 'backslashreplace')}" if letter.key else ""
        print_text(f"{pending.name}: {letter.error_kind}, {letter.source}{key}")
        print_text(f"{letter.error}\n{letter.payload.decode('utf-8', 'backslashreplace')}\n")
    return ExitCode.OK


@dead_letters.command("replay", example="copydesk dead-letters replay --all")
@names_argument
@all_option
def replay(settings: Settings, names: Sequence[str], all_: bool) -> ExitCode:
    """Send the payloads through the desk again."""
    from workers.dead_letters import replay as resolve

    return _resolve(settings, names, all_, resolve, "replayed")


@dead_letters.command("discard", example="copydesk dead-letters discard 3@17")
@names_argument
@all_option
def discard(settings: Settings, names: Sequence[str], all_: bool) -> ExitCode:
    """Discard dead letters without reprocessing."""
    from workers.dead_letters import discard as resolve

    return _resolve(settings, names, all_, resolve, "discarded")


def _resolve(settings: Settings, names: Sequence[str], all_: bool, resolve: Resolve, past_tense: str) -> ExitCode:
    from workers.dead_letters import chosen, resolve_all

    if all_ == bool(names):
        raise SettingsError("no dead letters selected; name them, or use --all")

    async def body(broker: Any) -> tuple[int, list[str]]:
        return await resolve_all(broker, chosen(broker, names), resolve)

    done, failures = run_with_broker(settings, body)
    for failure in failures:
        warn(failure)
    print_text(f"{format_count(done, 'dead letter')} {past_tense}")
    return ExitCode.FAILED if failures else ExitCode.OK


COMMANDS = (dead_letters,)
