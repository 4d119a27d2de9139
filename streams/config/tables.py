"""The tables of `copydesk.toml`: rules that route articles, and what applies to single feeds."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from streams.errors import SettingsError
from streams.topics import ROUTE_NAME, resolve_topic, route_topic

RULE_FIELDS = ("section", "language", "publisher", "feed", "folder", "tag", "keyword")
MIN_SECRET_CHARS = 16  # characters
MAX_RULE_DEPTH = 8  # rules within rules


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Matches an article when each field given has one of its values, one of `any` matches, and none of `none`."""

    section: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    publisher: tuple[str, ...] = ()
    feed: tuple[str, ...] = ()
    folder: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    keyword: tuple[str, ...] = ()
    any_of: tuple["Rule", ...] = ()
    none_of: tuple["Rule", ...] = ()  # `not` in the file


@dataclass(frozen=True)
class Route(Rule):
    """A rule with a name: what it matches goes to `copydesk.articles.<name>` too."""

    name: str


@dataclass(frozen=True)
class FeedOptions:
    """What applies to the feeds whose URL matches `url`, a pattern with `*`. Secrets don't show."""

    url: str
    poll_interval_s: float = 0.0  # fixed; 0: learned
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)
    full_text: bool = False


@dataclass(frozen=True, kw_only=True)
class SinkOptions:
    """A destination for articles. `type` selects the implementation in `workers.sinks.SINKS`."""

    name: str
    type: str
    topic: str = "articles"
    start_from: str = "end"


@dataclass(frozen=True, kw_only=True)
class WebhookOptions(SinkOptions):
    """A URL that articles are POSTed to, and the secret of their signatures."""

    type: str = "webhook"
    url: str
    secret: str = field(repr=False)


SINK_TYPES: Mapping[str, type[SinkOptions]] = {"webhook": WebhookOptions}


def parse_tables(name: str, raw: Any, source: str) -> tuple[Any, ...]:
    """Return the `[[name]]` tables that *raw* holds. Raises SettingsError with the line where a bad one begins."""
    if not isinstance(raw, list) or not all(isinstance(table, dict) for table in raw):
        raise SettingsError(f"{source}: {name} are written as [[{name}]] tables")
    return tuple(
        TABLE_PARSERS[name](table, _location(name, number, table, source)) for number, table in enumerate(raw, 1)
    )


def _location(name: str, number: int, table: Mapping[str, Any], source: str) -> str:
    """Return how to find a table: `copydesk.toml line 12, [[routes]] 2 (world)`."""
    try:
        lines = Path(source).read_text("utf-8").splitlines()
    except OSError:
        lines = []
    begins = [n for n, line in enumerate(lines, 1) if re.match(rf"\s*\[\[\s*{name}\s*\]\]", line)]
    line = f" line {begins[number - 1]}" if len(begins) >= number else ""
    return f"{source}{line}: [[{name}]] {number} ({table.get('name') or table.get('url') or 'no name'})"


def _route(table: Mapping[str, Any], where: str) -> Route:
    rule = {key: value for key, value in table.items() if key != "name"}
    try:
        route_topic(str(table.get("name", "")))
    except ValueError as exc:
        raise SettingsError(f"{where}: {exc}") from exc
    return Route(table["name"], **_rule_parts(rule, where))


def parse_rule(given: Mapping[str, Any]) -> Rule:
    """Return the rule that a program writes as a dictionary, as routes have it. Raises SettingsError."""
    return Rule(**_rule_parts(given, "rule"))


def _rule_parts(rule: Mapping[str, Any], where: str, depth: int = 0) -> dict[str, Any]:
    """Return the fields of a Rule."""
    known = (*RULE_FIELDS, "any", "not")
    if unknown := set(rule) - set(known):
        raise SettingsError(f"{where}: unknown {', '.join(sorted(unknown))}; a rule has {', '.join(known)}")
    if not rule:
        raise SettingsError(f"{where}: matches nothing; give one of {', '.join(known)}")
    if depth > MAX_RULE_DEPTH:
        raise SettingsError(f"{where}: more than {MAX_RULE_DEPTH} rules within each other")
    parts: dict[str, Any] = {key: _string_list(key, rule[key], where) for key in RULE_FIELDS if key in rule}
    for key, name in (("any", "any_of"), ("not", "none_of")):
        if key in rule:
            parts[name] = tuple(Rule(**_rule_parts(r, where, depth + 1)) for r in _rules(key, rule[key], where))
    return parts


