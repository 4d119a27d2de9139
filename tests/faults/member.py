"""A member of a subscriber group, for `test_groups.py`: prints each article, then blocks for a configured time."""

import asyncio
import sys
import time
from contextlib import aclosing

from streams.config.settings import Settings
from streams.subscribe import subscribe

GROUP = "shared"


async def main(broker_url: str, state_url: str, lease_s: str, work_s: str, blocking: str) -> None:
    settings = Settings(broker_url=broker_url, state_url=state_url, lease_timeout_s=float(lease_s))
    async with aclosing(subscribe("articles", group=GROUP, settings=settings)) as articles:
        async for article in articles:
            print(article.id, article.revision, flush=True)
            if blocking == "blocking":
                time.sleep(float(work_s))  # noqa: ASYNC251 - blocking work that is not asyncio's stops the event loop
            else:
                await asyncio.sleep(float(work_s))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
