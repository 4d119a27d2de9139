"""The desk: every item that comes in leaves as an article, or as a dead letter, or is counted with the reason.

read ▸ recall ▸ clean ▸ judge ▸ tell what changed, and the story ▸ route ▸ publish ▸ remember
       seen articles, and what  since when?  a copy, of whom?      └── one step, by streams.faust.agents ──┘
       each site has shown so far
"""

import asyncio
import logging
import signal
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from streams.brokers.base import Broker, OutgoingMessage, RedisCommand
from streams.codec import decode
from streams.config.settings import Settings
from streams.errors import UnreadableError
from streams.faust.agents import BatchResult, ConsumedMessage, add_agent, create_app
from streams.records import Article, Image, Item, MessageId
from streams.topics import DAY_S, DESK_GROUP, ITEMS
from workers.clean.cleaner import (
    BlockDocument,
    CleanedContent,
    clean_blocks,
    detect_gallery,
    detect_input_type,
    to_blocks,
)
from workers.clean.render import paragraphs_html
from workers.clean.site_facts import SiteFacts
from workers.counters import increment_commands
from workers.dead_letters import from_message
from workers.dedupe.classify import ArticleMemory, Classification, Status, classify
from workers.dedupe.diff import count_changes
from workers.dedupe.fingerprint import fingerprint
from workers.dedupe.identity import article_id
from workers.dedupe.recent_texts import RecentTexts
from workers.dedupe.seen import SeenStore
from workers.desk.publish import is_publishable, messages_for
from workers.desk.site_history import SiteHistory, SiteQuery, site_of
from workers.text.normalise import plain_text
from workers.urls.web_url import web_url

if TYPE_CHECKING:
    from workers.dedupe.near_duplicates.index import StoryAssignment, StoryIndex

log = logging.getLogger(__name__)
PAUSE_EVERY_S = 0.1
IMPORT_CHECK_S = MIN_DEADLINE_S = 0.01

Cleaner = Callable[[Item, BlockDocument, SiteFacts], CleanedContent]


