"""Responses that the handlers share."""

import json
from typing import Any

from aiohttp import web


def json_response(value: Any, status: int = 200) -> web.Response:
    """Return *value* as JSON, compressed if the client accepts that."""
    response = web.Response(text=json.dumps(value, ensure_ascii=False), content_type="application/json", status=status)
    response.enable_compression()
    return response


def message(text: str, status: int = 200, **fields: Any) -> web.Response:
    """Return a message for people, with *fields* for programs."""
    return json_response({"message": text, **fields}, status)


def encodable(text: str) -> str:
    """Return *text* without lone surrogates, which stand for bytes of a request that are not UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def int_parameter(request: web.Request, name: str, default: int, maximum: int) -> int:
    """Return a query parameter as a number from 0 to *maximum*.

    Raises: HTTPBadRequest.
    """
    text = request.query.get(name) or str(default)
    if not text.isdecimal() or len(text) > 18:
        detail = f"{text[:40]!r} (not an integer of at most 18 digits)"
        raise web.HTTPBadRequest(text=f"invalid {name}: {detail}; use 0 or more")
    return min(int(text), maximum)
