"""Publishing: an article to its topics."""

from collections.abc import Sequence

from streams.brokers.base import OutgoingMessage
from streams.codec import encode
from streams.config.tables import Route
from streams.records import Article, Item
from streams.routing import matching_routes
from streams.topics import ARTICLES, route_topic


def messages_for(article: Article, routes: Sequence[Route]) -> list[OutgoingMessage]:
    """Return the messages that publish *article*: one to the articles topic, one to each of its routes'."""
    key, value = article.id.encode(), encode(article)
    topics = [ARTICLES, *(route_topic(name) for name in matching_routes(article, routes))]
    return [OutgoingMessage(topic.name, key, value) for topic in topics]


def is_publishable(article: Article, item: Item) -> bool:
    """Whether there is anything to publish: a title, a text or a picture."""
    return bool(article.title or article.paragraphs or article.images or item.enclosures)
