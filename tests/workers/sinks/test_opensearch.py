"""OpenSearch sink: external versions, outcomes of single articles, mappings, and refusals of the server."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from streams.config.settings import Settings
from streams.errors import UnavailableError
from streams.records import Article, MessageId
from tests.support.search_server import SearchServer
from workers.sinks.base import SinkEvent, SinkRejectedError, SinkRetryError
from workers.sinks.opensearch import OpenSearchOptions, OpenSearchSink


def event(id_: str, revision: int = 1, **fields: Any) -> SinkEvent:
    return SinkEvent(MessageId("copydesk.articles", 0, 0), Article(id=id_, revision=revision, **fields))


@asynccontextmanager
async def serving(**options: Any) -> AsyncGenerator[SearchServer, None]:
    server = SearchServer(**options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def write(server: SearchServer, *batches: Sequence[SinkEvent], **options: Any) -> None:
    settings = Settings(allowed_private_hosts="127.0.0.1:*")
    sink = OpenSearchSink(settings, OpenSearchOptions(url=server.url, **options))
    try:
        for batch in batches:
            await sink.deliver(batch)
    finally:
        await sink.close()


def versions(server: SearchServer, index: str = "articles") -> dict[str, int]:
    return {id_: document["version"] for id_, document in server.indices[index].items()}


async def test_opensearch_keeps_the_newest_revision() -> None:
    async with serving() as server:
        await write(server, [event("a"), event("a", 3, title="third")], [event("a", 2, title="second"), event("b")])
        assert versions(server) == {"a": 3, "b": 1}
        assert server.indices["articles"]["a"]["source"]["title"] == "third"
        assert server.bulk_sizes == [2, 2]


async def test_opensearch_withdrawal_removes_the_text() -> None:
    async with serving() as server:
        await write(server, [event("a", paragraphs=("Secret.",))], [event("a", 2, withdrawn="mistake")])
        source = server.indices["articles"]["a"]["source"]
        assert (source["withdrawn"], source["body"]) == ("mistake", "")
        assert "Secret" not in str(source)


async def test_opensearch_document_matches_mappings() -> None:
    async with serving() as server:
        time = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
        await write(server, [event("a", published=time, tags=("x",), paragraphs=("One.", "Two."))], index="news")
        source, mappings = server.indices["news"]["a"]["source"], server.mappings["news"]
        assert source["published"] == "2026-03-04T05:06:00Z"
        assert (source["tags"], source["body"], source["article"]["id"]) == (["x"], "One.\n\nTwo.", "a")
        assert mappings["properties"]["published"] == {"type": "date"}
        assert mappings["properties"]["body"] == {"type": "text"}
        assert set(source) - set(mappings["properties"]) == {"article"}


async def test_opensearch_existing_index_is_used() -> None:
    async with serving() as server:
        server.indices["articles"] = {}
        await write(server, [event("a")])
        assert versions(server) == {"a": 1}
        assert server.mappings == {}


async def test_opensearch_refused_article_is_rejected() -> None:
    async with serving() as server:
        server.refuse["x"] = 400
        with pytest.raises(SinkRejectedError, match="HTTP 400: mapper_parsing_exception: as configured"):
            await write(server, [event("a"), event("x")])
        assert versions(server) == {"a": 1}


async def test_opensearch_busy_server_is_retried() -> None:
    async with serving() as server:
        server.refuse["x"] = 429
        with pytest.raises(SinkRetryError, match="HTTP 429"):
            await write(server, [event("a"), event("x")])
        server.status = 503
        with pytest.raises(SinkRetryError, match="HTTP 503"):
            await write(server, [event("a")])


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_opensearch_refused_request_waits(status: int) -> None:
    async with serving() as server:
        server.status = status
        with pytest.raises(
            UnavailableError,
            match=f"index not writable: articles .*HTTP {status}.*; check url, credentials and the index",
        ):
            await write(server, [event("a")])


async def test_opensearch_large_request_is_rejected() -> None:
    """The runner then divides the batch."""
    async with serving() as server:
        server.indices["articles"] = {}
        sink = OpenSearchSink(Settings(allowed_private_hosts="127.0.0.1:*"), OpenSearchOptions(url=server.url))
        await sink.deliver([event("a")])
        server.status = 413
        with pytest.raises(SinkRejectedError, match="HTTP 413"):
            await sink.deliver([event("b"), event("c")])
        await sink.close()


async def test_opensearch_removed_index_is_created_again() -> None:
    async with serving() as server:
        sink = OpenSearchSink(Settings(allowed_private_hosts="127.0.0.1:*"), OpenSearchOptions(url=server.url))
        await sink.deliver([event("a")])
        server.indices.clear()
        with pytest.raises(UnavailableError, match="index_not_found_exception.*; check url, credentials and the index"):
            await sink.deliver([event("b")])
        await sink.deliver([event("b")])
        await sink.close()
        assert versions(server) == {"b": 1}


async def test_opensearch_error_hides_credentials_of_url() -> None:
    async with serving() as server:
        server.indices["articles"], server.bulk_response = {}, b"no JSON"
        url = server.url.replace("://", "://desk:hunter2@")
        sink = OpenSearchSink(Settings(allowed_private_hosts="127.0.0.1:*"), OpenSearchOptions(url=url))
        with pytest.raises(UnavailableError, match="invalid bulk response: http://127.0.0.1:") as error:
            await sink.deliver([event("a")])
        await sink.close()
        assert "hunter2" not in str(error.value)


async def test_opensearch_sends_credentials() -> None:
    async with serving(credentials=("desk", "hunter2")) as server:
        with pytest.raises(UnavailableError, match="HTTP 401") as error:
            await write(server, [event("a")], username="desk", password="wrong-password")
        assert "wrong-password" not in str(error.value)
        await write(server, [event("a")], username="desk", password="hunter2")
        assert versions(server) == {"a": 1}


DEEP = b'{"items": ' + 5_000 * b"[" + 5_000 * b"]" + b"}"


@pytest.mark.parametrize(
    "body", [b'{"items": [{"index": {"status": 400, "error": "\xff"}}]}', b"[]", b"no JSON", b'{"x": ' + DEEP + b"}"]
)
async def test_opensearch_invalid_response_is_unavailable(body: bytes) -> None:
    async with serving() as server:
        server.indices["articles"], server.bulk_response = {}, body
        with pytest.raises(UnavailableError, match="invalid bulk response"):
            await write(server, [event("a")])
