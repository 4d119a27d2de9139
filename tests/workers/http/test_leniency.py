"""Content codings, message length and cookies of imperfect servers."""

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from streams.errors import CopydeskError, UnreadableError
from tests.support.raw_server import fetch
from workers.http.client import resolve_redirect
from workers.http.decompress import BoundedDecompressor
from workers.http.message_length import parse_head

BODY = b"<rss><channel/></rss>" * 100


def decompress(data: bytes, coding: str, max_bytes: int = 1 << 22) -> bytes:
    decompressor = BoundedDecompressor(coding, 1 << 20, max_bytes)
    body = b"".join(chunk for n in range(0, len(data), 100) for chunk in decompressor.feed(data[n : n + 100]))
    decompressor.close()
    return body


zstd = zstandard.compress
CODED = {
    "unknown": ("aws-chunked", BODY),
    "a charset": ("UTF-8", BODY),
    "none": ("none", BODY),
    "unknown and gzip": ("aws-chunked, gzip", gzip.compress(BODY)),
    "gzip twice": ("gzip, gzip", gzip.compress(gzip.compress(BODY))),
    "reverse order": ("deflate, gzip", gzip.compress(zlib.compress(BODY))),
    "empty elements": (", gzip ,", gzip.compress(BODY)),
    "br": ("br", brotli.compress(BODY)),
    "zstd": ("zstd", zstd(BODY)),
    "two frames of zstd": ("zstd", zstd(BODY[:50]) + zstd(BODY[50:])),
    "br in gzip": ("br, GZIP", gzip.compress(brotli.compress(BODY))),
}


@pytest.mark.parametrize(("coding", "data"), CODED.values(), ids=CODED)
def test_content_codings_are_undone(coding: str, data: bytes) -> None:
    assert decompress(data, coding) == BODY


BOMBS: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda data: brotli.compress(data, quality=1),
    "zstd": zstd,
    "gzip, gzip": lambda data: gzip.compress(gzip.compress(data, 1), 1),
}


@pytest.mark.parametrize("coding", BOMBS)
def test_bomb_in_any_coding_is_refused(coding: str) -> None:
    data = BOMBS[coding](bytes(1 << 26))  # 16 times the limit
    with pytest.raises(UnreadableError) as caught:
        decompress(data, coding)
    assert caught.value.code == "too_large"


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("br", brotli.compress(BODY)[:-5]),
        ("zstd", zstd(BODY)[:-5]),
        ("br", b"\xff" * 99),
        ("zstd", b"\xff" * 99),
        ("compress", BODY),
        ("x-snappy", b"\xff\x06\0\0sNaPpY" * 9),
        (", ".join(["gzip"] * 5), BODY),
    ],
)
def test_bad_coding_is_refused(coding: str, data: bytes) -> None:
    with pytest.raises(UnreadableError) as caught:
        decompress(data, coding)
    assert caught.value.code == "bad_coding"


def test_parse_head_lengths() -> None:
    head = b"HTTP/1.1 200 OK\r\n%s\r\n"
    assert parse_head(head % b"Content-Length: 5\r\ncontent-length: 5\r\n").length == 5
    assert parse_head(head % b"Content-Length: 5, 5\r\n").length == 5
    assert parse_head(head % b"Content-Length: 5\r\nContent-Length: 6\r\n").length is None
    chunked = parse_head(head % b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")
    assert (chunked.length, b"Length" in chunked.data) == (None, False)
    assert parse_head(b"HTTP/1.1 304 Not Modified\nContent-Length: 5\n\n").length == 0


LENGTHS = {
    "body longer than its length": b"Content-Length: 4\r\nConnection: close\r\n\r\nfeed and more",
    "body longer, connection kept": b"Content-Length: 4\r\n\r\nfeedHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad",
    "same length twice": b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nfeed",
    "same length in a list": b"Content-Length: 4, 4\r\n\r\nfeed",
    "length beside chunked": b"Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfeed\r\n0\r\n\r\n",
    "no length": b"Connection: close\r\n\r\nfeed",
}


@pytest.mark.parametrize("rest", LENGTHS.values(), ids=LENGTHS)
async def test_body_ends_at_its_length(rest: bytes) -> None:
    responses = await fetch(lambda head: b"HTTP/1.1 200 OK\r\n" + rest, ("1", "2"))
    assert [response.body for response in responses] == [b"feed", b"feed"]


async def test_body_of_304_is_dropped() -> None:
    answer = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nfeed"
    assert [response.status for response in await fetch(lambda head: answer, ("1", "2"))] == [304, 304]


async def test_interim_response_is_skipped() -> None:
    answer = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfeed more"
    assert (await fetch(lambda head: answer))[0].body == b"feed"


@pytest.mark.parametrize(
    "rest",
    [b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nfeed", b"Content-Length: 9\r\nConnection: close\r\n\r\nfeed"],
)
async def test_contradictory_or_short_body_fails(rest: bytes) -> None:
    with pytest.raises(CopydeskError):
        await fetch(lambda head: b"HTTP/1.1 200 OK\r\n" + rest)


async def test_cookies_live_for_one_redirect_chain() -> None:
    heads: list[bytes] = []

    def answer(head: bytes) -> bytes:
        heads.append(head)
        if b"Cookie: seen=1; b=2" in head:
            return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfeed"
        cookies = b"Set-Cookie: seen=1; Path=/\r\nSet-Cookie: b=2\r\nSet-Cookie: c=3; Secure\r\nSet-Cookie: d=4; Path=/other\r\n"
        return b"HTTP/1.1 302 Found\r\nLocation: /1\r\nContent-Length: 0\r\n" + cookies + b"\r\n"

    assert [response.body for response in await fetch(answer, ("1", "2"))] == [b"feed", b"feed"]
    assert [b"Cookie" in head for head in heads] == [False, True, False, True]


async def test_status_203_has_content() -> None:
    answer = b"HTTP/1.1 203 Non-Authoritative\r\nContent-Length: 4\r\n\r\nfeed"
    assert [(response.status, response.body) for response in await fetch(lambda head: answer)] == [(200, b"feed")]


@pytest.mark.parametrize(
    ("location", "target"),
    [
        (b"/\xec\xf3\xea\xe0", "https://mill.example/%EC%F3%EA%E0"),  # windows-1251
        ("/мука".encode(), "https://mill.example/мука"),
    ],
)
def test_raw_bytes_of_location_are_encoded(location: bytes, target: str) -> None:
    assert resolve_redirect("https://mill.example/a", location.decode("utf-8", "surrogateescape")) == target
