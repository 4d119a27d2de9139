"""Dates, links, relative URLs, titles, names and identity in the cases of ../shared."""

from pathlib import Path

import pytest

from tests.workers.poller.cases import article_of, case_folder, fields, parse_case
from workers.urls.canonical import canonicalise

pytestmark = pytest.mark.corpus

Values = list[object]

# Case → values of `published` in order.
PUBLISHED: dict[str, Values] = {
    "001": ["2018-12-03T21:03:47", "2021-02-08T14:00:00", "2021-07-08T13:00:00"],
    "002": ["2021-09-05T08:30:00"] * 3,
    "003": ["2023-03-19T03:21:00", "2023-03-18T19:21:00"],
    "004": ["2024-06-16T00:05:38"],
    "005": ["2016-06-29T15:07:41", "2016-06-29T15:07:00"],
    "006": ["2018-06-25T11:41:36", "2015-10-21T06:30:00", "2016-03-03T09:00:00"],
    "007": ["2018-09-18T12:53:56"],
    "008": ["2022-10-07T14:15:00"],
    "011": ["2019-08-15T00:00:00"],
    "012": ["2013-03-17T12:44:00"],
    "013": ["2021-04-18T00:00:00", "2023-01-17T00:00:00", "2019-06-02T00:00:00"],
    "014": ["2018-05-13T00:22:40", "2022-01-05T10:00:00", "2022-12-12T10:00:00"],
    "049": ["2022-10-02T18:55:00", "2023-01-13T08:00:00"],
    "050": ["2026-11-26T11:21:42", None],
    "151": ["2018-03-13T09:22:49"],
    "152": ["2020-12-01T16:11:02"],
    "153": ["2020-04-11T07:51:49"],
    "154": ["2026-11-19T09:00:00"],
}
# Case → values of `link` in order.
LINKS: dict[str, Values] = {
    "028": ["https://quarry.example/blog/foo"],
    "029": ["https://quarry.example/ongoing/When/2026/11/Quarry-Fire"],
    "030": ["https://quarry.example/posts/one/", "https://quarry.example/blog/two/"],
    "031": ["https://quarry.example/blog/opam-9/"],
    "032": ["https://quarry.example/n/1"],
    "033": ["https://quarry.example/2026/car-show.html"],
    "034": ["https://quarry.example/r"],
    "035": ["https://quarry.example/r.pdf"],
    "036": ["https://quarry.example/a", "https://quarry.example/b"],
    "037": ["", ""],
    "038": ["https://quarry.example/articles/long-slug"],
    "040": ["https://quarry.example/107"],
    "041": ["https://quarry.example/1", "https://quarry.example/2"],
    "045": ["https://quarry.example/foo"],
    "060": ["https://other.example/Posts/Run"],
    "178": ["https://quarry.example/uk-news/mixed", "https://quarry.example/uk-news/other"],
}
# Case → values of `title` in order.
TITLES: dict[str, Values] = {
    "060": ["Sluice runs again"],
    "063": ["Where <kbd> beats <code> in manuals", "Why 3 < 5 and 7 > 2 matters"],
    "064": ["<3 Otters"],
    "065": ["mill->weir"],
    "066": ["Sirocco’s chips", "Q&A: the tide – and you"],
    "067": ["Less: < is more"],
    "068": ["Escaping with &lt; and &amp;"],
    "157": [
        "AT&T", "Bill & Ted's Excellent Adventure", "I <3 Phil Ringnalda", "A < B", "A<B", "A<B",
        "Nice <gorilla> what's he weigh?", "</example>",
    ],
}  # fmt: skip
# Case and file → values of `authors` in order.
AUTHORS: dict[tuple[str, str], Values] = {
    ("058", "feed.xml"): [("Ada Reed", "Ben Holt")],
    ("058", "rdf.xml"): [("Rin Yama", "Max T. Burr", "Pri Bara")],
    ("071", "a.json"): [("Ada Reed",)],
    ("071", "b.json"): [("John S",)],
    ("071", "c.json"): [("Ben",)],
    ("155", "feed.xml"): [("Feed Fred",), ("Own Ann",)],
    ("156", "feed.xml"): [("Jonas Groß",), ("Simon Laurent",), ("Ann Reed",)],
    ("191", "feed.xml"): [("Ann Reed",)],
    ("193", "feed.xml"): [("Ann B, Carl D",)],
}
# Case → number of items, each with its own key.
DISTINCT = {"052": 3, "055": 2, "056": 2}  # 235 and 237: tests/workers/poller/test_ambiguous_items.py