def _string_list(key: str, value: Any, where: str) -> tuple[str, ...]:
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not value or not all(isinstance(v, str) and v for v in value):
        raise SettingsError(f"{where}: {key} is a text or a list of texts")
    return tuple(v.casefold() for v in value)


def _rules(key: str, value: Any, where: str) -> list[Mapping[str, Any]]:
    value = [value] if isinstance(value, dict) else value
    if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
        raise SettingsError(f'{where}: {key} is a rule, as {{ tag = "sport" }}, or a list of rules')
    return value


def _feed_rule(table: Mapping[str, Any], where: str) -> FeedOptions:
    kinds = {f.name for f in fields(FeedOptions)}
    if unknown := set(table) - kinds:
        raise SettingsError(f"{where}: unknown {', '.join(sorted(unknown))}; a table has {', '.join(sorted(kinds))}")
    wanted: dict[str, Any] = {"url": str, "poll_interval_s": (int, float), "headers": dict, "full_text": bool}
    for name, value in table.items():  # the value isn't told: it may be a secret
        if not isinstance(value, wanted.get(name, str)) or (isinstance(value, bool) and name != "full_text"):
            raise SettingsError(f"{where}: {name} is of the wrong type")
    headers = table.get("headers", {})
    if not all(isinstance(v, str) and v.isprintable() and k.isprintable() for k, v in headers.items()):
        raise SettingsError(f"{where}: headers are names and texts")
    if not table.get("url"):
        raise SettingsError(f'{where}: say which feeds are meant, as url = "https://example.org/*"')
    if urlsplit(table.get("proxy", "http://")).scheme != "http":
        raise SettingsError(f"{where}: proxy is http://host:port")
    if table.get("poll_interval_s", 1) <= 0:
        raise SettingsError(f"{where}: poll_interval_s isn't more than 0")
    return FeedOptions(**table)


def _sink(table: Mapping[str, Any], where: str) -> SinkOptions:
    options_type = SINK_TYPES.get(str(table.get("type")))
    if options_type is None:
        raise SettingsError(f"{where}: `type` must be one of {', '.join(SINK_TYPES)}")
    options = fields(options_type)
    if unknown := set(table) - {f.name for f in options}:
        raise SettingsError(
            f"{where}: unknown {', '.join(sorted(unknown))}; a table has {', '.join(f.name for f in options)}"
        )
    for option in options:
        if not isinstance(table.get(option.name, None if option.default is MISSING else ""), str):
            raise SettingsError(f"{where}: {option.name} is missing, or not a string")
    if not ROUTE_NAME.fullmatch(table["name"]):
        raise SettingsError(f"{where}: invalid name (allowed: 1 to 64 of a-z, 0-9, - and _)")
    if table.get("start_from", "end") not in ("start", "end"):
        raise SettingsError(f'{where}: `start_from` must be "start" or "end"')
    try:
        if not resolve_topic(str(table.get("topic", "articles"))).compact:
            raise ValueError("topic is articles, or articles.<route>")
    except ValueError as exc:
        raise SettingsError(f"{where}: {exc}") from exc
    if options_type is WebhookOptions:
        _check_webhook(table, where)
    return options_type(**table)


def _check_webhook(table: Mapping[str, Any], where: str) -> None:
    if urlsplit(table["url"]).scheme not in ("http", "https"):
        raise SettingsError(f"{where}: `url` must start with http:// or https://")
    if len(table["secret"]) < MIN_SECRET_CHARS:
        raise SettingsError(f"{where}: `secret` must have at least {MIN_SECRET_CHARS} characters")
    if table["secret"].startswith("whsec_"):
        try:
            base64.b64decode(table["secret"][6:], validate=True)
        except ValueError as exc:
            raise SettingsError(f"{where}: `secret` must be base64 after whsec_ ({exc})") from exc


TABLE_PARSERS: dict[str, Callable[[Mapping[str, Any], str], Any]] = {
    "routes": _route,
    "feeds": _feed_rule,
    "sinks": _sink,
}
TABLE_SETTINGS = tuple(TABLE_PARSERS)
