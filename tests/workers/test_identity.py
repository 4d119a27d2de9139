import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.clean.links import TRACKING_NAMES, TRACKING_VALUES, clean_link, without_trackers
from workers.dedupe.identity import article_id, canonical_url, is_identity, item_key


@pytest.mark.parametrize(
    ("link", "canonical"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("  https://a.example/x\n", "https://a.example/x"),
        ("HTTPS://News.Example:443/A?b=C#d", "https://news.example/A?b=C"),
        ("http://a.example:80/x", "http://a.example/x"),
        ("http://a.example:443/x", "http://a.example:443/x"),
        ("https://a.example./x", "https://a.example/x"),
        ("https://a.example", "https://a.example/"),
        ("https://a.example/x?utm_source=rss&id=3&utm_medium=feed", "https://a.example/x?id=3"),
        ("https://a.example/x?utm_source=rss", "https://a.example/x"),
        ("https://a.example/x?b=2&a=1", "https://a.example/x?b=2&a=1"),
        ("https://a.example/%7Eu/%c3%a9?q=%2B+", "https://a.example/%7Eu/%c3%a9?q=%2B+"),
        ("https://a.example/#!/story/3", "https://a.example/#!/story/3"),
        ("https://a.example/x#comments", "https://a.example/x"),
        ("https://a.example/x?ref=rss", "https://a.example/x"),
        ("https://a.example/x?ref=4711", "https://a.example/x?ref=4711"),
        ("https://[2001:DB8::1]:8080/x", "https://[2001:db8::1]:8080/x"),
        ("ftp://a.example/x", ""),
        ("javascript:alert(1)", ""),
        ("https://", ""),
        ("https://[bad/x", ""),
        ("/relative", ""),
        ("", ""),
    ],
)
def test_canonical_url(link: str, canonical: str) -> None:
    assert canonical_url(link) == canonical
    assert canonical_url(canonical) == canonical


@given(st.text(max_size=200) | st.from_regex(r"https?://[a-z.]{1,20}(:[0-9]{1,5})?/[ -~]{0,60}", fullmatch=True))
def test_canonical_url_is_idempotent_and_never_raises(link: str) -> None:
    once = canonical_url(link)
    assert canonical_url(once) == once


def test_the_tables_can_match() -> None:
    """Look-ups are lower-case: a capital letter in a table would be a row that can never match."""
    assert all(name == name.lower() for name in (*TRACKING_NAMES, *TRACKING_VALUES))
    assert TRACKING_NAMES.isdisjoint(TRACKING_VALUES)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://a.example/?utm_x=1", "https://a.example/"),
        ("https://a.example/?UTM_X=1&b", "https://a.example/?b"),
        ("https://a.example/?b=&fbclid=2#f", "https://a.example/?b=#f"),
        ("https://a.example/?", "https://a.example/"),
        ("https://a.example/a&utm_source=x", "https://a.example/a&utm_source=x"),
    ],
)
def test_without_trackers(url: str, kept: str) -> None:
    assert without_trackers(url) == kept


@pytest.mark.parametrize(
    ("url", "base", "link"),
    [
        ("/x?utm_source=a", "https://a.example/y/z", "https://a.example/x"),
        ("x", "https://a.example/y/z", "https://a.example/y/x"),
        ("//b.example/x", "https://a.example/", "https://b.example/x"),
        ("mailto:ida@a.example", "https://a.example/", "mailto:ida@a.example"),
        ("javascript:alert(1)", "https://a.example/", ""),
        ("data:text/html,x", "", ""),
        ("http://[x", "", ""),
    ],
)
def test_clean_link(url: str, base: str, link: str) -> None:
    assert clean_link(url, base) == link


@pytest.mark.parametrize(
    ("guid", "url", "shared", "key"),
    [
        ("g", "https://a.example/1", False, "https://a.example/1"),
        ("g", "https://a.example/", False, "F#g"),
        ("g", "https://a.example/1", True, "F#g"),
        ("", "https://a.example/1", True, "https://a.example/1"),
        ("g", "", False, "F#g"),
    ],
)
def test_item_key(guid: str, url: str, shared: bool, key: str) -> None:
    assert item_key("F", guid, url, shared_link=shared) == key


def test_an_item_without_anything_still_has_a_stable_key() -> None:
    assert item_key("F", "", "", fallback="text") == item_key("F", "", "", fallback="text")
    assert item_key("F", "", "", fallback="text") != item_key("F", "", "", fallback="other")


def test_front_pages_are_no_identity_and_ids_are_stable() -> None:
    assert not is_identity("https://a.example/")
    assert is_identity("https://a.example/?p=3")
    assert article_id("https://a.example/1") != article_id("https://a.example/2")
    assert len(article_id("x")) == 20
