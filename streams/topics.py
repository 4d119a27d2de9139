"""Topics: names, retention, and limits of message size."""

import re
from dataclasses import dataclass

TOPIC_PREFIX = "copydesk"
DAY_S = 86_400

DESK_GROUP = f"{TOPIC_PREFIX}.desk"  # the consumer group of all desks

MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # Kafka rejects larger messages
# 4 MB in UTF-8 at most. Article, HTML and audit together, or a dead letter in base64, stay below MAX_MESSAGE_BYTES.
MAX_ITEM_CHARS = 1_000_000
# Kafka clients ask for the partitions of a topic this often. A node that does not know a new topic yet gives a group no
# partitions. By the default of 5 minutes, its members receive nothing for that time.
METADATA_MAX_AGE_S = 10

Partition = tuple[str, int]
"""Topic name and partition number."""

ROUTE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Topic:
    """A topic. `compact`: Kafka also removes the older messages of a key."""

    name: str
    retention_s: int
    compact: bool = False

    @property
    def has_articles(self) -> bool:
        """Return whether it is the articles topic or the topic of a route: later revisions supersede earlier ones."""
        return self.name == ARTICLES.name or self.name.startswith(f"{ARTICLES.name}.")


ITEMS = Topic(f"{TOPIC_PREFIX}.items", 7 * DAY_S)
ARCHIVE_ITEMS = Topic(f"{TOPIC_PREFIX}.items.archive", 7 * DAY_S)  # handled while no live item waits
ARTICLES = Topic(f"{TOPIC_PREFIX}.articles", 30 * DAY_S, compact=True)
DEAD_LETTERS = Topic(f"{TOPIC_PREFIX}.dead-letters", 90 * DAY_S)
POLLS = Topic(f"{TOPIC_PREFIX}.polls", 7 * DAY_S)
SINK_REPLAYS = Topic(f"{TOPIC_PREFIX}.sink-replays", 7 * DAY_S)  # deliveries to repeat; key: sink, value: the article
EVENTS = Topic(f"{TOPIC_PREFIX}.events", 30 * DAY_S, compact=True)
BUILTIN_TOPICS = (ITEMS, ARTICLES, DEAD_LETTERS, POLLS, SINK_REPLAYS, ARCHIVE_ITEMS, EVENTS)


def is_archive(topic: str) -> bool:
    """Return whether *topic* carries the items of archives."""
    return topic == ARCHIVE_ITEMS.name


def owner_partition(partition: Partition) -> Partition:
    """Return the partition whose owner handles *partition*: an archive partition follows the items of its number.

    One worker then handles all items of an article, in both topics.
    """
    topic, number = partition
    return (ITEMS.name, number) if topic == ARCHIVE_ITEMS.name else partition


def owned_partitions(owner: Partition) -> tuple[Partition, ...]:
    """Return the partitions that the owner of the partition *owner* handles."""
    topic, number = owner
    return (owner, (ARCHIVE_ITEMS.name, number)) if topic == ITEMS.name else (owner,)


def partition_name(topic: str, partition: int) -> str:
    """Return the name of a partition in hashes and messages: `topic/3`."""
    return f"{topic}/{partition}"


def parse_partition(name: str) -> Partition:
    """Return the partition of a name such as `topic/3`."""
    topic, _, number = name.rpartition("/")
    return topic, int(number)


def route_topic(route: str) -> Topic:
    """Return the topic of articles that match *route*, a lower-case name such as `world`."""
    if not ROUTE_NAME.fullmatch(route):
        raise ValueError(
            f"invalid route name: {route!r} (allowed: 1 to 64 of a-z, 0-9, - and _, first a letter or digit)"
        )
    return Topic(f"{ARTICLES.name}.{route}", ARTICLES.retention_s, compact=True)


def resolve_topic(name: str) -> Topic:
    """Return the topic *name*, with or without prefix: `articles`, `articles.world`, `copydesk.articles.world`."""
    full = name if name.startswith(f"{TOPIC_PREFIX}.") else f"{TOPIC_PREFIX}.{name}"
    for topic in BUILTIN_TOPICS:
        if topic.name == full:
            return topic
    route = full.removeprefix(f"{ARTICLES.name}.")
    if route == full:
        names = ", ".join(topic.name.removeprefix(f"{TOPIC_PREFIX}.") for topic in BUILTIN_TOPICS)
        raise ValueError(f"unknown topic: {name}; use one of {names} or articles.<route>")
    return route_topic(route)
