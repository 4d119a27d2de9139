"""The desk: every item that comes in leaves as an article, or as a dead letter, or is counted with the reason.

read ▸ recall ▸ clean ▸ judge ▸ route ▸ publish ▸ remember
                                        └──── one step, by streams.app ────┘
"""

import logging
import signal
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from streams.app import Incoming, Outcome, create_app, run_agent
from streams.codec import decode
from streams.errors import UnreadableError
from streams.records import Article, Coordinates, Image, Item
from streams.settings import Settings
from streams.topics import DESK_GROUP, ITEMS
from streams.transport.broker import Broker, Command, Message
from workers.clean.article import Copy, clean, sniff
from workers.clean.html import paragraphs_html
from workers.counters import counting
from workers.deadletter import dead_letter
from workers.dedupe.fingerprint import fingerprint
from workers.dedupe.identity import article_id
from workers.dedupe.seen import Seen
from workers.dedupe.verdict import Kind, Memory, Verdict, judge
from workers.publish import is_publishable, messages_for

log = logging.getLogger(__name__)


Clean = Callable[[Item], Copy]


class Desk:
    """Handles batches of items. One per process."""

    def __init__(self, settings: Settings, broker: Broker, clean: Clean | None = None) -> None:
        self.settings = settings
        self.clean = clean or clean_item
        self.seen = Seen(broker.state)

    async def handle(self, batch: Sequence[Incoming]) -> Outcome:
        """Return what the batch comes to. Later items see what earlier ones of the same batch were judged to be."""
        memory = await self.seen.recall([article_id(i.key.decode("utf-8", "replace")) for i in batch])
        work = Work(memory)
        for incoming in batch:
            with set_aside(incoming, work):
                self._handle_one(incoming, work)
        return Outcome(work.messages, [*work.remember, *counting("desk", work.counts)])

    def _handle_one(self, incoming: Incoming, work: "Work") -> None:
        item = work.item = decode(incoming.value, Item)
        with deadline(self.settings.item_timeout_s):
            copy = self.clean(item)
        id_ = article_id(item.key)
        verdict = judge(work.memory.get(id_), copy_fingerprint(copy), item.fetched_at.timestamp())
        article = to_article(copy, item, id_, verdict.revision, incoming.at)
        if not is_publishable(article, item):
            work.count("filtered", item, incoming.at, "nothing in it to publish")
        elif verdict.kind in (Kind.NEW, Kind.REVISION):
            work.publish(messages_for(article, self.settings.routes), id_, verdict, self.seen)
            work.count(verdict.kind, item, incoming.at, article.title)
        else:
            if self.seen.fading(id_):
                work.remember += self.seen.remember(id_, verdict.memory)
            outcome = "filtered" if verdict.kind is Kind.STALE else verdict.kind
            work.count(outcome, item, incoming.at, f"{verdict.kind} of revision {verdict.revision}")


class Work:
    """What a batch has come to so far."""

    def __init__(self, memory: dict[str, Memory]) -> None:
        self.memory = memory
        self.messages: list[Message] = []
        self.remember: list[Command] = []
        self.counts: Counter[str] = Counter()
        self.item: Item | None = None

    def publish(self, messages: Sequence[Message], id_: str, verdict: Verdict, seen: Seen) -> None:
        self.remember += seen.remember(id_, verdict.memory)
        self.memory[id_] = verdict.memory
        self.messages += messages

    def count(self, outcome: str, item: Item, at: Coordinates, why: str) -> None:
        self.counts[outcome] += 1
        log.info("%s item=%s feed=%s at=%s: %s", outcome, item.key, item.feed, at, why)


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
    work.messages.append(dead_letter(incoming, kind, reason, feed))
    work.counts["dead"] += 1


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block when it computes for longer than *seconds*. Works in the main thread only.

    Cleaning never awaits, so asyncio can't interrupt it; an alarm signal can.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(signum: int, frame: Any) -> NoReturn:
        raise TimeoutError(f"took longer than {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def clean_item(item: Item) -> Copy:
    """Return the clean copy of an item: its longest content, else its summary."""
    body = max(item.content, key=lambda c: len(c.value), default=item.summary)
    if body is None or not body.value.strip():
        return Copy(title=item.title)
    # Feeds declare text and send HTML; the other way round, lines of plain text are blocks.
    kind = "text" if body.type == "text/plain" and sniff(body.value) == "text" else "html"
    return clean(body.value, kind, title=item.title, url=item.link)


def copy_fingerprint(copy: Copy) -> bytes:
    """Return the fingerprint of the clean copy: link blocks that change with every poll make no revision."""
    return fingerprint((copy.title, copy.dek, *copy.text, *(i.caption for i in copy.images)))


def to_article(copy: Copy, item: Item, id_: str, revision: int, at: Coordinates) -> Article:
    """Return the article of *copy*; what its feed says of title, authors and times counts before what the text says."""
    return Article(
        id=id_,
        revision=revision,
        url=item.link,
        canonical_url=item.canonical_url,
        title=item.title or copy.title,
        dek=copy.dek,
        kicker=copy.kicker,
        byline=item.authors or copy.byline,
        dateline=copy.dateline,
        published=item.published or copy.published,
        updated=item.updated,
        publisher=item.publisher,
        feed=item.feed,
        language=item.language,
        tags=item.categories,
        source_credit=copy.source_credit,
        images=copy.images or ((Image(item.image),) if item.image else ()),
        text=copy.text,
        html=copy.html or paragraphs_html(copy.text),
        word_count=copy.word_count,
        reading_minutes=copy.reading_minutes,
        story_id=id_,
        removed=copy.removed,
        item=at,
    )


def create_desk(settings: Settings, broker: Broker, *, url: str, name: str = "", clean: Clean | None = None) -> Any:
    """Return the Faust app whose one agent is the desk; *clean* takes the place of the cleaning rules."""
    app = create_app(settings, DESK_GROUP, url=url, name=name)
    run_agent(app, broker, ITEMS, Desk(settings, broker, clean).handle, settings.batch)
    return app
