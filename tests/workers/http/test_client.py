import asyncio
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
def test_which_addresses_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_the_guard_looks_at_the_address_that_is_dialled() -> None:
    with pytest.raises(BlockedAddressError, match=r"127\.0\.0\.1 is not a public address"):
        public_socket((2, 1, 6, "", ("127.0.0.1", 80)))
    public_socket((2, 1, 6, "", ("8.8.8.8", 80))).close()


def test_the_list_of_private_hosts() -> None:
    listed = Settings(allowed_private_hosts=" NAS.home:8080, 10.0.0.1:*,[fd00::1]:80").private_host_patterns
    assert is_allowed("nas.home", 8080, listed)
    assert not is_allowed("nas.home", 80, listed)
    assert is_allowed("10.0.0.1", 443, listed)
    assert is_allowed("fd00::1", 80, listed)


def unpacked(data: bytes, coding: str, wire: int = 1 << 20, most: int = 1 << 22, step: int = 100) -> bytes:
    unpacker = BoundedDecompressor(coding, wire, most)
    out = b"".join(p for n in range(0, len(data), step) for p in unpacker.feed(data[n : n + step]))
    unpacker.close()
    return out


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@given(st.binary(max_size=5000), st.integers(1, 700))
def test_what_was_packed_comes_out(data: bytes, step: int) -> None:
    assert unpacked(gzip.compress(data), "gzip", step=step) == data
    assert unpacked(gzip.compress(data) + gzip.compress(b"more"), "X-Gzip", step=step) == data + b"more"
    assert unpacked(zlib.compress(data), "deflate", step=step) == data
    assert unpacked(bare_deflate(data), "deflate", step=step) == data
    assert unpacked(data, "", step=step) == data


@pytest.mark.parametrize(
    ("data", "coding", "kind"),
    [
        (b"plain", "gzip", "bad_coding"),
        (gzip.compress(b"x" * 5000)[:-9], "gzip", "bad_coding"),
        (b"x", "br", "bad_coding"),
        (b"x", "gzip, gzip", "bad_coding"),
        (gzip.compress(bytes(3 << 20)), "gzip", "too_large"),
        (b"x" * 2_000_000, "", "too_large"),
    ],
)
def test_what_is_damaged_or_too_much_is_refused(data: bytes, coding: str, kind: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        unpacked(data, coding)
    assert refused.value.code == kind


def test_what_follows_the_end_is_no_part_of_the_body() -> None:
    assert unpacked(gzip.compress(b"body") + b"garbage", "gzip", step=7) == b"body"


def kind_of(settings: Settings, url: str) -> str:
    async def get() -> None:
        async with HttpClient(settings) as fetcher:
            await fetcher.get(url)

    with pytest.raises(CopydeskError) as failed:
        asyncio.run(get())
    return failed.value.code


def test_only_listed_hosts_are_reached_on_private_addresses(settings: Settings) -> None:
    async def go() -> None:
        async with FeedServer() as server:
            server.answers["a"] = b"<rss/>"
            async with HttpClient(replace(settings, allowed_private_hosts="")) as fetcher:
                for host in ("127.0.0.1", "localhost"):
                    with pytest.raises(UnavailableError, match="not a public address") as refused:
                        await fetcher.get(server.url.replace("127.0.0.1", host) + "a")
                    assert refused.value.code == "blocked_address"
            async with HttpClient(settings) as fetcher:
                assert (await fetcher.get(server.url + "a")).body == b"<rss/>"

    asyncio.run(go())


@pytest.mark.parametrize(
    ("url", "kind"),
    [("http://127.0.0.1:1/", "connection"), ("ftp://a.example/", "blocked_scheme"), ("http://127.1/", "bad_url")],
)
def test_why_a_fetch_failed(url: str, kind: str, settings: Settings) -> None:
    assert kind_of(settings, url) == kind


def test_secrets_go_to_their_host_alone(settings: Settings) -> None:
    async def go() -> None:
        seen: list[dict[str, str]] = []

        def told(request: web.Request) -> bytes:
            seen.append(dict(request.headers))
            return b"ok"

        async with FeedServer() as server, FeedServer() as other:
            server.answers["here"] = other.answers["there"] = told

            def away(request: web.Request) -> web.Response:
                raise web.HTTPFound(other.url + "there")

            server.answers["away"] = away
            access = Credentials({"X-Key": "k"}, "ida", "secret")
            async with HttpClient(settings) as fetcher:
                await fetcher.get(server.url + "here", access=access)
                await fetcher.get(server.url + "away", access=access)
        assert "Authorization" in seen[0]
        assert seen[0]["X-Key"] == "k"
        assert "Authorization" not in seen[1]
        assert "X-Key" not in seen[1]
        assert "secret" not in repr(access)

    asyncio.run(go())
