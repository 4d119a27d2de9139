"""Lists of articles and stories over HTTP, and the pages at the same paths."""

from dataclasses import replace
from typing import Any

import pytest

from streams.config.settings import Settings
from tests.conftest import until
from tests.support.site import Site, article, open_site, publish

ID = f"{1:020x}"


async def get(site: Site, path: str, status: int = 200, **headers: str) -> Any:
    async with site.http.get(site.url + path, headers=headers) as response:
        assert response.status == status, await response.text()
        return await (response.json() if status == 200 else response.text())


async def indexed(site: Site, count: int) -> None:
    async def is_indexed() -> bool:
        return site.server.index.is_complete and await site.server.index.count() == count

    await until(is_indexed)


async def test_first_page_has_the_newest_articles_at_once(settings: Settings) -> None:
    async with open_site(settings) as site:
        await publish(site.broker, *(article(n) for n in range(60)))
        await indexed(site, 60)
        answer = await get(site, "articles")
        assert len(answer["articles"]) == 50
        assert answer["complete"]
        assert answer["next"]
        older = await get(site, f"articles?before={answer['next']}")
        assert len(older["articles"]) == 10
        assert older["next"] is None
        ids = [row["id"] for row in (*answer["articles"], *older["articles"])]
        assert len(set(ids)) == 60


async def test_page_continues_below_an_article(settings: Settings) -> None:
    async with open_site(replace(settings, partitions=1)) as site:
        await publish(site.broker, *(article(n) for n in range(1, 6)))
        await indexed(site, 5)
        for id_, numbers in ((f"{4:020x}", [3, 2, 1]), (f"{1:020x}", []), (f"{9:020x}", [5, 4, 3, 2, 1])):
            rows = (await get(site, f"articles?before={id_}"))["articles"]
            assert [int(row["id"], 16) for row in rows] == numbers


async def test_first_page_does_not_wait_for_the_index(settings: Settings) -> None:
    async with open_site(settings) as site:
        for task in site.server._tasks:
            if task.get_name() == "article index":
                task.cancel()
        await publish(site.broker, article(1), article(2), article(1, 2))

        async def is_read() -> bool:
            return len(site.server.topics.latest_articles()) == 2

        await get(site, "articles")
        await until(is_read)
        rows = (await get(site, "articles"))["articles"]
        assert sorted((row["id"], row["revision"]) for row in rows) == [(ID, 2), (f"{2:020x}", 1)]


async def test_list_filters_by_query(settings: Settings) -> None:
    async with open_site(settings) as site:
        await publish(site.broker, article(1), article(2, 2), article(3, story_id=ID, duplicate_of=ID, similarity=0.9))
        await indexed(site, 3)
        for query, count in (
            ("q=met+2", 1), ("revised=1", 1), ("copies=only", 1), ("copies=hide", 2), ("publisher=None", 0),
            ("publisher=The+Courier", 3), ("q=met&limit=2", 2),
        ):  # fmt: skip
            assert len((await get(site, f"articles?{query}"))["articles"]) == count, query
        story = await get(site, f"stories/{ID}")
        assert [member["id"] for member in story["members"]] == [ID, f"{3:020x}"]
        assert story["first"] == ID
        assert (await get(site, "facets.json"))["publishers"] == [{"name": "The Courier", "count": 3}]


async def test_story_diff_compares_two_versions(settings: Settings) -> None:
    async with open_site(settings) as site:
        other = f"{2:020x}"
        await publish(
            site.broker,
            article(1, story_id=ID),
            article(2, story_id=ID, dek="A dek."),
            article(3),
            article(1, 2, story_id=ID),
        )
        await indexed(site, 3)
        diff = await get(site, f"stories/{ID}/diff?from={ID}&to={other}")
        assert (diff["from"], diff["to"]) == (ID, other)
        assert diff["title"] == [["=", "Story"], ["-", "1"], ["+", "2"], ["=", "& more"]]
        changes = [tuple(change) for paragraph in diff["paragraphs"] for change in paragraph if change[0] != "="]
        assert changes == [("+", "A dek."), ("-", "1"), ("+", "2")]
        assert await get(site, f"stories/{ID}/diff?from={ID}&to={ID}")
        for query in (f"from={ID}&to={3:020x}", f"from={ID}", f"to={ID}&from=x"):
            assert "article not in story" in await get(site, f"stories/{ID}/diff?{query}", 404)
        assert "story not found" in await get(site, f"stories/{9:020x}/diff?from={ID}&to={ID}", 404)


async def test_unknown_article_is_unavailable_until_the_index_is_complete(settings: Settings) -> None:
    async with open_site(settings) as site:
        next(task for task in site.server._tasks if task.get_name() == "article index").cancel()
        site.server.index.follower.is_caught_up.clear()
        for path in (f"articles/{ID}", f"stories/{ID}"):
            async with site.http.get(site.url + path) as response:
                assert response.status == 503
                assert "the search index is being built" in (await response.json())["message"]


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("articles?copies=x", 400, "invalid copies: 'x'"), ("articles?before=x", 400, "invalid before: 'x'"),
        ("articles?limit=-1", 400, "invalid limit"), ("articles?before=" + "9" * 30, 400, "invalid before: '999"),
        ("stories/x", 404, "invalid story id: 'x'"), (f"stories/{'0' * 20}", 404, "story not found"),
    ],
)  # fmt: skip
async def test_invalid_requests_are_explained(path: str, status: int, message: str, settings: Settings) -> None:
    async with open_site(settings) as site:
        await until(lambda: site.server.index.is_complete)
        assert message in await get(site, path, status)


@pytest.mark.parametrize("path", ["", f"articles/{ID}", f"stories/{ID}", "feeds", "feeds/x", "dead-letters", "status"])
async def test_browsers_get_the_page_of_a_view(path: str, settings: Settings) -> None:
    async with open_site(settings) as site:
        headers = {"Accept": "text/html,application/xhtml+xml"}
        async with site.http.get(site.url + path, headers=headers) as response:
            assert (response.status, response.content_type) == (200, "text/html")
            assert "Content-Security-Policy" in response.headers
            assert '<script type="module"' in await response.text()


async def test_unknown_path_shows_the_page_to_browsers(settings: Settings) -> None:
    async with open_site(settings) as site:
        for accept, media_type in (("text/html", "text/html"), ("*/*", "text/plain")):
            async with site.http.get(f"{site.url}nowhere", headers={"Accept": accept}) as response:
                assert (response.status, response.content_type) == (404, media_type)


async def test_assets_have_types_and_entity_tags(settings: Settings) -> None:
    async with open_site(settings) as site:
        for name, media_type in (("app.js", "text/javascript"), ("page.css", "text/css")):
            async with site.http.get(f"{site.url}assets/{name}") as response:
                assert (response.status, response.content_type) == (200, media_type)
                tag = response.headers["ETag"]
            async with site.http.get(f"{site.url}assets/{name}", headers={"If-None-Match": tag}) as response:
                assert response.status == 304
        for name in ("page.html", "none.js", "..%2fserver.py"):
            async with site.http.get(f"{site.url}assets/{name}") as response:
                assert response.status == 404
