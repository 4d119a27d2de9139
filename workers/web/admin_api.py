"""The administrative HTTP API: change feeds, resolve dead letters. Every request needs the token of the data directory.

POST /feeds           {"action": "add" | "remove" | "pause" | "resume" | "poll-now", "url": …, "folder": …}
GET  /dead-letters    pending dead letters
POST /dead-letters    {"action": "replay" | "discard", "letter": …}

The token travels in a custom header. HTML forms and scripts of other sites cannot send it, because CORS is not allowed.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import web

from streams.brokers.base import Broker
from streams.errors import CopydeskError, SettingsError
from workers import dead_letters
from workers.poller.registry import FeedRegistry
from workers.private_files import write_private

HEADER = "X-Copydesk-Token"
MAX_LETTERS = 100  # dead letters per response, the newest
MAX_ERROR_CHARS = 500
UNAUTHORISED = "token missing or wrong; open the page at the address that copydesk up prints"


class FeedAction(msgspec.Struct, frozen=True):
    """An action on one feed."""

    action: str
    url: str
    folder: str = ""


class DeadLetterAction(msgspec.Struct, frozen=True):
    """An action on one dead letter."""

    action: str
    letter: str


def load_token(data_dir: Path) -> str:
    """Return the token stored in *data_dir*; create it on the first call. Only the owner can read the file.

    Raises: SettingsError when the file cannot be read or written.
    """
    path = data_dir / "web.token"
    try:
        token = path.read_text("ascii").strip() if path.exists() else ""
        return token or _new_token(path)
    except OSError as exc:
        raise SettingsError(f"token not kept: {path} ({exc.strerror}); set data_dir to a writable directory") from exc


def _new_token(path: Path) -> str:
    token = secrets.token_urlsafe(18)
    write_private(path, token)
    return token


class AdminApi:
    """Handlers of the administrative paths."""

    def __init__(self, broker: Broker, token: str) -> None:
        self.broker, self.token = broker, token

    def register(self, app: web.Application) -> None:
        """Add the paths to *app*."""
        app.router.add_post("/feeds", self.require_token(self._feed))
        app.router.add_get("/dead-letters", self.require_token(self._letters))
        app.router.add_post("/dead-letters", self.require_token(self._letter))

    def is_authorised(self, request: web.Request) -> bool:
        """Return whether *request* has the token, in its own header or as bearer token (RFC 6750)."""
        header = request.headers.get(HEADER) or request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = header.encode("utf-8", "surrogateescape")  # the bytes of the header
        return hmac.compare_digest(token, self.token.encode())

    def require_token(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return *handler* behind a check of the token. Errors of the request become 400."""

        async def checked(request: web.Request) -> web.StreamResponse:
            if not self.is_authorised(request):
                return _message(UNAUTHORISED, 403)
            try:
                return await handler(request)
            except (msgspec.DecodeError, UnicodeDecodeError) as exc:
                return _message(f"invalid request body: {exc}", 400)
            except (CopydeskError, ValueError) as exc:  # a URL that no feed can have
                return _message(str(exc), 400)

        return checked

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        command, feeds = msgspec.json.decode(await request.read(), type=FeedAction), FeedRegistry(self.broker.state)
        actions: dict[str, Callable[[], Awaitable[list[str]]]] = {
            "add": lambda: feeds.add([(command.url, command.folder)]),
            "remove": lambda: feeds.remove([command.url]),
            "pause": lambda: feeds.set_paused([command.url], True),
            "resume": lambda: feeds.set_paused([command.url], False),
            "poll-now": lambda: feeds.poll_now([command.url]),
        }
        if command.action not in actions:
            return _message(f"unknown action: {command.action!r}; use one of {', '.join(actions)}", 400)
        changed = await actions[command.action]()
        return _message("done" if changed else "no change", 200)

    async def _letters(self, request: web.Request) -> web.StreamResponse:
        rows = []
        async for pending in dead_letters.pending(self.broker):
            letter = pending.letter
            rows.append({
                "letter": pending.name, "failed_at": letter.failed_at.isoformat(), "error_kind": letter.error_kind,
                "error": letter.error.partition("\n")[0][:MAX_ERROR_CHARS], "source": letter.feed or letter.topic,
                "key": letter.key.decode("utf-8", "replace"), "topic": letter.topic,
            })  # fmt: skip
        return web.json_response({"pending": len(rows), "letters": rows[-MAX_LETTERS:]})

    async def _letter(self, request: web.Request) -> web.StreamResponse:
        command = msgspec.json.decode(await request.read(), type=DeadLetterAction)
        resolve = {"replay": dead_letters.replay, "discard": dead_letters.discard}.get(command.action)
        if resolve is None:
            return _message(f"unknown action: {command.action!r}; use replay or discard", 400)
        [letter] = await dead_letters.select(self.broker, [command.letter])
        return _message("done" if await resolve(self.broker, letter) else "already resolved", 200)


def _message(text: str, status: int) -> web.Response:
    return web.json_response({"message": text}, status=status)
