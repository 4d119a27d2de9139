"""Items for cleaning processes."""

from datetime import UTC, datetime
from typing import Any

from streams.records import Content, Item

CLEANERS = "tests.workers.desk.cleaners:clean"


STORY = "<p>The harbour board counted {n} swans on Monday, nine years after the flood.</p>"


def make_item(n: int, title: str = "Swans", body: str = STORY, **fields: Any) -> Item:
    link = f"https://a.example/{n}"
    feed = "https://a.example/f" if title == "Swans" else "https://a.example/hostile"
    return Item(
        feed=feed, identity_key=link, link=link, title=f"{title} {n}", fetched_at=datetime.now(UTC),
        fingerprint="00" * 8, content=(Content(body.format(n=n)),), **fields,
    )  # fmt: skip
