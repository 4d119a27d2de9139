"""The AsyncAPI 3 document of the topics, for Kafka, Redis Streams and Server-Sent Events. Pure.

Source: AsyncAPI 3.0.0, https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from typing import Any

import msgspec

from streams.cloudevents import CONTENT_TYPE, NEW, REVISED, SOURCE, SPEC_VERSION, WITHDRAWN
from streams.records import Article, DeadLetter, Item, NewsEvent, PollResult, Record
from streams.topics import ARTICLES, DAY_S, DEAD_LETTERS, EVENTS, ITEMS, POLLS, Topic
from streams.version import version

JsonObject = dict[str, Any]
KEYS = {
    ARTICLES.name: "id of the article",
    ITEMS.name: "identity key of the item",
    EVENTS.name: "id of the event",
    POLLS.name: "URL of the feed",
    DEAD_LETTERS.name: "position of the failed message, or the feed",
}
CHANNELS: tuple[tuple[str, Topic, type[Record], str], ...] = (
    ("articles", ARTICLES, Article, "Clean articles. All revisions of an article have one key and one partition."),
    ("route", ARTICLES, Article, "Articles that match the rule of a route."),
    ("events", EVENTS, NewsEvent, "Events with the articles that report them. A later revision replaces earlier ones."),
    ("polls", POLLS, PollResult, "The result of each poll of a feed."),
    ("deadLetters", DEAD_LETTERS, DeadLetter, "Failed messages and feed entries with the reason."),
    ("items", ITEMS, Item, "Feed items as polled, before cleaning."),
)
SERVERS: JsonObject = {
    "kafka": {"host": "kafka1:9092", "protocol": "kafka", "description": "Scaled out; read with read_committed."},
    "redis": {"host": "redis1:6379", "protocol": "redis", "description": "Topics as Redis Streams, one per partition."},
    "http": {"host": "127.0.0.1:8411", "protocol": "http", "description": "Topics as Server-Sent Events."},
}
EVENT_HEADERS: JsonObject = {
    "type": "object",
    "description": "CloudEvents 1.0.2 in binary mode, on Kafka only.",
    "required": ["content-type", "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject"],
    "properties": {
        "content-type": {"const": CONTENT_TYPE},
        "ce_specversion": {"const": SPEC_VERSION},
        "ce_id": {"type": "string", "description": "id and revision of the article, with a dot between them"},
        "ce_source": {"const": SOURCE},
        "ce_type": {"enum": [NEW, REVISED, WITHDRAWN]},
        "ce_subject": {"type": "string", "description": "id of the article"},
        "ce_time": {"type": "string", "format": "date-time", "description": "time of the poll"},
    },
}


def build_asyncapi() -> JsonObject:
    """Return the AsyncAPI document: a channel for each topic, and a receive operation for each channel."""
    records = list(dict.fromkeys(record for _, _, record, _ in CHANNELS))
    _, schemas = msgspec.json.schema_components(records, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "copydesk", "version": version(), "description": "Topics of clean news articles."},
        "defaultContentType": CONTENT_TYPE,
        "servers": SERVERS,
        "channels": {name: _channel(name, topic, record, text) for name, topic, record, text in CHANNELS},
        "operations": {
            f"receive{name[0].upper()}{name[1:]}": _operation(name, record, text) for name, _, record, text in CHANNELS
        },
        "components": {"schemas": schemas, "messages": {record.__name__: _message(record) for record in records}},
    }


def _channel(name: str, topic: Topic, record: type[Record], description: str) -> JsonObject:
    is_route = name == "route"
    address = f"{topic.name}.{{route}}" if is_route else topic.name
    parameters: JsonObject = {"route": {"description": "name of a [[routes]] table, such as world"}}
    cleanup = ["compact", "delete"] if topic.compact else ["delete"]
    return {
        "address": address,
        "description": f"{description} Kept for {topic.retention_s // DAY_S} days. Key: {KEYS[topic.name]}.",
        "messages": {record.__name__: {"$ref": f"#/components/messages/{record.__name__}"}},
        **({"parameters": parameters} if is_route else {}),
        "bindings": {
            "kafka": {
                "topicConfiguration": {"cleanup.policy": cleanup, "retention.ms": topic.retention_s * 1_000},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation(name: str, record: type[Record], description: str) -> JsonObject:
    reference = f"#/channels/{name}"
    return {
        "action": "receive",
        "summary": description,
        "channel": {"$ref": reference},
        "messages": [{"$ref": f"{reference}/messages/{record.__name__}"}],
    }


def _message(record: type[Record]) -> JsonObject:
    return {
        "name": record.__name__,
        "contentType": CONTENT_TYPE,
        **({"headers": EVENT_HEADERS} if record is Article else {}),
        "payload": {"$ref": f"#/components/schemas/{record.__name__}"},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
    }
