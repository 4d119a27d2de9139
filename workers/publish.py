"""Publishing: an article to its topics."""

from collections.abc import Sequence

from streams.codec import encode
from streams.records import Article, Item
from streams.rules import routes_of
from streams.tables import Route
from streams.topics import ARTICLES, route_topic
from streams.transport.broker import Message


def messages_for(article: Article, routes: Sequence[Route]) -> list[Message]:
    """Return the messages that publish *article*: one to the articles topic, one to each of its routes'."""
    key, value = article.id.encode(), encode(article)
    topics = [ARTICLES, *(route_topic(name) for name in routes_of(article, routes))]
    return [Message(topic.name, key, value) for topic in topics]


def is_publishable(article: Article, item: Item) -> bool:
    """Whether there is anything to publish: a title, a text or a picture."""
    return bool(article.title or article.text or article.images or item.enclosures)
