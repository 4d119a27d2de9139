"""The desk: every item that comes in leaves as an article, or as a dead letter, or is counted with the reason.

read ▸ recall ▸ clean ▸ judge ▸ tell what changed, and the story ▸ route ▸ publish ▸ remember
       seen articles, and what  since when?  a copy, of whom?      └── one step, by streams.app ──┘
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

from streams.app import Incoming, Outcome, create_app, run_agent
from streams.codec import decode
from streams.errors import UnreadableError
from streams.records import Article, Coordinates, Image, Item
from streams.settings import Settings
from streams.topics import DAY_S, DESK_GROUP, ITEMS
from streams.transport.broker import Broker, Command, Message
from workers.clean.article import Copy, Draft, decide, draft, form_of, sniff
from workers.clean.facts import Facts
from workers.clean.html import paragraphs_html
from workers.clean.text import plain
from workers.clean.weburl import web_url
from workers.counters import counting
from workers.deadletter import dead_letter
from workers.dedupe.changes import changes
from workers.dedupe.fingerprint import fingerprint
from workers.dedupe.identity import article_id
from workers.dedupe.lately import Lately
from workers.dedupe.seen import Seen
from workers.dedupe.verdict import Kind, Memory, Verdict, judge
from workers.evidence import Evidence, Question, site_of
from workers.publish import is_publishable, messages_for

if TYPE_CHECKING:
    from workers.dedupe.stories import Stories, Told

log = logging.getLogger(__name__)
PAUSE_EVERY_S = 0.1
IMPORT_CHECK_S = MIN_DEADLINE_S = 0.01

Clean = Callable[[Item, Draft, Facts], Copy]


class Desk:
    """Handles batches of items. One per process."""

    def __init__(self, settings: Settings, broker: Broker, clean: Clean | None = None) -> None:
        self.settings, self.broker = settings, broker
        self.clean = clean or clean_item
        self.seen = Seen(broker.state)
        self.evidence = Evidence(broker.state)
        self.lately = Lately(broker.state)
        self.stories: Stories | None = None

    async def handle(self, batch: Sequence[Incoming]) -> Outcome:
        """Return what the batch comes to. Later items see what earlier ones of the same batch were judged to be.

        A step ends within the lease: what takes longer is left to the next one.
        """
        work, pace = Work(), Pace(self.settings.lease_s)
        stories: list[Story] = []
        for n, incoming in enumerate(batch):
            if n and await pace.is_over(1 / 4):
                batch = batch[:n]
                break
            if (story := self._read(incoming, work)) is not None:
                stories.append(story)
        work.memory = await self.seen.recall([article_id(story.item.key) for story in stories])
        judged = []
        for story, facts in zip(stories, await self.evidence.recall([s.question for s in stories]), strict=True):
            if story is not stories[0] and await pace.is_over(1 / 2):
                batch = batch[: batch.index(story.incoming)]
                break
            with set_aside(story.incoming, work):
                judged += self._judge(story, facts, work)
        work.lately = await self.lately.recall([j.article.id for j in judged if j.verdict.kind is Kind.REVISION])
        for one, told in zip(judged, await self._tell(judged), strict=True):
            with set_aside(one.story.incoming, work):
                self._publish(one, told, work)
        work.remember += self.lately.remember(work.published)
        return work.outcome(batch)

    def _read(self, incoming: Incoming, work: "Work") -> "Story | None":
        with set_aside(incoming, work):
            item = work.item = decode(incoming.value, Item)
            since_s = time.process_time()
            with deadline(self.settings.item_timeout_s):
                draft = draft_item(item)
                question = Question(site_of(item), frozenset(draft.keys))
            return Story(incoming, item, draft, question, time.process_time() - since_s)
        return None

    def _judge(self, story: "Story", facts: Facts, work: "Work") -> list["Judged"]:
        """Clean an item and say what it is; returns it when it is news, counts it when it isn't."""
        item, at = story.item, story.incoming.at
        work.item = item
        with deadline(self.settings.item_timeout_s, story.cpu_s):
            copy = self.clean(item, story.draft, facts)
        id_ = article_id(item.key)
        mark = copy_fingerprint(copy)
        verdict = judge(work.memory.get(id_), mark, item.fetched_at.timestamp())
        article = to_article(copy, item, id_, verdict.revision, at, mark.hex())
        if not is_publishable(article, item):
            work.count("filtered", item, at, "nothing in it to publish")
        elif verdict.kind in (Kind.NEW, Kind.REVISION):
            work.memory[id_] = verdict.memory
            return [Judged(story, facts, copy, article, verdict)]
        else:
            if self.seen.fading(id_):
                work.remember += self.seen.remember(id_, verdict.memory)
            outcome = "filtered" if verdict.kind is Kind.STALE else verdict.kind
            work.count(outcome, item, at, f"{verdict.kind} of revision {verdict.revision}")
        return []

    async def _tell(self, judged: Sequence["Judged"]) -> Sequence["Told"]:
        """Return the story that each article tells. Claimed before they are published: a redelivery finds its claim."""
        from workers.dedupe.signature import sign  # numpy costs memory: a desk that never has news doesn't pay for it
        from workers.dedupe.stories import Stories

        self.stories = self.stories or Stories(self.broker.state, self.settings.story_days * DAY_S)
        return await self.stories.tell([(one.article.id, sign(*one.signed_parts)) for one in judged])

    def _publish(self, one: "Judged", told: "Told", work: "Work") -> None:
        item, at = one.story.item, one.story.incoming.at
        work.item = item
        article = with_story(with_changes(one.article, work), told)
        work.remember += self.seen.remember(article.id, one.verdict.memory)
        if told.copy_of and is_suppressed(told, self.settings.copies):
            work.count("duplicate", item, at, f"a copy of {told.copy_of} ({told.similarity:.0%})")
            return
        work.messages += messages_for(article, self.settings.routes)
        work.published[article.id] = (article.title, article.dek, *article.text)
        if one.verdict.kind is Kind.NEW:
            lines = () if one.facts.is_copy(one.copy.steady) else one.copy.steady
            work.remember += self.evidence.remember(one.story.question.site, article.title, lines)
        work.count(one.verdict.kind, item, at, article.title)


