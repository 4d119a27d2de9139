"""Site rules: both formats, their application, and the choice of a rule."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.errors import SettingsError
from workers.clean.cleaner import CleanedContent, clean_blocks
from workers.clean.document import to_blocks
from workers.clean.site_rules.collection import FeedRules, SiteRules, compile_rules, host_names
from workers.clean.site_rules.ftr import parse_ftr
from workers.clean.site_rules.miniflux import parse_rewrite, parse_scraper
from workers.clean.site_rules.rule import SiteRule

FTR = """# The Harbour Post
title: //h2[@class='headline']
author: //p[contains(@class, 'writer')]
date: //time/@datetime
body: //div[@id='missing']
body: //div[@id='story']
strip: //div[@id='story']//aside
strip_id_or_class: promo
strip_image_src: pixel.gif
find_string: <font>
replace_string: <p>
replace_string(</font>): </p>
single_page_link: //a[@rel='print']
prune: no
test_url: https://post.example/1
"""
PAGE = """<!doctype html><html lang="en"><head><title>Wrong title</title></head><body>
<nav><a href="/">Home</a></nav>
<h2 class="headline">Ferry returns to the islands</h2>
<p class="writer">By Ann Lee and Bo Marsh</p><time datetime="2026-03-04T10:00:00Z">today</time>
<div id="story"><p>Read more</p><font>The ferry left on time.</font><aside>Subscribe to our letter</aside>
<p class="big promo">Get the app</p><p>No crossing was cancelled.</p><img src="/pixel.gif"></div>
<div id="other"><p>The mayor of another town opened a long bridge on Sunday, and many people came to see it.</p></div>
</body></html>"""


def cleaned(rule: SiteRule, html: str = PAGE, kind: str = "page") -> CleanedContent:
    return clean_blocks(to_blocks(html, kind, url="https://post.example/1", rule=rule))


def test_ftr_rule_selects_story_and_fields() -> None:
    content = cleaned(parse_ftr(FTR, "post.example.txt"))
    assert content.paragraphs == ("The ferry left on time.", "No crossing was cancelled.")
    assert content.title == "Ferry returns to the islands"
    assert content.byline == ("Ann Lee", "Bo Marsh")
    assert content.published == datetime(2026, 3, 4, 10, tzinfo=UTC)
    assert content.images == ()
    assert {name for name, source in content.field_sources.items() if source == "rule"} == {
        "title",
        "byline",
        "published",
    }
    reasons = [block.reason for block in content.removed if block.kind == "site rule"]
    assert "post.example.txt: strip_id_or_class: promo" in reasons


def test_ftr_reports_directives_without_effect() -> None:
    rule = parse_ftr(FTR, "post.example.txt")
    assert rule.ignored == ("single_page_link (line 13)", "prune (line 14)", "test_url (line 15)")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("body: //div[", r"'//div\['.*a\.txt:1"),
        ("\nno directive here", "a.txt:2"),
        ("colour: red", r"unknown directive: colour \(a\.txt:1\); see docs/howto/site-rules\.md"),
        ("strip_image_src: a'b\"c", "both quotes"),
    ],
)
def test_invalid_ftr_line_is_named(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse_ftr(text, "a.txt")


def test_rule_without_match_keeps_automatic_cleaning() -> None:
    rule = parse_ftr("body: //div[@id='gone']", "a.txt")
    assert cleaned(rule).paragraphs == clean_blocks(to_blocks(PAGE, "page", url="https://post.example/1")).paragraphs


def test_nested_and_repeated_matches_appear_once() -> None:
    rule = parse_ftr("body: //div[@id='story'] | //div[@id='story']/p", "a.txt")
    assert cleaned(rule).paragraphs.count("No crossing was cancelled.") == 1


def test_miniflux_scraper_selects_several_elements() -> None:
    html = "<html><body><div class=intro>The first line of it.</div><p>Elsewhere.</p><div class='par x'>And the end.</div></body></html>"
    assert cleaned(parse_scraper("div.intro, div.par", "feed"), html).paragraphs == (
        "The first line of it.",
        "And the end.",
    )


def test_miniflux_rewrite_changes_feed_items() -> None:
    rule = parse_rewrite('remove(".ad, #more"),replace("colour"|"color"), add_image_title', "feed")
    assert rule.ignored == ("add_image_title",)
    html = '<p>A colour was chosen today.</p><p class="ad">Buy paint now!</p><p id="more">Details follow.</p>'
    assert cleaned(rule, html, "html").paragraphs == ("A color was chosen today.",)


@pytest.mark.parametrize("text", ['remove(".a"', "explode()", 'remove("..")', 'replace("a")', "remove(.a) x"])
def test_invalid_rewrite_rule_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="feed"):
        parse_rewrite(text, "feed")


def test_collection_prefers_feed_then_host_then_parents(tmp_path: Path) -> None:
    (tmp_path / "post.example.txt").write_text("body: //main")
    (tmp_path / ".example.org.txt").write_text("body: //article")
    (tmp_path / "broken.example.txt").write_text("body: //[")
    rules = SiteRules.read(tmp_path, [FeedRules("https://post.example/*", "section.text")])
    host = compile_rules(rules.find("https://www.post.example/a", "https://other.example/feed"))
    assert host is not None
    assert [selector.text for selector in host.body] == ["//main"]
    both = compile_rules(rules.find("https://www.post.example/a", "https://post.example/feed"))
    assert both is not None
    assert [selector.text for selector in both.body] == ["section.text", "//main"]
    assert compile_rules(rules.find("https://news.example.org/a")) is not None
    assert rules.find("https://nothing.example/a") == ()
    assert compile_rules(rules.find("https://broken.example/a")) is None
    assert rules.find("https://[bad/a") == ()


def test_host_names_end_before_top_level() -> None:
    assert host_names("https://www.a.b.example/x") == ["a.b.example", ".a.b.example", ".b.example"]


def test_unusual_markup_is_copied() -> None:
    html = '<html><body><a<b =x "y>t</a<b><div id=story 1a=2><p>One sentence is here.\x01\ufffe</p></div></body></html>'
    assert cleaned(parse_ftr("body: //div[@id='story']", "a.txt"), html).paragraphs == ("One sentence is here.",)
