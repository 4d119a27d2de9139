"""Dead letters over HTTP: groups, content, replay and discard."""

import json
from typing import Any

from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Item, MessageId
from streams.topics import ITEMS
from tests.support.site import NOW, Site, article, open_site
from workers.dead_letters import build, count_pending, from_feed_entry
from workers.web.admin_api import TOKEN_HEADER

FEED = "https://courier.example/f"


def item(n: int) -> bytes:
    return encode(Item(feed=FEED, identity_key=f"k{n}", title=f"Title {n}", fetched_at=NOW, fingerprint=""))


async def call(site: Site, path: str, body: Any = None, status: int = 200) -> Any:
    headers, data = {TOKEN_HEADER: site.server.admin.token}, None if body is None else json.dumps(body)
    async with site.http.request("POST" if body else "GET", site.url + path, data=data, headers=headers) as response:
        assert response.status == status, await response.text()
        return await (response.json() if "json" in response.content_type else response.text())


async def filled(site: Site) -> None:
    letters = [
        build(MessageId(ITEMS.name, 0, n), b"k", item(n), (), "timeout", f"cleaning took longer than {n} s", feed=FEED)
        for n in range(3)
    ]
    sink = build(
        MessageId("copydesk.articles", 0, 7), b"a", encode(article(7)), (), "sink", "HTTP 400: no slug", sink="mail"
    )
    await site.broker.publish([*letters, sink, from_feed_entry(FEED, "<item>torn", "invalid entry")])


async def test_letters_are_grouped_by_error(settings: Settings) -> None:
    async with open_site(settings) as site:
        await filled(site)
        answer = await call(site, "dead-letters")
        assert answer["pending"] == 5
        largest = answer["groups"][0]
        assert (largest["count"], largest["error_kind"], largest["replayable"]) == (3, "timeout", 3)
        assert {group["source"] for group in answer["groups"]} == {FEED, "sink mail"}
        titles = {letter["title"] for letter in answer["letters"]}
        assert titles == {"Title 0", "Title 1", "Title 2", "Story 7 & more", "<item>torn"}
        chosen = await call(site, f"dead-letters?group={answer['groups'][0]['key']}")
        assert (chosen["pending"], chosen["matching"], len(chosen["letters"])) == (5, 3, 3)
        assert (await call(site, "dead-letters?offset=4"))["letters"][0]["letter"] == answer["letters"][4]["letter"]


async def test_letter_shows_its_content(settings: Settings) -> None:
    async with open_site(settings) as site:
        await filled(site)
        letters = {letter["title"]: letter for letter in (await call(site, "dead-letters"))["letters"]}
        full = await call(site, f"dead-letters/{letters['Title 1']['letter']}")
        assert ["title", "Title 1"] in full["fields"]
        assert full["error"] == "cleaning took longer than 1 s"
        torn = await call(site, f"dead-letters/{letters['<item>torn']['letter']}")
        assert (torn["content"], torn["fields"], torn["replayable"]) == ("<item>torn", [], False)
        assert "invalid dead letter: 'x'" in await call(site, "dead-letters/x", status=404)
        assert "no pending dead letter" in (await call(site, "dead-letters/0@999", status=400))["message"]


async def test_group_is_resolved_at_once(settings: Settings) -> None:
    async with open_site(settings) as site:
        await filled(site)
        groups = {group["error_kind"]: group for group in (await call(site, "dead-letters"))["groups"]}
        answer = await call(site, "dead-letters", {"action": "replay", "group": groups["timeout"]["key"]})
        assert (answer["done"], answer["failures"]) == (3, [])
        assert answer["message"] == "3 dead letters replayed"
        gone = await call(site, "dead-letters", {"action": "replay", "group": groups["timeout"]["key"]}, 404)
        assert gone["message"].startswith("no pending dead letters: group ")
        assert await count_pending(site.broker) == 2
        rest = await call(site, "dead-letters", {"action": "replay", "all": True})
        assert rest["done"] == 1
        assert "not replayable" in rest["failures"][0]
        assert rest["message"] == f"1 dead letter replayed, 1 failed ({rest['failures'][0]})"
        assert (await call(site, "dead-letters", {"action": "discard", "all": True}))["done"] == 1
        assert await count_pending(site.broker) == 0


async def test_one_letter_is_resolved(settings: Settings) -> None:
    async with open_site(settings) as site:
        await filled(site)
        letters = {letter["title"]: letter["letter"] for letter in (await call(site, "dead-letters"))["letters"]}
        assert (await call(site, "dead-letters", {"action": "discard", "letter": letters["Title 0"]}))["done"] == 1
        failed = await call(site, "dead-letters", {"action": "replay", "letter": letters["<item>torn"]}, 400)
        assert "not replayable" in failed["message"]
        assert await count_pending(site.broker) == 4


async def test_action_without_selection_is_refused(settings: Settings) -> None:
    async with open_site(settings) as site:
        await filled(site)
        for body in ({"action": "discard"}, {"action": "discard", "letter": "0@1", "all": True}):
            assert "no dead letter selected" in (await call(site, "dead-letters", body, 400))["message"]
        assert "unknown action" in (await call(site, "dead-letters", {"action": "burn", "all": True}, 400))["message"]
        assert await count_pending(site.broker) == 5
