import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.dedupe.identity import article_id, identifies_article, item_key
from workers.urls.canonical import canonical_url, canonicalise
from workers.urls.tracking import TRACKING_NAMES, TRACKING_VALUES, clean_link, without_trackers


@pytest.mark.parametrize(
    ("link", "canonical"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("  https://a.example/x\n", "https://a.example/x"),
        ("HTTPS://News.Example:443/A?b=C#d", "https://news.example/A?b=C#d"),
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
        ("https://team.example.com/a", "https://team.example.com/a"),  # not the host label m.
        ("https://cam-hub.example.com/a", "https://cam-hub.example.com/a"),
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


def test_tracking_tables_are_lowercase_and_disjoint() -> None:
    """Look-ups are lower case, so a name with a capital letter never matches."""
    assert all(name == name.lower() for name in (*TRACKING_NAMES, *TRACKING_VALUES))
    assert TRACKING_NAMES.isdisjoint(TRACKING_VALUES)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/?utm_x=1", "https://a.example/"),
        ("https://a.example/?UTM_X=1&b", "https://a.example/?b"),
        ("https://a.example/?b=&fbclid=2#f", "https://a.example/?b=#f"),
        ("https://a.example/?", "https://a.example/"),
        ("https://a.example/a&utm_source=x", "https://a.example/a&utm_source=x"),
    ],
)
def test_without_trackers(url: str, expected: str) -> None:
    assert without_trackers(url) == expected


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
        (" https://a.example/a b.jpg\n", "", "https://a.example/a%20b.jpg"),
        ("/a\n b", "https://a.example/", "https://a.example/a%20b"),
    ],
)
def test_clean_link(url: str, base: str, link: str) -> None:
    assert clean_link(url, base) == link


@pytest.mark.parametrize(
    ("guid", "url", "shared", "key"),
    [
        ("g", "a.example/1", False, "a.example/1"),
        ("g", "a.example/", False, "F#g"),
        ("g", "a.example/1", True, "F#g"),
        ("", "a.example/1", True, "a.example/1"),
        ("g", "", False, "F#g"),
    ],
)
def test_item_key(guid: str, url: str, shared: bool, key: str) -> None:
    assert item_key("F", guid, url, shared_link=shared) == key


def test_item_key_falls_back_to_text() -> None:
    assert item_key("F", "", "", fallback="text") == item_key("F", "", "", fallback="text")
    assert item_key("F", "", "", fallback="text") != item_key("F", "", "", fallback="other")


def test_front_page_does_not_identify_an_article() -> None:
    assert not identifies_article(canonicalise("https://a.example/").key)
    assert identifies_article(canonicalise("https://a.example/?p=3").key)
    assert article_id("https://a.example/1") != article_id("https://a.example/2")
    assert len(article_id("x")) == 20


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.a.example/x", "http://a.example/x/"),  # scheme, www, slash
        ("https://a.example/x.html", "https://a.example/x"),
        ("https://a.example/x/index.html", "https://a.example/x/"),
        ("https://a.example/x?b=2&a=1", "https://a.example/x?a=1&b=2"),
        ("https://a.example/%7eu/%C3%A9", "https://a.example/~u/%c3%a9"),
        ("https://a.example/x/amp/", "https://a.example/x/"),  # AMP forms
        ("https://a.example/amp/x", "https://a.example/x"),
        ("https://amp.a.example/x", "https://www.a.example/x"),
        ("https://amp.a.example/a/x", "https://www.a.example/x"),
        ("https://a.example/x.amp.html", "https://a.example/x.html"),
        ("https://a.example/x~amp.html", "https://a.example/x.html"),
        ("https://a.example/x?outputType=amp", "https://a.example/x"),
        ("https://a-example.cdn.ampproject.org/c/s/a.example/x/amp/", "https://a.example/x"),
        ("https://www.google.com/amp/s/a.example/x", "https://a.example/x"),
        ("https://a.example/news/salt-canal-opens/beta-amp", "https://a.example/news/salt-canal-opens"),
        ("https://a.example/best-guitar-amp.html", "https://a.example/best-guitar.html"),
        ("https://a.example/news/123456/salt-canal-opens", "https://a.example/news/123456"),
        ("https://m.a.example/x", "https://a.example/x"),  # mobile
        ("https://en.m.a.example/x", "https://en.a.example/x"),
        ("https://www.google.com/url?q=https://a.example/x%3Fb%3D1&sa=D", "https://a.example/x?b=1"),  # wrappers
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fa.example%2Fx&h=AT0", "https://a.example/x"),
        ("https://web.archive.org/web/20130307194448/http://a.example/x", "https://a.example/x"),
        ("https://a.example/x;jsessionid=1A2B?b=1", "https://a.example/x?b=1"),  # sessions
        ("https://a.example/x?PHPSESSID=0123456789abcdef", "https://a.example/x"),
        ("https://a.example/x#xtor=RSS-1", "https://a.example/x"),
        ("https://a.example/x#:~:text=salt", "https://a.example/x"),
        ("https://a.example/world/salt-canal-opens-14847624.php", "https://a.example/amp/salt-canal-opens-14847624"),
        ("https://a.example/news/1973689/salt-canal-opens", "https://a.example/news/1973689"),
        (
            "https://a.example/notes/salt-canal-opens-again/#2027-01-02",
            "https://a.example/notes/salt-canal-opens-again/",
        ),
    ],
)
def test_key_of_link_variants_is_equal(one: str, other: str) -> None:
    assert canonicalise(one).key == canonicalise(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example/x", "https://b.example/x"),
        ("https://a.example/x", "https://a.example/y"),
        ("https://a.example/x", "https://a.example:8080/x"),
        ("https://a.example/?p=1", "https://a.example/?p=2"),
        ("https://a.example/x#one-story", "https://a.example/x#another-story"),
        ("https://a.example/release-notes#2027-01-02", "https://a.example/release-notes#2027-02-03"),
        ("https://a.example/2027-01-02-03#2027-01-02", "https://a.example/2027-01-02-03#2027-02-03"),
        ("https://a.example/#!/1", "https://a.example/#!/2"),
        ("https://a.example/20260222/salt-canal-opens", "https://a.example/20260222/swans-are-back"),  # dates
        ("https://a.example/gallery/1973689/1", "https://a.example/gallery/1973689/2"),
        ("https://a.example/salt-canal-opens-20260222", "https://a.example/weather/salt-canal-opens-20260223"),
        ("https://a.example/video/14847624", "https://a.example/news/14847624"),
        ("https://a.example/202405/salt-canal-opens", "https://a.example/202405/swans-are-back"),
        ("https://a.example/052024/salt-canal-opens", "https://a.example/052024/swans-are-back"),
        ("https://a.example/240501/salt-canal-opens", "https://a.example/240501/swans-are-back"),
        ("https://a.example/310524/salt-canal-opens", "https://a.example/310524/swans-are-back"),
        ("https://a.example/reviews/bass-amp", "https://a.example/reviews/tube-amp"),  # amplifiers
        ("https://a.example/valve-amp/", "https://a.example/"),
        ("https://m-reed.github.io/a", "https://reed.github.io/a"),  # names of sites
        ("https://touch.org.uk/a", "https://mobile.org.uk/a"),
        ("https://a.example/camp/x", "https://a.example/x"),
        ("https://mail.example/x", "https://ail.example/x"),
        ("https://mywww.example.com/x", "https://myexample.com/x"),
        ("https://team.example.com/x", "https://teaexample.com/x"),
        ("https://www.google.com/search?q=a", "https://www.google.com/search?q=b"),
        ("https://a.example/x?page=2", "https://a.example/x"),
        ("https://a.example/x?s=salt", "https://a.example/x"),
    ],
)
def test_key_of_different_articles_differs(one: str, other: str) -> None:
    assert canonicalise(one).key != canonicalise(other).key


