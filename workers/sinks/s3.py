"""The S3 sink: the newest revision of each article as an object.

The store needs the S3 API and conditional writes.

awscrt signs the requests (Signature Version 4); the HTTP client of copydesk sends them. The revision is metadata of
the object. A write names the ETag that it replaces, so that a later revision is never overwritten.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

import asyncio
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from streams.codec import encode
from streams.config.settings import Settings
from streams.config.sources import redact_url
from streams.errors import UnavailableError
from streams.records import Article
from workers.http.client import Response
from workers.http.retry_after import is_retryable
from workers.sinks.base import SinkEvent, SinkRetryError
from workers.sinks.http_sink import HttpSink, check_response, describe_failure
from workers.sinks.options import option

BATCH_SIZE = 20
MAX_RESPONSE_BYTES = 65_536
REVISION, WITHDRAWN = "x-amz-meta-revision", "x-amz-meta-withdrawn"
UNAVAILABLE_STATUSES = (301, 307, 400, 401, 403, 404)  # of the bucket, account or region
CONFLICTS = (409, 412)  # another object by now; 409: during a concurrent write
MAX_CONFLICTS = 5


@dataclass(frozen=True, kw_only=True)
class S3Options:
    """Keep the newest revision of each article as an object in S3-compatible storage; see [S3](../howto/sink-s3.md)."""

    url: str = option(
        "`https://` URL of the service, without the bucket", schemes=("http", "https"),
        example='"https://s3.eu-central-1.amazonaws.com"',
    )  # fmt: skip
    bucket: str = option("existing bucket", example='"news"')
    access_key: str = option("id of the access key", example='"AKIAXXXXXXXXXXXXXXXX"')
    secret_key: str = option("secret of the access key", secret=True, minimum_chars=8, example='"SECRETXXXXXXXXXX"')
    region: str = option("region, part of the signature", default="us-east-1", example='"eu-central-1"')
    prefix: str = option("beginning of the keys; `<id>.json` follows", default="articles/", example='"articles/"')


class S3Sink(HttpSink[S3Options]):
    """Writes articles to a bucket."""

    options_type = S3Options
    requires = ("awscrt", "s3")

    def __init__(self, settings: Settings, options: S3Options) -> None:
        super().__init__(settings, options)
        self.batch_size = BATCH_SIZE

    async def deliver(self, batch: Sequence[SinkEvent]) -> None:
        """Write the newest revision of each article. Raises: see `Sink.deliver`."""
        for article in {event.article.id: event.article for event in batch}.values():
            await self._put(article)

    async def _put(self, article: Article) -> None:
        """Write *article* unless its object has this or a later revision."""
        condition = {"If-None-Match": "*"}
        for _ in range(MAX_CONFLICTS):
            response = await self._send("PUT", article, encode(article), _metadata(article) | condition)
            if response.status not in CONFLICTS:
                self._check(response)
                return
            found = await self._send("HEAD", article)
            if found.status == 404:
                condition = {"If-None-Match": "*"}
                continue
            self._check(found)
            if _revision_of(found) >= article.revision:
                return
            condition = {"If-Match": found.headers.get("etag", "")}
        url = redact_url(self._url(article))
        raise SinkRetryError(f"object not written: {url} (another client keeps changing it)")

    async def _send(
        self, method: str, article: Article, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Response:
        url = self._url(article)
        signed = await sign(self.options, method, url, body, headers or {})
        return await (await self.client()).send(method, url, body, signed, max_bytes=MAX_RESPONSE_BYTES)

    def _url(self, article: Article) -> str:
        path = quote(f"{self.options.bucket}/{self.options.prefix}{article.id}.json", safe="/-_.~")
        return f"{self.options.url.rstrip('/')}/{path}"

    def _check(self, response: Response) -> None:
        """Raise unless the request succeeded. UNAVAILABLE_STATUSES concern all articles: the sink retries."""
        if 200 <= response.status < 300 or is_retryable(response.status) or response.status not in UNAVAILABLE_STATUSES:
            check_response(response)
            return
        raise UnavailableError(
            f"bucket not writable: {self.options.bucket} ({describe_failure(response)}); check bucket, keys and region"
        )


def _metadata(article: Article) -> dict[str, str]:
    withdrawn = {WITHDRAWN: "true"} if article.withdrawn else {}
    return {"Content-Type": "application/json", REVISION: str(article.revision)} | withdrawn


def _revision_of(found: Response) -> int:
    """Return the revision in the metadata of an object; 0 for an object of another client."""
    try:
        return int(found.headers.get(REVISION, "0"))
    except ValueError:
        return 0


async def sign(options: S3Options, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
    """Return *headers* with those of Signature Version 4."""
    from awscrt import auth, http  # for this sink only

    parts = urlsplit(url)
    digest = hashlib.sha256(body).hexdigest()
    request = http.HttpRequest(
        method, parts.path, http.HttpHeaders([("Host", parts.netloc), *headers.items()]), io.BytesIO(body)
    )
    config = auth.AwsSigningConfig(
        credentials_provider=auth.AwsCredentialsProvider.new_static(options.access_key, options.secret_key),
        region=options.region, service="s3", signed_body_value=digest,
        signed_body_header_type=auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
        use_double_uri_encode=False, should_normalize_uri_path=False,  # S3 escapes a path once
    )  # fmt: skip
    await asyncio.wrap_future(auth.aws_sign_request(request, config))
    return dict(request.headers)
