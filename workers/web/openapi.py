"""What can be asked over HTTP, as an OpenAPI document, and the JSON Schemas of the records."""

from typing import Any

import msgspec
from aiohttp import web

from streams.records import Article, DeadLetter, Item, PollResult, Record
from streams.version import version

RECORDS: dict[str, type[Record]] = {"article": Article, "item": Item, "poll": PollResult, "dead-letter": DeadLetter}
JSON, TEXT = "application/json", "text/plain"
TOKEN = "the token that `copydesk up` prints at the end of the page's address, in X-Copydesk-Token"

# method, path, what it does, media type of the answer
PATHS: tuple[tuple[str, str, str, str], ...] = (
    ("get", "/topics", "The topics, with their addresses as events and as feeds.", JSON),
    ("get", "/topics/{name}", "A topic's records as they come (Server-Sent Events). Last-Event-ID, or "
     "?from=start|end|POSITION, says from where. "
     "NAME.atom, NAME.rss and NAME.json are feeds of its latest articles.", "text/event-stream"),
    ("get", "/articles/{id}", "An article: its revisions, and what each changed.", JSON),
    ("get", "/schemas/{name}", "The JSON Schema of a record: article, item, poll, dead-letter (.json).", JSON),
    ("get", "/openapi.json", "This document.", JSON),
    ("get", "/healthz", "200 while nothing has gone missing, else 503.", JSON),
    ("get", "/readyz", "200 while all workers have heartbeats and the desk keeps up, else 503 with problems.", JSON),
    ("get", "/metrics", "For Prometheus.", TEXT),
    ("get", "/status.json", "Counters, lag, latency, workers and feeds.", JSON),
    ("get", "/recent.json", "The latest articles, and the position behind them.", JSON),
    ("post", "/feeds", f"Add, remove, pause, resume or poll a feed; wants {TOKEN}.", JSON),
    ("get", "/dead-letters", f"The dead letters that wait; wants {TOKEN}.", JSON),
    ("post", "/dead-letters", f"Replay or drop one; wants {TOKEN}.", JSON),
    ("get", "/websub/{token}", "For WebSub hubs: do we want this subscription?", TEXT),
    ("post", "/websub/{token}", "For WebSub hubs: what is new.", TEXT),
    ("get", "/", "The live page.", "text/html"),
    ("get", "/page.js", "Its script.", "text/javascript"),
    ("get", "/page.css", "Its style.", "text/css"),
)  # fmt: skip
BODIES = {
    "/feeds": {"action": ["add", "remove", "pause", "resume", "poll-now"], "url": "", "folder": ""},
    "/dead-letters": {"action": ["replay", "drop"], "letter": ""},
}


def register(app: web.Application) -> None:
    """Add the paths of the documents."""
    app.router.add_get("/openapi.json", _openapi)
    app.router.add_get("/schemas/{name}", _schema)


async def _openapi(request: web.Request) -> web.StreamResponse:
    return web.json_response(build_openapi())


async def _schema(request: web.Request) -> web.StreamResponse:
    kind = RECORDS.get(request.match_info["name"].removesuffix(".json"))
    if kind is None:
        raise web.HTTPNotFound(text=f"no such schema; there are {', '.join(RECORDS)}")
    return web.json_response(msgspec.json.schema(kind), content_type="application/schema+json")


def build_openapi() -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for method, path, what, media in PATHS:
        paths.setdefault(path, {})[method] = _operation(method, path, what, media)
    _, schemas = msgspec.json.schema_components(RECORDS.values(), ref_template="#/components/schemas/{name}")
    info = {"title": "copydesk", "version": version(), "description": "Raw wire copy in, clean copy out."}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas}}


def _operation(method: str, path: str, what: str, media: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": what, "content": {media: {}}}
    found: dict[str, Any] = {"summary": what, "responses": {"200": answer}}
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    found["parameters"] = [{"name": n, "in": "path", "required": True, "schema": {"type": "string"}} for n in names]
    if "X-Copydesk-Token" in what:
        token = {"name": "X-Copydesk-Token", "in": "header", "required": True, "schema": {"type": "string"}}
        found["parameters"].append(token)
    if method == "post" and path in BODIES:
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": _body(BODIES[path])}}}
    return found


def _body(fields: dict[str, Any]) -> dict[str, Any]:
    kinds = {name: {"enum": value} if isinstance(value, list) else {"type": "string"} for name, value in fields.items()}
    return {"type": "object", "properties": kinds, "required": [name for name in fields if name != "folder"]}
