"""ninjs 3.1: the properties that copydesk writes, checked by a JSON Schema."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from streams.records import Article, Image
from tests.support.ninjs_schema import violations
from workers.web.feed_writers import uri
from workers.web.ninjs import MEDIA_TYPE, STANDARD, encode_ninjs, ninjs_list, to_ninjs, wants_ninjs

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
FULL = Article(
    id="ab" * 10, revision=3, title="Canal reopens", dek="After nine years", kicker="Harbour", byline=("Ida Marrow", "Orrin Vale"),
    paragraphs=("The salt canal is open.", "Boats may pass."), html="<p>The salt canal is open.</p>", word_count=8,
    published=NOW, updated=NOW, fetched_at=NOW, url="https://courier.example/a b?x=ü", language="en", tags=("harbour",),
    publisher="Courier", source_credit="Wire", slug="CANAL", urgency=3, dateline="SALTON", story_id="cd" * 10,
    images=(Image("https://courier.example/ü.jpg", "The canal", "I. Marrow"), Image("", "without address")),
)  # fmt: skip
ARTICLES = {
    "full": FULL,
    "empty": Article(id="00" * 10, revision=1),
    "withdrawn": Article(id="11" * 10, revision=2, title="Canal", withdrawn="published by mistake", fetched_at=NOW, urgency=12),
    "odd URLs": Article(id="22" * 10, revision=1, url="javascript:x", images=(Image("data:x"), Image("http://a.example/%"))),
}  # fmt: skip


@pytest.mark.parametrize("name", ARTICLES)
def test_article_is_valid_ninjs(name: str) -> None:
    encoded = json.loads(encode_ninjs(ARTICLES[name]))
    assert violations(encoded) == []
    assert encoded["uri"] == f"urn:copydesk:{ARTICLES[name].id}"
    assert encoded["standard"] == STANDARD
    for association in encoded.get("associations", ()):
        assert association["name"]
        assert association["uri"]


def test_fields_have_their_properties() -> None:
    value = to_ninjs(FULL)
    assert value["headlines"] == [{"role": "main", "value": "Canal reopens"}, {"role": "kicker", "value": "Harbour"}]
    assert [(body["contentType"], body["value"]) for body in value["bodies"]] == [
        ("text/html", "<p>The salt canal is open.</p>"),
        ("text/plain", "The salt canal is open.\n\nBoats may pass."),
    ]
    assert (value["by"], value["urgency"], value["pubStatus"], value["version"]) == (
        "Ida Marrow, Orrin Vale",
        3,
        "usable",
        "3",
    )
    [image] = value["associations"]
    assert image["uri"] == image["renditions"][0]["href"] == "https://courier.example/%C3%BC.jpg"


def test_withdrawn_article_is_canceled() -> None:
    value = to_ninjs(ARTICLES["withdrawn"])
    assert (value["pubStatus"], value["edNote"]) == ("canceled", "published by mistake")
    assert "bodies" not in value


WRONG: Mapping[str, Any] = {
    "uri": "no uri", "urgency": 0, "pubStatus": "killed", "bodies": [{"role": "main"}], "body_html": "",
    "versionCreated": "2026-11-26", "firstCreated": "yesterday", "headlines": "A", "renditions": [{}],
    "associations": [{"uri": "urn:a"}], "standard": {"schema": "a b"}, "version": 3,
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_schema_refuses_wrong_property(name: str) -> None:
    assert violations({"uri": "urn:copydesk:1"} | {name: WRONG[name]})


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("http://a.example/%", "http://a.example/%25"),
        ("http://a.example/%C3%BC?q=100%&x=[1]#a#b", "http://a.example/%C3%BC?q=100%25&x=%5B1%5D#a%23b"),
        ("http://[2001:db8::1]:80/a|b", "http://[2001:db8::1]:80/a%7Cb"),
        ("https://a.example", "https://a.example"),
        ("javascript:x", ""),
    ],
)
def test_written_link_is_a_uri(link: str, expected: str) -> None:
    assert uri(link) == expected
    assert not expected or not violations({"uri": expected})


def test_schema_requires_uri() -> None:
    assert violations({}) == ["$: 'uri' is a required property"]


def test_format_is_chosen_by_query_or_header() -> None:
    assert wants_ninjs({"format": "ninjs"}, {})
    assert wants_ninjs({}, {"Accept": f"{MEDIA_TYPE}, */*;q=0.1"})
    assert not wants_ninjs({}, {"Accept": "text/event-stream"})
    assert len(json.loads(ninjs_list("", "", list(ARTICLES.values())))) == len(ARTICLES)
