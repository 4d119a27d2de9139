"""Commands that maintain an installation: initial settings, backup, restore, repair, shell completion."""

import shutil
import sys
from pathlib import Path
from typing import Any

import click

from streams.config.display import settings_toml
from streams.config.settings import Settings
from streams.config.sources import CONFIG_FILE
from streams.errors import SettingsError
from streams.exit_codes import ExitCode
from workers.commands.base import Command, require_data_dir, run_with_broker
from workers.commands.terminal import print_text

archive_argument = click.argument("file", type=click.Path(path_type=Path), metavar="FILE.tar")


@click.command("init", cls=Command, example="copydesk init")
@click.argument("file", type=click.Path(path_type=Path), default=CONFIG_FILE, metavar="[FILE]")
def init(settings: Settings, file: Path) -> ExitCode:
    """Write a commented copydesk.toml with all settings and their defaults.

    Never overwrites a file.
    """
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(settings_toml())
    except FileExistsError:
        raise SettingsError(f"file exists: {file}; give another name") from None
    except OSError as exc:
        raise SettingsError(f"file not written: {file} ({exc.strerror}); give another name") from exc
    print_text(f"wrote {file}; uncomment the settings to change, then run `copydesk up`")
    return ExitCode.OK


@click.command("backup", cls=Command, example="copydesk backup copydesk.tar")
@archive_argument
def backup(settings: Settings, file: Path) -> ExitCode:
    """Write all data of embedded mode to one file, while copydesk runs."""
    from streams.valkey import backup as archive
    from streams.valkey.server import find_server_binary

    _require_embedded(settings, "backup")
    require_data_dir(settings)
    with archive.one_at_a_time(settings.data_dir):
        archive.require_absent(file)
        run_with_broker(settings, lambda broker: archive.take_snapshot(broker.state))
        size = archive.write_archive(settings.data_dir, file, find_server_binary())
        print_text(f"{file}: {size:,} bytes")
    return ExitCode.OK


@click.command("restore", cls=Command, example="copydesk restore copydesk.tar --data-dir restored")
@archive_argument
def restore(settings: Settings, file: Path) -> ExitCode:
    """Create a data directory from a backup."""
    from streams.valkey.backup import restore as restore_archive
    from streams.valkey.server import find_server_binary

    _require_embedded(settings, "restore")
    time = restore_archive(file, settings.data_dir, find_server_binary())
    print_text(f"{settings.data_dir}: as it was at {time:%Y-%m-%d %H:%M:%S} UTC")
    return ExitCode.OK


def _require_embedded(settings: Settings, command: str) -> None:
    if not settings.embedded:
        raise SettingsError(f"not supported: {command} (embedded mode only); use the tools of your broker")


@click.command("repair", cls=Command, example="copydesk repair --yes")
@click.option("--yes", is_flag=True, help="cut off the damaged end, after copying the append-only file")
def repair(settings: Settings, yes: bool) -> ExitCode:
    """Check the embedded server's append-only file, and repair it with --yes."""
    from streams.valkey.server import EmbeddedValkey

    _require_embedded(settings, "repair")
    require_data_dir(settings)
    valkey = EmbeddedValkey(settings)
    repaired = valkey.repair() if yes else None
    damage = (repaired and repaired[0]) if yes else valkey.check_aof()
    if damage is None:
        print_text("append-only file not damaged")
        return ExitCode.OK
    _print_damage(damage)
    if repaired:
        print_text(f"unreadable bytes cut off; a copy of the damaged append-only file is in {repaired[1]}")
        return ExitCode.OK
    print_text(
        "an unfinished write at the end, as after a power cut, was never confirmed; earlier writes may have been"
    )
    print_text("`copydesk repair --yes` copies the append-only file and cuts off the unreadable bytes")
    return ExitCode.UNHEALTHY


def _print_damage(damage: Any) -> None:
    lost = damage.size_bytes - damage.valid_bytes
    readable = f"readable up to byte {damage.valid_bytes} of {damage.size_bytes}"
    print_text(f"{damage.path}: {readable}; {lost} bytes are unreadable")
    if (confirmed := damage.confirmed_bytes - damage.valid_bytes) > 0:
        print_text(f"{confirmed} of the unreadable bytes were confirmed; restore a backup, if any")


@click.command("completion", cls=Command, example="copydesk completion bash > copydesk.bash")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(settings: Settings, shell: str) -> ExitCode:
    """Print the completion script of a shell.

    Source it in the shell's startup file.
    """
    from click.shell_completion import get_completion_class

    if shutil.which(shell) is None:
        raise SettingsError(f"shell not found: {shell}; install it")
    completer = get_completion_class(shell)
    assert completer is not None
    root = click.get_current_context().find_root().command
    sys.stdout.write(completer(root, {}, "copydesk", "_COPYDESK_COMPLETE").source() + "\n")  # for a shell, as it is
    return ExitCode.OK


COMMANDS = (init, backup, restore, repair, completion)
