"""Address filter, limits of bodies, error codes and credentials of the HTTP client."""

import gzip
import zlib
from dataclasses import replace

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from streams.config.settings import Settings
from streams.errors import CopydeskError, UnavailableError, UnreadableError
from tests.support.feed_server import FeedServer
from workers.http.address_filter import BlockedAddressError, is_allowed, is_public, public_socket
from workers.http.client import Credentials, HttpClient
from workers.http.decompress import BoundedDecompressor


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("1.2.3.4", True), ("193.0.0.1", True), ("2606:4700::1", True), ("2a00:1450::1", True),
        ("0.0.0.0", False), ("10.1.2.3", False), ("100.64.0.1", False), ("100.128.0.1", True), ("127.0.0.1", False),
        ("127.255.0.9", False), ("169.254.169.254", False), ("172.16.0.1", False), ("172.32.0.1", True),
        ("192.0.0.8", False), ("192.0.2.1", False), ("192.88.99.1", False), ("192.168.0.1", False),
        ("198.18.0.1", False), ("198.51.100.1", False), ("203.0.113.1", False), ("224.0.0.1", False),
        ("240.0.0.1", False), ("255.255.255.255", False), ("::", False), ("::1", False), ("::127.0.0.1", False),
        ("::ffff:127.0.0.1", False), ("::ffff:8.8.8.8", True), ("64:ff9b::7f00:1", False), ("64:ff9b::808:808", True),
        ("64:ff9b:1::808:808", False), ("100::1", False), ("2001::1", False), ("2001:db8::1", False),
        ("2002:7f00:1::", False), ("2002:808:808::", False), ("3fff::1", False), ("fc00::1", False), ("fd00::1", False),
        ("fe80::1", False), ("fe80::1%eth0", False), ("ff02::1", False), ("localhost", False), ("", False),
    ],
)  # fmt: skip
def test_is_public_address(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_public_socket_rejects_private_address() -> None:
    with pytest.raises(BlockedAddressError, match=r"127\.0\.0\.1 is not a public address"):
        public_socket((2, 1, 6, "", ("127.0.0.1", 80)))
    public_socket((2, 1, 6, "", ("8.8.8.8", 80))).close()


def test_is_allowed_private_host() -> None:
    patterns = Settings(allowed_private_hosts=" NAS.home:8080, 10.0.0.1:*,[fd00::1]:80").private_host_patterns
    assert is_allowed("nas.home", 8080, patterns)
    assert not is_allowed("nas.home", 80, patterns)
    assert is_allowed("10.0.0.1", 443, patterns)
    assert is_allowed("fd00::1", 80, patterns)


def decompress(
    data: bytes, coding: str, max_wire_bytes: int = 1 << 20, max_bytes: int = 1 << 22, step: int = 100
) -> bytes:
    decompressor = BoundedDecompressor(coding, max_wire_bytes, max_bytes)
    body = b"".join(chunk for n in range(0, len(data), step) for chunk in decompressor.feed(data[n : n + step]))
    decompressor.close()
    return body


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


@given(st.binary(max_size=5000), st.integers(1, 700))
def test_decompress_roundtrip(data: bytes, step: int) -> None:
    assert decompress(gzip.compress(data), "gzip", step=step) == data
    assert decompress(gzip.compress(data) + gzip.compress(b"more"), "X-Gzip", step=step) == data + b"more"
    assert decompress(zlib.compress(data), "deflate", step=step) == data
    assert decompress(raw_deflate(data), "deflate", step=step) == data
    assert decompress(data, "", step=step) == data


@pytest.mark.parametrize(
    ("data", "coding", "code"),
    [
        (b"plain", "gzip", "bad_coding"),
        (gzip.compress(b"x" * 5000, mtime=0)[:-9], "gzip", "bad_coding"),
        (b"x", "br", "bad_coding"),
        (b"x", "gzip, gzip", "bad_coding"),
        (gzip.compress(bytes(3 << 20), mtime=0), "gzip", "too_large"),
        (b"x" * 2_000_000, "", "too_large"),
    ],
    ids=["plain", "cut", "unknown", "twice", "large when unpacked", "large"],
)
def test_decompress_rejects_corrupt_and_oversized(data: bytes, coding: str, code: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        decompress(data, coding)
    assert caught.value.code == code


def test_decompress_ignores_trailing_bytes() -> None:
    assert decompress(gzip.compress(b"body") + b"garbage", "gzip", step=7) == b"body"


async def error_code(settings: Settings, url: str) -> str:
    with pytest.raises(CopydeskError) as caught:
        async with HttpClient(settings) as fetcher:
            await fetcher.get(url)
    return caught.value.code


async def test_private_hosts_need_permission(settings: Settings) -> None:
    async with FeedServer() as server:
        server.answers["a"] = b"<rss/>"
        async with HttpClient(replace(settings, allowed_private_hosts="")) as fetcher:
            for host in ("127.0.0.1", "localhost"):
                with pytest.raises(UnavailableError, match="not a public address") as caught:
                    await fetcher.get(server.url.replace("127.0.0.1", host) + "a")
                assert caught.value.code == "blocked_address"
        async with HttpClient(settings) as fetcher:
            assert (await fetcher.get(server.url + "a")).body == b"<rss/>"


@pytest.mark.parametrize(
    ("url", "code"),
    [("http://127.0.0.1:1/", "connection"), ("ftp://a.example/", "blocked_scheme"), ("http://127.1/", "bad_url")],
)
async def test_fetch_error_codes(url: str, code: str, settings: Settings) -> None:
    assert await error_code(settings, url) == code


async def test_credentials_not_sent_across_origins(settings: Settings) -> None:
    received: list[dict[str, str]] = []

    def record(request: web.Request) -> bytes:
        received.append(dict(request.headers))
        return b"ok"

    async with FeedServer() as server, FeedServer() as other:
        server.answers["here"] = other.answers["there"] = record

        def redirect(request: web.Request) -> web.Response:
            raise web.HTTPFound(other.url + "there")

        server.answers["away"] = redirect
        credentials = Credentials({"X-Key": "k"}, "ida", "secret")
        async with HttpClient(settings) as fetcher:
            await fetcher.get(server.url + "here", credentials=credentials)
            await fetcher.get(server.url + "away", credentials=credentials)
    assert "Authorization" in received[0]
    assert received[0]["X-Key"] == "k"
    assert "Authorization" not in received[1]
    assert "X-Key" not in received[1]
    assert "secret" not in repr(credentials)


async def test_too_large_body_names_host_and_setting(settings: Settings) -> None:
    packed = gzip.compress(bytes(7_000), mtime=0)
    async with FeedServer() as server, HttpClient(replace(settings, max_feed_bytes=2_000)) as client:
        server.answers |= {
            "long": b"x" * 2_001,
            "packed": lambda request: web.Response(body=packed, headers={"Content-Encoding": "gzip"}),
        }
        for path, max_bytes, message in (
            ("long", 0, "body too large: 127.0.0.1 (more than 2,000 bytes); raise max_feed_bytes"),
            ("long", 1_000, "body too large: 127.0.0.1 (more than 1,000 bytes)"),
            ("packed", 0, "body too large: 127.0.0.1 (more than 6,400 bytes); raise max_feed_bytes"),
        ):
            with pytest.raises(UnreadableError) as caught:
                await client.get(server.url + path, max_bytes=max_bytes)
            assert (str(caught.value), caught.value.code) == (message, "too_large")


@pytest.mark.parametrize("coding", ["identity", "gzip"])
async def test_truncated_body_ends_at_its_limit(coding: str, settings: Settings) -> None:
    text = b"".join(b"%06d\n" % n for n in range(100_000))  # 700 kB
    body = gzip.compress(text, mtime=0) if coding == "gzip" else text
    async with FeedServer() as server, HttpClient(settings) as client:
        server.answers["a"] = lambda request: web.Response(body=body, headers={"Content-Encoding": coding})
        for max_bytes in (500_000, 700_000, 800_000):  # on one connection, or on new ones
            response = await client.get(server.url + "a", max_bytes=max_bytes, truncate=True)
            assert response.body == text[:max_bytes]
        assert client._bodies._buffered_bytes == 0