class Desk:
    """Handles batches of items. One per process."""

    def __init__(self, settings: Settings, broker: Broker, clean: Cleaner | None = None) -> None:
        self.settings, self.broker = settings, broker
        self.clean = clean or clean_item
        self.seen = SeenStore(broker.state)
        self.site_history = SiteHistory(broker.state)
        self.recent_texts = RecentTexts(broker.state)
        self.story_index: StoryIndex | None = None

    async def handle(self, batch: Sequence[ConsumedMessage]) -> BatchResult:
        """Return what the batch comes to. Later items see what earlier ones of the same batch were judged to be.

        A step ends within the lease: what takes longer is left to the next one.
        """
        work, pace = BatchState(), Pace(self.settings.lease_timeout_s)
        stories: list[Candidate] = []
        for n, incoming in enumerate(batch):
            if n and await pace.is_over(1 / 4):
                batch = batch[:n]
                break
            if (story := self._decode(incoming, work)) is not None:
                stories.append(story)
        work.memory = await self.seen.get([article_id(story.item.identity_key) for story in stories])
        judged = []
        for story, facts in zip(stories, await self.site_history.lookup([s.site_query for s in stories]), strict=True):
            if story is not stories[0] and await pace.is_over(1 / 2):
                batch = batch[: batch.index(story.message)]
                break
            with dead_letter_on_error(story.message, work):
                judged += self._clean_and_classify(story, facts, work)
        work.recent_texts = await self.recent_texts.get(
            [j.article.id for j in judged if j.verdict.status is Status.REVISION]
        )
        for one, told in zip(judged, await self._assign_stories(judged), strict=True):
            with dead_letter_on_error(one.candidate.message, work):
                self._publish(one, told, work)
        work.state_writes += self.recent_texts.set_commands(work.published)
        return work.outcome(batch)

    def _decode(self, incoming: ConsumedMessage, work: "BatchState") -> "Candidate | None":
        with dead_letter_on_error(incoming, work):
            item = work.item = decode(incoming.value, Item)
            since_s = time.process_time()
            with cpu_deadline(self.settings.item_timeout_s):
                draft = item_blocks(item)
                question = SiteQuery(site_of(item), frozenset(draft.line_keys))
            return Candidate(incoming, item, draft, question, time.process_time() - since_s)
        return None

    def _clean_and_classify(self, story: "Candidate", facts: SiteFacts, work: "BatchState") -> list["ClassifiedItem"]:
        """Clean an item and say what it is; returns it when it is news, counts it when it isn't."""
        item, at = story.item, story.message.at
        work.item = item
        with cpu_deadline(self.settings.item_timeout_s, story.cpu_s):
            copy = self.clean(item, story.document, facts)
        id_ = article_id(item.identity_key)
        mark = content_fingerprint(copy)
        verdict = classify(work.memory.get(id_), mark, item.fetched_at.timestamp())
        article = to_article(copy, item, id_, verdict.revision, at, mark.hex())
        if not is_publishable(article, item):
            work.count("filtered", item, at, "nothing in it to publish")
        elif verdict.status in (Status.NEW, Status.REVISION):
            work.memory[id_] = verdict.memory
            return [ClassifiedItem(story, facts, copy, article, verdict)]
        else:
            if self.seen.expires_soon(id_):
                work.state_writes += self.seen.set_commands(id_, verdict.memory)
            outcome = "filtered" if verdict.status is Status.STALE else verdict.status
            work.count(outcome, item, at, f"{verdict.status} of revision {verdict.revision}")
        return []

    async def _assign_stories(self, judged: Sequence["ClassifiedItem"]) -> Sequence["StoryAssignment"]:
        """Return the story that each article tells. Claimed before they are published: a redelivery finds its claim."""
        from workers.dedupe.near_duplicates.index import StoryIndex
        from workers.dedupe.near_duplicates.signature import (
            signature_of,  # numpy costs memory: a desk that never has news doesn't pay for it
        )

        self.story_index = self.story_index or StoryIndex(self.broker.state, self.settings.story_window_days * DAY_S)
        return await self.story_index.assign([(one.article.id, signature_of(*one.signed_parts)) for one in judged])

    def _publish(self, one: "ClassifiedItem", told: "StoryAssignment", work: "BatchState") -> None:
        item, at = one.candidate.item, one.candidate.message.at
        work.item = item
        article = with_story(with_changes(one.article, work), told)
        work.state_writes += self.seen.set_commands(article.id, one.verdict.memory)
        if told.duplicate_of and is_suppressed(told, self.settings.near_duplicates):
            work.count("duplicate", item, at, f"a copy of {told.duplicate_of} ({told.similarity:.0%})")
            return
        work.messages += messages_for(article, self.settings.routes)
        work.published[article.id] = (article.title, article.dek, *article.paragraphs)
        if one.verdict.status is Status.NEW:
            lines = () if one.facts.is_reprint(one.content.stable_lines) else one.content.stable_lines
            work.state_writes += self.site_history.record_commands(one.candidate.site_query.site, article.title, lines)
        work.count(one.verdict.status, item, at, article.title)


def is_suppressed(told: "StoryAssignment", copies: str) -> bool:
    """Whether the policy *copies* keeps a copy back."""
    return copies == "drop" or (copies == "first-publisher" and not told.same_publisher)


class Candidate(NamedTuple):
    """An item on its way through the desk."""

    message: ConsumedMessage
    item: Item
    document: BlockDocument
    site_query: SiteQuery
    cpu_s: float


class ClassifiedItem(NamedTuple):
    """An item that is news: its clean copy, the article that it makes, and the verdict."""

    candidate: Candidate
    facts: SiteFacts
    content: CleanedContent
    article: Article
    verdict: Classification

    @property
    def words(self) -> str:
        return "\n".join((self.article.dek, *self.article.paragraphs))

    @property
    def signed_parts(self) -> tuple[str, str, str, float, str]:
        """Title, words, publisher, time in Unix seconds and feed, as `sign` takes them."""
        fetched_s = self.candidate.item.fetched_at.timestamp()
        return self.article.title, self.words, self.publisher, fetched_s, self.article.feed

    @property
    def publisher(self) -> str:
        return self.article.publisher or self.candidate.site_query.site


