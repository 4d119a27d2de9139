"""Rules that filter items."""

from datetime import UTC, datetime

import pytest

from streams.config.tables import FeedOptions
from streams.errors import SettingsError
from streams.records import Content, Item
from workers.desk.entry_rules import check_feed_rules, filter_reason

ITEM = Item(
    feed="https://a.example/feed", identity_key="https://a.example/1", link="https://a.example/sport/1", title="Ferry wins",
    fingerprint="00" * 8,
    fetched_at=datetime(2026, 3, 4, tzinfo=UTC), authors=("Ann Lee",), categories=("Boats", "Sport"), content=(Content("<p>Fast</p>"),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("block", "keep", "reason"),
    [
        ("", "", ""),
        ("EntryTitle=(?i)ferry", "", "block_rules: (?i)ferry"),
        ("EntryTitle=(?i)train\nEntryTag=^Sport$", "", "block_rules: ^Sport$"),
        ("EntryURL=/sport/", "EntryTitle=Ferry", "block_rules: /sport/"),
        ("", "EntryAuthor=Ann", ""),
        ("", "EntryAuthor=Bo\nEntryContent=Slow", "keep_rules: no match"),
        ("# a comment\n(?i)boats", "", "block_rules: (?i)boats"),
        ("EntryTitle=a=b", "", ""),
    ],
)
def test_filter_reason(block: str, keep: str, reason: str) -> None:
    assert filter_reason(ITEM, FeedOptions("*", block_rules=block, keep_rules=keep)) == reason


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("block_rules", "EntryTitle=(", "invalid pattern.*line 1"),
        ("keep_rules", "a\nEntryColour=red", "unknown field: EntryColour .*line 2"),
        ("scraper_rules", "div..", "scraper_rules"),
        ("rewrite_rules", "explode()", "rewrite_rules"),
    ],
)
def test_invalid_rule_names_table_and_line(name: str, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        check_feed_rules([FeedOptions("https://a.example/*", **{name: text})])  # type: ignore[arg-type]
