"""Revisions that reuse a link for another article are marked."""

from streams.config.settings import Settings
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import everything, newsdesk, settled
from tests.workers.dedupe.near_duplicates.test_index import story
from workers.desk.desk import compare_revisions
from workers.poller.registry import FeedRegistry

LINK = "https://a.example/live"
OTHER = ("Nine swans counted", "Volunteers watched birds near Quillmere for two hours before sunrise.")


async def test_reused_link_is_marked(settings: Settings) -> None:
    texts = [("Salt canal reopens", story(1)[1]), ("Salt canal reopens", story(1)[1] + " And so on."), OTHER]
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        for n, (title, text) in enumerate(texts, 1):
            server.answers["f"] = rss([(LINK, title, f"<p>{text}</p>")], "Tidewire")
            await settled(broker, {"received": n})
        articles = sorted(await everything(settings, "articles"), key=lambda a: a.revision)
        assert [a.reused_link for a in articles] == [False, False, True]


def test_compare_revisions_detects_other_article() -> None:
    before = ("Salt canal reopens", "", "The board opened both gates at noon.")
    assert compare_revisions(None, before) == (None, False)
    assert compare_revisions(before, before)[1] is False
    assert compare_revisions(before, ("Nine swans counted", "", "Volunteers watched birds near Quillmere."))[1] is True
