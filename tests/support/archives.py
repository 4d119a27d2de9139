"""Invented WARC and mailbox files."""

import uuid
from datetime import UTC, datetime

CAPTURED = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)


def warc_record(kind: str, url: str, block: bytes, media_type: str, captured: datetime = CAPTURED) -> bytes:
    """Return one record by ISO 28500, without its digests."""
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, kind + url)}>\r\nWARC-Target-URI: {url}\r\n"
        f"WARC-Date: {captured:%Y-%m-%dT%H:%M:%SZ}\r\nContent-Type: {media_type}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def page_record(url: str, page: bytes, captured: datetime = CAPTURED, media_type: str = "text/html") -> bytes:
    """Return the record of an HTTP response with a page. Without a charset in *media_type*, the page states its own."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {len(page)}\r\n\r\n".encode()
    return warc_record("response", url, head + page, "application/http; msgtype=response", captured)
