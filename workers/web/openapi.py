"""The OpenAPI document of the HTTP API, and the JSON Schemas of the records."""

from typing import Any

import msgspec
from aiohttp import web

from streams.records import Article, DeadLetter, Item, NewsEvent, PollResult, Record
from streams.version import version
from workers.intake.pushed_items import BODY_FIELDS
from workers.web.asyncapi import build_asyncapi

RECORDS: dict[str, type[Record]] = {
    "article": Article, "event": NewsEvent, "item": Item, "poll": PollResult, "dead-letter": DeadLetter,
}  # fmt: skip
JSON, TEXT = "application/json", "text/plain"
TOKEN = "Header X-Copydesk-Token: the token at the end of the page's address, as printed by `copydesk up`."

# method, path, summary, media type of the response
PATHS: tuple[tuple[str, str, str, str], ...] = (
    ("get", "/topics", "List the topics with the addresses of their events and feeds.", JSON),
    ("get", "/topics/{name}", "Stream a topic's records (Server-Sent Events). The start is Last-Event-ID or "
     "?from=start|end|POSITION. "
     "NAME.atom, NAME.rss and NAME.json are feeds of the latest articles.", "text/event-stream"),
    ("get", "/articles/{id}", "Return an article's revisions and the diff of each.", JSON),
    ("get", "/events", "List the latest events, newest first. ?publishers=N: with at least N publishers.", JSON),
    ("get", "/events/{id}", "Return an event in its latest revision.", JSON),
    ("get", "/schemas/{name}", "Return the JSON Schema of a record: article, event, item, poll, dead-letter (.json).",
     JSON),
    ("get", "/openapi.json", "Return this document.", JSON),
    ("get", "/asyncapi.json", "Return the AsyncAPI document of the topics.", JSON),
    ("get", "/healthz", "Return 200 while the counters are consistent, else 503.", JSON),
    ("get", "/readyz", "Return 200 while all workers send heartbeats and the desk's lag is below its limit, "
     "else 503 with problems.", JSON),
    ("get", "/metrics", "Return metrics in Prometheus' exposition format.", TEXT),
    ("get", "/status.json", "Return counters, lag, latency, workers and feeds.", JSON),
    ("get", "/recent.json", "Return the latest articles and the position after them.", JSON),
    ("post", "/feeds", f"Add, remove, pause, resume or poll a feed. {TOKEN}", JSON),
    ("post", "/items", f"Push items from ?source=NAME. {TOKEN}", JSON),
    ("get", "/dead-letters", f"List the pending dead letters. {TOKEN}", JSON),
    ("post", "/dead-letters", f"Replay or discard a dead letter. {TOKEN}", JSON),
    ("get", "/websub/{token}", "WebSub: verify a subscription's intent.", TEXT),
    ("post", "/websub/{token}", "WebSub: accept pushed content.", TEXT),
    ("get", "/", "Return the status page.", "text/html"),
    ("get", "/page.js", "Return the page's script.", "text/javascript"),
    ("get", "/page.css", "Return the page's style.", "text/css"),
)  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "/feeds": {"action": ["add", "remove", "pause", "resume", "poll-now"], "url": "", "folder": ""},
    "/dead-letters": {"action": ["replay", "discard"], "letter": ""},
    "/items": dict.fromkeys(
        ("url", "id", "title", "publisher", "date_published", "language", "summary", *BODY_FIELDS), ""
    ),
}
REQUIRED = {"/feeds": ["action", "url"], "/dead-letters": ["action", "letter"]}
STATUSES = {"/items": "202"}  # others: 200
QUERIES = {"/items": "source"}


def register(app: web.Application) -> None:
    """Add the paths of the documents to *app*."""
    app.router.add_get("/openapi.json", _openapi)
    app.router.add_get("/asyncapi.json", _asyncapi)
    app.router.add_get("/schemas/{name}", _schema)


async def _openapi(request: web.Request) -> web.StreamResponse:
    return web.json_response(build_openapi())


async def _asyncapi(request: web.Request) -> web.StreamResponse:
    return web.json_response(build_asyncapi())


async def _schema(request: web.Request) -> web.StreamResponse:
    name = request.match_info["name"].removesuffix(".json")
    record_type = RECORDS.get(name)
    if record_type is None:
        raise web.HTTPNotFound(text=f"unknown schema: {name}; use one of {', '.join(RECORDS)}")
    return web.json_response(msgspec.json.schema(record_type), content_type="application/schema+json")


def build_openapi() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, summary, media_type in PATHS:
        paths.setdefault(path, {})[method] = _operation(method, path, summary, media_type)
    _, schemas = msgspec.json.schema_components(RECORDS.values(), ref_template="#/components/schemas/{name}")
    info = {"title": "copydesk", "version": version(), "description": "Raw wire copy in, clean copy out."}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _operation(method: str, path: str, summary: str, media_type: str) -> dict[str, Any]:
    response: dict[str, Any] = {"description": summary, "content": {media_type: {}}}
    operation: dict[str, Any] = {"summary": summary, "responses": {STATUSES.get(path, "200"): response}}
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    parameters = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
    if name := QUERIES.get(path):
        parameters.append({"name": name, "in": "query", "required": True, "schema": {"type": "string"}})
    if TOKEN in summary:
        token = {"name": "X-Copydesk-Token", "in": "header", "required": True, "schema": {"type": "string"}}
        parameters.append(token)
    operation["parameters"] = parameters
    if method == "post" and path in BODIES:
        schema = _body_schema(BODIES[path], REQUIRED.get(path, []))
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return operation


def _body_schema(fields: dict[str, Any], required: list[str]) -> dict[str, Any]:
    properties = {
        name: {"enum": value} if isinstance(value, list) else {"type": "string"} for name, value in fields.items()
    }
    return {"type": "object", "properties": properties, "required": required}
