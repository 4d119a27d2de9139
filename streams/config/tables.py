"""The tables of copydesk.toml: routing rules, options of feeds, and sinks.

It owns their keys and checks. It must not know how a rule is evaluated or a feed is polled.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from streams.config.sources import TomlFile
from streams.errors import SettingsError
from streams.start import Start
from streams.topics import ROUTE_NAME, resolve_topic, route_topic

RULE_FIELDS = ("section", "language", "publisher", "feed", "folder", "tag", "keyword")
DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])")
UNIT_S = {"m": 60, "h": 3_600, "d": 86_400}
MAX_RECHECKS, MAX_RECHECK_S = 10, 30 * 86_400
NAME_FORM = "expected at most 64 lower-case letters, digits, - and _"
TOPIC_FORM = "expected articles or articles.<route>"
MAX_RULE_DEPTH = 8  # bounds the recursion of the parser and of the routing


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A condition on articles.

    It matches if each given field has one of its values, one rule of `any_of` matches, and no rule of `none_of` does.
    """

    section: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    publisher: tuple[str, ...] = ()
    feed: tuple[str, ...] = ()
    folder: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    keyword: tuple[str, ...] = ()
    any_of: tuple["Rule", ...] = ()
    none_of: tuple["Rule", ...] = ()  # key `not` in the file


@dataclass(frozen=True)
class Route(Rule):
    """A named rule; matching articles are also published to `copydesk.articles.<name>`."""

    name: str


@dataclass(frozen=True)
class FeedOptions:
    """Options of the feeds whose URL matches `url`, a pattern with `*`. Its repr omits secrets."""

    url: str
    poll_interval_s: float = 0.0  # 0: adaptive
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)
    full_text: bool = False
    type: str = ""
    recheck: tuple[float, ...] = ()  # seconds after the first fetch of a page
    scraper_rules: str = ""  # these four in the syntax of Miniflux
    rewrite_rules: str = ""
    block_rules: str = ""
    keep_rules: str = ""

    @property
    def uses_rules(self) -> bool:
        """Whether one of the rules of a feed is set."""
        return bool(self.scraper_rules or self.rewrite_rules or self.block_rules or self.keep_rules)


@dataclass(frozen=True)
class Place:
    """A table of copydesk.toml, for error messages; a rule written by a program has no file."""

    file: TomlFile | None = None
    name: str = ""
    number: int = 0
    label: str = ""

    def __str__(self) -> str:
        return self._describe("") if self.file else "rule"

    def _describe(self, key: str) -> str:
        assert self.file is not None
        path = f"{self.name}[{self.number}]{'.' if key else ''}{key}"
        return f"{path} {self.label!r} ({self.file.location(self.name, self.number, key.partition('.')[0])})"

    def error(self, key: str, expected: str, failure: str = "invalid value") -> SettingsError:
        """Return the error for *key*, a path such as `not.tag`; the value is left out, because it may be a secret."""
        if self.file is None:
            return SettingsError(f"{failure}: {key or 'rule'}; {expected}")
        return SettingsError(f"{failure}: {self._describe(key)}; {expected}")


@dataclass(frozen=True, kw_only=True)
class SinkTable:
    """A `[[sinks]]` table: a destination for articles.

    `type` is a key of `workers.sinks.SINKS`. `options` holds the keys of that type. `workers.sinks` checks both.
    """

    name: str
    type: str = ""
    topic: str = "articles"
    start_from: Start = Start.LATEST
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    place: Place = field(default=Place(), repr=False, compare=False)


@dataclass(frozen=True, kw_only=True)
class SourceTable:
    """A `[[sources]]` table: a folder whose files are ingested.

    `pattern`: glob of the files. `settle_s`: seconds without a change after which a file is complete.
    """

    name: str = ""
    type: str = ""
    path: str = ""
    pattern: str = "*"
    settle_s: float = 2.0


SOURCE_TYPES = ("folder",)
SINK_KEYS = tuple(spec.name for spec in fields(SinkTable) if spec.name not in ("options", "place"))


