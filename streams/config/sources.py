"""Sources of settings: copydesk.toml and `COPYDESK_*` variables, and the conversion of their values.

It owns the place of each value, for error messages. It must not know which settings exist.
"""

import math
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from streams.errors import SettingsError

ENV_PREFIX = "COPYDESK_"
CONFIG_VARIABLE = f"{ENV_PREFIX}CONFIG"
RESERVED_PREFIX = f"{ENV_PREFIX}TEST_"  # variables of the test suite, which its child processes inherit
CONFIG_FILE = "copydesk.toml"
BOOLEANS = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
TYPE_NAMES = {bool: "true or false", int: "a whole number", float: "a number", Path: "a path"}


@dataclass(frozen=True)
class TomlFile:
    """A parsed copydesk.toml, with its text to find the line of a key."""

    path: Path
    text: str
    values: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path, *, required: bool) -> "TomlFile":
        """Read *path*; an absent file is empty unless *required*. Raises SettingsError."""
        try:
            text = path.read_text("utf-8")
            return cls(path, text, tomllib.loads(text))
        except FileNotFoundError:
            if required:
                raise SettingsError(f"no such file: {path} (from {CONFIG_VARIABLE}); correct the variable") from None
            return cls(path, "", {})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as exc:
            raise SettingsError(f"unreadable settings: {path} ({exc}); correct the file") from exc

    def location(self, name: str, number: int = 1, key: str = "") -> str:
        """Return `path:line` of setting *name*, or of *key* in the *number*-th `[[name]]` table."""
        lines = self.text.splitlines()
        starts = [n for n, line in enumerate(lines, 1) if re.match(rf"\s*(\[\[\s*{name}\s*\]\]|{name}\s*=)", line)]
        if len(starts) < number:
            return str(self.path)
        line = starts[number - 1]
        for n, text in enumerate(lines[line:], line + 1):
            if not key or text.lstrip().startswith("[["):
                break
            if re.match(rf"\s*(\[.*\.)?{re.escape(key)}\s*[=\].]", text):
                return f"{self.path}:{n}"
        return f"{self.path}:{line}"

    def unknown_key(self, name: str, names: Collection[str]) -> SettingsError:
        """Return the error for a key that is no setting."""
        return SettingsError(f"unknown setting: {name} ({self.location(name)}); {_suggestion(name, names)}")


def read_environ(environ: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Return the settings in *environ* by name.

    Raises:
        SettingsError: a `COPYDESK_*` variable is no setting. A misspelt variable must not be ignored.
    """
    variables = {f"{ENV_PREFIX}{name.upper()}": name for name in names}
    values: dict[str, str] = {}
    for variable, value in environ.items():
        if variable in variables:
            values[variables[variable]] = value
        elif (
            variable.startswith(ENV_PREFIX) and variable != CONFIG_VARIABLE and not variable.startswith(RESERVED_PREFIX)
        ):
            raise SettingsError(
                f"unknown setting: {variable} (environment); {_suggestion(variable, [*variables, CONFIG_VARIABLE])}"
            )
    return values


def _suggestion(name: str, names: Collection[str]) -> str:
    import difflib  # 3 ms, for errors only

    nearest = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {nearest[0]}?" if nearest else "see `copydesk settings`"


def redact_url(url: str) -> str:
    """Return *url* without user and password."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def convert(name: str, raw: Any, type_: type, limits: Mapping[str, Any], source: str) -> Any:
    """Return *raw* as a *type_* within *limits*; see `convert_value`.

    Raises:
        SettingsError: the message names the setting and *source*. It omits the value of a `secret`.
    """
    shown = redact_url(raw) if "schemes" in limits and isinstance(raw, str) else raw
    setting = f"{name} ({source})" if limits.get("secret") else f"{name} = {shown!r} ({source})"
    try:
        return convert_value(raw, type_, limits)
    except ValueError as exc:
        raise SettingsError(f"invalid setting: {setting}; {exc}") from exc


def convert_value(raw: Any, type_: type, limits: Mapping[str, Any]) -> Any:
    """Return *raw* as a *type_* within *limits*: `choices`, `minimum`, `maximum`, `minimum_chars`, `schemes`.

    `auto` is the function that returns the value for the word `auto`.

    Raises:
        ValueError: the message is the expectation, without the value.
    """
    if "auto" in limits and isinstance(raw, str) and raw.strip() == "auto":
        return limits["auto"]()
    try:
        value = _convert_type(raw, type_)
    except (ValueError, KeyError) as exc:
        expected = TYPE_NAMES.get(type_, "text") + (" or 'auto'" if "auto" in limits else "")
        raise ValueError(f"expected {expected}") from exc
    if "choices" in limits and value not in limits["choices"]:
        raise ValueError(f"expected one of {', '.join(limits['choices'])}")
    if "minimum" in limits and value < limits["minimum"]:
        raise ValueError(f"minimum is {limits['minimum']}")
    if "maximum" in limits and value > limits["maximum"]:
        raise ValueError(f"maximum is {limits['maximum']}")
    if "minimum_chars" in limits and len(value) < limits["minimum_chars"]:
        raise ValueError(f"minimum length is {limits['minimum_chars']} characters")
    if value and "schemes" in limits and urlsplit(str(value)).scheme not in limits["schemes"]:
        raise ValueError(f"must start with {' or '.join(f'{scheme}://' for scheme in limits['schemes'])}")
    return value


def _convert_type(raw: Any, type_: type) -> Any:
    if type_ is bool:
        return raw if isinstance(raw, bool) else BOOLEANS[str(raw).strip().casefold()]
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Path):
        raise ValueError("wrong type")
    if type_ is int and isinstance(raw, float):
        raise ValueError("not a whole number")
    value = type_(raw.strip() if isinstance(raw, str) else raw)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("not finite")
    return value.expanduser() if isinstance(value, Path) else value
