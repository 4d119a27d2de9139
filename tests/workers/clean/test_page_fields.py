"""Fields of unusual pages: titles beside names of sites, dates in head and text, bylines. All texts are invented."""

import pytest

from workers.clean.cleaner import CleanedContent, clean

FIRST = "The council approved the new bridge on Tuesday after a debate of four hours."
SECOND = "Work on the north bank begins in May, and the ferry runs until the end of the year."
BODY = f"<p>{FIRST}</p><p>{SECOND}</p>"


def clean_page(body: str, head: str = "") -> CleanedContent:
    html = f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"
    return clean(html, "page", url="https://mill.example/a")


LOGO = '<header><h1><a href="/">Millbrook Times</a></h1></header>'
PLAIN_LOGO = "<header><h1>Millbrook Times</h1></header>"
SITE_NAME = '<meta property="og:site_name" content="Millbrook Times">'


@pytest.mark.parametrize(
    ("title", "head", "body", "expected"),
    [
        ("Council approves bridge | Millbrook Times", "", f"{LOGO}<article><h1>Council approves bridge</h1>", 0),
        ("Council approves bridge | Millbrook Times", "", f"{PLAIN_LOGO}<article><h2>Council approves bridge</h2>", 0),
        ("Millbrook Times: Council approves bridge", SITE_NAME, "<article><h1>Council approves bridge</h1>", 0),
        (
            "Council approves bridge - The Daily Times and Advertiser of Millbrook Valley",
            "",
            "<h1>Council approves bridge</h1>",
            0,
        ),
        ("Storm | Millbrook Times", SITE_NAME, f"{PLAIN_LOGO}<article><h2>A storm comes in from the sea</h2>", 1),
        ("Opinion: the bridge that we need | Times", "", "<h1>Opinion</h1><article>", 1),
        ("Bad news for Millbrook as bridge falls", "", "<h1>News</h1><article>", 1),
        ("Newsletter of the mill opens", "", "<article><h1>Newsletter of the mill ope</h1>", 1),
    ],
)
def test_title_is_the_headline_without_the_site(title: str, head: str, body: str, expected: int) -> None:
    content = clean_page(f"{body}{BODY}</article>", f"<title>{title}</title>{head}")
    assert content.title == ("Council approves bridge", title)[expected]


PUBLISHED = '<meta property="article:published_time" content="{}">'
JSON_DATE = '<script type="application/ld+json">{{"@type":"NewsArticle","datePublished":"{}"}}</script>'


@pytest.mark.parametrize("head", [PUBLISHED, JSON_DATE])
@pytest.mark.parametrize(
    ("stated", "visible", "published", "source"),
    [
        ("2024-05-01T22:00:00-05:00", "May 1, 2024 10:00 PM", "2024-05-02T03:00", "page"),
        ("2024-05-01T22:00:00-05:00", "May 1, 2024", "2024-05-02T03:00", "page"),
        ("2024-05-02T07:30:00+09:00", "2024-05-02 07:30", "2024-05-01T22:30", "page"),
        ("2024-05-01", "May 1, 2024 10:00 PM", "2024-05-01T22:00", "text"),
        ("2024-05-01T22:00:00Z", "May 1, 2024 10:00 PM", "2024-05-01T22:00", "text"),
        ("2024-05-09T08:00:00-05:00", "May 1, 2024 10:00 PM", "2024-05-01T22:00", "text"),
    ],
)
def test_zone_of_visible_time_is_read_from_head(
    head: str, stated: str, visible: str, published: str, source: str
) -> None:
    content = clean_page(f"<h1>Council approves bridge</h1><p>{visible}</p>{BODY}", head.format(stated))
    assert f"{content.published:%Y-%m-%dT%H:%M}" == published
    assert content.field_sources["published"] == source