def is_suppressed(told: "Told", copies: str) -> bool:
    """Whether the policy *copies* keeps a copy back."""
    return copies == "suppress" or (copies == "first-publisher-wins" and not told.own)


class Story(NamedTuple):
    """An item on its way through the desk."""

    incoming: Incoming
    item: Item
    draft: Draft
    question: Question
    cpu_s: float


class Judged(NamedTuple):
    """An item that is news: its clean copy, the article that it makes, and the verdict."""

    story: Story
    facts: Facts
    copy: Copy
    article: Article
    verdict: Verdict

    @property
    def words(self) -> str:
        return "\n".join((self.article.dek, *self.article.text))

    @property
    def signed_parts(self) -> tuple[str, str, str, float, str]:
        """Title, words, publisher, time in Unix seconds and feed, as `sign` takes them."""
        fetched_s = self.story.item.fetched_at.timestamp()
        return self.article.title, self.words, self.publisher, fetched_s, self.article.feed

    @property
    def publisher(self) -> str:
        return self.article.publisher or self.story.question.site


class Work:
    """What a batch has come to so far."""

    def __init__(self) -> None:
        self.memory: dict[str, Memory] = {}
        self.messages: list[Message] = []
        self.dead: dict[Coordinates, Message] = {}
        self.remember: list[Command] = []
        self.lately: dict[str, Sequence[str]] = {}
        self.published: dict[str, Sequence[str]] = {}
        self.counts: Counter[str] = Counter()
        self.item: Item | None = None

    def count(self, outcome: str, item: Item, at: Coordinates, why: str) -> None:
        self.counts[outcome] += 1
        log.info("%s item=%s feed=%s at=%s: %s", outcome, item.key, item.feed, at, why)

    def outcome(self, handled: Sequence[Incoming]) -> Outcome:
        """Return what the messages *handled* come to; dead letters of others wait for their step."""
        dead = [self.dead[incoming.at] for incoming in handled if incoming.at in self.dead]
        counts = self.counts + Counter(dead=len(dead))
        remember = [*self.remember, *counting("desk", counts)]
        return Outcome([*dead, *self.messages], remember, len(handled))


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
def set_aside(incoming: Incoming, work: Work) -> Iterator[None]:
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
    work.dead[incoming.at] = dead_letter(incoming, kind, reason, feed)


