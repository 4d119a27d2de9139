"""Mailboxes in mbox format (RFC 4155). Positions are message numbers."""

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage
from typing import BinaryIO

from workers.intake.formats.base import FileContext, FileRecord, failed_record, row_record

_FROM_LINE = re.compile(rb"\AFrom \S+ +\w{3} \w{3} +\d{1,2} ")
_MBOX_START = re.compile(rb"\AFrom \S+")


def matches(name: str, head: bytes) -> bool:
    """Return whether *head* begins with a From line."""
    return bool(_FROM_LINE.match(head)) or (name.endswith(".mbox") and bool(_MBOX_START.match(head)))


def read(file: BinaryIO, start: int, context: FileContext) -> Iterator[FileRecord]:
    """Yield one record per message: its HTML, else its plain text."""
    for number, data in enumerate(_messages(file), 1):
        if number > start:
            yield _record(data, number, context)


def _messages(file: BinaryIO) -> Iterator[bytes]:
    """Yield the messages. A From line follows an empty line; inside of messages it is quoted as `>From`."""
    lines: list[bytes] = []
    is_after_gap = True
    for line in file:
        if is_after_gap and line.startswith(b"From ") and lines:
            yield b"".join(lines[1:])
            lines = []
        lines.append(line)
        is_after_gap = not line.strip()
    if lines:
        yield b"".join(lines[1:])


def _record(data: bytes, number: int, context: FileContext) -> FileRecord:
    try:
        message = email.message_from_bytes(data, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        row = _row(message)
    except (
        LookupError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
    ) as exc:  # defects that `email` doesn't report
        return failed_record(number, data[:10_000].decode("utf-8", "replace"), context, f"unreadable message: {exc}")
    return row_record(number, row, context)


def _row(message: EmailMessage) -> dict[str, object]:
    body = message.get_body(("html", "plain"))
    text = body.get_content() if body is not None else ""
    is_html = body is not None and body.get_content_subtype() == "html"
    return {
        "id": str(message.get("Message-ID", "")).strip(), "title": str(message.get("Subject", "")),
        "authors": [{"name": str(message.get("From", ""))}], "date_published": str(message.get("Date", "")),
        "content_html" if is_html else "content_text": str(text),
    }  # fmt: skip
