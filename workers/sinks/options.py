"""Options of sinks: the keys of a `[[sinks]]` table that belong to its type, declared as a dataclass.

It owns their checks, their reference and their example. It must not know any single sink.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, field, fields
from typing import Any, get_type_hints

from streams.config.sources import TYPE_NAMES, convert_value
from streams.config.tables import SINK_KEYS, SinkTable


def option(
    help: str, *, example: str, default: Any = MISSING, check: Callable[[Any], None] | None = None, **limits: Any
) -> Any:
    """Return the field of an option; without *default* the key is required.

    *help*: the meaning, in Markdown. *example*: the value as TOML. *limits*: see `convert_value`; with `secret=True`
    the repr omits the value. *check*: raises ValueError with the expectation.
    """
    metadata = {"help": help, "example": example, "check": check, **limits}
    return field(default=default, repr=not limits.get("secret"), metadata=metadata)


def parse_options(options_type: type, table: SinkTable) -> Any:
    """Return the options of *table*.

    Raises:
        SettingsError: a key is unknown, missing or wrong. The message has its file, line and path, never its value.
    """
    specs = {spec.name: spec for spec in fields(options_type)}
    for key in table.options:
        if key not in specs:
            raise table.place.error(key, f"expected one of {', '.join((*SINK_KEYS, *specs))}", "unknown key")
    for key, spec in specs.items():
        if key not in table.options and spec.default is MISSING:
            raise table.place.error(key, f"add it: {spec.metadata['help']}", "missing key")
    types = get_type_hints(options_type)
    return options_type(**{key: _parse(specs[key], types[key], table, raw) for key, raw in table.options.items()})


def _parse(spec: "Field[Any]", type_: type, table: SinkTable, raw: Any) -> Any:
    try:
        if isinstance(raw, str) != (type_ not in (bool, int, float)):
            raise ValueError(f"expected {TYPE_NAMES.get(type_, 'a string')}")
        value = convert_value(raw, type_, spec.metadata)
        if spec.metadata["check"] is not None:
            spec.metadata["check"](value)
        return value
    except ValueError as exc:
        raise table.place.error(spec.name, str(exc)) from exc


def options_reference(options_type: type) -> list[tuple[str, str, str]]:
    """Return (key, default, meaning) of each option, in Markdown."""
    return [
        (f"`{spec.name}`", "" if spec.default is MISSING else f"`{spec.default}`", spec.metadata["help"])
        for spec in fields(options_type)
    ]


def example_table(type_name: str, options_type: type) -> str:
    """Return an example of a `[[sinks]]` table."""
    options = [f"{spec.name} = {spec.metadata['example']}" for spec in fields(options_type)]
    return "\n".join(("[[sinks]]", f'type = "{type_name}"', 'name = "example"', *options))
