"""Invented WARC and mailbox files."""

import uuid
from datetime import UTC, datetime

CAPTURED = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


def warc_record(kind: str, url: str, block: bytes, media_type: str) -> bytes:
    """Return one record by ISO 28500, without its digests."""
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, kind + url)}>\r\nWARC-Target-URI: {url}\r\n"
        f"WARC-Date: {CAPTURED:%Y-%m-%dT%H:%M:%SZ}\r\nContent-Type: {media_type}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"
