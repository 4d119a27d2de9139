"""Feeds over HTTP: list, detail, changes, discovery and import."""

import json
from typing import Any

import pytest

from streams.config.settings import Settings
from streams.records import PollResult
from tests.conftest import until
from tests.support.feed_server import FeedServer, rss
from tests.support.site import NOW, Site, open_site
from workers.poller.registry import FeedRegistry
from workers.web.admin_api import TOKEN_HEADER
from workers.web.feed_errors import explain_error

URL = "https://courier.example/f"


async def get(site: Site, path: str, status: int = 200) -> Any:
    async with site.http.get(site.url + path) as response:
        assert response.status == status, await response.text()
        return await (response.json() if status == 200 else response.text())


async def post(site: Site, path: str, body: Any, status: int = 200) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body)
    async with site.http.post(site.url + path, data=data, headers={TOKEN_HEADER: site.server.admin.token}) as response:
        assert response.status == status, await response.text()
        return await response.json()


async def test_list_shows_failing_feeds_first(settings: Settings) -> None:
    async with open_site(settings) as site:
        feeds = FeedRegistry(site.broker.state)
        urls = [f"https://a{n}.example/f" for n in range(6)]
        await feeds.add([(url, "world" if n < 2 else "") for n, url in enumerate(urls)])
        await feeds.edit([urls[3]], failures=4, error="HTTP 404", error_kind="http_status", status=404, polls=9)
        await feeds.edit([urls[4]], polls=5, name="Alpha")
        await feeds.set_paused([urls[0]], True)
        answer = await get(site, "feeds")
        assert [feed["health"] for feed in answer["feeds"]] == ["failing", "new", "new", "new", "ok", "paused"]
        assert answer["feeds"][0]["explanation"].startswith("There is no document at this URL")
        assert answer["health"] == {"ok": 1, "failing": 1, "paused": 1, "new": 3}
        assert answer["folders"] == ["world"]
        for query, count in (
            ("health=failing", 1), ("folder=world", 2), ("q=A3.example", 1), ("q=alpha", 1), ("q=none", 0),
            ("limit=2", 2), ("offset=4", 2), ("offset=99", 0), ("sort=title", 6),
        ):  # fmt: skip
            assert len((await get(site, f"feeds?{query}"))["feeds"]) == count, query
        assert (await get(site, "feeds?sort=title"))["feeds"][0]["title"] == "Alpha"
        assert "invalid sort: 'x'" in await get(site, "feeds?sort=x", 400)


async def test_detail_has_polls_with_explanations(settings: Settings) -> None:
    from streams.brokers.base import OutgoingMessage
    from streams.codec import encode
    from streams.topics import POLLS

    async with open_site(settings) as site:
        await FeedRegistry(site.broker.state).add([(URL, "")])
        poll = PollResult(
            id="1", feed=URL, started_at=NOW, outcome="failed", status=503, error="HTTP 503", error_kind="http_status"
        )
        await site.broker.publish([OutgoingMessage(POLLS.name, URL.encode(), encode(poll))])
        [feed] = (await get(site, "feeds"))["feeds"]

        async def polls() -> Any:
            return (await get(site, f"feeds/{feed['id']}"))["polls"]

        [row] = await until(polls)
        assert "failure of its own" in row["explanation"]
        detail = (await get(site, f"feeds/{feed['id']}"))["feed"]
        assert (detail["url"], detail["full_text"], detail["set_interval_s"]) == (URL, "default", 0)
        for unknown in ("0" * 16, "x"):
            assert f"feed not found: {unknown}; see /feeds" in await get(site, f"feeds/{unknown}", 404)


async def test_feed_is_edited(settings: Settings) -> None:
    async with open_site(settings) as site:
        await FeedRegistry(site.broker.state).add([(URL, "old")])
        change = {"action": "edit", "url": URL, "title": "News", "folder": "", "interval_s": 600, "full_text": "yes"}
        assert (await post(site, "feeds", change))["changed"] == 1
        [state] = await FeedRegistry(site.broker.state).all()
        assert (state.name, state.folder, state.interval_s, state.full_text) == ("News", "", 600, True)
        for wrong, message in (
            ({}, f"no field to change: {URL}; set title"), ({"interval_s": -1}, f"invalid interval_s: -1.0 (feed {URL})"),
            ({"full_text": "maybe"}, f"invalid full_text: 'maybe' (feed {URL})"),
            ({"interval_s": "x"}, "invalid request body"),
        ):  # fmt: skip
            answer = await post(site, "feeds", {"action": "edit", "url": URL, **wrong}, 400)
            assert message in answer["message"]
        assert (await post(site, "feeds", {"action": "edit", "url": "https://none.example/", "title": "x"}))[
            "changed"
        ] == 0


