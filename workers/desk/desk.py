"""The desk pipeline: items in, articles or dead letters out. The Faust agent (`streams.faust.agents`) owns the broker.

    decode ▸ blocks ▸ clean ▸ fingerprint ▸ classify ▸ assign story ▸ diff ▸ route ▸ publish

`batch` accumulates the results of a batch, `article` holds the pure steps. With a `CleaningPool`, blocks and cleaning
are the work of other processes, and `slow_items` holds the items that are slow there. The agent publishes the messages,
writes the state and commits the offsets in one atomic step, so a crash repeats the whole batch.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from streams.brokers.base import Broker, ConsumedMessage
from streams.codec import decode
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.faust.agents import ArchiveAgent, BatchResult, add_agent, create_app, has_unfinished
from streams.faust.archive import PreemptedError
from streams.records import Item
from streams.routing import Router
from streams.topics import ARCHIVE_ITEMS, DAY_S, DESK_GROUP, ITEMS, is_archive
from workers.clean.cleaner import CleanedContent
from workers.clean.document import BlockDocument
from workers.clean.site_facts import SiteFacts
from workers.clean.site_rules.collection import RuleSource, compile_rules
from workers.dedupe.classify import Classification, Status, classify, feed_digest
from workers.dedupe.identity import article_id
from workers.dedupe.ownership import may_revise, site_digest
from workers.dedupe.recent_texts import ARCHIVE_PREFIX, RecentTexts
from workers.dedupe.seen import SeenStore
from workers.dedupe.site_history import SiteHistory, SiteQuery, era_of, in_era, site_of
from workers.dedupe.site_templates import site_keys
from workers.desk.article import (
    article_messages,
    article_text,
    clean_item,
    content_fingerprint,
    is_publishable,
    item_blocks,
    to_article,
)
from workers.desk.batch import BatchBuilder, attempt_twice, cpu_deadline, dead_letter_on_error, give_up
from workers.desk.cleaning_job import CleaningJob
from workers.desk.cleaning_pool import CleaningPool
from workers.desk.comparison import compare_revisions, compared_text, identified, is_suppressed
from workers.desk.entry_rules import filter_reason
from workers.desk.learning import record_article
from workers.desk.site_rules import read_site_rules
from workers.desk.slow_items import MAX_POSTPONED_BYTES, SlowItems
from workers.urls.canonical import slug_key

if TYPE_CHECKING:
    from workers.dedupe.near_duplicates.compared_texts import ComparedTexts
    from workers.dedupe.near_duplicates.index import StoryIndex
    from workers.dedupe.near_duplicates.stories import StoryAssignment

NO_BLOCKS = BlockDocument("text", [])
ARCHIVE_STEP_S = 0.06  # of which a quarter is for decoding; two pages exceed it
MAX_PREEMPTIONS = 3  # of an archive step: then it goes on, so that the archive never stands still
DECODE_SHARE, CLEAN_SHARE = 1 / 4, 1 / 2  # of the limit, after which a step ends; publishing needs the rest

StateCheck = Callable[[], Awaitable[None]]
Cleaner = Callable[[Item, BlockDocument, SiteFacts], CleanedContent]


class Candidate(NamedTuple):
    """A decoded item. *cpu_s*: CPU time that decoding took.

    *slug_id*: id of the article by the number and the slug of its link; "" for other links. *era*: see `era_of`.
    *job*: its cleaning in another process; then the document is empty.
    """

    message: ConsumedMessage
    item: Item
    article_id: str
    slug_id: str
    document: BlockDocument
    site_query: SiteQuery
    cpu_s: float
    era: str = ""
    job: CleaningJob | None = None


class PooledCleaning(NamedTuple):
    """The cleaning processes of a desk, and the items that are slow there."""

    pool: CleaningPool
    slow_items: SlowItems


class ClassifiedItem(NamedTuple):
    """A cleaned item that is a new article or a revision. *cpu_s*: CPU time that decoding and cleaning took."""

    candidate: Candidate
    facts: SiteFacts
    content: CleanedContent
    fingerprint: bytes
    classification: Classification
    cpu_s: float


async def _no_check() -> None:
    """Let a step of live items go on."""


class Desk:
    """Handles batches of items. One per process."""

    def __init__(
        self, settings: Settings, broker: Broker, clean: Cleaner | None = None, check_state: StateCheck | None = None,
        pooled: PooledCleaning | None = None,
    ) -> None:  # fmt: skip
        self.settings, self.broker, self.check_state = settings, broker, check_state
        self.clean, self.pooled = clean or clean_item, pooled
        self.router, self.site_rules = Router(settings.routes), read_site_rules(settings)
        self._requested: Sequence[Candidate] = ()
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
        """Return the result of the first items of *batch*, in a step so short that a live item hardly waits."""
        result = await self._handle(batch, ARCHIVE_STEP_S, self._make_way)
        self._preemptions = 0
        return result

    async def _make_way(self) -> None:
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

    async def _handle(self, batch: Sequence[ConsumedMessage], limit_s: float, make_way: StateCheck) -> BatchResult:
        """Return the result of *batch*, or of its first messages, in about *limit_s* seconds.

        *make_way* is called between the stages, and may end the step.
        """
        await self._require_state()
        builder = BatchBuilder(batch, limit_s)
        recent_texts = self.archive_texts if is_archive(batch[0].topic) else self.recent_texts
        try:
            candidates = await self._candidates(builder)
            await make_way()
            classified = await self._classify(candidates, builder, recent_texts)
            await make_way()
            if classified:
                await self._publish_all(classified, builder, recent_texts)
        finally:
            self._forget_jobs(builder)
        return builder.result()

    async def _candidates(self, builder: BatchBuilder) -> Sequence[Candidate]:
        """Return the items of the batch in blocks, without those that became dead letters or are held."""
        candidates: list[Candidate] = []
        for message in builder.handled:
            if builder.ends_by_size_before(message) or await builder.ends_before(message, DECODE_SHARE):
                break
            candidates += self._decode(message, builder)
        return await self._prepare(candidates, builder)

    async def _classify(
        self, candidates: Sequence[Candidate], builder: BatchBuilder, recent_texts: RecentTexts
    ) -> Sequence[ClassifiedItem]:
        """Clean the candidates; return the new articles and revisions."""
        await self._remember(candidates, builder, recent_texts)
        site_facts = await self.site_history.lookup([candidate.site_query for candidate in candidates])
        self._request_contents(candidates, site_facts)
        classified: list[ClassifiedItem] = []
        for candidate, facts in zip(candidates, site_facts, strict=True):
            if await builder.ends_before(candidate.message, CLEAN_SHARE):
                break
            if await self._is_held(candidate, builder):
                continue
            with dead_letter_on_error(candidate.message, builder, candidate.item.feed):
                content, cpu_s = self._clean(candidate, facts)
                candidate = identified(candidate, article_text(candidate.item, content), builder)
                fingerprint, memory = content_fingerprint(content), builder.memories.get(candidate.article_id)
                item = candidate.item
                classification = classify(
                    memory, fingerprint, item.fetched_at.timestamp(), feed_digest(item.feed), site_digest(item.feed),
                    may_revise=may_revise(memory, item),
                )  # fmt: skip
                if self._is_news(candidate, content, classification, builder):
                    classified.append(ClassifiedItem(candidate, facts, content, fingerprint, classification, cpu_s))
        return classified

    async def _publish_all(
        self, classified: Sequence[ClassifiedItem], builder: BatchBuilder, recent_texts: RecentTexts
    ) -> None:
        """Find the stories of new articles and revisions, and add their messages and state writes."""
        builder.previous_texts |= await recent_texts.get(
            [c.candidate.article_id for c in classified if c.classification.status is Status.REVISION]
        )
        for news, story in zip(classified, await self._assign_stories(classified, builder), strict=True):
            with dead_letter_on_error(news.candidate.message, builder, news.candidate.item.feed):
                if not self._is_suppressed(news, story, builder):
                    self._publish(news, story, self._previous_text(news, builder), builder)
        builder.state_writes += recent_texts.set_commands(builder.published_texts)

    async def _remember(
        self, candidates: Sequence[Candidate], builder: BatchBuilder, recent_texts: RecentTexts
    ) -> None:
        """Read the memories of the articles, and the texts of those with a number before the slug of their link."""
        ids = [id_ for candidate in candidates for id_ in (candidate.article_id, candidate.slug_id) if id_]
        builder.memories = await self.seen.get(ids)
        numbered = [c.article_id for c in candidates if c.slug_id and c.article_id in builder.memories]
        builder.previous_texts = dict(await recent_texts.get(numbered)) if numbered else {}

    async def _require_state(self) -> None:
        """Check the shared state; after a loss, forget what the stores have cached of it."""
        try:
            if self.check_state is not None:
                await self.check_state()
        except UnavailableError:
            self._open_stores()
            raise

    def _decode(self, message: ConsumedMessage, builder: BatchBuilder) -> list[Candidate]:
        """Return the item of *message* in blocks; empty when it became a dead letter."""
        with dead_letter_on_error(message, builder):
            item = decode(message.value, Item)
            with dead_letter_on_error(message, builder, item.feed):
                return [attempt_twice(lambda: self._candidate(message, item), message, item.feed)]
        return []

    def _candidate(self, message: ConsumedMessage, item: Item) -> Candidate:
        start_s = time.process_time()
        if self.pooled is None:
            with cpu_deadline(self.settings.item_timeout_s):
                document = item_blocks(item, compile_rules(self._rules(item)))
        else:
            document = NO_BLOCKS
        era = (
            era_of((item.published or item.fetched_at).timestamp(), message.time_s) if is_archive(message.topic) else ""
        )
        query = SiteQuery(in_era(site_of(item), era), site_keys(item, document.line_keys))
        cpu_s = time.process_time() - start_s
        key, slug = item.identity_key, slug_key(item.link)
        slug_id = article_id(slug) if slug.startswith(f"{key}/") else ""
        return Candidate(message, item, article_id(key), slug_id, document, query, cpu_s, era)

    def _rules(self, item: Item) -> Sequence[RuleSource]:
        return self.site_rules.find(item.page.url if item.page is not None else item.link, item.feed)

    async def _prepare(self, candidates: Sequence[Candidate], builder: BatchBuilder) -> Sequence[Candidate]:
        """Return the candidates with the keys of their lines, from the cleaning processes, without those held back."""
        if self.pooled is None:
            return candidates
        pool, slow_items = self.pooled
        self._requested = requested = [c._replace(job=self._job(c, pool, slow_items)) for c in candidates]
        prepared: list[Candidate] = []
        for candidate in requested:
            if await builder.ends_before(candidate.message, DECODE_SHARE):
                break
            if await self._is_held(candidate, builder):
                continue
            with dead_letter_on_error(candidate.message, builder, candidate.item.feed):
                assert candidate.job is not None
                query = SiteQuery(candidate.site_query.site, site_keys(candidate.item, candidate.job.line_keys()))
                prepared.append(candidate._replace(site_query=query))
        return prepared

    def _job(self, candidate: Candidate, pool: CleaningPool, slow_items: SlowItems) -> CleaningJob:
        """Return the job of an item that has come back, else a new one."""
        job = slow_items.take(candidate.message, candidate.article_id)
        if job is not None and not job.is_postponed:
            return job
        return pool.prepare(
            candidate.message.value, self._rules(candidate.item),
            is_slow=job is not None, is_suspect=slow_items.is_suspect(candidate.item.feed),
        )  # fmt: skip

    def _request_contents(self, candidates: Sequence[Candidate], site_facts: Sequence[SiteFacts]) -> None:
        """Let the cleaning processes clean the candidates."""
        for candidate, facts in zip(candidates, site_facts, strict=True):
            if self.pooled is not None and candidate.job is not None and candidate.job.facts is None:
                self.pooled.pool.clean(candidate.job, facts)

    async def _is_held(self, candidate: Candidate, builder: BatchBuilder) -> bool:
        """Wait for the cleaning of the candidate; hold it if it is slow, or if another version of it is held."""
        if self.pooled is None:
            return False
        message, id_, job = candidate.message, candidate.article_id, candidate.job
        pool, slow_items = self.pooled
        assert job is not None
        if not slow_items.is_blocked(id_):
            if await pool.settle(job):
                return False
            if job.is_postponed and slow_items.is_full:
                job.fail("timeout", f"more than {MAX_POSTPONED_BYTES >> 20} MiB of slow items wait")
                return False
            slow_items.keep(message, id_, job)
            if not slow_items.is_suspect(candidate.item.feed):
                slow_items.suspect(candidate.item.feed)
        builder.hold(candidate.item, message, slow_items.hold(message, id_))
        return True

    def _forget_jobs(self, builder: BatchBuilder) -> None:
        """Forget the cleaning of the items, except of slow items that come again."""
        requested, self._requested = self._requested, []
        if self.pooled is None:
            return
        pool, slow_items = self.pooled
        handled = {message.message_id for message in builder.handled}
        for message, job, id_ in [(c.message, c.job, c.article_id) for c in requested]:
            if job is None or slow_items.has(job, id_):
                continue
            if job.is_slow and message.message_id not in handled:
                slow_items.keep(message, id_, job)
            else:
                pool.forget([job])

    def _clean(self, candidate: Candidate, facts: SiteFacts) -> tuple[CleanedContent, float]:
        """Return the cleaned content, and the CPU seconds of the item so far, without a failed attempt."""
        if candidate.job is not None:
            return candidate.job.content(), 0.0

        def clean() -> tuple[CleanedContent, float]:
            start_s = time.process_time()
            with cpu_deadline(self.settings.item_timeout_s, candidate.cpu_s):
                content = self.clean(candidate.item, candidate.document, facts)
            return content, candidate.cpu_s + time.process_time() - start_s

        return attempt_twice(clean, candidate.message, candidate.item.feed)

    def _is_news(
        self, candidate: Candidate, content: CleanedContent, classification: Classification, builder: BatchBuilder
    ) -> bool:
        """Return whether the item is a new article or a revision, and remember it; count it if it is not."""
        item, message_id = candidate.item, candidate.message.message_id
        status, revision, memory = classification
        with cpu_deadline(self.settings.item_timeout_s):  # for patterns of exponential time
            reason = filter_reason(item, self.settings.feed_options(item.feed))
        if reason:
            builder.count("filtered", item, message_id, reason=reason)
            return False
        if not is_publishable(item, content):
            builder.count("filtered", item, message_id, reason="no title, text, picture or enclosure")
            return False
        if status in (Status.NEW, Status.REVISION):
            builder.memories[candidate.article_id] = memory
            if item.withdrawn and status is Status.NEW:
                builder.state_writes += self.seen.set_commands(candidate.article_id, memory)
                builder.count("filtered", item, message_id, reason="withdrawn, and never published")
                return False
            return True
        if self.seen.expires_soon(candidate.article_id):
            builder.state_writes += self.seen.set_commands(candidate.article_id, memory)
        outcome = "filtered" if status is Status.STALE else status
        builder.count(outcome, item, message_id, reason=f"{status} of revision {revision}")
        return False

    async def _assign_stories(
        self, classified: Sequence[ClassifiedItem], builder: BatchBuilder
    ) -> Sequence["StoryAssignment"]:
        """Return the story of each item. The index stores claims now: a redelivered item gets the same story."""
        # numpy costs memory: a desk that only sees duplicates never imports it.
        from workers.dedupe.near_duplicates.compared_texts import ComparedTexts, sign
        from workers.dedupe.near_duplicates.index import StoryIndex

        self.story_index = self.story_index or StoryIndex(self.broker.state, self.settings.story_window_days * DAY_S)
        self.compared_texts = self.compared_texts or ComparedTexts(self.broker.state)
        read = await self.compared_texts.read([compared_text(news.candidate, news.content) for news in classified])
        stories = await self.story_index.assign(sign(read))
        new = [n for n, news in enumerate(classified) if news.classification.status is Status.NEW]
        builder.state_writes += self.compared_texts.record_commands([read[n] for n in new], [stories[n] for n in new])
        return stories

    def _is_suppressed(self, news: ClassifiedItem, story: "StoryAssignment", builder: BatchBuilder) -> bool:
        """Return whether the policy drops the item as a near-duplicate; remember and count it if so."""
        if not (story.duplicate_of and is_suppressed(story, self.settings.near_duplicates)):
            return False
        candidate = news.candidate
        builder.state_writes += self.seen.set_commands(candidate.article_id, news.classification.memory)
        reason = f"near-duplicate of {story.duplicate_of} ({story.similarity:.0%})"
        builder.count("duplicate", candidate.item, candidate.message.message_id, reason=reason)
        return True

    def _previous_text(self, news: ClassifiedItem, builder: BatchBuilder) -> Sequence[str] | None:
        """Return title, dek and paragraphs of the previous revision; None when they are not remembered."""
        id_ = news.candidate.article_id
        return builder.published_texts.get(id_) or builder.previous_texts.get(id_)

    def _publish(
        self, news: ClassifiedItem, story: "StoryAssignment", previous: Sequence[str] | None, builder: BatchBuilder
    ) -> None:
        """Add the messages of the article, and the state writes that remember it. *previous*: text to compare with."""
        candidate, status = news.candidate, news.classification.status

        def render() -> CleanedContent:
            with cpu_deadline(self.settings.item_timeout_s, news.cpu_s):
                return news.content.rendered()

        content = attempt_twice(render, candidate.message, candidate.item.feed)
        changes, is_reused = compare_revisions(previous, article_text(candidate.item, content))
        item = candidate.item
        if item.withdrawn and not item.title and previous:  # a tombstone has no title
            item = replace(item, title=previous[0])
        article = to_article(
            item, content, id_=candidate.article_id, revision=news.classification.revision,
            source=candidate.message.message_id, fingerprint=news.fingerprint, story=story,
            changes=changes, reused_link=is_reused,
        )  # fmt: skip
        builder.messages += article_messages(article, self.router, previous)
        builder.published_texts[article.id] = article_text(candidate.item, content)
        builder.state_writes += self.seen.set_commands(article.id, news.classification.memory)
        if status is Status.NEW:
            record_article(self.site_history, news, content, article.title, builder)
        builder.count(status, candidate.item, candidate.message.message_id, title=article.title)


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
