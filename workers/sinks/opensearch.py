"""The OpenSearch sink: the newest revision of each article in an index. Elasticsearch has the same API.

The revision is the document's external version: the server refuses one that it has, or an older one. A withdrawn
article stays as a document without its text: the server forgets a deleted one after a minute (index.gc_deletes).

https://docs.opensearch.org/latest/api-reference/document-apis/bulk/
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from streams.codec import encode
from streams.config.settings import Settings
from streams.config.sources import redact_url
from streams.errors import UnavailableError
from workers.http.client import Response
from workers.http.retry_after import is_retryable
from workers.sinks.article_rows import COLUMN_NAMES, COLUMNS, Kind, to_row
from workers.sinks.base import DECODE_ERRORS, SinkEvent, SinkRejectedError, SinkRetryError
from workers.sinks.http_sink import HttpSink, check_response, describe_failure
from workers.sinks.options import option

BATCH_SIZE = 100
MAX_RESPONSE_BYTES = 8 * 1024 * 1024
CONFLICT = 409  # the index has this revision, or a later one
TOO_LARGE = 413  # a smaller batch may pass
UNAVAILABLE_STATUSES = (401, 403, 404)  # no permission, or an index that is read-only or missing
# Field types. Texts that are names or addresses are keywords: they are filtered and counted, not searched.
SEARCHED = ("title", "dek", "body")
TYPES = {Kind.INTEGER: "integer", Kind.REAL: "float", Kind.TIME: "date", Kind.TEXT: "keyword", Kind.TEXTS: "keyword"}
MAX_KEYWORD_CHARS = 8_000  # Lucene refuses keywords above 32,766 bytes
ALREADY_THERE = b"resource_already_exists_exception"  # another process was faster


@dataclass(frozen=True, kw_only=True)
class OpenSearchOptions:
    """Keep the newest revision of each article in an OpenSearch or Elasticsearch index.

    See [OpenSearch](../howto/sink-opensearch.md).
    """

    url: str = option(
        "`http://` or `https://` URL of the server", schemes=("http", "https"), example='"https://search.example:9200"'
    )
    index: str = option("name of the index", default="articles", example='"articles"')
    username: str = option("user name", default="", example='"copydesk"')
    password: str = option("password", default="", secret=True, example='"PASSWORD"')
    api_key: str = option(
        "API key of Elasticsearch, instead of the password", default="", secret=True, example='"XXXXXXXX"'
    )


class OpenSearchSink(HttpSink[OpenSearchOptions]):
    """Writes articles to an index."""

    options_type = OpenSearchOptions

    def __init__(self, settings: Settings, options: OpenSearchOptions) -> None:
        super().__init__(settings, options)
        self.batch_size = BATCH_SIZE
        self._has_index = False

    async def deliver(self, batch: Sequence[SinkEvent]) -> None:
        """Index the articles in one request. Raises: see `Sink.deliver`."""
        await self._create_index()
        body = b"".join(line + b"\n" for event in batch for line in self._lines(event))
        path = "/_bulk?filter_path=items.*.status,items.*.error"
        response = await self._send("POST", path, body, "application/x-ndjson")
        self._check_request(response)
        self._check_items(response, len(batch))

    async def _create_index(self) -> None:
        """Create the index with its mappings unless it, or an alias, is there."""
        if self._has_index:
            return
        path, body = f"/{self.options.index}", msgspec.json.encode({"mappings": mappings()})
        found = await self._send("HEAD", path, b"", "application/json")
        if found.status == 404:
            response = await self._send("PUT", path, body, "application/json")
            if ALREADY_THERE not in response.body:
                self._check_request(response)
        elif found.status != 403:  # the user may have no permission to read the index
            self._check_request(found)
        self._has_index = True

    def _lines(self, event: SinkEvent) -> tuple[bytes, bytes]:
        article = event.article
        target = {"_index": self.options.index, "_id": article.id}
        action = {"index": target | {"version": article.revision, "version_type": "external"}}
        return msgspec.json.encode(action), msgspec.json.encode(to_document(event))

    async def _send(self, method: str, path: str, body: bytes, content_type: str) -> Response:
        client, options = await self.client(), self.options
        headers = {"Content-Type": content_type}
        if options.api_key:
            headers["Authorization"] = f"ApiKey {options.api_key}"
        elif options.username:
            pair = f"{options.username}:{options.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        url = options.url.rstrip("/") + path
        return await client.send(method, url, body, headers, max_bytes=MAX_RESPONSE_BYTES)

    def _check_request(self, response: Response) -> None:
        """Raise unless the server accepted the request. Other statuses concern all articles: the sink retries."""
        if response.status == TOO_LARGE or 200 <= response.status < 300 or is_retryable(response.status):
            check_response(response)
            return
        raise self._not_writable(describe_failure(response))

    def _check_items(self, response: Response, count: int) -> None:
        """Check the outcome of each article. Raises: SinkRejectedError, SinkRetryError, UnavailableError."""
        try:
            items = msgspec.json.decode(response.body, type=_BulkResponse).items
        except DECODE_ERRORS as exc:
            raise UnavailableError(f"invalid bulk response: {redact_url(self.options.url)} ({exc})") from exc
        outcomes = [outcome for item in items for outcome in item.values()]
        if len(outcomes) != count:
            raise UnavailableError(
                f"invalid bulk response: {redact_url(self.options.url)} ({len(outcomes)} outcomes for {count} articles)"
            )
        unavailable = [outcome.reason for outcome in outcomes if outcome.status in UNAVAILABLE_STATUSES]
        if unavailable:
            self._has_index = False
            raise self._not_writable(unavailable[0])
        failures = [o for o in outcomes if not 200 <= o.status < 300 and o.status != CONFLICT]
        for outcome in failures:
            if is_retryable(outcome.status):
                raise SinkRetryError(f"HTTP {outcome.status}: {outcome.reason}")
        if failures:
            raise SinkRejectedError(f"HTTP {failures[0].status}: {failures[0].reason}")

    def _not_writable(self, reason: str) -> UnavailableError:
        index = self.options.index
        return UnavailableError(f"index not writable: {index} ({reason}); check url, credentials and the index")


class _Outcome(msgspec.Struct):
    status: int
    error: Any = None

    @property
    def reason(self) -> str:
        error = self.error if isinstance(self.error, dict) else {}
        return f"{error.get('type', 'error')}: {error.get('reason', '')}"[:300]


class _BulkResponse(msgspec.Struct):
    items: list[dict[str, _Outcome]]


def mappings() -> dict[str, Any]:
    """Return the mappings of the index. The whole record is stored and not indexed."""
    fields: dict[str, Any] = {
        column.name: {"type": "text"} if column.name in SEARCHED else {"type": TYPES[column.kind]} for column in COLUMNS
    }
    for field in fields.values():
        if field["type"] == "keyword":
            field["ignore_above"] = MAX_KEYWORD_CHARS
    return {"dynamic": False, "properties": fields}


def to_document(event: SinkEvent) -> dict[str, Any]:
    """Return the document of an article; `article` is the whole record."""
    row = dict(zip(COLUMN_NAMES, to_row(event.article), strict=True))
    return {**row, "article": msgspec.Raw(encode(event.article))}
