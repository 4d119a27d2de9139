"""Rules that select news events."""

import pytest

from streams.errors import SettingsError
from streams.event_rules import event_predicate
from streams.records import Article, NewsEvent

EVENT = NewsEvent(id="e" * 20, revision=2, publishers=("Herald", "Kurier", "Tribune"), languages=("en", "de"))


@pytest.mark.parametrize(
    "rule, matches",
    [
        ({"event_publishers": 3}, True),
        ({"event_publishers": 4}, False),
        ({"event_publishers": 2, "language": "DE"}, True),
        ({"event_publishers": 2, "language": ["fr", "pl"]}, False),
        ({"event_publishers": 1, "publisher": "herald", "language": "en"}, True),
    ],
)
def test_rule_selects_events(rule: dict[str, object], matches: bool) -> None:
    assert event_predicate(rule)(EVENT) is matches


def test_rule_of_events_selects_no_article() -> None:
    assert not event_predicate({"event_publishers": 1})(Article(id="a" * 20, revision=1))


@pytest.mark.parametrize(
    "rule, message",
    [
        ({"event_publishers": 0}, "invalid rule: event_publishers = 0"),
        ({"event_publishers": "3"}, "invalid rule: event_publishers = '3'"),
        ({"event_publishers": 1, "feed": "x"}, "unknown key: feed"),
        ({"event_publishers": 1, "language": 3}, "invalid rule: language = 3"),
    ],
)
def test_invalid_rule_is_refused(rule: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        event_predicate(rule)
