"""Cases that need a server or several polls, with invented documents on loopback."""

import gzip
import time
from html import escape

import pytest
from aiohttp import web

from streams.config.settings import Settings
from streams.errors import CopydeskError
from streams.records import Article
from tests.conftest import until
from tests.support.feed_server import FeedServer, rss
from tests.support.pipeline import BODY, MORE, everything, newsdesk, settled
from tests.support.poller_desk import open_desk
from tests.support.raw_server import fetch
from workers.poller.registry import FeedRegistry

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

# -- HTTP -------------------------------------------------------------------------------------------------------------

ZIPPED = gzip.compress(b"feed")
RESPONSES = {
    "200 gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s" % (len(ZIPPED), ZIPPED),
    "215 lines end in LF": b"HTTP/1.1 200 OK\nContent-Type: text/xml\nContent-Length: 4\n\nfeed",
    "217 trailer": CHUNKED + b"4\r\nfeed\r\n0\r\nX-Check: 1\r\n\r\n",
}


@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
async def test_response_of_imperfect_server_is_read(response: bytes) -> None:
    assert [r.body for r in await fetch(lambda head: response, ("1", "2"))] == [b"feed", b"feed"]


@pytest.mark.parametrize("chunks", [b"4\r\nfeed\r\nConnection: close\r\n", b"zz\r\nfeed\r\n0\r\n\r\n"])
async def test_broken_chunks_fail(chunks: bytes) -> None:
    with pytest.raises(CopydeskError) as caught:
        await fetch(lambda head: OK + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    assert str(caught.value)


async def test_newest_etag_is_sent(settings: Settings) -> None:
    """Case 205."""
    async with open_desk(settings) as desk:
        received: list[str] = []

        def respond(request: web.Request) -> web.Response:
            received.append(request.headers.get("If-None-Match", ""))
            headers = {"ETag": f'"{len(received)}"', "Last-Modified": "Mon, 23 Nov 2026 10:00:00 GMT"}
            return web.Response(body=rss([(f"https://a.example/{len(received)}", "One", BODY)]), headers=headers)

        desk.server.answers["f"] = respond
        for _ in range(4):
            await desk.poll()
        assert received == ["", '"1"', '"2"', '"3"']


async def test_constant_etag_hides_no_item(settings: Settings) -> None:
    """Case 206."""
    async with open_desk(settings) as desk:
        for n in range(1, 4):
            body = rss([(f"https://a.example/{n}", f"News {n}", f"<p>Number {n}</p>")])
            desk.server.answers["f"] = lambda request, body=body: web.Response(body=body, headers={"ETag": '"1"'})  # type: ignore[misc]
            assert (await desk.poll()).items_published == n


async def test_incomplete_response_publishes_nothing(settings: Settings) -> None:
    """Case 209: all items of the next response are published once."""
    items = [(f"https://a.example/{n}", f"News {n}", f"<p>Number {n}</p>") for n in range(3)]
    body = rss(items)

    def truncated(request: web.Request) -> web.Response:
        response = web.Response(body=body[: body.rindex(b"<item>")], headers={"Content-Length": str(len(body))})
        response.force_close()
        return response

    async with open_desk(settings) as desk:
        desk.server.answers["f"] = truncated
        state = await desk.poll()
        assert state.error
        assert state.items_published == 0
        desk.server.answers["f"] = body
        for _ in range(2):
            assert (await desk.poll()).items_published == 3


async def test_retry_after_delays_one_feed_of_host(settings: Settings) -> None:
    """Case 211."""
    async with open_desk(settings) as desk:
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 1500))
        desk.server.answers["f"] = lambda request: web.Response(status=503, headers={"Retry-After": date})
        desk.server.answers |= {
            "g": rss([("https://a.example/g", "G", BODY)]),
            "h": rss([("https://a.example/h", "H", MORE)]),
        }
        feeds, urls = desk.poller.feeds, [desk.server.url + path for path in "fgh"]
        await feeds.add([(url, "") for url in urls[1:]])
        await feeds.poll_now(urls)
        polled: list[str] = []
        while len(polled) < 3:
            [claimed] = await until(lambda: feeds.claim(1))
            await desk.poller.poll(claimed, feeds.clock)
            polled.append(claimed.state.url)
        assert sorted(polled) == sorted(urls)
        states = {state.url: state for state in await feeds.all()}
        assert states[urls[0]].due_s - time.time() > 1490
        assert [(states[url].error, states[url].items_published) for url in urls[1:]] == [("", 1), ("", 1)]
        assert max(states[url].due_s - states[url].polled_s for url in urls[1:]) < 1490


# -- several polls ------------------------------------------------------------------------------------------------------

