"""Contracts with other programs: the AsyncAPI document, and CloudEvents on Kafka, webhooks and SSE."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams.codec import encode
from streams.config.settings import Settings
from streams.subscribe import Subscription
from streams.topics import BUILTIN_TOPICS, SINK_REPLAYS
from tests.conftest import DEADLINE_S, ROOT, copydesk, until
from tests.support.pipeline import BODY, desk
from tests.support.site import NOW, article, open_site, publish
from tests.support.webhooks import Receiver, delivering
from workers.commands.offline import SCHEMA_NAMES
from workers.intake.publish import publish as publish_items
from workers.intake.pushed_items import source_url, to_item
from workers.web.asyncapi import build_asyncapi
from workers.web.openapi import RECORDS

SPECIFICATION = ROOT / ".venv" / "asyncapi" / "schemas" / "3.0.0.json"  # `.ci/run` installs it
INTERNAL = {SINK_REPLAYS.name, "copydesk.items.archive"}


def references(value: Any) -> Iterator[str]:
    """Yield each `$ref` in a document."""
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from references(part)


def test_asyncapi_document_is_valid() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    if not SPECIFICATION.exists():
        assert not os.environ.get("CI"), "the AsyncAPI schemas are missing in CI"
        pytest.skip("no AsyncAPI schemas; run .ci/run, or npm pack @asyncapi/specs in .venv/asyncapi")
    schema = json.loads(SPECIFICATION.read_text("utf-8"))
    document = build_asyncapi()
    validator = jsonschema.Draft7Validator(schema)
    assert [f"{list(error.path)}: {error.message[:200]}" for error in validator.iter_errors(document)] == []
    assert list(validator.iter_errors(document | {"channels": []}))


def test_asyncapi_references_resolve() -> None:
    document = build_asyncapi()
    found = list(references(document))
    assert len(found) > 20
    for reference in found:
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_asyncapi_describes_all_topics() -> None:
    addresses = {channel["address"] for channel in build_asyncapi()["channels"].values()}
    assert addresses == {t.name for t in BUILTIN_TOPICS if t.name not in INTERNAL} | {"copydesk.articles.{route}"}


def test_published_article_matches_its_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    document = build_asyncapi()
    schema = {"$ref": "#/components/schemas/Article", "components": document["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(json.loads(encode(article(1, fetched_at=NOW))))
    assert list(validator.iter_errors({"v": 1, "revision": "one"}))


def test_schema_command_knows_all_records() -> None:
    assert set(SCHEMA_NAMES) == {"asyncapi", "openapi", *RECORDS}


@pytest.mark.parametrize("name", ["asyncapi", "openapi", "article", "dead-letter"])
def test_schema_command_prints_documents(tmp_path: Path, name: str) -> None:
    assert isinstance(json.loads(copydesk("schema", name, cwd=tmp_path).stdout), dict)


async def test_desk_writes_events_to_kafka_headers(either: Settings) -> None:
    """The headers are on Kafka only: a Redis stream would store them with each message."""
    async with desk(either) as broker:
        row = {"url": "https://courier.example/1", "title": "Ferry", "content_html": BODY}
        await publish_items(broker, [to_item(row, source_url("test"), NOW)])
        async with Subscription("articles", settings=either) as articles:
            message, record = await asyncio.wait_for(anext(articles.messages()), DEADLINE_S)
    headers = dict(message.headers)
    if either.broker_url.startswith("kafka"):
        assert headers["ce_id"].decode() == f"{record.id}.1"
        assert headers["ce_type"] == b"copydesk.article.new"
    else:
        assert "ce_id" not in headers


async def test_webhooks_have_event_headers(settings: Settings) -> None:
    receiver = Receiver()
    async with delivering(settings, receiver) as (broker, _, _):
        await publish(broker, article(1))
        await until(lambda: receiver.accepted())
    [(_, _, headers)] = receiver.requests
    assert (headers["ce-id"], headers["ce-type"]) == (f"{article(1).id}.1", "copydesk.article.new")
    assert headers["webhook-id"]


@pytest.mark.parametrize("accept", ["application/cloudevents+json", ""])
async def test_events_over_http_are_structured_on_request(settings: Settings, accept: str) -> None:
    async with open_site(settings) as site:
        await publish(site.broker, article(1))
        url = f"{site.url}topics/articles?from=start" + ("" if accept else "&format=cloudevents")
        async with site.http.get(url, headers={"Accept": accept} if accept else {}) as response:
            async for line in response.content:
                if line.startswith(b"data: "):
                    event = json.loads(line[6:])
                    break
    assert (event["id"], event["data"]["title"]) == (f"{article(1).id}.1", article(1).title)


async def test_asyncapi_is_served(settings: Settings) -> None:
    async with open_site(settings) as site, site.http.get(site.url + "asyncapi.json") as response:
        assert (await response.json())["asyncapi"] == "3.0.0"
