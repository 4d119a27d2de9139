"""Items that share link and guid, through the poller and the desk. Cases 235 and 237 of ../shared/cases."""

from html import escape

import pytest

from streams.config.settings import Settings
from streams.records import Article
from tests.conftest import until
from tests.support.feed_server import FeedServer
from tests.support.pipeline import BODY, MORE, everything, newsdesk, settled
from workers.poller.registry import FeedRegistry

PAGE = "https://courier.example/polls"
ITEM = "<item><title>{}</title><link>{}</link>{}<description>{}</description></item>"
GUIDS = {"one guid": "<guid isPermaLink='false'>polls</guid>", "no guid": ""}


def document(guid: str, poll: int) -> bytes:
    """Return a feed with two items that share their names, and one that is new at each poll."""
    items = [
        ITEM.format("Best ship?", PAGE, guid, escape(BODY)),
        ITEM.format("Best dock?", PAGE, guid, escape(MORE)),
        ITEM.format(f"News {poll}", f"https://courier.example/news/{poll}", "", f"Number {poll}"),
    ]
    return f"<rss version='2.0'><channel><title>Courier</title>{''.join(items)}</channel></rss>".encode()


@pytest.mark.parametrize("guid", GUIDS.values(), ids=GUIDS)
async def test_items_with_shared_names_are_published_once(guid: str, settings: Settings) -> None:
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        server.answers["f"] = document(guid, 0)
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        for poll in range(3):
            server.answers["f"] = document(guid, poll)
            counters = await settled(broker, {"new": 3 + poll})
        before = sum(server.requests.values())
        await until(lambda: sum(server.requests.values()) > before + 3)
        assert counters["desk"].get("revised", 0) == counters["desk"].get("duplicate", 0) == 0
        articles: list[Article] = await everything(settings, "articles")
        expected = ["Best dock?", "Best ship?", "News 0", "News 1", "News 2"]
        assert sorted((article.title, article.revision) for article in articles) == [(t, 1) for t in expected]
