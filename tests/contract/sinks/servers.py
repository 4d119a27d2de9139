"""Stores behind HTTP, served on loopback."""

from typing import ClassVar

from streams.codec import decode
from streams.records import Article
from tests.contract.sinks.destinations import Store
from tests.support.s3_server import ACCESS_KEY, REGION, SECRET_KEY, S3Server
from tests.support.search_server import SearchServer


class SearchIndex(Store):
    """An index of OpenSearch."""

    fails = ("retry", "reject", "down")
    invalid: ClassVar = {'url = "ftp://a.example"': "must start with http:// or https://"}

    async def __aenter__(self) -> "SearchIndex":
        self.server, self.is_down = SearchServer(), False
        await self.server.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.server.stop()

    def options(self) -> dict[str, str]:
        return {"url": f'"{self.server.url}"'}

    def delivered(self) -> list[str]:
        return [f"{id_}.{d['version']}" for id_, d in sorted(self.server.indices.get("articles", {}).items())]

    async def fail(self, failure: str) -> None:
        if failure == "down":
            await self.server.stop()
            self.is_down = True
        elif failure == "retry":
            self.server.status = 503
        else:
            self.server.refuse["a"] = 400

    async def recover(self) -> None:
        self.server.status = 200
        self.server.refuse.clear()
        if self.is_down:
            await self.server.start()


class Bucket(Store):
    """A bucket of S3."""

    fails = ("retry", "reject", "down")
    invalid: ClassVar = {'secret_key = "short"': "minimum length is 8 characters"}

    async def __aenter__(self) -> "Bucket":
        self.server, self.is_down = S3Server(), False
        await self.server.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.server.stop()

    def options(self) -> dict[str, str]:
        values = {"bucket": "news", "access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "region": REGION}
        return {name: f'"{value}"' for name, value in ({"url": self.server.url} | values).items()}

    def delivered(self) -> list[str]:
        articles = [decode(stored.body, Article) for _, stored in sorted(self.server.objects.items())]
        return [f"{article.id}.{article.revision}" for article in articles]

    async def fail(self, failure: str) -> None:
        if failure == "down":
            await self.server.stop()
            self.is_down = True
        else:
            self.server.status = {"retry": 503, "reject": 413}[failure]

    async def recover(self) -> None:
        self.server.status = 200
        if self.is_down:
            await self.server.start()
