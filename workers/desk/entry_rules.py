"""Rules that filter the items of a feed, in the syntax of Miniflux: one `Field=pattern` per line.

Source: miniflux.app, "Filtering Rules". The patterns come from the operator. They run on untrusted text, within the
CPU time of the item.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from streams.config.tables import FeedOptions
from streams.errors import SettingsError
from streams.records import Item

FIELDS: dict[str, Callable[[Item], Sequence[str]]] = {
    "EntryTitle": lambda item: [item.title],
    "EntryURL": lambda item: [item.link],
    "EntryAuthor": lambda item: item.authors,
    "EntryTag": lambda item: item.categories,
    "EntryContent": lambda item: [text.value for text in item.content or ([item.summary] if item.summary else [])],
}
LEGACY_FIELDS = ("EntryTitle", "EntryURL", "EntryAuthor", "EntryTag")  # searched by a pattern without a field name


class EntryRule(NamedTuple):
    """A line of a rule: it matches an item if one of the *fields* holds a match of the pattern."""

    fields: tuple[str, ...]
    pattern: re.Pattern[str]

    def matches(self, item: Item) -> bool:
        """Return whether the rule matches *item*."""
        return any(self.pattern.search(text) for name in self.fields for text in FIELDS[name](item) if text)


@lru_cache(maxsize=10_000)
def parse_entry_rules(text: str, place: str = "") -> tuple[EntryRule, ...]:
    """Return the rules of *text*.

    Raises:
        SettingsError: a field is unknown, or a pattern is invalid. The message names *place* and the line.
    """
    return tuple(
        _parse(line.strip(), f"{place} line {number}")
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    )


def _parse(line: str, place: str) -> EntryRule:
    name, equals, pattern = line.partition("=")
    is_named = bool(equals) and name.strip() in FIELDS
    if equals and name.startswith("Entry") and not is_named:
        raise SettingsError(f"unknown field: {name} ({place}); use one of {', '.join(FIELDS)}")
    fields = (name.strip(),) if is_named else LEGACY_FIELDS
    try:
        return EntryRule(fields, re.compile(pattern if is_named else line))
    except re.error as exc:
        raise SettingsError(f"invalid pattern: {line!r} ({place}; {exc}); correct the regular expression") from exc


def filter_reason(item: Item, options: FeedOptions) -> str:
    """Return the reason why the rules of its feed drop *item*; empty if they keep it."""
    for rule in parse_entry_rules(options.block_rules):
        if rule.matches(item):
            return f"block_rules: {rule.pattern.pattern}"
    keep = parse_entry_rules(options.keep_rules)
    return "" if not keep or any(rule.matches(item) for rule in keep) else "keep_rules: no match"


def check_feed_rules(tables: Sequence[FeedOptions]) -> None:
    """Check the rules of all `[[feeds]]` tables. Raises SettingsError."""
    for options in tables:
        for name in ("block_rules", "keep_rules"):
            parse_entry_rules(getattr(options, name), f"[[feeds]] {options.url} {name}")
        if options.scraper_rules or options.rewrite_rules:
            from workers.clean.site_rules.miniflux import parse_rewrite, parse_scraper  # lxml, for these rules only

            parse_scraper(options.scraper_rules, f"[[feeds]] {options.url} scraper_rules")
            parse_rewrite(options.rewrite_rules, f"[[feeds]] {options.url} rewrite_rules")
