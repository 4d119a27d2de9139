"""What people may do on the page, with the token that only whoever started copydesk has.

POST /feeds           {"action": "add" | "remove" | "pause" | "resume" | "poll-now", "url": …, "folder": …}
GET  /dead-letters    those that wait
POST /dead-letters    {"action": "replay" | "drop", "letter": …}

A request must carry the token in a header that no form and no other site's script can send (CORS isn't allowed).
"""

import hmac
import os
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from streams.brokers.base import Broker
from streams.errors import CopydeskError, SettingsError
from workers import dead_letters
from workers.poller.registry import FeedRegistry

HEADER = "X-Copydesk-Token"
SHOWN = 100  # dead letters
REASON_CHARS = 500


class FeedAction(msgspec.Struct, frozen=True):
    """What to do with a feed."""

    action: str
    url: str
    folder: str = ""


class DeadLetterAction(msgspec.Struct, frozen=True):
    """What to do with a dead letter."""

    action: str
    letter: str


def load_token(data_dir: Path) -> str:
    """Return the token that is kept in *data_dir*, for its owner's eyes only; a new one the first time.

    Raises SettingsError where it can't be kept there.
    """
    path = data_dir / "web.token"
    try:
        token = path.read_text("ascii").strip() if path.exists() else ""
        return token or _new_token(path)
    except OSError as exc:
        raise SettingsError(f"token not kept: {path} ({exc.strerror}); set data_dir to a writable directory") from exc


def _new_token(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    token, part = secrets.token_urlsafe(18), path.with_name(f"{path.name}.{os.getpid()}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(token)
    part.rename(path)  # never there empty: an empty token would let everybody in
    return token


class AdminApi:
    """The paths that change something."""

    def __init__(self, broker: Broker, token: str) -> None:
        self.broker, self.token = broker, token

    def register(self, app: web.Application) -> None:
        """Add the paths."""
        app.router.add_post("/feeds", self._guarded(self._feed))
        app.router.add_get("/dead-letters", self._guarded(self._letters))
        app.router.add_post("/dead-letters", self._guarded(self._letter))

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            given = request.headers.get(HEADER, "")
            if not hmac.compare_digest(given.encode(), self.token.encode()):
                return _message("this needs the token that copydesk up prints with the page's address", 403)
            try:
                return await handler(request)
            except (msgspec.DecodeError, UnicodeDecodeError) as exc:
                return _message(f"not what is expected here: {exc}", 400)
            except CopydeskError as exc:
                return _message(str(exc), 400)

        return guarded

    async def _feed(self, request: web.Request) -> web.StreamResponse:
        act, feeds = msgspec.json.decode(await request.read(), type=FeedAction), FeedRegistry(self.broker.state)
        acts: dict[str, Callable[[], Awaitable[list[str]]]] = {
            "add": lambda: feeds.add([(act.url, act.folder)]),
            "remove": lambda: feeds.remove([act.url]),
            "pause": lambda: feeds.set_paused([act.url], True),
            "resume": lambda: feeds.set_paused([act.url], False),
            "poll-now": lambda: feeds.poll_now([act.url]),
        }
        if act.action not in acts:
            return _message(f"action is one of {', '.join(acts)}", 400)
        done = await acts[act.action]()
        return _message("done" if done else "nothing to do", 200)

    async def _letters(self, request: web.Request) -> web.StreamResponse:
        found = []
        async for one in dead_letters.pending(self.broker):
            letter = one.letter
            found.append({
                "letter": one.name, "time": letter.failed_at.isoformat(), "error": letter.error_kind,
                "reason": letter.error.partition("\n")[0][:REASON_CHARS], "from": letter.feed or letter.topic,
                "key": letter.key.decode("utf-8", "replace"), "topic": letter.topic,
            })  # fmt: skip
        return web.json_response({"waiting": len(found), "letters": found[-SHOWN:]})

    async def _letter(self, request: web.Request) -> web.StreamResponse:
        act = msgspec.json.decode(await request.read(), type=DeadLetterAction)
        settle = {"replay": dead_letters.replay, "drop": dead_letters.discard}.get(act.action)
        if settle is None:
            return _message("action is replay or drop", 400)
        [one] = await dead_letters.select(self.broker, [act.letter])
        return _message("done" if await settle(self.broker, one) else "settled by somebody else", 200)


def _message(text: str, status: int) -> web.Response:
    said: Any = {"said": text}
    return web.json_response(said, status=status)