class BatchState:
    """What a batch has come to so far."""

    def __init__(self) -> None:
        self.memory: dict[str, ArticleMemory] = {}
        self.messages: list[OutgoingMessage] = []
        self.dead: dict[MessageId, OutgoingMessage] = {}
        self.state_writes: list[RedisCommand] = []
        self.recent_texts: dict[str, Sequence[str]] = {}
        self.published: dict[str, Sequence[str]] = {}
        self.counts: Counter[str] = Counter()
        self.item: Item | None = None

    def count(self, outcome: str, item: Item, at: MessageId, why: str) -> None:
        self.counts[outcome] += 1
        log.info("%s item=%s feed=%s at=%s: %s", outcome, item.identity_key, item.feed, at, why)

    def outcome(self, handled: Sequence[ConsumedMessage]) -> BatchResult:
        """Return what the messages *handled* come to; dead letters of others wait for their step."""
        dead = [self.dead[incoming.at] for incoming in handled if incoming.at in self.dead]
        counts = self.counts + Counter(dead=len(dead))
        remember = [*self.state_writes, *increment_commands("desk", counts)]
        return BatchResult([*dead, *self.messages], remember, len(handled))


class Pace:
    """Tells when a step must end, and lets the event loop run between items: heartbeats and signals wait there."""

    def __init__(self, lease_s: float) -> None:
        self.lease_s = lease_s
        self._since_s = self._paused_s = time.monotonic()

    async def is_over(self, part: float) -> bool:
        """Return whether the step has taken more than this part of a lease."""
        if time.monotonic() - self._paused_s > PAUSE_EVERY_S:
            await asyncio.sleep(0)
            self._paused_s = time.monotonic()
        return time.monotonic() - self._since_s > part * self.lease_s


@contextmanager
def dead_letter_on_error(incoming: ConsumedMessage, work: BatchState) -> Iterator[None]:
    """Turn what goes wrong with one item into its dead letter, so that the rest goes on."""
    work.item = None
    try:
        yield
    except UnreadableError as exc:
        kind, reason = "unreadable", str(exc)
    except TimeoutError as exc:
        kind, reason = "timeout", str(exc)
    except Exception as exc:  # noqa: BLE001 - a bug that one item finds must not stop a partition; it can be replayed
        kind, reason = "bug", f"{exc!r}\n{''.join(traceback.format_tb(exc.__traceback__)[-3:])}"
    else:
        return
    feed = work.item.feed if work.item else ""
    log.error(
        "dead letter item=%s feed=%s at=%s: %s: %s",
        incoming.key.decode("utf-8", "replace"),
        feed,
        incoming.at,
        kind,
        reason,
    )
    work.dead[incoming.at] = from_message(incoming, kind, reason, feed)


@contextmanager
def cpu_deadline(seconds: float, spent_s: float = 0.0) -> Iterator[None]:
    """Raise TimeoutError in the block when it computes for longer than *seconds* of CPU time, *spent_s* included.

    Cleaning never awaits, so asyncio can't interrupt it; a signal can. The wall clock doesn't count: it goes on while
    the process is frozen or the machine is busy, and then a good item would be refused. Works in the main thread only.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(signum: int, frame: FrameType | None) -> None:
        if is_importing(frame):  # a module that was half imported may never be importable again; numpy isn't
            signal.setitimer(signal.ITIMER_PROF, IMPORT_CHECK_S)
        else:
            raise TimeoutError(f"took longer than {seconds:g} s of CPU time")

    signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, max(MIN_DEADLINE_S, seconds - spent_s))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)  # by default, one that is still on its way ends the process


def is_importing(frame: FrameType | None) -> bool:
    """Return whether *frame* runs within an import."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def item_blocks(item: Item) -> BlockDocument:
    """Return an item in blocks: its page where it has one, else what its feed shows."""
    if item.page is not None:
        return to_blocks(item.page.html, "page", title=item.title, url=item.page.url)
    return feed_blocks(item)