def parse_tables(name: str, raw: Any, file: TomlFile) -> tuple[Any, ...]:
    """Return the `[[name]]` tables in *raw*.

    Raises:
        SettingsError: a table is invalid. The message has its file, line and path.
    """
    if not isinstance(raw, list) or not all(isinstance(table, dict) for table in raw):
        raise SettingsError(f"invalid setting: {name} ({file.location(name)}); write it as [[{name}]] tables")
    return tuple(
        TABLE_PARSERS[name](table, Place(file, name, number, str(table.get("name") or table.get("url") or "")))
        for number, table in enumerate(raw, 1)
    )


def _route(table: Mapping[str, Any], place: Place) -> Route:
    try:
        route_topic(str(table.get("name", "")))
    except ValueError as exc:
        raise place.error("name", NAME_FORM) from exc
    return Route(table["name"], **_rule_fields({key: table[key] for key in table if key != "name"}, place))


def parse_rule(rule: Mapping[str, Any]) -> Rule:
    """Return the rule that a program wrote as a dictionary with the keys of a `[[routes]]` table.

    Raises:
        SettingsError: the rule is invalid.
    """
    return Rule(**_rule_fields(rule, Place()))


def _rule_fields(rule: Mapping[str, Any], place: Place, path: str = "", depth: int = 0) -> dict[str, Any]:
    """Return the arguments of `Rule`. *path* is the key of a nested rule, with a trailing dot."""
    keys = (*RULE_FIELDS, "any", "not")
    _check_keys(rule, keys, place, path)
    if not rule:
        raise place.error(path.rstrip("."), f"set one of {', '.join(keys)}", "empty rule")
    if depth > MAX_RULE_DEPTH:
        raise place.error(path.rstrip("."), f"maximum depth of nested rules is {MAX_RULE_DEPTH}")
    parsed: dict[str, Any] = {key: _string_list(rule[key], place, path + key) for key in RULE_FIELDS if key in rule}
    for key, field_name in (("any", "any_of"), ("not", "none_of")):
        if key in rule:
            nested = _rule_list(rule[key], place, path + key)
            parsed[field_name] = tuple(Rule(**_rule_fields(r, place, f"{path}{key}.", depth + 1)) for r in nested)
    return parsed


def _check_keys(table: Mapping[str, Any], keys: Collection[str], place: Place, path: str = "") -> None:
    for key in table:
        if key not in keys:
            raise place.error(path + key, f"expected one of {', '.join(keys)}", "unknown key")


def _string_list(value: Any, place: Place, path: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(v, str) and v for v in values):
        raise place.error(path, "expected a string or a list of strings")
    return tuple(v.casefold() for v in values)


def _rule_list(value: Any, place: Place, path: str) -> list[Mapping[str, Any]]:
    rules = [value] if isinstance(value, dict) else value
    if not isinstance(rules, list) or not rules or not all(isinstance(rule, dict) for rule in rules):
        raise place.error(path, 'expected a rule, such as { tag = "sport" }, or a list of rules')
    return rules


FEED_TYPES = ("feed", "page")
FEED_KEY_TYPES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "url": (str, "a string"),
    "poll_interval_s": ((int, float), "a number"),
    "headers": (dict, "a table of strings"),
    "username": (str, "a string"),
    "password": (str, "a string"),
    "proxy": (str, "a string"),
    "full_text": (bool, "true or false"),
    "scraper_rules": (str, "CSS selectors of the body"),
    "rewrite_rules": (str, "rewrite functions"),
    "block_rules": (str, "lines of Field=pattern"),
    "keep_rules": (str, "lines of Field=pattern"),
    "type": (str, "a string"),
    "recheck": (list, 'a list of times, such as ["1h", "6h", "24h", "7d"]'),
}


