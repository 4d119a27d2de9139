"""CloudEvents attributes: names and values by the specification, and the two forms of an event."""

import json
import re
from datetime import datetime

import pytest
from msgspec.structs import replace

from streams.cloudevents import (
    NEW,
    REVISED,
    WITHDRAWN,
    encode_structured,
    event_attributes,
    http_headers,
    kafka_headers,
)
from streams.records import Article
from tests.support.site import NOW, article


@pytest.mark.parametrize(
    ("event", "event_type"),
    [
        (article(1), NEW),
        (article(1, 2), REVISED),
        (article(1, 3, withdrawn="mistake"), WITHDRAWN),
    ],
)
def test_event_type_follows_the_article(event: Article, event_type: str) -> None:
    assert event_attributes(event)["type"] == event_type


def test_attributes_follow_the_specification() -> None:
    """CloudEvents 1.0.2 §3: names of lower-case letters and digits, required attributes, a time by RFC 3339."""
    attributes = event_attributes(article(1, fetched_at=NOW))
    assert {"specversion", "id", "source", "type"} <= set(attributes)
    assert attributes["specversion"] == "1.0"
    assert all(re.fullmatch(r"[a-z0-9]{1,20}", name) for name in attributes)
    assert all(value and value.isascii() and value.isprintable() for value in attributes.values())
    assert datetime.fromisoformat(attributes["time"]) == NOW


def test_event_id_differs_by_revision() -> None:
    events = [article(1), article(1, 2), article(2)]
    assert len({event_attributes(event)["id"] for event in events}) == 3
    assert event_attributes(article(1)) == event_attributes(article(1))


def test_binary_mode_has_headers_of_each_protocol() -> None:
    """Kafka binding §3.2.3: `ce_` and a content-type header; HTTP binding §3.1.3: `ce-`."""
    kafka, http = dict(kafka_headers(article(1))), http_headers(article(1))
    assert kafka["content-type"] == b"application/json"
    assert kafka["ce_id"].decode() == http["ce-id"] == f"{article(1).id}.1"
    assert all(name.startswith("ce-") for name in http)


def test_structured_mode_has_the_article_as_data() -> None:
    event = json.loads(encode_structured(replace(article(1), title="Zürich")))
    assert event["datacontenttype"] == "application/json"
    assert event["data"]["title"] == "Zürich"
    assert event["subject"] == event["data"]["id"]