@contextmanager
def deadline(seconds: float, spent_s: float = 0.0) -> Iterator[None]:
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


def draft_item(item: Item) -> Draft:
    """Return an item in blocks: its page where it has one, else what its feed shows."""
    if item.page is not None:
        return draft(item.page.html, "page", title=item.title, url=item.page.url)
    return draft_feed(item)


def draft_feed(item: Item) -> Draft:
    """Return what a feed shows of an item, in blocks: its longest content, else its summary."""
    body = max(item.content, key=lambda c: len(c.value), default=item.summary)
    if body is None or not body.value.strip():
        return Draft("text", [], plain(item.title))
    # Feeds declare text and send HTML; the other way round, lines of plain text are blocks.
    kind = "text" if body.type == "text/plain" and sniff(body.value) == "text" else "html"
    return draft(body.value, kind, title=item.title, url=item.link)


def clean_item(item: Item, draft: Draft | None = None, facts: Facts | None = None) -> Copy:
    """Return the clean copy of an item, by what is known of its site."""
    copy = decide(draft or draft_item(item), facts)
    if item.page is not None:  # that may be a notice about cookies or a subscription
        own = decide(draft_feed(item), facts)
        return own if own.word_count > copy.word_count else copy
    return copy


def copy_fingerprint(copy: Copy) -> bytes:
    """Return the fingerprint of the clean copy: link blocks that change with every poll make no revision."""
    return fingerprint((copy.title, copy.dek, *copy.steady, *(i.caption for i in copy.images)))


def to_article(copy: Copy, item: Item, id_: str, revision: int, at: Coordinates, mark: str = "") -> Article:
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
        images=_web_images(copy.images or (Image(item.image),)),
        text=copy.text,
        html=copy.html or paragraphs_html(copy.text),
        form=copy.form or form_of(copy),
        word_count=copy.word_count,
        reading_minutes=copy.reading_minutes,
        story_id=id_,
        fetched_at=item.fetched_at,
        fingerprint=mark,
        removed=copy.removed,
        item=at,
    )


def _web_images(images: Sequence[Image]) -> tuple[Image, ...]:
    """Return *images* with URLs of the web only; one that has neither such a URL nor words is none."""
    checked = (msgspec.structs.replace(image, url=web_url(image.url)) for image in images)
    return tuple(image for image in checked if image != Image())


def with_changes(article: Article, work: Work) -> Article:
    """Return *article* with what it changed, where the revision before it is known."""
    before = work.published.get(article.id) or work.lately.get(article.id)
    if before is None:
        return article
    title, *paragraphs = before
    changed = changes(title, paragraphs, article.title, (article.dek, *article.text))
    return msgspec.structs.replace(article, changes=changed)


def with_story(article: Article, told: "Told") -> Article:
    """Return *article* with the story that it tells."""
    return msgspec.structs.replace(article, story_id=told.story, duplicate_of=told.copy_of, similarity=told.similarity)


def create_desk(settings: Settings, broker: Broker, *, url: str, name: str = "", clean: Clean | None = None) -> Any:
    """Return the Faust app whose one agent is the desk; *clean* takes the place of the cleaning rules."""
    app = create_app(settings, DESK_GROUP, url=url, name=name)
    run_agent(app, broker, ITEMS, Desk(settings, broker, clean).handle, settings.batch)
    return app
