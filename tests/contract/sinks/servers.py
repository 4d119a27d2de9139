"""Stores behind HTTP, served on loopback."""

from typing import ClassVar

from tests.contract.sinks.destinations import Store
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
