"""Targets in links of aggregators, and internationalised hosts in keys."""

import base64

import pytest

from workers.urls.canonical import canonical_url, canonicalise
from workers.urls.web_url import MAX_URL_CHARS, web_url

TARGET = "https://mill.example/story"


def google(data: bytes) -> str:
    return "https://news.google.com/rss/articles/" + base64.urlsafe_b64encode(data).decode().rstrip("=")


def test_google_news_link_with_target_is_unwrapped() -> None:
    assert canonical_url(google(b"\x08\x13\x22" + bytes([len(TARGET)]) + TARGET.encode() + b"\xd2\x01\x00")) == TARGET


@pytest.mark.parametrize(
    "link", [google(b"\x08\x13\x22AU_yqL"), "https://news.google.com/rss/articles/CBMiA" + "A" * 12]
)
def test_google_news_link_without_target_stays(link: str) -> None:
    assert canonical_url(link).startswith("https://news.google.com/")


@pytest.mark.parametrize(
    ("host", "unicode_host"), [("xn--mhle-0ra.example", "mühle.example"), ("xn--\u0301.example", "")]
)
def test_key_has_unicode_host(host: str, unicode_host: str) -> None:
    assert canonicalise(f"https://{host}/a").key.startswith(unicode_host)


def test_key_malformed_punycode_stays() -> None:
    assert canonicalise("https://xn--99999999999.example/a").key == "xn--99999999999.example/a"


def test_key_ignores_google_news_presentation() -> None:
    keys = {
        canonicalise(f"https://news.google.com/{path}").key for path in ("read/CBMx?hl=de", "rss/articles/CBMx?oc=5")
    }
    assert len(keys) == 1


def test_overlong_link_is_refused() -> None:
    assert web_url("https://mill.example/" + " " * 2 * MAX_URL_CHARS) == ""
