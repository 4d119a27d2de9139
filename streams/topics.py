"""The topics: their names, and how long each is kept."""

import re
from dataclasses import dataclass

TOPIC_PREFIX = "copydesk"
DAY_S = 86_400

DESK_GROUP = f"{TOPIC_PREFIX}.desk"  # the consumer group of all desk workers

MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # Kafka refuses larger ones; nothing that we send comes near
MAX_ITEM_CHARS = 1_000_000  # 4 MB at most: article, HTML, audit, or a dead letter in base64, fit in the above

ROUTE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Topic:
    """A named stream. `compact`: Kafka also drops a key's older messages."""

    name: str
    retention_s: int
    compact: bool = False


ITEMS = Topic(f"{TOPIC_PREFIX}.items", 7 * DAY_S)
ARTICLES = Topic(f"{TOPIC_PREFIX}.articles", 30 * DAY_S, compact=True)
DEAD_LETTERS = Topic(f"{TOPIC_PREFIX}.dead-letters", 90 * DAY_S)
POLLS = Topic(f"{TOPIC_PREFIX}.polls", 7 * DAY_S)
SINK_REPLAYS = Topic(f"{TOPIC_PREFIX}.sink-replays", 7 * DAY_S)  # deliveries to repeat; key: sink, value: the article
BUILTIN_TOPICS = (ITEMS, ARTICLES, DEAD_LETTERS, POLLS, SINK_REPLAYS)


def route_topic(route: str) -> Topic:
    """Return the topic of articles that match *route*, a lower-case name such as `world`."""
    if not ROUTE_NAME.fullmatch(route):
        raise ValueError(f"route {route!r}: a name is lower-case letters, digits, - and _, at most 64")
    return Topic(f"{ARTICLES.name}.{route}", ARTICLES.retention_s, compact=True)


def resolve_topic(name: str) -> Topic:
    """Return the topic that a person calls *name*: `articles`, `articles.world` or `copydesk.articles.world`."""
    full = name if name.startswith(f"{TOPIC_PREFIX}.") else f"{TOPIC_PREFIX}.{name}"
    for topic in BUILTIN_TOPICS:
        if topic.name == full:
            return topic
    route = full.removeprefix(f"{ARTICLES.name}.")
    if route == full:
        raise ValueError(
            f"no topic {name!r}; there are " + ", ".join(t.name for t in BUILTIN_TOPICS) + " and articles.<route>"
        )
    return route_topic(route)
