"""The desk pipeline: items in, articles or dead letters out. The Faust agent (`streams.faust.agents`) owns the broker.

    decode ▸ blocks ▸ clean ▸ fingerprint ▸ classify ▸ assign story ▸ diff ▸ route ▸ publish

`batch` accumulates the results of a batch, `article` holds the pure steps. With a `CleaningPool`, other processes
divide items into blocks and clean them, and `slow_items` holds slow items. The agent publishes the messages, writes the
state and commits the offsets in one atomic step. A crash therefore repeats the whole batch.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from streams.brokers.base import Broker, ConsumedMessage
from streams.codec import decode
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.faust.agents import ArchiveAgent, BatchResult, add_agent, create_app, has_unfinished
from streams.faust.archive import PreemptedError
from streams.records import Item, MessageId
from streams.routing import Router
from streams.state.lookup import Lookup, look_up
from streams.topics import ARCHIVE_ITEMS, DAY_S, DESK_GROUP, ITEMS, is_archive
from workers.clean.cleaner import CleanedContent
from workers.clean.site_facts import SiteFacts
from workers.dedupe.classify import Classification, Status
from workers.dedupe.identity import article_id
from workers.dedupe.known_items import KnownItem, KnownItems, item_digest
from workers.dedupe.recent_texts import ARCHIVE_PREFIX, RecentTexts
from workers.dedupe.seen import SeenStore
from workers.dedupe.site_history import SiteHistory, SiteQuery, era_of, in_era, site_of
from workers.desk.article import (
    article_messages,
    article_text,
    clean_item,
    content_fingerprint,
    is_publishable,
    to_article,
)
from workers.desk.batch import BatchBuilder, attempt_twice, dead_letter_on_error, give_up
from workers.desk.candidate import Candidate, ClassifiedItem
from workers.desk.cleaning import DECODE_SHARE, Cleaner, Cleaning, LocalCleaning, PooledCleaning
from workers.desk.comparison import (
    changed_items,
    classify_item,
    compare_revisions,
    compared_text,
    identified,
    is_suppressed,
)
from workers.desk.deadline import CpuTimer
from workers.desk.entry_rules import filter_reason
from workers.desk.learning import record_article
from workers.desk.site_rules import read_site_rules
from workers.urls.canonical import slug_key
from workers.urls.domains import read_suffixes

if TYPE_CHECKING:
    from workers.dedupe.near_duplicates.compared_texts import ComparedTexts
    from workers.dedupe.near_duplicates.index import StoryIndex
    from workers.dedupe.near_duplicates.stories import StoryAssignment

ARCHIVE_STEP_S = 0.06  # of which a quarter is for decoding; two pages exceed it
MAX_PREEMPTIONS = 3  # of an archive step; the next attempt continues, so that the archive makes progress
CLEAN_SHARE = 1 / 2  # of the limit, after which a step ends; publishing needs the rest
NO_FACTS = SiteFacts()

StateCheck = Callable[[], Awaitable[None]]


async def _no_check() -> None:
    """Do nothing: live items preempt no other step."""


class Desk:
    """Handles batches of items. One per process."""

    def __init__(
        self, settings: Settings, broker: Broker, clean: Cleaner | None = None, check_state: StateCheck | None = None,
        pooled: PooledCleaning | None = None,
    ) -> None:  # fmt: skip
        self.settings, self.broker, self.check_state = settings, broker, check_state
        self.router, self.site_rules = Router(settings.routes), read_site_rules(settings)
        self.timer, self.known_items = CpuTimer(), KnownItems()
        self.cleaning: Cleaning = pooled or LocalCleaning(clean or clean_item, self.timer, settings.item_timeout_s)
        read_suffixes()
        self.has_live_items: Callable[[], bool] = lambda: False
        self._preemptions = 0
        self._open_stores()

    def _open_stores(self) -> None:
        self.seen = SeenStore(self.broker.state)
        self.site_history = SiteHistory(self.broker.state)
        self.recent_texts = RecentTexts(self.broker.state)
        self.archive_texts = RecentTexts(self.broker.state, prefix=ARCHIVE_PREFIX)
        self.story_index: StoryIndex | None = None
        self.compared_texts: ComparedTexts | None = None

    async def handle_archive(self, batch: Sequence[ConsumedMessage]) -> BatchResult:
        """Return the result of the first items of *batch*, in a short step, so that a live item hardly waits."""
        result = await self._handle(batch, ARCHIVE_STEP_S, self._yield_to_live_items)
        self._preemptions = 0
        return result

    async def _yield_to_live_items(self) -> None:
        """End the step if live items wait. Raises PreemptedError, at most MAX_PREEMPTIONS times in a row."""
        await asyncio.sleep(0)
        if self._preemptions < MAX_PREEMPTIONS and self.has_live_items():
            self._preemptions += 1
            raise PreemptedError

    async def handle(self, batch: Sequence[ConsumedMessage]) -> BatchResult:
        """Return the messages and state writes of *batch*, or of its first messages when the lease would run out.

        Items are classified in order: a later item sees the results of earlier ones in the same batch.
        """
        return await self._handle(batch, self.settings.lease_timeout_s, _no_check)

    async def _handle(
        self, batch: Sequence[ConsumedMessage], limit_s: float, check_preemption: StateCheck
    ) -> BatchResult:
        """Return the result of *batch*, or of its first messages, in about *limit_s* seconds.

        *check_preemption* is awaited between the stages. It may end the step by a PreemptedError.
        """
        await self._require_state()
        builder = BatchBuilder(batch, limit_s)
        recent_texts = self.archive_texts if is_archive(batch[0].topic) else self.recent_texts
        try:
            candidates = await self._candidates(builder)
            await check_preemption()
            classified_items = await self._classify(candidates, builder, recent_texts)
            await check_preemption()
            if classified_items:
                await self._publish_all(classified_items, builder, recent_texts)
            builder.state_writes += self.seen.set_all_commands(builder.written_memories)
        finally:
            self.timer.stop()
            self.cleaning.forget(builder)
        return builder.result()

    async def _candidates(self, builder: BatchBuilder) -> Sequence[Candidate]:
        """Return the items of the batch in blocks, without those that became dead letters or are held."""
        candidates: list[Candidate] = []
        for message in builder.handled:
            if builder.ends_by_size_before(message) or await builder.ends_before(message, DECODE_SHARE):
                break
            candidates += self._decode(message, builder)
        return await self.cleaning.prepare(candidates, builder)

    async def _classify(
        self, candidates: Sequence[Candidate], builder: BatchBuilder, recent_texts: RecentTexts
    ) -> Sequence[ClassifiedItem]:
        """Clean the candidates; return the new articles and revisions."""
        candidates, site_facts = await self._remember(candidates, builder, recent_texts)
        self.cleaning.request(candidates, site_facts)
        classified_items: list[ClassifiedItem] = []
        for candidate, facts in zip(candidates, site_facts, strict=True):
            if await builder.ends_before(candidate.message, CLEAN_SHARE):
                break
            if await self.cleaning.is_held(candidate, builder):
                continue
            with dead_letter_on_error(candidate.message, builder, candidate.item.feed):
                if candidate.known is not None:
                    self._count_known(candidate, candidate.known, builder)
                elif (classified := self._clean_and_classify(candidate, facts, builder)) is not None:
                    classified_items.append(classified)
        return classified_items

    def _clean_and_classify(
        self, candidate: Candidate, facts: SiteFacts, builder: BatchBuilder
    ) -> ClassifiedItem | None:
        """Return the cleaned item if it is a new article or a revision."""
        content, cpu_s = self.cleaning.content(candidate, facts)
        candidate = identified(candidate, article_text(candidate.item, content), builder)
        fingerprint = content_fingerprint(content)
        classification = classify_item(builder.memories.get(candidate.article_id), fingerprint, candidate.item)
        if not self._is_new_or_revised(candidate, content, fingerprint, classification, builder):
            return None
        return ClassifiedItem(candidate, facts, content, fingerprint, classification, cpu_s)

    async def _publish_all(
        self, classified_items: Sequence[ClassifiedItem], builder: BatchBuilder, recent_texts: RecentTexts
    ) -> None:
        """Find the stories of new articles and revisions, and add their messages and state writes."""
        revisions = [c.candidate.article_id for c in classified_items if c.classification.status is Status.REVISION]
        stories = await self._assign_stories(classified_items, builder, recent_texts.lookup(revisions))
        for classified, story in zip(classified_items, stories, strict=True):
            with dead_letter_on_error(classified.candidate.message, builder, classified.candidate.item.feed):
                if not self._is_suppressed(classified, story, builder):
                    self._publish(classified, story, self._previous_text(classified, builder), builder)
        builder.state_writes += recent_texts.set_commands(builder.published_texts)

    async def _remember(
        self, candidates: Sequence[Candidate], builder: BatchBuilder, recent_texts: RecentTexts
    ) -> tuple[Sequence[Candidate], Sequence[SiteFacts]]:
        """Read the memories of the articles, and the texts of those with a number before the slug of their link.

        Returns the candidates with the facts of their sites. Known items need none.
        """
        if not candidates:
            return [], []
        ids = [id_ for candidate in candidates for id_ in (candidate.article_id, candidate.slug_id) if id_]
        numbered = [candidate.article_id for candidate in candidates if candidate.slug_id]
        unknown = [candidate for candidate in candidates if candidate.known is None]
        builder.memories, found, texts = await look_up(
            self.broker.state, self.seen.lookup(ids), self.site_history.lookup([c.site_query for c in unknown]),
            recent_texts.lookup(numbered),
        )  # fmt: skip
        builder.previous_texts = {id_: text for id_, text in texts.items() if id_ in builder.memories}
        changed = changed_items(candidates, builder.memories)
        if not changed:
            facts = iter(found)
            return candidates, [next(facts) if c.known is None else NO_FACTS for c in candidates]
        by_id = dict(zip([c.message.message_id for c in unknown], found, strict=True))
        candidates = await self._reconsider(candidates, changed, by_id, builder)
        return candidates, [by_id.get(candidate.message.message_id, NO_FACTS) for candidate in candidates]

    async def _reconsider(
        self, candidates: Sequence[Candidate], changed: Sequence[Candidate], facts: dict[MessageId, SiteFacts],
        builder: BatchBuilder,
    ) -> Sequence[Candidate]:  # fmt: skip
        """Return the candidates with the *changed* ones prepared for cleaning; add their *facts*."""
        prepared = await self.cleaning.prepare([c._replace(known=None) for c in changed], builder)
        found = await self.site_history.get([candidate.site_query for candidate in prepared])
        facts |= zip([candidate.message.message_id for candidate in prepared], found, strict=True)
        now_unknown = {candidate.message.message_id: candidate for candidate in prepared}
        dropped = {c.message.message_id for c in changed} - now_unknown.keys()
        handled = {message.message_id for message in builder.handled} - dropped
        return [now_unknown.get(m, c) for c in candidates if (m := c.message.message_id) in handled]

    async def _require_state(self) -> None:
        """Check the shared state; after a loss, drop the caches of the stores."""
        try:
            if self.check_state is not None:
                await self.check_state()
        except UnavailableError:
            self._open_stores()
            raise

    def _decode(self, message: ConsumedMessage, builder: BatchBuilder) -> list[Candidate]:
        """Return the candidate of *message*; an empty list if the message became a dead letter."""
        with dead_letter_on_error(message, builder):
            item = decode(message.value, Item)
            with dead_letter_on_error(message, builder, item.feed):
                return [attempt_twice(lambda: self._candidate(message, item), message, item.feed)]
        return []

    def _candidate(self, message: ConsumedMessage, item: Item) -> Candidate:
        is_old = is_archive(message.topic)
        era = era_of((item.published or item.fetched_at).timestamp(), message.time_s) if is_old else ""
        key, slug = item.identity_key, slug_key(item.link)
        slug_id = article_id(slug) if slug.startswith(f"{key}/") else ""
        digest = None if is_old else item_digest(item)
        known = self.known_items.get(digest, item.fetched_at.timestamp())
        return Candidate(
            message, item, article_id(key), slug_id, SiteQuery(in_era(site_of(item), era), frozenset()), era, digest,
            known, self.site_rules.find(item.page.url if item.page is not None else item.link, item.feed),
        )  # fmt: skip

    def _is_new_or_revised(
        self, candidate: Candidate, content: CleanedContent, fingerprint: bytes, classification: Classification,
        builder: BatchBuilder,
    ) -> bool:  # fmt: skip
        """Return whether the item is a new article or a revision, and remember it; count it if it is not."""
        item, message = candidate.item, candidate.message
        status, _, memory = classification
        if self._is_filtered(candidate, builder):
            return False
        if not is_publishable(item, content):
            builder.count("filtered", item, message, reason="no title, text, picture or enclosure")
            return False
        if candidate.digest is not None and status is not Status.STALE:
            known = KnownItem(candidate.article_id, fingerprint, item.fetched_at.timestamp())
            self.known_items.add(candidate.digest, known, content.stable_lines)
        if status in (Status.NEW, Status.REVISION):
            builder.memories[candidate.article_id] = memory
            if item.withdrawn and status is Status.NEW:
                builder.written_memories[candidate.article_id] = memory
                builder.count("filtered", item, message, reason="withdrawn, and never published")
                return False
            return True
        self._count_unchanged(candidate, classification, builder)
        return False

    def _count_known(self, candidate: Candidate, known: KnownItem, builder: BatchBuilder) -> None:
        """Count a known item, whose article has not changed."""
        if self._is_filtered(candidate, builder):
            return
        candidate = candidate._replace(article_id=known.article_id)
        memory = builder.memories[known.article_id]
        self._count_unchanged(candidate, Classification(Status.DUPLICATE, memory.revision, memory), builder)

    def _count_unchanged(self, candidate: Candidate, classification: Classification, builder: BatchBuilder) -> None:
        """Count a duplicate or a stale item; remember its article again before that expires."""
        status, revision, memory = classification
        if self.seen.expires_soon(candidate.article_id):
            builder.written_memories[candidate.article_id] = memory
        outcome = "filtered" if status is Status.STALE else status
        reason = f"{status} of revision {revision}"
        builder.count(outcome, candidate.item, candidate.message, reason=reason)

    def _is_filtered(self, candidate: Candidate, builder: BatchBuilder) -> bool:
        """Return whether the rules of the feed drop the item; count it if so."""
        item = candidate.item
        if not self.settings.feeds:
            return False
        with self.timer(self.settings.item_timeout_s):  # for patterns of exponential time
            reason = filter_reason(item, self.settings.feed_options(item.feed))
        if reason:
            builder.count("filtered", item, candidate.message, reason=reason)
        return bool(reason)

    async def _assign_stories(
        self,
        classified_items: Sequence[ClassifiedItem],
        builder: BatchBuilder,
        previous_texts: Lookup[dict[str, Sequence[str]]],
    ) -> Sequence["StoryAssignment"]:
        """Return the story of each item, and read the *previous_texts* in the same round trip.

        The index stores claims now: a redelivered item gets the same story.
        """
        # numpy costs memory: a desk that only sees duplicates never imports it.
        from workers.dedupe.near_duplicates.compared_texts import ComparedTexts, text_signatures
        from workers.dedupe.near_duplicates.index import StoryIndex

        self.story_index = self.story_index or StoryIndex(self.broker.state, self.settings.story_window_days * DAY_S)
        self.compared_texts = self.compared_texts or ComparedTexts(self.broker.state)
        texts = [compared_text(classified.candidate, classified.content) for classified in classified_items]
        read, previous = await look_up(self.broker.state, self.compared_texts.lookup(texts), previous_texts)
        builder.previous_texts |= previous
        stories = await self.story_index.assign(text_signatures(read))
        new = [n for n, classified in enumerate(classified_items) if classified.classification.status is Status.NEW]
        builder.state_writes += self.compared_texts.record_commands([read[n] for n in new], [stories[n] for n in new])
        return stories

    def _is_suppressed(self, classified: ClassifiedItem, story: "StoryAssignment", builder: BatchBuilder) -> bool:
        """Return whether the policy drops the item as a near-duplicate; remember and count it if so."""
        if not (story.duplicate_of and is_suppressed(story, self.settings.near_duplicates)):
            return False
        candidate = classified.candidate
        builder.written_memories[candidate.article_id] = classified.classification.memory
        reason = f"near-duplicate of {story.duplicate_of} ({story.similarity:.0%})"
        builder.count("duplicate", candidate.item, candidate.message, reason=reason)
        return True

    def _previous_text(self, classified: ClassifiedItem, builder: BatchBuilder) -> Sequence[str] | None:
        """Return title, dek and paragraphs of the previous revision; None when they are not remembered."""
        id_ = classified.candidate.article_id
        return builder.published_texts.get(id_) or builder.previous_texts.get(id_)

    def _publish(
        self, classified: ClassifiedItem, story: "StoryAssignment", previous: Sequence[str] | None,
        builder: BatchBuilder,
    ) -> None:  # fmt: skip
        """Add the messages of the article, and the state writes that remember it. *previous*: text to compare with."""
        candidate, status = classified.candidate, classified.classification.status

        def render() -> CleanedContent:
            with self.timer(self.settings.item_timeout_s, classified.cpu_s):
                return classified.content.rendered()

        content = attempt_twice(render, candidate.message, candidate.item.feed)
        changes, is_reused = compare_revisions(previous, article_text(candidate.item, content))
        item = candidate.item
        if item.withdrawn and not item.title and previous:  # a tombstone has no title
            item = replace(item, title=previous[0])
        article = to_article(
            item, content, id_=candidate.article_id, revision=classified.classification.revision,
            source=candidate.message.message_id, fingerprint=classified.fingerprint, story=story,
            changes=changes, reused_link=is_reused,
        )  # fmt: skip
        builder.messages += article_messages(article, self.router, previous)
        builder.published_texts[article.id] = article_text(candidate.item, content)
        builder.written_memories[article.id] = classified.classification.memory
        if status is Status.NEW:
            record_article(self.site_history, classified, content, article.title, builder)
        builder.count(status, candidate.item, candidate.message, title=article.title)


def create_desk(
    settings: Settings, broker: Broker, *, url: str, name: str = "", clean: Cleaner | None = None,
    check_state: StateCheck | None = None, pooled: PooledCleaning | None = None,
) -> Any:  # fmt: skip
    """Return the Faust app with the desk as its only agent. *clean*: replaces `clean_item`, for tests.

    *check_state* raises UnavailableError while the shared state is lost. *pooled*: cleans in other processes.
    """
    app = create_app(settings, DESK_GROUP, url=url, name=name)
    desk = Desk(settings, broker, clean, check_state, pooled)
    desk.has_live_items = lambda: has_unfinished(app)
    archive = ArchiveAgent(ARCHIVE_ITEMS, desk.handle_archive)
    add_agent(app, broker, ITEMS, desk.handle, settings.desk_batch_size, give_up, archive)
    return app
