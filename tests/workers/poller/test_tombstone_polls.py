"""Tombstones of polled Atom feeds: a withdrawal by the feed that owns the article, and by no other."""

from streams.config.settings import Settings
from streams.records import Article
from tests.support.feed_server import FeedServer
from tests.support.pipeline import BODY, everything, newsdesk, settled
from workers.poller.registry import GUID_KEYS, FeedRegistry

ID = "tag:news.example,2026:canal"
HEAD = (
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:at="http://purl.org/atompub/tombstones/1.0"><title>{title}</title>'
)
ENTRY = (
    f"<entry><id>{ID}</id><title>Canal reopens</title><updated>2026-11-26T08:00:00Z</updated>"
    '<link href="https://news.example/canal"/><content type="html">{text}</content></entry>'
)
TOMBSTONE = (
    f'<at:deleted-entry ref="{ID}" when="2026-11-26T10:00:00Z"><at:comment>Published by mistake</at:comment>'
    "</at:deleted-entry>"
)


def feed(title: str, content: str) -> bytes:
    return f"{HEAD.format(title=title)}{content}</feed>".encode()


async def test_tombstone_withdraws_the_article_of_its_feed(settings: Settings) -> None:
    entry = ENTRY.format(text=BODY.replace("<", "&lt;"))
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        server.answers["f"] = feed("Courier", entry)
        registry = FeedRegistry(broker.state)
        await registry.add([(server.url + "f", "")])
        await settled(broker, {"new": 1})
        server.answers["other"] = feed("Other", entry)
        await registry.add([(server.url + "other", "")])
        await settled(broker, {"duplicate": 1})
        server.answers["other"] = feed("Other", TOMBSTONE)  # another feed of the site drops the entry
        await settled(broker, {"duplicate": 2})
        server.answers["f"] = feed("Courier", TOMBSTONE)
        await settled(broker, {"revised": 1})
        assert len(await broker.state.hkeys(GUID_KEYS)) == 2
        await registry.remove([server.url + "other"])
        assert len(await broker.state.hkeys(GUID_KEYS)) == 1
    articles: list[Article] = await everything(settings, "articles")
    assert {a.title for a in articles} == {"Canal reopens"}
    assert [(a.revision, a.withdrawn, bool(a.paragraphs)) for a in articles] == [
        (1, "", True), (2, "Published by mistake", False),
    ]  # fmt: skip
