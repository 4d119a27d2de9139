"""Dead letters over HTTP. Every request needs the token.

GET  /dead-letters?group=KEY&offset=0    groups of equal errors, and the pending letters, the newest first
GET  /dead-letters/PARTITION@OFFSET      a letter with its content
POST /dead-letters                       {"action": "replay" | "discard", "letter": … | "group": … | "all": true}
"""

import hashlib
import re
from typing import Any

import msgspec
from aiohttp import web

from streams.brokers.base import Broker
from streams.errors import SettingsError
from streams.records import DeadLetter
from workers import dead_letters
from workers.dead_letters import PendingLetter
from workers.text.counts import format_count
from workers.text.normalise import plain_text
from workers.web.admin_api import AdminApi
from workers.web.pages import with_page
from workers.web.responses import int_parameter, json_response, message

MAX_LETTERS = 100  # per response
MAX_ERROR_CHARS, MAX_TITLE_CHARS = 500, 200
MAX_CONTENT_CHARS = 50_000
MAX_FAILURES = 20  # in a reply
NAME = re.compile(r"[0-9]{1,9}@[0-9]{1,18}")
_VARIABLE = re.compile(r"[0-9a-f]{12,}|[0-9]+")  # identifiers and numbers, which differ between equal errors


class LetterAction(msgspec.Struct, frozen=True):
    """An action on one letter, on the letters of a group, or on all."""

    action: str
    letter: str = ""
    group: str = ""
    all: bool = False


class Headline(msgspec.Struct, frozen=True):
    """The fields of an item or article that name it."""

    title: str = ""
    link: str = ""
    url: str = ""
    publisher: str = ""


class LetterGroup(msgspec.Struct, frozen=True):
    """Letters with equal errors of one source."""

    key: str
    error_kind: str
    error: str
    source: str
    newest: str
    count: int
    replayable: int


class LettersApi:
    """Handlers of the paths of dead letters."""

    def __init__(self, broker: Broker, admin: AdminApi) -> None:
        self.broker, self.admin = broker, admin

    def register(self, app: web.Application) -> None:
        """Add the paths to *app*."""
        app.router.add_get("/dead-letters", with_page(self.admin.require_token(self._list)))
        app.router.add_get("/dead-letters/{name}", self.admin.require_token(self._letter))
        app.router.add_post("/dead-letters", self.admin.require_token(self._resolve))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        wanted, rows, groups = request.query.get("group", ""), list[dict[str, Any]](), dict[str, LetterGroup]()
        async for pending in dead_letters.pending(self.broker):
            key = group_key(pending.letter)
            groups[key] = _extended(groups.get(key), key, pending)
            if not wanted or key == wanted:
                rows.append(_row(pending, key))
        rows.sort(key=lambda row: row["failed_at"], reverse=True)
        offset = int_parameter(request, "offset", 0, len(rows))
        largest = sorted(groups.values(), key=lambda group: (-group.count, group.key))[:MAX_LETTERS]
        return json_response({
            "pending": sum(group.count for group in groups.values()), "matching": len(rows),
            "groups": [msgspec.to_builtins(group) for group in largest], "letters": rows[offset : offset + MAX_LETTERS],
        })  # fmt: skip

    async def _letter(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if not NAME.fullmatch(name):
            raise web.HTTPNotFound(text=f"invalid dead letter: {name[:40]!r} (not PARTITION@OFFSET); see /dead-letters")
        [pending] = await dead_letters.select(self.broker, [name])
        letter = pending.letter
        text = letter.payload[: 4 * MAX_CONTENT_CHARS].decode("utf-8", "replace")
        return json_response(
            _row(pending, group_key(letter)) | {
                "error": letter.error, "source": letter.source, "attempts": letter.attempts,
                "content": text[:MAX_CONTENT_CHARS], "content_bytes": len(letter.payload),
                "is_cut": len(text) > MAX_CONTENT_CHARS or len(letter.payload) > 4 * MAX_CONTENT_CHARS,
                "fields": content_fields(letter.payload),
            }
        )  # fmt: skip

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        command = msgspec.json.decode(await request.read(), type=LetterAction)
        resolve = {"replay": dead_letters.replay, "discard": dead_letters.discard}.get(command.action)
        if resolve is None:
            return message(f"unknown action: {command.action!r}; use replay or discard", 400)
        if sum(map(bool, (command.letter, command.group, command.all))) != 1:
            raise SettingsError("no dead letter selected; set one of letter, group and all")
        selected = dead_letters.chosen(
            self.broker,
            [command.letter] if command.letter else [],
            lambda letter: not command.group or group_key(letter) == command.group,
        )
        done, failures = await dead_letters.resolve_all(self.broker, selected, resolve)
        if command.group and not done and not failures:
            return message(f"no pending dead letters: group {command.group[:40]}; see /dead-letters", 404)
        if len(failures) == 1 and not done:
            return message(failures[0], 400)
        past = {"replay": "replayed", "discard": "discarded"}[command.action]
        failed = f", {len(failures)} failed ({failures[0]})" if failures else ""
        text = f"{format_count(done, 'dead letter')} {past}{failed}"
        return message(text, done=done, failures=failures[:MAX_FAILURES])


def group_key(letter: DeadLetter) -> str:
    """Return a key that letters with the same kind of error, error text and source share."""
    text = "\n".join((letter.error_kind, _VARIABLE.sub("#", _first_line(letter)), letter.sink or letter.feed))
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def _first_line(letter: DeadLetter) -> str:
    return letter.error.partition("\n")[0][:MAX_ERROR_CHARS]


def _extended(group: LetterGroup | None, key: str, pending: PendingLetter) -> LetterGroup:
    letter = pending.letter
    failed_at = letter.failed_at.isoformat()
    if group is None:
        source = f"sink {letter.sink}" if letter.sink else letter.feed or letter.topic
        group = LetterGroup(key, letter.error_kind, _first_line(letter), source, failed_at, 0, 0)
    return msgspec.structs.replace(
        group,
        newest=max(group.newest, failed_at),
        count=group.count + 1,
        replayable=group.replayable + dead_letters.is_replayable(letter),
    )


def _row(pending: PendingLetter, key: str) -> dict[str, Any]:
    letter = pending.letter
    headline = _headline(letter.payload)
    return {
        "letter": pending.name, "group": key, "failed_at": letter.failed_at.isoformat(),
        "error_kind": letter.error_kind, "error": _first_line(letter), "source": letter.feed or letter.topic,
        "sink": letter.sink, "key": letter.key.decode("utf-8", "replace"), "topic": letter.topic,
        "title": headline.title or plain_text(letter.payload[:400].decode("utf-8", "replace"))[:MAX_TITLE_CHARS],
        "link": headline.link or headline.url, "replayable": dead_letters.is_replayable(letter),
    }  # fmt: skip


def _headline(payload: bytes) -> Headline:
    try:
        return msgspec.json.decode(payload, type=Headline)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Headline()


def content_fields(payload: bytes) -> list[tuple[str, str]]:
    """Return the fields of a JSON object as text, for people; [] for other payloads."""
    try:
        record = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    if not isinstance(record, dict):
        return []
    fields = []
    for name, value in record.items():
        text = value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value)).decode()
        fields.append((str(name), text[:MAX_CONTENT_CHARS]))
    return fields
