"""Write articles to Parquet files of up to 10,000 rows, for DuckDB or pandas: `python examples/to_parquet.py FOLDER`.

Needs `pip install pyarrow`. A file is named after its first article. After a crash, a redelivered batch may begin with
another one, so readers keep the highest revision of each id.
"""

import asyncio
import os
import sys
from pathlib import Path

try:
    import pyarrow
    import pyarrow.parquet
except ImportError:
    sys.exit("not installed: pyarrow; run `pip install pyarrow`")

from streams import Article, Subscription

COLUMNS = ("id", "revision", "story_id", "publisher", "published", "language", "url", "title", "paragraphs", "tags")


def save(folder: Path, batch: list[Article]) -> None:
    rows = [{name: getattr(article, name) for name in COLUMNS} for article in batch]
    path = folder / f"{batch[0].id}.{batch[0].revision}.parquet"
    with path.with_suffix(".part").open("wb") as file:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file)
        file.flush()
        os.fsync(file.fileno())  # durable before the commit
    path.with_suffix(".part").rename(path)


async def main(folder: Path, within_s: float) -> None:
    async with Subscription("articles", group="to-parquet") as articles:
        async for batch in articles.batches(10_000, within_s):
            save(folder, batch)
            await articles.commit()


if len(sys.argv) not in (2, 3):
    sys.exit(f"usage: python {sys.argv[0]} FOLDER [SECONDS]")
Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 600))
