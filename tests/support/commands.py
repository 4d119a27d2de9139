"""The commands of copydesk."""

from typing import Any

from workers.cli import cli


def commands() -> dict[str, Any]:
    """Return every command of copydesk as words."""
    found: dict[str, Any] = {}

    def walk(group: Any, words: tuple[str, ...]) -> None:
        for name, command in getattr(group, "commands", {}).items():
            found[" ".join((*words, name))] = command
            walk(command, (*words, name))

    walk(cli, ())
    return found
