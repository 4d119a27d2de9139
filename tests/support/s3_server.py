"""An object store with the semantics of S3 that the sink needs: signatures, ETags, metadata, conditional writes.

It computes the signature from the request as it arrived, by the specification and not by the library of the sink:
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import web

from tests.support.http_server import HttpServer, run_until_killed
from tests.support.journal import Journal

ACCESS_KEY, SECRET_KEY, REGION = "AKIATEST", "an invented secret", "eu-test-1"
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=(\w+)"
)


@dataclass
class StoredObject:
    """An object with its metadata."""

    body: bytes
    headers: dict[str, str]

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'


class S3Server(HttpServer):
    """The bucket `news`, in memory; it survives a stop. `status`: of all answers, unless it is 200."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.journal = journal
        lines = journal.lines if journal else ()
        self.objects = {key: StoredObject(body.encode(), headers) for key, body, headers in lines}
        self.status = 200
        self.before_put: Any = None  # called with the key, once

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/news/{key:.+}", self._respond),
            web.route("*", "/{bucket}/{key:.*}", self._no_bucket),
        ]

    async def _no_bucket(self, request: web.Request) -> web.Response:
        return failure(404, "NoSuchBucket")

    async def _respond(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not is_signed(request, body):
            return failure(403, "SignatureDoesNotMatch")
        if self.status != 200:
            return failure(self.status, "AsConfigured")
        key = request.match_info["key"]
        return self._put(request, key, body) if request.method == "PUT" else self._head(key)

    def _head(self, key: str) -> web.Response:
        found = self.objects.get(key)
        return (
            failure(404, "NoSuchKey") if found is None else web.Response(headers=found.headers | {"ETag": found.etag})
        )

    def _put(self, request: web.Request, key: str, body: bytes) -> web.Response:
        if self.before_put is not None:
            callback, self.before_put = self.before_put, None
            callback(key)
        found = self.objects.get(key)
        if request.headers.get("If-None-Match") == "*" and found is not None:
            return failure(412, "PreconditionFailed")
        expected = request.headers.get("If-Match")
        if expected is not None and found is None:
            return failure(404, "NoSuchKey")
        if expected is not None and found is not None and expected != found.etag:
            return failure(412, "PreconditionFailed")
        metadata = {k.lower(): v for k, v in request.headers.items() if k.lower().startswith("x-amz-meta-")}
        if self.journal is not None:
            self.journal.append((key, body.decode(), metadata))
        self.objects[key] = StoredObject(body, metadata)
        return web.Response(headers={"ETag": self.objects[key].etag})


def failure(status: int, code: str) -> web.Response:
    return web.Response(status=status, text=f"<Error><Code>{code}</Code></Error>", content_type="application/xml")


def is_signed(request: web.Request, body: bytes) -> bool:
    """Return whether the Authorization header is the signature of *request*."""
    match = AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    if match is None:
        return False
    access_key, date, region, names, signature = match.groups()
    digest = hashlib.sha256(body).hexdigest()
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in names.split(";"))
    path = quote(request.rel_url.path, safe="/-_.~")  # every other character is escaped, whatever the client sent
    canonical = "\n".join((request.method, path, "", headers, names, digest))
    scope = f"{date}/{region}/s3/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join(("AWS4-HMAC-SHA256", request.headers["X-Amz-Date"], scope, hashed))
    key = f"AWS4{SECRET_KEY}".encode()
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    expected = hmac.digest(key, to_sign.encode(), "sha256").hex()
    is_complete = {"host", "x-amz-content-sha256", "x-amz-date"} <= set(names.split(";"))
    is_ours = (access_key, region, request.headers["X-Amz-Content-SHA256"]) == (ACCESS_KEY, REGION, digest)
    return is_complete and is_ours and hmac.compare_digest(signature, expected)


if __name__ == "__main__":
    run_until_killed(S3Server)
