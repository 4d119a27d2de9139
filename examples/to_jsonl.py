"""Append every article to a file, one JSON line each: `python examples/to_jsonl.py articles.jsonl`."""

import asyncio
import os
import sys
from pathlib import Path
from typing import BinaryIO

from streams import Subscription, encode


async def main(file: BinaryIO) -> None:
    async with Subscription("articles", group="to-jsonl") as articles:
        async for batch in articles.batches(100):
            file.write(b"".join(encode(article) + b"\n" for article in batch))
            file.flush()
            os.fsync(file.fileno())  # durable before the commit
            await articles.commit()


if len(sys.argv) != 2:
    sys.exit(f"usage: python {sys.argv[0]} FILE")
with Path(sys.argv[1]).open("ab") as file:
    asyncio.run(main(file))
