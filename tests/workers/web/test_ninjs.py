"""ninjs 3.1: the properties that copydesk writes, checked by the rules of IPTC's schema.

`PROPERTIES` states the types of http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json for these properties in our own
words. All others are refused, as the schema does by `unevaluatedProperties`.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from streams.records import Article, Image
from workers.web.ninjs import MEDIA_TYPE, STANDARD, encode_ninjs, ninjs_list, to_ninjs, wants_ninjs

URI = re.compile(r"[a-z][a-z0-9+.-]*:[!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~\[\]]+")
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TEXT: Mapping[str, Any] = {"role": str, "contentType": str, "value": str}
NAMED: Mapping[str, Any] = {"name": str, "role": str}
RENDITION: Mapping[str, Any] = {"name": str, "href": "uri"}
PROPERTIES: dict[str, Any] = {
    "uri": "uri", "type": {"text", "picture"}, "representationType": {"full", "partial"}, "version": str,
    "firstCreated": "date-time", "versionCreated": "date-time", "contentCreated": "date-time",
    "pubStatus": {"usable", "withheld", "canceled"}, "urgency": range(1, 10), "edNote": str, "language": str,
    "headlines": [TEXT], "descriptions": [TEXT], "bodies": [{**TEXT, "wordCount": int, "charCount": int}], "by": str,
    "slugline": str, "located": str, "subjects": [{"name": str}], "infoSources": [NAMED],
    "altIds": [{"role": str, "value": str}], "standard": {"name": str, "version": str, "schema": "uri"},
    "renditions": [RENDITION],
}  # fmt: skip
PROPERTIES["associations"] = [{**PROPERTIES, "name": str, "rel": str}]

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


def violations(value: Any, rule: Any, path: str = "") -> list[str]:
    """Return the paths of *value* that break *rule*: a type, a set or range of values, a format, or a table."""
    if isinstance(rule, Mapping):
        unknown = [f"{path}.{name}: unknown" for name in value if name not in rule]
        return unknown + [
            v for name in value if name in rule for v in violations(value[name], rule[name], f"{path}.{name}")
        ]
    if isinstance(rule, list):
        if not isinstance(value, list):
            return [f"{path}: not a list"]
        return [v for number, part in enumerate(value) for v in violations(part, rule[0], f"{path}[{number}]")]
    if rule == "uri":
        return [] if URI.fullmatch(value) else [f"{path}: not a URI: {value}"]
    if rule == "date-time":
        return [] if datetime.fromisoformat(value).tzinfo and "T" in value else [f"{path}: no time: {value}"]
    is_valid = value in rule if isinstance(rule, set | range) else isinstance(value, rule)
    return [] if is_valid else [f"{path}: {value!r}"]


@pytest.mark.parametrize("name", ARTICLES)
def test_article_is_valid_ninjs(name: str) -> None:
    encoded = json.loads(encode_ninjs(ARTICLES[name]))
    assert violations(encoded, PROPERTIES) == []
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


def test_checks_refuse_what_the_schema_refuses() -> None:
    wrong = {"uri": "no uri", "urgency": 0, "pubStatus": "killed", "bodies": [{"value": 1}], "body_html": ""}
    assert len(violations(wrong, PROPERTIES)) == len(wrong)


def test_format_is_chosen_by_query_or_header() -> None:
    assert wants_ninjs({"format": "ninjs"}, {})
    assert wants_ninjs({}, {"Accept": f"{MEDIA_TYPE}, */*;q=0.1"})
    assert not wants_ninjs({}, {"Accept": "text/event-stream"})
    assert len(json.loads(ninjs_list("", "", list(ARTICLES.values())))) == len(ARTICLES)