@pytest.mark.parametrize(
    "link",
    [
        "https://a.example/reviews/bass-amp",
        "https://a.example/amp/marshall-jcm",
        "https://a.example/best-guitar-amp.html",
        "https://a.example/valve-amp/",
        "https://touch.org.uk/a",
        "https://mobile.co.uk/a",
        "https://m-audio.co.uk/x",
        "https://m-reed.github.io/a",
        "https://wap.co.jp/a",
    ],
)
def test_canonical_url_keeps_words_and_sites(link: str) -> None:
    assert canonical_url(link) == link


@pytest.mark.parametrize(
    ("link", "canonical"),
    [
        ("https://a.example/amp/salt-canal-opens-again", "https://a.example/salt-canal-opens-again"),
        ("https://a.example/amp/14847624", "https://a.example/14847624"),
        ("https://a.example/salt-canal-opens-14847624-amp.html", "https://a.example/salt-canal-opens-14847624.html"),
        ("https://amp.mill.co.uk/x", "https://mill.co.uk/x"),
        ("https://m.reed.github.io/x", "https://reed.github.io/x"),
    ],
)
def test_canonical_url_of_other_form_leads_to_article(link: str, canonical: str) -> None:
    assert canonical_url(link) == canonical


@given(st.from_regex(r"https?://[a-z.]{1,20}(:[0-9]{1,5})?/[ -~]{0,60}", fullmatch=True))
def test_key_of_canonical_url_is_unchanged(link: str) -> None:
    result = canonicalise(link)
    assert canonicalise(result.canonical).key == result.key


def test_canonicalise_reports_rules() -> None:
    result = canonicalise("HTTPS://amp.A.example/x/index.html?utm_source=rss#top")
    assert result.rules == ("host", "query", "index", "variant", "fragment")
    assert result.canonical == "https://a.example/x/"


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        ("https://müller.example/a", "https://xn--mller-kva.example/a", True),
        ("https://МОСКВА.example/a", "https://xn--80adxhks.example/a", True),
        ("https://straße.example/a", "https://strasse.example/a", False),  # IDNA 2008 (RFC 5894 §7.2)
        ("https://xn--a.example/a", "https://a.example/a", False),
        ("https://news.google.com/rss/articles/CBMiAbCdEf0123456789?oc=5", "https://news.google.com/read/CBMiAbCdEf0123456789?hl=de&gl=DE&ceid=DE:de", True),
        ("https://news.google.com/rss/articles/CBMiAbCdEf0123456789?oc=5", "https://news.google.com/rss/articles/CBMiAbCdEf0123456780?oc=5", False),
        ("https://a.example/x?hl=de", "https://a.example/x?hl=en", False),
    ],
)  # fmt: skip
def test_key_of_internationalised_hosts_and_presentation(left: str, right: str, is_same: bool) -> None:
    assert (canonicalise(left).key == canonicalise(right).key) is is_same
