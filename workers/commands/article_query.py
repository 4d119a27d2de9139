"""Queries of the retained articles: reads a topic from its start, for `copydesk articles`. It works on every broker."""

import re
import unicodedata
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import NamedTuple

from streams.brokers.base import Broker, ConsumedMessage
from streams.codec import decode
from streams.errors import UnreadableError
from streams.logger import get_logger
from streams.records import Article
from streams.start import Start
from streams.topics import Topic

log = get_logger(__name__)

READ_S = 0.05
_WORDS = re.compile(r"\w+")
# From CJK radicals on, scripts without spaces between words.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\uabff\uf900-\ufaff]")


class ArticleFilter(NamedTuple):
    """Conditions on an article; an empty one matches all. *terms*: see `to_term`. *since* counts, *until* does not."""

    terms: Sequence[str] = ()
    publishers: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    def matches(self, article: Article) -> bool:
        """Return whether *article* meets all conditions."""
        time = time_of(article)
        if self.publishers and article.publisher.casefold() not in self.publishers:
            return False
        if (self.since and (time is None or time < self.since)) or (
            self.until and (time is None or time >= self.until)
        ):
            return False
        if not self.terms:
            return True
        text = to_term(" ".join((article.title, article.dek, *article.paragraphs)))
        return all(term in text for term in self.terms)


def time_of(article: Article) -> datetime | None:
    """Return the time of publication, else of the poll."""
    return article.published or article.fetched_at


def to_term(text: str) -> str:
    """Return the words of *text* between spaces, without case and accents. A trailing `*` leaves the last word open.

    A script without spaces between words has none at its ends.

    >>> to_term("Café au lait"), to_term("harb*")
    (' cafe au lait ', ' harb')
    """
    folded = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    words = " ".join(_WORDS.findall(folded))
    if _UNSPACED.search(words) and len(words.split()) == 1:
        return words
    return f" {words}" if text.endswith("*") else f" {words} "


async def read_articles(broker: Broker, topic: Topic) -> AsyncGenerator[Article, None]:
    """Yield the retained articles of *topic* up to its present end; report unreadable ones."""
    reader = await broker.open_reader(topic, "", Start.EARLIEST)
    try:
        while True:
            is_end = await reader.at_end()
            messages = await reader.read(READ_S)
            for message in messages:
                if article := _decode(message):
                    yield article
            if is_end and not messages:
                return
    finally:
        await reader.close()


def _decode(message: ConsumedMessage) -> Article | None:
    try:
        return decode(message.value, Article)
    except UnreadableError as exc:
        log.error(
            "message unreadable", topic=message.topic, partition=message.partition, offset=message.offset,
            error=exc, next_step="skipped",
        )  # fmt: skip
        return None


async def select_articles(
    broker: Broker, topic: Topic, filter_: ArticleFilter, *, all_revisions: bool = False
) -> AsyncGenerator[Article, None]:
    """Yield the articles that match, each once: the newest revision, or *all_revisions*.

    The topic is read twice, so that memory holds ids and no texts.
    """
    newest: dict[str, int] = {}
    if not all_revisions:
        async for article in read_articles(broker, topic):
            newest[article.id] = max(article.revision, newest.get(article.id, 0))
    yielded: set[tuple[str, int]] = set()
    async for article in read_articles(broker, topic):
        key = article.id, article.revision
        if article.revision < newest.get(article.id, 0) or key in yielded or not filter_.matches(article):
            continue
        yielded.add(key)
        yield article


async def revisions_of(broker: Broker, topic: Topic, article_id: str) -> dict[int, Article]:
    """Return the retained revisions of an article by number, in order."""
    found = {a.revision: a async for a in read_articles(broker, topic) if a.id == article_id}
    return dict(sorted(found.items()))
