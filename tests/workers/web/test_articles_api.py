"""Article API: revisions and their diffs; JSON Schemas; the OpenAPI document."""

import json
from typing import Any

import pytest
from aiohttp import web

from streams.config.settings import Settings
from tests.conftest import until
from tests.support.site import Site, article, open_site, publish
from workers.web.broadcast import BUFFER_EVENTS
from workers.web.openapi import PATHS, RECORDS, build_openapi


async def get(site: Site, path: str) -> tuple[int, dict[str, Any]]:
    async with site.http.get(site.url + path) as response:
        return response.status, await response.json() if response.content_type.endswith("json") else {}


@pytest.mark.parametrize("others", [0, BUFFER_EVENTS + 50], ids=["in the buffer", "in the topic"])
async def test_article_returns_revisions_and_diffs(either: Settings, others: int) -> None:
    async with open_site(either) as site:
        await publish(site.broker, article(1))
        later = article(1, revision=2, dek="Now with a dek.")
        await publish(site.broker, *(article(n) for n in range(2, others + 2)), later)
        article_json = {}

        async def has_both_revisions() -> bool:
            status, body = await get(site, f"articles/{later.id}")
            article_json.update(body)
            return status == 200 and len(article_json["revisions"]) == 2 and article_json["complete"]

        await until(has_both_revisions)
        assert [(a["id"], a["revision"]) for a in article_json["revisions"]] == [(later.id, 1), (later.id, 2)]
        assert article_json["changes"] == [
            {
                "revision": 2,
                "title": [["=", "Story 1 & more"]],
                "text": [["+", "Now with a dek."], ["=", "The harbour board met 1 times."]],
                "paragraphs": [[["+", "Now with a dek."]], [["=", "The harbour board met 1 times."]]],
            }
        ]
        await until(lambda: site.server.index.is_complete)
        for unknown in ("0" * 20, "nothing", "x" * 20):
            assert (await get(site, f"articles/{unknown}"))[0] == 404


async def test_openapi_lists_exactly_the_served_paths(settings: Settings) -> None:
    async with open_site(settings) as site:
        assert site.server._runner is not None
        app: web.Application = site.server._runner.app
        served = {
            (route.method.lower(), route.resource.canonical)
            for route in app.router.routes()
            if route.resource and route.method != "HEAD"
        }
        assert {(method, path) for method, path, _, _ in PATHS} == served
        status, document = await get(site, "openapi.json")
        assert status == 200
        assert document == json.loads(json.dumps(build_openapi()))
        assert set(document["paths"]) == {path for _, path in served}
        for name, record_type in RECORDS.items():
            status, schema = await get(site, f"schemas/{name}.json")
            assert status == 200
            assert record_type.__name__ in schema["$ref"]
        assert (await get(site, "schemas/nothing.json"))[0] == 404


@pytest.mark.parametrize(
    ("path", "names"),
    [("/events", ["publishers"]), ("/topics/{name}", ["from", "format"]), ("/articles/{id}", ["format"])],
)
def test_openapi_lists_query_parameters(path: str, names: list[str]) -> None:
    parameters = build_openapi()["paths"][path]["get"]["parameters"]
    assert [parameter["name"] for parameter in parameters if parameter["in"] == "query"] == names
