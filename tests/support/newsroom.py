"""A filled broker for the views of the page: articles of every state, feeds, polls and dead letters."""

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from streams.brokers.base import Broker, OutgoingMessage
from streams.codec import encode
from streams.records import Article, Correction, Item, Link, MessageId, PollResult, RemovedBlock, RevisionChanges
from streams.topics import ITEMS, POLLS
from tests.support.site import NOW, article, publish
from workers.dead_letters import build, from_feed_entry
from workers.poller.registry import FeedRegistry

FEED, FAILING = "https://courier.example/world.xml", "https://gone.example/feed.xml"
STORY, COPY, REVISED, WITHDRAWN = (f"{n:020x}" for n in (1, 2, 3, 4))
REMOVED = (
    RemovedBlock(
        "links", "Explore: Storm spares Lanthe, Ferry fares rise", "label of a link list", "Explore",
        (Link("https://courier.example/s", "Storm spares Lanthe"), Link("https://courier.example/f", "Ferry fares rise")),
    ),
    RemovedBlock("share", "Share this article", "share bar"),
)  # fmt: skip
PARAGRAPHS = (
    "The harbour board reopened the canal on Monday, nine years after the flood closed it.",
    "Ida Marrow, who leads the board, said that the first ships would enter on Tuesday.",
)


def news() -> list[Article]:
    """Return a first version, its copy, a corrected article and a withdrawn one."""
    first = replace(
        article(1), title="Harbour board reopens the canal", publisher="Orrin Wire", feed=FEED, language="en",
        paragraphs=PARAGRAPHS, removed=REMOVED, word_count=29, source=MessageId(ITEMS.name, 2, 41), fetched_at=NOW,
        story_id=STORY, field_sources={"published": "feed", "byline": "text"},
    )  # fmt: skip
    copy = replace(
        first, id=COPY, title="Canal open again after nine years", publisher="The Courier", duplicate_of=STORY,
        duplicate_kind="text", similarity=0.94, fetched_at=NOW + timedelta(minutes=12),
        paragraphs=(PARAGRAPHS[0], PARAGRAPHS[1].replace("who leads the board", "its chair")),
    )  # fmt: skip
    early = replace(
        article(3),
        title="Ferry fares rise by 4 %",
        paragraphs=("Fares rise by 4 % in May.",),
        story_id=REVISED,
        fetched_at=NOW,
    )
    late = replace(
        early, revision=2, title="Ferry fares rise by 6 %", paragraphs=("Fares rise by 6 % in June.",),
        correction=Correction("correction", "An earlier version gave a wrong share."),
        changes=RevisionChanges("Ferry fares rise by 4 %", 2, 2), fetched_at=NOW + timedelta(minutes=5),
    )  # fmt: skip
    withdrawn = replace(
        article(4), title="Report on the ferry", paragraphs=(), withdrawn="retracted by the agency", fetched_at=NOW
    )
    return [early, first, copy, late, withdrawn]


async def fill(broker: Broker) -> None:
    """Publish articles and polls, register feeds, and write dead letters."""
    for published in news():
        await publish(broker, published)
    feeds = FeedRegistry(broker.state)
    await feeds.add([(FEED, "world"), (FAILING, ""), ("https://quiet.example/f", "")])
    await feeds.edit([FEED], polls=12, title="The Courier: World", items_published=240, polled_s=NOW.timestamp())
    failed: dict[str, Any] = {"error": "HTTP 404", "error_kind": "http_status", "status": 404}
    await feeds.edit([FAILING], polls=3, failures=3, **failed)
    await feeds.set_paused(["https://quiet.example/f"], True)
    polls = [
        PollResult(
            id="a",
            feed=FEED,
            started_at=NOW,
            outcome="ok",
            status=200,
            items_total=20,
            items_new=3,
            elapsed_ms=120,
            body_bytes=9_000,
        ),
        PollResult(id="b", feed=FAILING, started_at=NOW, outcome="failed", **failed),
    ]
    await broker.publish([OutgoingMessage(POLLS.name, poll.feed.encode(), encode(poll)) for poll in polls])
    item = encode(
        Item(
            feed=FEED,
            identity_key="k",
            title="A page that takes too long",
            link="https://courier.example/x",
            fetched_at=NOW,
            fingerprint="",
        )
    )
    await broker.publish(
        [
            build(
                MessageId(ITEMS.name, 0, 1),
                b"k",
                item,
                (),
                "timeout",
                "cleaning took longer than 2.5 s of CPU time",
                feed=FEED,
            ),
            build(
                MessageId(ITEMS.name, 0, 2),
                b"k",
                item,
                (),
                "timeout",
                "cleaning took longer than 2.6 s of CPU time",
                feed=FEED,
            ),
            from_feed_entry(FAILING, "<item><title>torn", "entry not readable: unclosed element"),
        ]
    )
