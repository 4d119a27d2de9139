"""Comparison of an item with earlier texts: its identity, its changes, and its near-duplicates. Pure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streams.records import Item, RevisionChanges
from streams.topics import is_archive
from workers.clean.cleaner import CleanedContent
from workers.dedupe.classify import ArticleMemory, Classification, Status, classify, feed_digest
from workers.dedupe.diff import count_changes
from workers.dedupe.known_items import KnownItem
from workers.dedupe.near_duplicates.titles import is_other_article
from workers.dedupe.ownership import may_revise, site_digest
from workers.dedupe.site_history import host_of
from workers.desk.article import article_text
from workers.desk.batch import BatchBuilder
from workers.desk.candidate import Candidate

if TYPE_CHECKING:
    from workers.dedupe.near_duplicates.compared_texts import ComparedText
    from workers.dedupe.near_duplicates.stories import StoryAssignment


def identified(candidate: Candidate, text: Sequence[str], builder: BatchBuilder) -> Candidate:
    """Return *candidate* under the id of its slug, if the number in its link belongs to another article.

    *text*: title, dek and paragraphs. A number only identifies an article while no second article has it.
    """
    if not candidate.slug_id:
        return candidate
    before = builder.numbered_texts.get(candidate.article_id) or builder.previous_texts.get(candidate.article_id)
    if candidate.slug_id in builder.memories or (before and is_reused(before, text)):
        return candidate._replace(article_id=candidate.slug_id)
    builder.numbered_texts[candidate.article_id] = text
    return candidate


def classify_item(memory: ArticleMemory | None, fingerprint: bytes, item: Item) -> Classification:
    """Return the classification of *item*, whose content has *fingerprint*."""
    return classify(
        memory, fingerprint, item.fetched_at.timestamp(), feed_digest(item.feed), site_digest(item.feed),
        may_revise=may_revise(memory, item),
    )  # fmt: skip


def changed_items(candidates: Sequence[Candidate], memories: Mapping[str, ArticleMemory]) -> list[Candidate]:
    """Return the known items that must be cleaned, because they are no duplicates of their articles.

    A known item is also cleaned if the batch has another version of its article that must be cleaned.
    """
    doubtful = {
        id_
        for candidate in candidates
        if candidate.known is None or not _is_duplicate(candidate, candidate.known, memories)
        for id_ in (candidate.article_id, candidate.slug_id)
        if id_
    }
    return [c for c in candidates if c.known is not None and not doubtful.isdisjoint((c.article_id, c.slug_id))]


def _is_duplicate(candidate: Candidate, known: KnownItem, memories: Mapping[str, ArticleMemory]) -> bool:
    memory = memories.get(known.article_id)
    if memory is None:
        return False
    if candidate.slug_id and not (
        memory.fingerprints[0] == known.fingerprint
        and (known.article_id == candidate.slug_id or candidate.slug_id not in memories)
    ):
        return False  # `identified` compares texts then
    return classify_item(memory, known.fingerprint, candidate.item).status is Status.DUPLICATE


def compare_revisions(before: Sequence[str] | None, after: Sequence[str]) -> tuple[RevisionChanges | None, bool]:
    """Return the changes since the text *before*, and whether the link was reused for another article.

    Texts are title, dek and paragraphs.
    """
    if before is None:
        return None, False
    return count_changes(before[0], before[1:], after[0], after[1:]), is_reused(before, after)


def is_reused(before: Sequence[str], after: Sequence[str]) -> bool:
    """Return whether title and text share hardly a word with those *before*. Texts are title, dek and paragraphs."""
    return is_other_article(*((text[0], "\n".join(text[1:])) for text in (before, after)))


def compared_text(candidate: Candidate, content: CleanedContent) -> "ComparedText":
    """Return the text of an item, for comparison with other articles."""
    from workers.dedupe.near_duplicates.compared_texts import ComparedText

    item, (title, *paragraphs) = candidate.item, article_text(candidate.item, content)
    publisher, published_s = (
        item.publisher or host_of(item),
        item.published.timestamp() if item.published else 0.0,
    )
    text = "\n".join(paragraphs)
    # The time of arrival is unrelated to the age of an archived article.
    seen_at = min(item.published or content.published or item.fetched_at, item.fetched_at)
    time_s = (seen_at if is_archive(candidate.message.topic) else item.fetched_at).timestamp()
    return ComparedText(candidate.article_id, title, text, publisher, item.feed, time_s, published_s, candidate.era)


def is_suppressed(story: "StoryAssignment", near_duplicates: str) -> bool:
    """Return whether the policy *near_duplicates* drops a near-duplicate."""
    return near_duplicates == "drop" or (near_duplicates == "first-publisher" and not story.same_publisher)
