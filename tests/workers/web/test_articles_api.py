"""One article over HTTP: its revisions and what they changed; schemas; the document that says what can be asked."""

import json

import pytest
from aiohttp import web

from streams.config.settings import Settings
from tests.conftest import until
from tests.workers.web.test_topics_api import Site, article, publish, with_site
from workers.web.broadcast import BUFFER_EVENTS
from workers.web.openapi import PATHS, RECORDS, build_openapi


async def asked(site: Site, path: str) -> tuple[int, dict]:
    async with site.http.get(site.url + path) as answer:
        return answer.status, await answer.json() if answer.content_type.endswith("json") else {}


@pytest.mark.parametrize("others", [0, BUFFER_EVENTS + 50], ids=["in memory", "in the topic"])
def test_an_article_with_its_revisions_and_what_they_changed(either: Settings, others: int) -> None:
    async def work(site: Site) -> None:
        await publish(site.broker, article(1))
        later = article(1, revision=2, dek="Now with a dek.")
        await publish(site.broker, *(article(n) for n in range(2, others + 2)), later)
        found = {}

        async def there() -> bool:
            status, told = await asked(site, f"articles/{later.id}")
            found.update(told)
            return status == 200 and len(found["revisions"]) == 2

        await until(there)
        assert found["complete"]
        assert [(a["id"], a["revision"]) for a in found["revisions"]] == [(later.id, 1), (later.id, 2)]
        assert found["changes"] == [
            {
                "revision": 2,
                "title": [["=", "Story 1 & more"]],
                "text": [["+", "Now with a dek."], ["=", "The harbour board met 1 times."]],
            }
        ]
        for wrong in ("0" * 20, "nothing", "x" * 20):
            assert (await asked(site, f"articles/{wrong}"))[0] == 404

    with_site(either, work)


def test_every_path_is_in_the_document_and_the_other_way_round(settings: Settings) -> None:
    async def work(site: Site) -> None:
        app: web.Application = site.server._runner.app
        there = {
            (route.method.lower(), route.resource.canonical)
            for route in app.router.routes()
            if route.resource and route.method != "HEAD"
        }
        assert {(method, path) for method, path, _, _ in PATHS} == there
        status, found = await asked(site, "openapi.json")
        assert status == 200
        assert found == json.loads(json.dumps(build_openapi()))
        assert set(found["paths"]) == {path for _, path in there}
        for name, kind in RECORDS.items():
            status, schema = await asked(site, f"schemas/{name}.json")
            assert status == 200
            assert kind.__name__ in schema["$ref"]
        assert (await asked(site, "schemas/nothing.json"))[0] == 404

    with_site(settings, work)
