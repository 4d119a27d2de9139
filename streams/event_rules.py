"""Rules that select news events, as in `where={"event_publishers": 3, "language": "en"}`. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from streams.errors import SettingsError
from streams.keywords import fold
from streams.records import NewsEvent

EVENT_PUBLISHERS = "event_publishers"
_LISTS: Mapping[str, Callable[[NewsEvent], tuple[str, ...]]] = {
    "language": lambda event: event.languages,
    "publisher": lambda event: event.publishers,
}


def event_predicate(rule: Mapping[str, Any]) -> Callable[[Any], bool]:
    """Return the function that tells whether a record is an event that matches all parts of *rule*.

    `event_publishers` is the minimum number of publishers. A value of `language` or `publisher` is one of the event's.

    Raises:
        SettingsError: a key is unknown, or a value has the wrong type.
    """
    minimum = rule.get(EVENT_PUBLISHERS, 1)
    if not isinstance(minimum, int) or isinstance(minimum, bool) or minimum < 1:
        raise SettingsError(f"invalid rule: {EVENT_PUBLISHERS} = {minimum!r} (not a number from 1); correct the number")
    wanted = {name: _folded(name, value) for name, value in rule.items() if name != EVENT_PUBLISHERS}

    def matches(record: Any) -> bool:
        return (
            isinstance(record, NewsEvent)
            and len(record.publishers) >= minimum
            and all(not values.isdisjoint(map(fold, _LISTS[name](record))) for name, values in wanted.items())
        )

    return matches


def _folded(name: str, value: Any) -> frozenset[str]:
    if name not in _LISTS:
        raise SettingsError(f"unknown key: {name} (rule of events); use {EVENT_PUBLISHERS}, {', '.join(_LISTS)}")
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list | tuple) or not all(isinstance(part, str) for part in values):
        raise SettingsError(f"invalid rule: {name} = {value!r} (neither a string nor a list of strings); correct it")
    return frozenset(map(fold, values))
