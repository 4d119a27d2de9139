"""Authorisation of requests that change something, or show raw texts: by the token of the data directory.

The token travels in a custom header. HTML forms and scripts of other sites cannot send it, because CORS is not allowed.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import web

from streams.errors import SettingsError, UnreadableError
from workers.private_files import write_private
from workers.web.request_body import read_body

TOKEN_HEADER = "X-Copydesk-Token"
UNAUTHORISED = "token missing or wrong; open the page at the URL that copydesk up prints"


def load_token(data_dir: Path) -> str:
    """Return the token stored in *data_dir*; create it on the first call. Only the owner can read the file.

    Raises:
        SettingsError: the file cannot be read or written, or is not ASCII.
    """
    path = data_dir / "web.token"
    try:
        token = path.read_text("ascii").strip() if path.exists() else ""
        return token or _new_token(path)
    except UnicodeDecodeError as exc:
        raise SettingsError(f"token not readable: {path} ({exc}); remove the file, and restart copydesk") from exc
    except OSError as exc:
        raise SettingsError(f"token not stored: {path} ({exc.strerror}); set data_dir to a writable directory") from exc


def _new_token(path: Path) -> str:
    token = secrets.token_urlsafe(18)
    write_private(path, token)
    return token


class AdminApi:
    """Checks the token of requests."""

    def __init__(self, token: str) -> None:
        self.token = token

    def is_authorised(self, request: web.Request) -> bool:
        """Return whether *request* has the token, in its own header or as bearer token (RFC 6750)."""
        header = request.headers.get(TOKEN_HEADER) or request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = header.encode("utf-8", "surrogateescape")  # the bytes of the header
        return hmac.compare_digest(token, self.token.encode())

    def require_token(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return *handler* after a check of the token, and then a read of the body.

        Errors of the request become 400. The server answers 503 to UnavailableError.
        """

        async def checked(request: web.Request) -> web.StreamResponse:
            if not self.is_authorised(request):
                return _message(UNAUTHORISED, 403)
            await read_body(request)  # the request caches it for the handler
            try:
                return await handler(request)
            except (msgspec.DecodeError, UnicodeDecodeError) as exc:
                return _message(f"invalid request body: {exc}", 400)
            except (UnreadableError, SettingsError) as exc:
                return _message(str(exc), 400)

        return checked


def _message(text: str, status: int) -> web.Response:
    return web.json_response({"message": text}, status=status)
