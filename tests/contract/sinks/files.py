"""Files that have every revision."""

from typing import ClassVar

from streams.codec import decode
from streams.records import Article
from tests.contract.sinks.destinations import Destination
from tests.support.extras import require_module


class LinesFile(Destination):
    """A file that loses its folder when it fails."""

    fails = ("down",)
    invalid: ClassVar = {"max_mb = 0": "minimum is 0.001", "keep_files = -1": "minimum is 0"}

    async def __aenter__(self) -> "LinesFile":
        self.path = self.folder / "out" / "articles.jsonl"
        self.path.parent.mkdir()
        return self

    def options(self) -> dict[str, str]:
        return {"path": f'"{self.path}"'}

    def delivered(self) -> list[str]:
        lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        return [f"{article.id}.{article.revision}" for article in (decode(line, Article) for line in lines)]

    async def fail(self, failure: str) -> None:
        self.path.parent.rename(self.folder / "moved")

    async def recover(self) -> None:
        (self.folder / "moved").rename(self.path.parent)


class ParquetFolder(Destination):
    """A folder that disappears when it fails."""

    fails = ("down",)
    invalid: ClassVar = {"batch_rows = 0": "minimum is 1"}

    async def __aenter__(self) -> "ParquetFolder":
        require_module("pyarrow")
        self.path = self.folder / "out"
        self.path.mkdir()
        return self

    def options(self) -> dict[str, str]:
        return {"path": f'"{self.path}"', "batch_s": "0"}

    def delivered(self) -> list[str]:
        from pyarrow import parquet

        files = sorted(self.path.rglob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
        rows = [row for path in files for row in parquet.ParquetFile(path).read(["id", "revision"]).to_pylist()]
        return [f"{row['id']}.{row['revision']}" for row in rows]

    async def fail(self, failure: str) -> None:
        self.path.rename(self.folder / "moved")

    async def recover(self) -> None:
        (self.folder / "moved").rename(self.path)