def feed_blocks(item: Item) -> BlockDocument:
    """Return what a feed shows of an item, in blocks: its longest content, else its summary."""
    body = max(item.content, key=lambda c: len(c.value), default=item.summary)
    if body is None or not body.value.strip():
        return BlockDocument("text", [], plain_text(item.title))
    # Feeds declare text and send HTML; the other way round, lines of plain text are blocks.
    kind = "text" if body.type == "text/plain" and detect_input_type(body.value) == "text" else "html"
    return to_blocks(body.value, kind, title=item.title, url=item.link)


def clean_item(item: Item, draft: BlockDocument | None = None, facts: SiteFacts | None = None) -> CleanedContent:
    """Return the clean copy of an item, by what is known of its site."""
    copy = clean_blocks(draft or item_blocks(item), facts)
    if item.page is not None:  # that may be a notice about cookies or a subscription
        own = clean_blocks(feed_blocks(item), facts)
        return own if own.word_count > copy.word_count else copy
    return copy


def content_fingerprint(copy: CleanedContent) -> bytes:
    """Return the fingerprint of the clean copy: link blocks that change with every poll make no revision."""
    return fingerprint((copy.title, copy.dek, *copy.stable_lines, *(i.caption for i in copy.images)))


def to_article(copy: CleanedContent, item: Item, id_: str, revision: int, at: MessageId, mark: str = "") -> Article:
    """Return the article of *copy*; what its feed says of title, authors and times counts before what the text says."""
    return Article(
        id=id_,
        revision=revision,
        url=web_url(item.link),
        canonical_url=web_url(item.canonical_url),
        title=item.title or copy.title,
        dek=copy.dek,
        kicker=copy.kicker,
        byline=item.authors or copy.byline,
        dateline=copy.dateline,
        published=item.published or copy.published,
        updated=item.updated or copy.updated,
        publisher=item.publisher,
        feed=item.feed,
        folder=item.folder,
        language=item.language,
        tags=item.categories,
        source_credit=copy.source_credit,
        images=_web_images(copy.images or (Image(item.image_url),)),
        paragraphs=copy.paragraphs,
        html=copy.html or paragraphs_html(copy.paragraphs),
        article_type=copy.article_type or detect_gallery(copy),
        word_count=copy.word_count,
        reading_minutes=copy.reading_minutes,
        story_id=id_,
        fetched_at=item.fetched_at,
        fingerprint=mark,
        removed=copy.removed,
        source=at,
    )


def _web_images(images: Sequence[Image]) -> tuple[Image, ...]:
    """Return *images* with URLs of the web only; one that has neither such a URL nor words is none."""
    checked = (msgspec.structs.replace(image, url=web_url(image.url)) for image in images)
    return tuple(image for image in checked if image != Image())


def with_changes(article: Article, work: BatchState) -> Article:
    """Return *article* with what it changed, where the revision before it is known."""
    before = work.published.get(article.id) or work.recent_texts.get(article.id)
    if before is None:
        return article
    title, *paragraphs = before
    changed = count_changes(title, paragraphs, article.title, (article.dek, *article.paragraphs))
    return msgspec.structs.replace(article, changes=changed)


def with_story(article: Article, told: "StoryAssignment") -> Article:
    """Return *article* with the story that it tells."""
    return msgspec.structs.replace(
        article, story_id=told.story, duplicate_of=told.duplicate_of, similarity=told.similarity
    )


def create_desk(settings: Settings, broker: Broker, *, url: str, name: str = "", clean: Cleaner | None = None) -> Any:
    """Return the Faust app whose one agent is the desk; *clean* takes the place of the cleaning rules."""
    app = create_app(settings, DESK_GROUP, url=url, name=name)
    add_agent(app, broker, ITEMS, Desk(settings, broker, clean).handle, settings.desk_batch_size)
    return app