def _feed_options(table: Mapping[str, Any], place: Place) -> FeedOptions:
    _check_keys(table, FEED_KEY_TYPES, place)
    for key, value in table.items():
        type_, type_name = FEED_KEY_TYPES[key]
        if not isinstance(value, type_) or (isinstance(value, bool) and type_ is not bool):
            raise place.error(key, f"expected {type_name}")
    for name, value in table.get("headers", {}).items():
        if not (isinstance(value, str) and value.isprintable() and name.isprintable()):
            raise place.error("headers", "expected printable names and values")
    if not table.get("url"):
        raise place.error("url", 'set the URL of the feeds, such as url = "https://example.org/*"', "missing key")
    if table.get("type", FEED_TYPES[0]) not in FEED_TYPES:
        raise place.error("type", f"expected {' or '.join(FEED_TYPES)}")
    if urlsplit(table.get("proxy", "http://")).scheme != "http":
        raise place.error("proxy", "expected http://host:port")
    if not 0 < table.get("poll_interval_s", 1) < math.inf:
        raise place.error("poll_interval_s", "must be greater than 0")
    return FeedOptions(**{**table, "recheck": _durations(table.get("recheck", []), place)})


def _durations(values: list[Any], place: Place) -> tuple[float, ...]:
    """Return times such as `6h` in seconds, the shortest first."""
    matches = [DURATION.fullmatch(value) if isinstance(value, str) else None for value in values]
    seconds = [int(match[1]) * UNIT_S[match[2]] for match in matches if match]
    if len(seconds) < len(values) or len(values) > MAX_RECHECKS or not all(60 <= s <= MAX_RECHECK_S for s in seconds):
        raise place.error("recheck", f"expected at most {MAX_RECHECKS} times from 1m to 30d, such as 6h")
    return tuple(sorted(map(float, seconds)))


def _sink(table: Mapping[str, Any], place: Place) -> SinkTable:
    for key in SINK_KEYS:
        if not isinstance(table.get(key, None if key == "name" else ""), str):
            raise place.error(key, "expected a string", "invalid value" if key in table else "missing key")
    if not ROUTE_NAME.fullmatch(table["name"]):
        raise place.error("name", NAME_FORM)
    try:
        start_from = Start(table.get("start_from", Start.LATEST))
    except ValueError as exc:
        raise place.error("start_from", "expected start or end") from exc
    try:
        if not resolve_topic(str(table.get("topic", "articles"))).has_articles:
            raise place.error("topic", TOPIC_FORM)
    except ValueError as exc:
        raise place.error("topic", TOPIC_FORM) from exc
    common = {key: table[key] for key in ("name", "type", "topic") if key in table}
    options = {key: table[key] for key in table if key not in SINK_KEYS}
    return SinkTable(**common, start_from=start_from, options=options, place=place)


def _source(table: Mapping[str, Any], place: Place) -> SourceTable:
    _check_keys(table, [spec.name for spec in fields(SourceTable)], place)
    for spec in fields(SourceTable):
        value = table.get(spec.name, spec.default)
        if spec.name != "settle_s" and not (isinstance(value, str) and value):
            raise place.error(spec.name, "expected a string", "invalid value" if spec.name in table else "missing key")
    if table.get("type", "folder") not in SOURCE_TYPES:
        raise place.error("type", f"expected {' or '.join(SOURCE_TYPES)}")
    if not ROUTE_NAME.fullmatch(table["name"]):
        raise place.error("name", NAME_FORM)
    if Path(table.get("pattern", "*")).is_absolute() or ".." in Path(table.get("pattern", "*")).parts:
        raise place.error("pattern", "expected a pattern within the folder, such as *.jsonl or **/*.xml")
    settle_s = table.get("settle_s", 0.0)
    if isinstance(settle_s, bool) or not isinstance(settle_s, int | float) or not 0 <= settle_s < math.inf:
        raise place.error("settle_s", "expected a number of at least 0")
    return SourceTable(**table)


TABLE_PARSERS: dict[str, Callable[[Mapping[str, Any], Place], Any]] = {
    "routes": _route,
    "feeds": _feed_options,
    "sinks": _sink,
    "sources": _source,
}
TABLE_SETTINGS = tuple(TABLE_PARSERS)
