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


ARTICLE = '"@type":"NewsArticle","headline":"Bridge of Reed &amp; Sons","author":{"name":"Ann O&#8217;Neil"}'
DATED = '{"@type":"NewsArticle","headline":"Bridge","datePublished":"2024-05-01T10:00:00Z","author":"Ann Reed"}'


def page_head(json: str, script_type: str = "application/ld+json") -> CleanedContent:
    return clean_page(f"<article>{BODY}</article>", f'<script type="{script_type}">{json}</script>')


@pytest.mark.parametrize(
    ("json", "title", "byline"),
    [
        ("{" + ARTICLE + "}", "Bridge of Reed & Sons", ("Ann O’Neil",)),
        (
            '{"@type":"NewsArticle","headline":["Bridge opens","D"],"author":["Ann Reed"]}',
            "Bridge opens",
            ("Ann Reed",),
        ),
        ('{"@type":"Article","headline":"A <em>new</em> bridge","author":"https://x.example/ann"}', "A new bridge", ()),
        ('{"@type":"Article","headline":"Bridge","author":{"name":["Ann"]}}', "Bridge", ()),
    ],
)
def test_strings_of_json_ld_are_plain_text(json: str, title: str, byline: tuple[str, ...]) -> None:
    content = page_head(json)
    assert (content.title, content.byline) == (title, byline)


@pytest.mark.parametrize(
    "json",
    [
        DATED,
        f'[{{"@graph":[{DATED}]}}]',
        f'{{"@graph":[[{DATED}]]}}',
        f'{{"@type":"WebPage","mainEntity":{DATED}}}',
        f"//<![CDATA[\n{DATED}\n//]]>",
        f"/*<![CDATA[*/{DATED}/*]]>*/",
        f"<!-- {DATED} -->",
        DATED.replace("Bridge", "Bridge\nopens"),
        f"{DATED};",
    ],
)
@pytest.mark.parametrize("script_type", ["application/ld+json", "application/LD+JSON"])
def test_article_in_json_ld_is_found(json: str, script_type: str) -> None:
    content = page_head(json, script_type)
    assert (f"{content.published:%Y-%m-%d}", content.byline) == ("2024-05-01", ("Ann Reed",))


def test_names_of_meta_tags_have_any_case() -> None:
    head = (
        '<meta name="Author" content="Ann Reed"><meta property="OG:image" content="https://mill.example/b.jpg">'
        '<meta name="author" content="https://social.example/ann">'
    )
    content = clean_page(f"<article>{BODY}</article>", head)
    assert content.byline == ("Ann Reed",)
    assert [image.url for image in content.images] == ["https://mill.example/b.jpg"]


@pytest.mark.parametrize("json", ["[" * 50_000, '{"mainEntity":' * 5_000 + "1" + "}" * 5_000, "[1", "", "null"])
def test_unreadable_json_ld_is_ignored(json: str) -> None:
    assert page_head(json).paragraphs == (FIRST, SECOND)
