"""The pages of the web server: one HTML document for all views, and its scripts and styles.

A view has the path of its data: a browser's navigation gets the page, other requests get JSON.
"""

import functools
import hashlib
from collections.abc import Awaitable, Callable
from importlib.resources import files

from aiohttp import web

from workers.web.responses import encodable

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}


@functools.cache
def _assets() -> dict[str, tuple[str, str]]:
    """Return the text and the entity tag of each file in `static`."""
    texts = {entry.name: entry.read_text("utf-8") for entry in files("workers.web").joinpath("static").iterdir()}
    return {name: (text, hashlib.blake2b(text.encode(), digest_size=8).hexdigest()) for name, text in texts.items()}


def register(app: web.Application) -> None:
    """Add the paths of the page and its assets to *app*."""
    app.router.add_get("/", _page)
    app.router.add_get("/assets/{name}", _asset)


def with_page(handler: Handler) -> Handler:
    """Return *handler* for JSON, which answers navigations of a browser with the page."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = await (_page if _is_navigation(request) else handler)(request)
        response.headers["Vary"] = "Accept"
        return response

    return answer


@web.middleware
async def page_of_unknown_path(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer navigations of a browser to an unknown path with the page and the status 404."""
    if isinstance(request.match_info.http_exception, web.HTTPNotFound) and _is_navigation(request):
        response = _text("page.html")
        response.set_status(404)
        return response
    return await handler(request)


def _is_navigation(request: web.Request) -> bool:
    return "text/html" in request.headers.get("Accept", "")


async def _page(request: web.Request) -> web.StreamResponse:
    return _text("page.html")


async def _asset(request: web.Request) -> web.StreamResponse:
    name = request.match_info["name"]
    if name not in _assets() or name == "page.html":
        raise web.HTTPNotFound(text=encodable(f"unknown asset: {name[:100]}; reload the page"))
    tag = _assets()[name][1]
    headers = {"Cache-Control": "no-cache", "ETag": f'"{tag}"'}
    if request.if_none_match and any(cached.value == tag for cached in request.if_none_match):
        return web.Response(status=304, headers=headers)
    response = _text(name)
    response.headers.update(headers)
    return response


def _text(name: str) -> web.Response:
    media_type = MEDIA_TYPES["." + name.rpartition(".")[2]]
    response = web.Response(text=_assets()[name][0], content_type=media_type)
    response.enable_compression()
    return response
