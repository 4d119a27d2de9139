"""CloudEvents attributes of articles. Pure.

Source: CloudEvents 1.0.2, https://github.com/cloudevents/spec/tree/v1.0.2/cloudevents (spec.md, formats/json-format.md,
bindings/kafka-protocol-binding.md §3.2, bindings/http-protocol-binding.md §3.1).
"""

import msgspec

from streams.codec import encode
from streams.records import Article

SPEC_VERSION = "1.0"
SOURCE = "urn:copydesk:desk"  # with `id`, it identifies an event; every topic repeats the same event
CONTENT_TYPE = "application/json"
STRUCTURED_TYPE = "application/cloudevents+json"
NEW, REVISED, WITHDRAWN = "copydesk.article.new", "copydesk.article.revised", "copydesk.article.withdrawn"


def event_attributes(article: Article) -> dict[str, str]:
    """Return the attributes of the event that publishes *article*: the same at every delivery."""
    event_type = WITHDRAWN if article.withdrawn else NEW if article.revision == 1 else REVISED
    time = {"time": f"{article.fetched_at:%Y-%m-%dT%H:%M:%SZ}"} if article.fetched_at else {}
    return {
        "specversion": SPEC_VERSION,
        "id": f"{article.id}.{article.revision}",
        "source": SOURCE,
        "type": event_type,
        "subject": article.id,
        **time,
    }


def kafka_headers(article: Article) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of a Kafka message in binary mode; its value is the article."""
    attributes = ((f"ce_{name}", value.encode()) for name, value in event_attributes(article).items())
    return (("content-type", CONTENT_TYPE.encode()), *attributes)


def http_headers(article: Article) -> dict[str, str]:
    """Return the headers of an HTTP request in binary mode, without the content type."""
    return {f"ce-{name}": value for name, value in event_attributes(article).items()}


def encode_structured(article: Article) -> bytes:
    """Return the event with its article as one JSON object."""
    event = event_attributes(article) | {"datacontenttype": CONTENT_TYPE, "data": msgspec.Raw(encode(article))}
    return msgspec.json.encode(event)
