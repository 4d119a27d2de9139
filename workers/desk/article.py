"""Item to article: blocks, cleaned content, fingerprint, article, messages. Pure."""

from collections.abc import Collection, Sequence
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from streams.brokers.base import OutgoingMessage
from streams.cloudevents import kafka_headers
from streams.codec import encode
from streams.records import Article, Content, Image, Item, MessageId, RevisionChanges
from streams.routing import Router
from streams.topics import ARTICLES, route_topic
from workers.clean.blocks import Block
from workers.clean.cleaner import CleanedContent, clean_unrendered, detect_gallery
from workers.clean.corrections import find_correction
from workers.clean.document import BlockDocument, detect_input_type, to_blocks
from workers.clean.feed_body import MAX_TAG_CHARS, repair_markup
from workers.clean.render import paragraphs_html
from workers.clean.site_facts import SiteFacts
from workers.clean.site_rules.rule import SiteRule
from workers.dedupe.fingerprint import fingerprint as fingerprint_of
from workers.text.markup import strip_tags
from workers.text.normalise import plain_text
from workers.urls.web_url import web_url

if TYPE_CHECKING:
    from workers.dedupe.near_duplicates.stories import StoryAssignment

# Fields that an article takes over under the same name. `to_article` sets the others.
CONTENT_FIELDS = tuple(name for name in Article.__struct_fields__ if name in CleanedContent.__struct_fields__)
ITEM_FIELDS = tuple(
    name for name in Article.__struct_fields__ if name in Item.__struct_fields__ and name != "fingerprint"
)
FEED_ONLY_FIELDS = ("publisher", "language", "canonical_url")  # `to_article` never takes them from a page
_content_values, _item_values = attrgetter(*CONTENT_FIELDS), attrgetter(*ITEM_FIELDS)
SIMILAR_LENGTH = 3  # a text with a third of the words may have more after cleaning


def item_blocks(item: Item, rule: SiteRule | None = None) -> BlockDocument:
    """Return the blocks of an item's page or text dump, or of its feed content when it has neither.

    *rule*: the site's explicit rule.
    """
    if item.withdrawn:
        return BlockDocument("text", [], plain_text(item.title))
    if item.page is not None:
        return to_blocks(item.page.html, "page", title=item.title, url=item.page.url, rule=rule)
    if item.text_dump:
        return to_blocks(item.text_dump, "text", url=item.link)
    return feed_blocks(item, rule)


def feed_blocks(item: Item, rule: SiteRule | None = None) -> BlockDocument:
    """Return the blocks of an item's feed content: of the content or summary with the most words of body text.

    Images of the other texts stay: a content may be a picture, with the body text in the summary.
    """
    texts = [text for text in (*item.content, *([item.summary] if item.summary else [])) if text.value.strip()]
    distinct = {text.value: text for text in reversed(texts)}  # a repeated text keeps its first base
    documents = [_text_blocks(text, item, rule) for text in _candidates([*reversed(distinct.values())])]
    if not documents:
        return BlockDocument("text", [], plain_text(item.title))
    best = documents[0] if len(documents) == 1 else _longest(documents)
    if not any(block.images for block in best.blocks):
        images = [tag for document in documents for block in document.blocks for tag in block.images]
        pictures = [Block("", "img", images=tuple(images))] if images else []
        best = best._replace(blocks=[*pictures, *best.blocks])
    return best


def _candidates(texts: Collection[Content]) -> Collection[Content]:
    """Return the texts that may be the body or have its images: parsing all of them would double the time."""
    if len(texts) < 2:
        return texts
    words = [len(strip_tags(text.value, " ", MAX_TAG_CHARS).split()) for text in texts]
    return [
        text for text, n in zip(texts, words, strict=True) if n * SIMILAR_LENGTH >= max(words) or "<img" in text.value
    ]


def _text_blocks(text: Content, item: Item, rule: SiteRule | None) -> BlockDocument:
    # Some feeds declare text/plain and send HTML. In real plain text every line is a block.
    is_plain = text.type == "text/plain" and detect_input_type(text.value) == "text"
    value = text.value if is_plain else repair_markup(text.value)
    kind, url = "text" if is_plain else "html", text.base or item.link or item.feed
    return to_blocks(value, kind, title=item.title, url=url, rule=rule)


def _longest(documents: Sequence[BlockDocument]) -> BlockDocument:
    """Return the document with the most words; of similar ones, the one with the most words after cleaning."""
    words = [sum(block.words for block in document.blocks) for document in documents]
    longest = max(words)
    similar = [document for document, n in zip(documents, words, strict=True) if n * SIMILAR_LENGTH >= longest]
    if len(similar) == 1 or longest == 0:
        return similar[0]
    return max(similar, key=lambda document: clean_unrendered(document).word_count)


