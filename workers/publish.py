"""Publishing: an article to its topics."""

import re
from collections.abc import Callable, Iterable, Sequence

from streams.codec import encode
from streams.records import Article, Item
from streams.settings import RULE_FIELDS, Route
from streams.topics import ARTICLES, route_topic
from streams.transport.broker import Message

_TEXTS: dict[str, Callable[[Article], Iterable[str]]] = {
    "section": lambda a: (a.kicker,),
    "language": lambda a: (a.language, a.language.split("-")[0]),
    "publisher": lambda a: (a.publisher,),
    "feed": lambda a: (a.feed,),
    "folder": lambda a: folders(a.folder),
    "tag": lambda a: a.tags,
}


def folders(path: str) -> list[str]:
    """Return a folder and those that it is in: `news/world` is in `news` too."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]


def routes_of(article: Article, routes: Sequence[Route]) -> list[str]:
    """Return the names of the routes that *article* matches; a route matches when all of its fields do."""
    return [route.name for route in routes if all(_matches(article, route, name) for name in RULE_FIELDS)]


def explained(article: Article, routes: Sequence[Route]) -> list[tuple[str, dict[str, bool]]]:
    """Return for each route its name, and whether each field that its rule gives matches *article*."""
    return [
        (route.name, {name: _matches(article, route, name) for name in RULE_FIELDS if getattr(route, name)})
        for route in routes
    ]


def _matches(article: Article, route: Route, name: str) -> bool:
    wanted: tuple[str, ...] = getattr(route, name)
    if not wanted:
        return True
    if name == "keyword":
        text = "\n".join((article.title, article.dek, *article.text)).casefold()
        return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in wanted)
    return not set(wanted).isdisjoint(t.casefold() for t in _TEXTS[name](article))


def messages_for(article: Article, routes: Sequence[Route]) -> list[Message]:
    """Return the messages that publish *article*: one to the articles topic, one to each of its routes'."""
    key, value = article.id.encode(), encode(article)
    topics = [ARTICLES, *(route_topic(name) for name in routes_of(article, routes))]
    return [Message(topic.name, key, value) for topic in topics]


def is_publishable(article: Article, item: Item) -> bool:
    """Whether there is anything to publish: a title, a text or a picture."""
    return bool(article.title or article.text or article.images or item.enclosures)