@pytest.mark.parametrize("type_", ["", "feed", "page", "sitemap", "sitemap index", "pages"])
async def test_feed_is_added_with_a_known_type_only(type_: str, settings: Settings) -> None:
    async with open_site(settings) as site:
        is_known = type_ != "pages"
        answer = await post(site, "feeds", {"action": "add", "url": URL, "type": type_}, 200 if is_known else 400)
        states = await FeedRegistry(site.broker.state).all()
        assert [state.type for state in states] == (["page" if type_ == "page" else ""] if is_known else [])
        assert is_known or answer["message"].startswith(f"invalid type: 'pages' (feed {URL}); use one of feed, page, ")


async def test_discovery_lists_the_feeds_of_a_page(settings: Settings) -> None:
    async with open_site(settings) as site, FeedServer() as server:
        server.answers["home"] = b"<html><link rel=alternate type=application/rss+xml href=/f.xml></html>"
        server.answers["f.xml"] = rss([("https://a.example/1", "One", "<p>Text</p>")], title="The Daily")
        answer = await post(site, "feeds/discover", {"url": server.url + "home"})
        [source] = answer["sources"]
        assert (source["url"], source["title"], source["items"]) == (server.url + "f.xml", "The Daily", 1)
        assert not source["registered"]
        await post(site, "feeds", {"action": "add", "url": source["url"], "folder": "world"})
        [source] = (await post(site, "feeds/discover", {"url": server.url + "home"}))["sources"]
        assert source["registered"]
        server.answers["empty"] = b"<html><p>Nothing</p></html>"
        assert "no feed found" in (await post(site, "feeds/discover", {"url": server.url + "empty"}))["message"]
        gone = await post(site, "feeds/discover", {"url": "http://127.0.0.1:9/"}, 400)
        assert gone["message"].startswith("page not readable: http://127.0.0.1:9/")
        assert "not an http" in (await post(site, "feeds/discover", {"url": "ftp://x"}, 400))["message"]


OPML = b"""<opml version="2.0"><body><outline text="World">
<outline type="rss" text="Courier" xmlUrl="https://courier.example/f"/><outline type="rss" xmlUrl="ftp://x.example/"/>
</outline></body></opml>"""


async def test_import_adds_the_feeds_of_opml(settings: Settings) -> None:
    async with open_site(settings) as site:
        answer = await post(site, "feeds/import", OPML)
        assert (answer["added"], answer["registered"], len(answer["skipped"])) == (1, 0, 1)
        [state] = await FeedRegistry(site.broker.state).all()
        assert (state.url, state.folder, state.name) == (URL, "World", "Courier")
        assert (await post(site, "feeds/import", OPML))["registered"] == 1
        assert "OPML" in (await post(site, "feeds/import", b"hello", 400))["message"]


@pytest.mark.parametrize("path", ["feeds", "feeds/discover", "feeds/import", "dead-letters"])
@pytest.mark.parametrize(
    "headers", [{}, {TOKEN_HEADER: "wrong"}, {"Origin": "https://evil.example", "Cookie": "token=x"}]
)
async def test_changes_need_the_token(path: str, headers: dict[str, str], settings: Settings) -> None:
    async with open_site(settings) as site:
        await FeedRegistry(site.broker.state).add([(URL, "")])
        body = json.dumps({"action": "remove", "url": URL})
        async with site.http.post(site.url + path, data=body, headers=headers) as response:
            assert response.status == 403
        assert len(await FeedRegistry(site.broker.state).all()) == 1


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("timeout", 0, "in time"), ("http_status", 404, "no document"), ("http_status", 418, "HTTP 418"),
        ("http_status", 502, "HTTP 502"), ("gone", 410, "for good"), ("unknown", 0, ""),
    ],
)  # fmt: skip
def test_explain_error_uses_plain_words(kind: str, status: int, text: str) -> None:
    explanation = explain_error(kind, status)
    assert text in explanation
    assert bool(explanation) == bool(text)