def clean_item(item: Item, document: BlockDocument | None = None, facts: SiteFacts | None = None) -> CleanedContent:
    """Return the cleaned content of an item, without HTML. *facts*: headlines and repeated lines of its site."""
    if item.withdrawn:  # the reason stands for the text: each withdrawal is a change
        return CleanedContent(title=plain_text(item.title), stable_lines=(item.withdrawn,))
    document = document or item_blocks(item)
    content = clean_unrendered(document, facts)
    if item.page is not None and not document.is_by_rule:
        # The page may be a cookie or subscription notice: then the feed content is longer.
        feed_content = clean_unrendered(feed_blocks(item), facts)
        return feed_content if feed_content.word_count > content.word_count else content
    return content


def content_fingerprint(content: CleanedContent) -> bytes:
    """Return the fingerprint of the content. Link blocks are left out: they change with every poll."""
    captions = (image.caption for image in content.images)
    return fingerprint_of((content.title, content.dek, *content.stable_lines, *captions))


def article_title(item: Item, content: CleanedContent) -> str:
    """Return the feed's title, else the title in the text."""
    return item.title or content.title


def article_text(item: Item, content: CleanedContent) -> tuple[str, ...]:
    """Return title, dek and paragraphs of the article that the item makes."""
    return article_title(item, content), content.dek, *content.paragraphs


def article_images(item: Item, content: CleanedContent) -> tuple[Image, ...]:
    """Return the images with web URLs; images that have neither a web URL nor a caption are dropped."""
    images = content.images or (Image(item.image_url),)
    checked = (msgspec.structs.replace(image, url=web_url(image.url)) for image in images)
    return tuple(image for image in checked if image != Image())


def is_publishable(item: Item, content: CleanedContent) -> bool:
    """Return whether the item has a title, a text, a picture or an enclosure, or is a withdrawal."""
    return bool(
        item.withdrawn
        or article_title(item, content)
        or content.paragraphs
        or item.enclosures
        or article_images(item, content)
    )


def to_article(
    item: Item, content: CleanedContent, *, id_: str, revision: int, source: MessageId | None, fingerprint: bytes = b"",
    story: "StoryAssignment | None" = None, changes: RevisionChanges | None = None,
    reused_link: bool = False,
) -> Article:  # fmt: skip
    """Return the article of *item*. A field takes the value of the feed, else that of the text, by its name.

    *source*: position of the item's message, None for an item from a file. *story*: None for an article that starts
    its own story.
    """
    fields = dict(zip(CONTENT_FIELDS, _content_values(content), strict=True))
    fields |= [pair for pair in zip(ITEM_FIELDS, _item_values(item), strict=True) if pair[1]]
    fields |= {
        "publisher": item.publisher or content.publisher, "language": item.language or content.language,
        "tags": item.categories,
        "byline": item.authors or content.byline, "title": article_title(item, content),
        "url": web_url(item.link), "canonical_url": web_url(item.canonical_url),
        "images": article_images(item, content), "html": content.rendered().html or paragraphs_html(content.paragraphs),
        "article_type": content.article_type or detect_gallery(content), "field_sources": field_sources(item, content),
    }  # fmt: skip
    removed = [block.text for block in content.removed if not block.links]
    return Article(
        id=id_, revision=revision, source=source, fingerprint=fingerprint.hex(), changes=changes,
        story_id=story.story if story else id_, duplicate_of=story.duplicate_of if story else "",
        duplicate_kind=story.kind if story else "", similarity=story.similarity if story else 0.0,
        reused_link=reused_link, correction=find_correction(content.paragraphs, removed), **fields,
    )  # fmt: skip


def field_sources(item: Item, content: CleanedContent) -> dict[str, str]:
    """Return the source of each field of the article: `feed`, `page` (the metadata in its head) or `text`."""
    stated = {
        "title": item.title, "byline": item.authors, "published": item.published, "updated": item.updated,
        "publisher": item.publisher, "language": item.language, "canonical_url": item.canonical_url,
    }  # fmt: skip
    own = {name: source for name, source in content.field_sources.items() if name not in FEED_ONLY_FIELDS}
    return own | {name: "feed" for name, value in stated.items() if value}


def article_messages(article: Article, router: Router, previous: Sequence[str] | None = None) -> list[OutgoingMessage]:
    """Return the messages that publish *article*: one to the articles topic and one to each matching route.

    A withdrawn article has no text. It takes the routes of its *previous* text (title, dek and paragraphs), or all
    routes if that is not remembered.
    """
    key, value, event_headers = article.id.encode(), encode(article), partial(kafka_headers, article)
    routed = article
    if article.withdrawn and previous:
        routed = msgspec.structs.replace(article, title=previous[0], dek=previous[1], paragraphs=tuple(previous[2:]))
    is_everywhere = bool(article.withdrawn and not previous)
    names = router.names if is_everywhere else router.route_names(routed)
    topics = [ARTICLES, *map(route_topic, names)]
    return [OutgoingMessage(topic.name, key, value, event_headers=event_headers) for topic in topics]
