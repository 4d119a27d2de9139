"""An index server with the semantics of OpenSearch and Elasticsearch that the sink needs.

Documents have external versions: a version that is not greater than the present one is a conflict (409).
https://docs.opensearch.org/latest/api-reference/document-apis/bulk/
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.support.http_server import HttpServer, run_until_killed
from tests.support.journal import Journal


class SearchServer(HttpServer):
    """Indices in memory, which survive a stop.

    `refuse`: id of a document → status of its next outcomes. `bulk_response`: body of each bulk response, if not empty.
    """

    def __init__(self, credentials: tuple[str, str] = ("", ""), journal: Journal | None = None) -> None:
        self.credentials, self.journal = credentials, journal
        self.indices: dict[str, dict[str, Any]] = {}
        self.mappings: dict[str, Any] = {}
        self.refuse: dict[str, int] = {}
        self.status, self.bulk_response = 200, b""
        self.bulk_sizes: list[int] = []
        for index, id_, document in journal.lines if journal else ():
            self.indices.setdefault(index, {})[id_] = document

    def routes(self) -> list[web.RouteDef]:
        return [
            web.head("/{index}", self._head), web.put("/{index}", self._create), web.post("/_bulk", self._bulk),
        ]  # fmt: skip

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self.credentials != ("", ""):
            pair = base64.b64encode(":".join(self.credentials).encode()).decode()
            if request.headers.get("Authorization") != f"Basic {pair}":
                return error(401, "security_exception", "missing authentication credentials")
        return error(self.status, "failure", "as configured") if self.status != 200 else None

    async def _head(self, request: web.Request) -> web.Response:
        exists = request.match_info["index"] in self.indices
        return self._refusal(request) or web.Response(status=200 if exists else 404)

    async def _create(self, request: web.Request) -> web.Response:
        if refusal := self._refusal(request):
            return refusal
        name = request.match_info["index"]
        if name in self.indices:
            return error(400, "resource_already_exists_exception", f"index [{name}] already exists")
        self.indices[name], self.mappings[name] = {}, (await request.json())["mappings"]
        return web.json_response({"acknowledged": True})

    async def _bulk(self, request: web.Request) -> web.Response:
        if refusal := self._refusal(request):
            return refusal
        if self.bulk_response:
            return web.Response(body=self.bulk_response, content_type="application/json")
        assert request.content_type == "application/x-ndjson"
        body = await request.read()
        assert body.endswith(b"\n")
        lines = [json.loads(line) for line in body.splitlines()]
        pairs = list(zip(lines[::2], lines[1::2], strict=True))
        self.bulk_sizes.append(len(pairs))
        return web.json_response({"items": [{"index": self._index(a["index"], document)} for a, document in pairs]})

    def _index(self, action: Mapping[str, Any], document: Any) -> dict[str, Any]:
        assert action["version_type"] == "external"
        id_, version = action["_id"], action["version"]
        if (status := self.refuse.get(id_, 200)) != 200:
            return {"status": status, "error": {"type": "mapper_parsing_exception", "reason": "as configured"}}
        if action["_index"] not in self.indices:
            return {"status": 404, "error": {"type": "index_not_found_exception", "reason": "no such index"}}
        documents = self.indices[action["_index"]]
        present = documents.get(id_)
        if present is not None and version <= present["version"]:
            reason = f"[{id_}]: version conflict, current version [{present['version']}]"
            return {"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": reason}}
        documents[id_] = {"version": version, "source": document}
        if self.journal is not None:
            self.journal.append((action["_index"], id_, documents[id_]))
        return {"status": 201 if present is None else 200}


def error(status: int, type_: str, reason: str) -> web.Response:
    return web.json_response({"error": {"type": type_, "reason": reason}, "status": status}, status=status)


if __name__ == "__main__":
    run_until_killed(lambda journal: SearchServer(journal=journal))