@pytest.mark.parametrize("case", PUBLISHED)
def test_published_of_case(shared: Path, case: str) -> None:
    names = sorted(path.name for path in case_folder(shared, case).glob("*.xml"))
    for name in names:
        assert [value for item in parse_case(shared, case, name).items for value in fields(item, "published")] == (
            PUBLISHED[case]
        )


@pytest.mark.parametrize("case", LINKS)
def test_link_of_case(shared: Path, case: str) -> None:
    assert [item.link for item in parse_case(shared, case).items] == LINKS[case]


@pytest.mark.parametrize("case", TITLES)
def test_title_of_case(shared: Path, case: str) -> None:
    assert [item.title for item in parse_case(shared, case).items] == TITLES[case]


@pytest.mark.parametrize(("case", "name"), AUTHORS)
def test_authors_of_case(shared: Path, case: str, name: str) -> None:
    assert [item.authors for item in parse_case(shared, case, name).items] == AUTHORS[case, name]


@pytest.mark.parametrize("case", DISTINCT)
def test_keys_of_case_are_distinct(shared: Path, case: str) -> None:
    keys = {item.identity_key for item in parse_case(shared, case).items}
    assert len(keys) == DISTINCT[case]


def test_guid_of_case_stays_verbatim(shared: Path) -> None:
    assert [item.guid for item in parse_case(shared, "178").items] == ["/uk-news/mixed", "/uk-news/other"]


def test_media_of_case_are_absolute(shared: Path) -> None:
    [item] = parse_case(shared, "079").items
    assert item.image_url == "https://quarry.example/img/p.jpg"
    assert [enclosure.url for enclosure in item.enclosures] == ["https://quarry.example/audio/1.mp3"]


@pytest.mark.parametrize(
    ("case", "address"),
    [
        ("081", "https://quarry.example/posts/images/bird.jpg"),
        ("082", "https://quarry.example/blog/c_su/1.png"),
        ("083", "https://quarry.example/articles/2026/12/1-images/1.webp"),
    ],
)
def test_content_of_case_uses_its_base(shared: Path, case: str, address: str) -> None:
    [item] = parse_case(shared, case).items
    assert [image.url for image in article_of(item).images] == [address]


# Two spellings → whether they share a key.
SPELLINGS = [
    ("https://news.google.com/rss/articles/CBMiSGh0dHBzOi8vcXVhcnJ5LmV4YW1wbGUvMjAyNi9sb2NrLWdhdGVz0gEA?oc=5",
     "https://news.google.com/rss/articles/CBMiSGh0dHBzOi8vcXVhcnJ5LmV4YW1wbGUvMjAyNi9sb2NrLWdhdGVz0gEA", True),
    ("https://news.google.com/rss/articles/CBMiakFVX3lxTE5WbmZ3?oc=5",
     "https://news.google.com/rss/articles/CBMiakFVX3lxTE5WbmZ3?hl=en-US&gl=US&ceid=US:en", True),
    ("https://quarry.example/a%7eb", "https://QUARRY.example/a~b", True),
    ("https://quarry.example/a,b", "https://quarry.example/a%2Cb", False),
    ("https://müller.example/a", "https://xn--mller-kva.example/a", True),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right", "is_same"), SPELLINGS)
def test_spellings_share_key(left: str, right: str, is_same: bool) -> None:
    assert (canonicalise(left).key == canonicalise(right).key) is is_same
