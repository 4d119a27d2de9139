"""Articles of one feed document, without a server: the parser, the cleaner and the classification. Pure.

The history of the site and the stories of other feeds are unknown here.
"""

from collections.abc import Iterator

from streams.records import Article
from workers.dedupe.classify import ArticleMemory, Status, classify, feed_digest
from workers.dedupe.identity import article_id
from workers.desk.article import clean_item, content_fingerprint, is_publishable, to_article
from workers.poller.formats import ParsedFeed


def feed_articles(feed: ParsedFeed) -> Iterator[Article]:
    """Yield the new articles and revisions of *feed* in the order of the document, as the desk would."""
    memories: dict[str, ArticleMemory] = {}
    for item in feed.items:
        content = clean_item(item)
        id_, fingerprint = article_id(item.identity_key), content_fingerprint(content)
        classification = classify(memories.get(id_), fingerprint, item.fetched_at.timestamp(), feed_digest(item.feed))
        if item.withdrawn and classification.status is Status.NEW:
            continue
        if classification.status in (Status.NEW, Status.REVISION) and is_publishable(item, content):
            memories[id_] = classification.memory
            yield to_article(
                item, content, id_=id_, revision=classification.revision, source=None, fingerprint=fingerprint
            )
