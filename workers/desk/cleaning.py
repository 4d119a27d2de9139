"""Cleaning of the candidates of a batch: in the desk's process, or in the processes of a pool."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from streams.records import Item
from streams.topics import is_archive
from workers.clean.cleaner import CleanedContent
from workers.clean.document import BlockDocument
from workers.clean.item_lines import read_patterns
from workers.clean.site_facts import SiteFacts
from workers.clean.site_rules.collection import compile_rules
from workers.dedupe.site_templates import site_keys
from workers.desk.article import item_blocks
from workers.desk.batch import BatchBuilder, attempt_twice, dead_letter_on_error
from workers.desk.candidate import Candidate
from workers.desk.cleaning_job import CleaningJob
from workers.desk.cleaning_pool import CleaningPool
from workers.desk.deadline import CpuTimer
from workers.desk.slow_items import MAX_FEED_BYTES, MAX_POSTPONED_BYTES, SlowItems

# Value of an item that takes as much CPU time as 20 ordinary ones. One poll may deliver many of them.
LARGE_BYTES = 128 * 1024
DECODE_SHARE = 1 / 4  # of the limit, after which a step ends

Cleaner = Callable[[Item, BlockDocument, SiteFacts], CleanedContent]
SLOW_LANE_LIMITS = f"limits: {MAX_FEED_BYTES >> 20} MiB for a feed, {MAX_POSTPONED_BYTES >> 20} MiB in all"


class Cleaning(Protocol):
    """Divides the items of a batch into blocks, and cleans them. Known items have no blocks."""

    async def prepare(self, candidates: Sequence[Candidate], builder: BatchBuilder) -> list[Candidate]:
        """Return the candidates with the keys of their lines, without dead letters and held items."""

    def request(self, candidates: Sequence[Candidate], site_facts: Sequence[SiteFacts]) -> None:
        """Begin to clean the candidates."""

    async def is_held(self, candidate: Candidate, builder: BatchBuilder) -> bool:
        """Wait for the result of the candidate; hold it if it is slow, or if another version of it is held."""

    def content(self, candidate: Candidate, facts: SiteFacts) -> tuple[CleanedContent, float]:
        """Return the cleaned content, and the CPU seconds of the item so far, without a failed attempt."""

    def forget(self, builder: BatchBuilder) -> None:
        """Forget the items of the batch."""


class LocalCleaning:
    """Cleans in this process, each item in at most *limit_s* seconds of CPU time."""

    def __init__(self, clean: Cleaner, timer: CpuTimer, limit_s: float) -> None:
        self.clean, self.timer, self.limit_s = clean, timer, limit_s
        read_patterns()

    async def prepare(self, candidates: Sequence[Candidate], builder: BatchBuilder) -> list[Candidate]:
        prepared: list[Candidate] = []
        for candidate in candidates:
            if await builder.ends_before(candidate.message, DECODE_SHARE):
                break
            if candidate.known is not None:
                prepared.append(candidate)
                continue
            message, feed = candidate.message, candidate.item.feed
            with dead_letter_on_error(message, builder, feed):
                prepared.append(attempt_twice(lambda c=candidate: self._with_blocks(c), message, feed))  # type: ignore[misc]
        return prepared

    def _with_blocks(self, candidate: Candidate) -> Candidate:
        start_s = time.process_time()
        with self.timer(self.limit_s):
            document = item_blocks(candidate.item, compile_rules(candidate.rules))
        query = candidate.site_query._replace(keys=site_keys(candidate.item, document.line_keys))
        return candidate._replace(document=document, site_query=query, cpu_s=time.process_time() - start_s)

    def request(self, candidates: Sequence[Candidate], site_facts: Sequence[SiteFacts]) -> None:
        """Do nothing: `content` cleans."""

    async def is_held(self, candidate: Candidate, builder: BatchBuilder) -> bool:
        return False

    def content(self, candidate: Candidate, facts: SiteFacts) -> tuple[CleanedContent, float]:
        def clean() -> tuple[CleanedContent, float]:
            start_s = time.process_time()
            with self.timer(self.limit_s, candidate.cpu_s):
                content = self.clean(candidate.item, candidate.document, facts)
            return content, candidate.cpu_s + time.process_time() - start_s

        return attempt_twice(clean, candidate.message, candidate.item.feed)

    def forget(self, builder: BatchBuilder) -> None:
        """Do nothing: no item is remembered."""


class PooledCleaning:
    """Cleans in the processes of *pool*; items that are slow there wait in *slow_items*."""

    def __init__(self, pool: CleaningPool, slow_items: SlowItems) -> None:
        self.pool, self.slow_items = pool, slow_items
        self._requested: list[Candidate] = []

    async def prepare(self, candidates: Sequence[Candidate], builder: BatchBuilder) -> list[Candidate]:
        requested = [candidate._replace(job=self._job(candidate)) for candidate in candidates]
        self._requested += requested
        prepared: list[Candidate] = []
        for candidate in requested:
            if await builder.ends_before(candidate.message, DECODE_SHARE):
                break
            if candidate.job is None:
                prepared.append(candidate)
                continue
            if await self.is_held(candidate, builder):
                continue
            with dead_letter_on_error(candidate.message, builder, candidate.item.feed):
                query = candidate.site_query._replace(keys=site_keys(candidate.item, candidate.job.line_keys()))
                prepared.append(candidate._replace(site_query=query))
        return prepared

    def _job(self, candidate: Candidate) -> CleaningJob | None:
        """Return the job of a released item, else a new one; None for a known item."""
        job = self.slow_items.take(candidate.message, candidate.article_id)
        if candidate.known is not None:
            self.pool.forget([job] if job is not None else [])
            return None
        feed = candidate.item.feed
        if job is not None and job.has_exceeded:
            self.slow_items.suspect(feed)
        if job is not None and not job.is_postponed:
            return job
        is_slow = job is not None or self.slow_items.is_suspect(feed) or self._goes_to_slow_lane(candidate)
        job = self.pool.prepare(candidate.message.value, candidate.rules, feed=feed, is_slow=is_slow)
        job.site_query = candidate.site_query._replace(keys=site_keys(candidate.item, ()))
        return job

    def _goes_to_slow_lane(self, candidate: Candidate) -> bool:
        """Return whether a large item of an ordinary feed goes to the slow lane, so that later items need not wait.

        Pages arrive one by one, as the poller fetches them. Archives have a lane of their own.
        """
        item, message = candidate.item, candidate.message
        if len(message.value) < LARGE_BYTES or item.page is not None or is_archive(message.topic):
            return False
        return not self.slow_items.is_full(item.feed)

    def request(self, candidates: Sequence[Candidate], site_facts: Sequence[SiteFacts]) -> None:
        for candidate, facts in zip(candidates, site_facts, strict=True):
            if candidate.job is not None and candidate.job.facts is None:
                self.pool.clean(candidate.job, facts)

    async def is_held(self, candidate: Candidate, builder: BatchBuilder) -> bool:
        message, id_, job = candidate.message, candidate.article_id, candidate.job
        if not self.slow_items.is_blocked(id_):
            if job is None or await self.pool.settle(job):
                return False
            feed = candidate.item.feed
            is_suspect = self.slow_items.is_suspect(feed)
            if job.is_postponed and is_suspect and self.slow_items.is_full(feed):
                job.fail("timeout", f"slow lane full: {feed} ({SLOW_LANE_LIMITS})")
                return False
            self.slow_items.keep(message, id_, job)
            if not is_suspect and (job.has_exceeded or job.attempts):
                self.slow_items.suspect(feed)
        builder.hold(candidate.item, message, self.slow_items.hold(message, id_))
        return True

    def content(self, candidate: Candidate, facts: SiteFacts) -> tuple[CleanedContent, float]:
        assert candidate.job is not None
        self.slow_items.add_cost(candidate.item.feed, candidate.job.cpu_s)
        return candidate.job.content(), 0.0

    def forget(self, builder: BatchBuilder) -> None:
        """Forget the jobs of the items, except those of held items."""
        requested, self._requested = self._requested, []
        handled = {message.message_id for message in builder.handled}
        for message, job, id_ in [(c.message, c.job, c.article_id) for c in requested]:
            if job is None or self.slow_items.has(job, id_):
                continue
            if job.is_slow and message.message_id not in handled:
                self.slow_items.keep(message, id_, job)
            else:
                self.pool.forget([job])
