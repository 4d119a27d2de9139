"""Revisions that reuse a link for another article are marked."""

from streams.config.settings import Settings
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import everything, newsdesk, settled
from tests.support.stories import story
from workers.desk.comparison import compare_revisions
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


async def test_number_of_author_identifies_no_article(settings: Settings) -> None:
    """The number before the slug is an author's: links with other slugs are other articles, also when sent again."""
    lamp, box = (
        "https://fund.example/projects/1523379957/" + slug for slug in ("lamp-of-the-north", "song-box-for-all")
    )
    canal = ("Salt canal reopens", f"<p>{story(1)[1]}</p>")
    swans = (OTHER[0], f"<p>{OTHER[1]}</p>")
    documents = [
        (lamp, *canal),
        (box, *swans),
        (box, OTHER[0], f"{swans[1]}<p>They counted again.</p>"),
        (lamp, *canal),
    ]
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        for n, item in enumerate(documents, 1):
            server.answers["f"] = rss([item], "Tidewire")
            await settled(broker, {"received": n})
        articles = await everything(settings, "articles")
    revisions = [(a.title, a.revision, a.reused_link) for a in articles]
    assert revisions == [(canal[0], 1, False), (swans[0], 1, False), (swans[0], 2, False)]
    assert len({a.id for a in articles}) == 2


async def test_number_identifies_article_under_other_slug(settings: Settings) -> None:
    texts = [("salt-canal-reopens-now", story(1)[1]), ("salt-canal-open-at-last", story(1)[1] + " And so on.")]
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        for n, (slug, text) in enumerate(texts, 1):
            server.answers["f"] = rss(
                [(f"https://a.example/news/1973689/{slug}", "Salt canal reopens", f"<p>{text}</p>")], "Tidewire"
            )
            await settled(broker, {"received": n})
        assert [a.revision for a in await everything(settings, "articles")] == [1, 2]


def test_compare_revisions_detects_other_article() -> None:
    before = ("Salt canal reopens", "", "The board opened both gates at noon.")
    assert compare_revisions(None, before) == (None, False)
    assert compare_revisions(before, before)[1] is False
    assert compare_revisions(before, ("Nine swans counted", "", "Volunteers watched birds near Quillmere."))[1] is True
