"""The OpenAPI document of the HTTP API, and the JSON Schemas of the records."""

from typing import Any

import msgspec
from aiohttp import web

from streams.records import Article, DeadLetter, Item, NewsEvent, PollResult, Record
from streams.version import version
from workers.intake.pushed_items import BODY_FIELDS
from workers.web.admin_api import TOKEN_HEADER
from workers.web.asyncapi import build_asyncapi

RECORDS: dict[str, type[Record]] = {
    "article": Article, "event": NewsEvent, "item": Item, "poll": PollResult, "dead-letter": DeadLetter,
}  # fmt: skip
JSON, TEXT = "application/json", "text/plain"
TOKEN_NOTE = f"Header {TOKEN_HEADER}: the token at the end of the URL that `copydesk up` prints."

# method, path, summary, media type of the response
PATHS: tuple[tuple[str, str, str, str], ...] = (
    ("get", "/topics", "List the topics with the URLs of their event streams and feeds.", JSON),
    ("get", "/topics/{name}", "Stream the records of a topic (Server-Sent Events), from Last-Event-ID or "
     "?from=start|end|POSITION. ?format=ninjs|cloudevents: articles in this format. "
     "NAME.atom, NAME.rss, NAME.json and NAME.ninjs are feeds of the latest articles.", "text/event-stream"),
    ("get", "/articles", "List the retained articles that match filters and words, the latest first.", JSON),
    ("get", "/articles/{id}", "Return an article's revisions and the diff of each.", JSON),
    ("get", "/stories/{id}", "Return the articles of a story, by the time of their polls.", JSON),
    ("get", "/stories/{id}/diff", "Return the word diff between two articles of a story.", JSON),
    ("get", "/facets.json", "Return the publishers, languages and routes of the retained articles.", JSON),
    ("get", "/events", "List the latest events, newest first. ?publishers=N: with at least N publishers.", JSON),
    ("get", "/events/{id}", "Return an event in its latest revision.", JSON),
    ("get", "/schemas/{name}", "Return the JSON Schema of a record: article, event, item, poll, dead-letter (.json).",
     JSON),
    ("get", "/openapi.json", "Return this document.", JSON),
    ("get", "/asyncapi.json", "Return the AsyncAPI document of the topics.", JSON),
    ("get", "/healthz", "Return 200 if the counters are consistent, or else 503.", JSON),
    ("get", "/readyz", "Return 200 if all workers send heartbeats and the desk's lag is below its limit, "
     "or else 503 with the problems.", JSON),
    ("get", "/metrics", "Return metrics in the exposition format of Prometheus.", TEXT),
    ("get", "/status.json", "Return counters, lag, latency, workers and feeds.", JSON),
    ("get", "/status", "Return the status without feeds, with rates of the last hour and day.", JSON),
    ("get", "/summary.json", "Return the status in plain words, and the numbers of feeds and dead letters.", JSON),
    ("get", "/recent.json", "Return the latest articles and the position after them.", JSON),
    ("get", "/feeds", "List the feeds that match health, words and folder, in pages.", JSON),
    ("get", "/feeds/{id}", "Return the state and the latest polls of a feed.", JSON),
    ("post", "/feeds", f"Add, remove, pause, resume, poll or edit a feed. {TOKEN_NOTE}", JSON),
    ("post", "/feeds/discover", f"Return the feeds of a web page. {TOKEN_NOTE}", JSON),
    ("post", "/feeds/import", f"Add the feeds of an OPML document. {TOKEN_NOTE}", JSON),
    ("post", "/items", f"Push items from ?source=NAME. {TOKEN_NOTE}", JSON),
    ("get", "/dead-letters", f"List the pending dead letters, and their groups. {TOKEN_NOTE}", JSON),
    ("get", "/dead-letters/{name}", f"Return a dead letter with its content. {TOKEN_NOTE}", JSON),
    ("post", "/dead-letters", f"Replay or discard dead letters: one, a group, or all. {TOKEN_NOTE}", JSON),
    ("get", "/websub/{token}", "WebSub: verify the intent of a subscription.", TEXT),
    ("post", "/websub/{token}", "WebSub: accept pushed content.", TEXT),
    ("get", "/", "Return the web interface.", "text/html"),
    ("get", "/assets/{name}", "Return a script or style of the web interface.", "text/javascript"),
)  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "/feeds": {
        "action": ["add", "remove", "pause", "resume", "poll-now", "edit"],
        "url": "",
        "folder": "",
        "type": "",
        "title": "",
        "interval_s": 0.0,
        "full_text": ["yes", "no", "default"],
    },
    "/feeds/discover": {"url": ""},
    "/dead-letters": {"action": ["replay", "discard"], "letter": "", "group": "", "all": False},
    "/items": dict.fromkeys(
        ("url", "id", "title", "publisher", "date_published", "language", "summary", *BODY_FIELDS), ""
    ),
}
REQUIRED = {"/feeds": ["action", "url"], "/feeds/discover": ["url"], "/dead-letters": ["action"]}
STATUSES = {"/items": "202"}  # others: 200
JSON_TYPES = {str: "string", bool: "boolean", float: "number"}
# Query parameters of each operation; those with a * are required.
QUERIES = {
    ("post", "/items"): ("source*",),
    ("get", "/articles"): (
        "q", "route", "publisher", "language", "feed", "copies", "revised", "before", "limit",
    ),
    ("get", "/articles/{id}"): ("format",),
    ("get", "/stories/{id}/diff"): ("from*", "to*"),
    ("get", "/topics/{name}"): ("from", "format"),
    ("get", "/events"): ("publishers",),
    ("get", "/feeds"): ("q", "health", "folder", "sort", "offset", "limit"),
    ("get", "/dead-letters"): ("group", "offset"),
}  # fmt: skip


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
    info = {
        "title": "copydesk",
        "version": version(),
        "description": "Articles and events of copydesk, and the management of its feeds.",
    }
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _operation(method: str, path: str, summary: str, media_type: str) -> dict[str, Any]:
    response: dict[str, Any] = {"description": summary, "content": {media_type: {}}}
    operation: dict[str, Any] = {"summary": summary, "responses": {STATUSES.get(path, "200"): response}}
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    parameters = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
    for name in QUERIES.get((method, path), ()):
        is_required, schema = name.endswith("*"), {"type": "string"}
        parameters.append({"name": name.rstrip("*"), "in": "query", "required": is_required, "schema": schema})
    if TOKEN_NOTE in summary:
        token = {"name": TOKEN_HEADER, "in": "header", "required": True, "schema": {"type": "string"}}
        parameters.append(token)
    operation["parameters"] = parameters
    if method == "post" and path in BODIES:
        schema = _body_schema(BODIES[path], REQUIRED.get(path, []))
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return operation


def _body_schema(fields: dict[str, Any], required: list[str]) -> dict[str, Any]:
    properties = {
        name: {"enum": value} if isinstance(value, list) else {"type": JSON_TYPES[type(value)]}
        for name, value in fields.items()
    }
    return {"type": "object", "properties": properties, "required": required}