TEXT = BODY + MORE
ITEM = "<item><title>{}</title><link>{}</link><guid isPermaLink='false'>{}</guid><description>{}</description></item>"
SITE = "https://courier.example"
# Case → title, link, guid and text of one item at each poll.
POLLS: dict[str, list[tuple[str, str, str, str]]] = {
    "231": [("Gate opens", f"{SITE}/gate", guid, TEXT) for guid in ("1333000611", "CAIiEPq7", "CAIiEPq7")],
    "232": [("Gate opens", f"{scheme}://courier.example/gate", f"{scheme}://courier.example/gate", TEXT)
            for scheme in ("http", "https", "https")],
    "233": [("Gate opens", f"{SITE}/viewtopic.php{query}", query, TEXT)
            for query in ("?t=3&amp;p=17#p17", "?p=17#p17", "?p=17#p17")],
    "234": [("Gate opens", f"{SITE}/{slug}", f"{SITE}/{slug}", TEXT) for slug in ("gaet-opens", "gate-opens", "gate-opens")],
    "240": [("Gate opens", f"{SITE}/gate?access_token={token}", "gate", TEXT) for token in ("a1b2", "c3d4", "e5f6")],
}  # fmt: skip


def document(items: list[tuple[str, str, str, str]], poll: int) -> bytes:
    """Return a feed with *items* and one that is new at each poll, so that the document changes."""
    news = (f"News {poll}", f"{SITE}/news/{poll}", f"news-{poll}", f"Number {poll}")
    body = "".join(ITEM.format(title, link, guid, escape(text)) for title, link, guid, text in (*items, news))
    return f"<rss version='2.0'><channel><title>Courier</title>{body}</channel></rss>".encode()


async def articles_of(settings: Settings, documents: list[bytes], new: int = 1) -> list[Article]:
    """Return the articles of a feed that has *documents* in turn, without those of the news.

    *new* is the number of new articles in the first document, without its news.
    """
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        server.answers["f"] = documents[0]
        await FeedRegistry(broker.state).add([(server.url + "f", "")])
        for poll, body in enumerate(documents):
            server.answers["f"] = body
            await settled(broker, {"new": new + 1 + poll})
        before = server.requests["f"]
        await until(lambda: server.requests["f"] > before + 2)
        await settled(broker, {"new": new + len(documents)})
        return [a for a in await everything(settings, "articles") if not a.title.startswith("News")]


@pytest.mark.parametrize("case", POLLS)
async def test_renamed_item_is_one_article(case: str, settings: Settings) -> None:
    documents = [document([item], poll) for poll, item in enumerate(POLLS[case])]
    assert [(a.title, a.revision) for a in await articles_of(settings, documents)] == [("Gate opens", 1)]


async def test_item_with_new_updated_time_is_one_article(settings: Settings) -> None:
    """Case 238."""
    entry = "<entry><title>{}</title><link href='{}'/><id>{}</id><updated>2026-11-2{}T10:00:00Z</updated><content type='html'>{}</content></entry>"
    documents = []
    for poll in range(3):
        entries = entry.format("Gate opens", f"{SITE}/gate", "urn:gate", poll, escape(TEXT)) + entry.format(
            f"News {poll}", f"{SITE}/news/{poll}", f"urn:{poll}", poll, f"Number {poll}"
        )
        documents.append(f"<feed xmlns='http://www.w3.org/2005/Atom'><title>Courier</title>{entries}</feed>".encode())
    assert [(a.title, a.revision) for a in await articles_of(settings, documents)] == [("Gate opens", 1)]


async def test_edited_item_is_revision(settings: Settings) -> None:
    """Case 242."""
    items = [("Gate opens", f"{SITE}/gate", "gate", BODY), ("Gate opens at six", f"{SITE}/gate", "gate", TEXT)]
    documents = [document([item], poll) for poll, item in enumerate(items)]
    assert [(a.title, a.revision) for a in await articles_of(settings, documents)] == [
        ("Gate opens", 1),
        ("Gate opens at six", 2),
    ]


async def test_item_of_redirector_and_site_is_one_story(settings: Settings) -> None:
    """Case 243."""
    original = f"<feedburner:origLink>{SITE}/gate</feedburner:origLink>"
    item = f"<item><title>Gate opens</title><link>{{}}</link>{{}}<description>{escape(TEXT)}</description></item>"
    head = "<rss version='2.0' xmlns:feedburner='http://rssnamespace.org/feedburner/ext/1.0'><channel><title>Courier</title>"
    async with FeedServer() as server, newsdesk(settings, server) as broker:
        server.answers["f"] = f"{head}{item.format(f'{SITE}/gate', '')}</channel></rss>".encode()
        server.answers["g"] = (
            f"{head}{item.format('https://feeds.example/~r/Courier/~3/x/', original)}</channel></rss>".encode()
        )
        await FeedRegistry(broker.state).add([(server.url + path, "") for path in "fg"])
        await settled(broker, {"new": 1, "duplicate": 1})
        assert [a.title for a in await everything(settings, "articles")] == ["Gate opens"]
