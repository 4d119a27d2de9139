"""S3 sink: signed requests, newest revisions by conditional writes, withdrawals, and refusals."""

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from streams.codec import decode, encode
from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.records import Article, MessageId
from tests.support.s3_server import ACCESS_KEY, REGION, SECRET_KEY, S3Server, StoredObject
from workers.sinks.base import SinkEvent, SinkRetryError
from workers.sinks.s3 import REVISION, S3Options, S3Sink


def event(id_: str, revision: int = 1, **fields: Any) -> SinkEvent:
    return SinkEvent(MessageId("copydesk.articles", 0, 0), Article(id=id_, revision=revision, **fields))


@asynccontextmanager
async def serving() -> AsyncGenerator[S3Server, None]:
    server = S3Server()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def options(server: S3Server, **changes: str) -> S3Options:
    values = {"bucket": "news", "access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "region": REGION} | changes
    return S3Options(url=server.url, **values)


async def write(server: S3Server, *batches: Sequence[SinkEvent], **changes: str) -> None:
    sink = S3Sink(Settings(allowed_private_hosts="127.0.0.1:*"), options(server, **changes))
    try:
        for batch in batches:
            await sink.deliver(batch)
    finally:
        await sink.close()


def revisions(server: S3Server) -> dict[str, int]:
    return {key: decode(stored.body, Article).revision for key, stored in server.objects.items()}


async def test_s3_keeps_the_newest_revision() -> None:
    async with serving() as server:
        await write(server, [event("a"), event("a", 3), event("b")], [event("a", 2), event("b", 2)])
        assert revisions(server) == {"articles/a.json": 3, "articles/b.json": 2}
        assert server.objects["articles/a.json"].headers == {REVISION: "3"}


async def test_s3_withdrawal_replaces_the_text() -> None:
    async with serving() as server:
        await write(server, [event("a", paragraphs=("Secret.",))], [event("a", 2, withdrawn="mistake")])
        stored = server.objects["articles/a.json"]
        assert json.loads(stored.body)["withdrawn"] == "mistake"
        assert b"Secret" not in stored.body
        assert stored.headers == {REVISION: "2", "x-amz-meta-withdrawn": "true"}


async def test_s3_concurrent_writer_keeps_later_revision() -> None:
    """Another process writes revision 3 between the HEAD and the PUT of revision 2."""

    def overtake(key: str) -> None:
        body = encode(Article(id="a", revision=3))
        server.objects[key] = StoredObject(body, {REVISION: "3"})

    async with serving() as server:
        await write(server, [event("a")])
        sink = S3Sink(Settings(allowed_private_hosts="127.0.0.1:*"), options(server))
        server.before_put = lambda key: setattr(server, "before_put", overtake)  # the second PUT
        await sink.deliver([event("a", 2)])
        await sink.close()
        assert revisions(server) == {"articles/a.json": 3}


async def test_s3_key_is_escaped() -> None:
    async with serving() as server:
        await write(server, [event("a")], prefix="Zeitung für Köln/2026 (neu)/")
        assert list(server.objects) == ["Zeitung für Köln/2026 (neu)/a.json"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"secret_key": "another invented secret"}, "HTTP 403: .*SignatureDoesNotMatch"),
        ({"region": "eu-other-1"}, "HTTP 403: .*SignatureDoesNotMatch"),
        ({"bucket": "absent"}, "HTTP 404: .*NoSuchBucket"),
    ],
)
async def test_s3_refusal_waits_without_secret(changes: dict[str, str], message: str) -> None:
    async with serving() as server:
        with pytest.raises(UnavailableError, match=f"bucket not writable: .*{message}") as error:
            await write(server, [event("a")], **changes)
        assert "invented secret" not in str(error.value)
        assert not server.objects


async def test_s3_busy_server_is_retried() -> None:
    async with serving() as server:
        server.status = 503
        with pytest.raises(SinkRetryError, match="HTTP 503"):
            await write(server, [event("a")])


@pytest.mark.parametrize("stored", ["v2", "1, 1", "", "²", "9" * 5_000])
async def test_s3_object_without_revision_is_replaced(stored: str) -> None:
    async with serving() as server:
        server.objects["articles/a.json"] = StoredObject(b"of another client", {REVISION: stored})
        await write(server, [event("a")])
        assert revisions(server) == {"articles/a.json": 1}
