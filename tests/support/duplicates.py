"""Near duplicates, classified against a new index."""

from collections.abc import Mapping, Sequence
from typing import Any

from streams.brokers import open_broker
from streams.config.settings import Settings
from tests.support.stories import DAY_S, NOW_S, story
from workers.dedupe.file_rows import classify_rows
from workers.dedupe.near_duplicates.index import StoryIndex

CHANNEL = (
    "Lantern Tonight is the late programme of Odd Quay Television, with Dana Quill and Teo Marsh, on every weekday. "
    "Watch other parts of the programme on our channel and tell us in a comment which of them you liked. Our reporters "
    "follow the harbour board, the salt works and the ferries, and they answer letters from viewers at the weekend. "
    "Subscribe to the channel to hear about new parts, and follow Odd Quay Television on every network that you use. "
    "Viewers abroad find the best of our programmes on Odd Quay World, with captions in the languages of the coast. "
    "Visit our pages for advice about the floods in the valley, and for the rules of travel that the governor has made. "
    "Breaking news and articles that matter to people of the valley come to your telephone and to your letter box, "
    "wherever you live, with pictures of our photographers and the weather of every village between the hills and the sea."
)


async def classify_file(settings: Settings, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the results of `copydesk dedupe` for the rows of a file."""
    broker = open_broker(settings)
    results = [r async for r in classify_rows(StoryIndex(broker.state, 7 * DAY_S), rows)]
    await broker.close()
    return results


async def classify_duplicates(settings: Settings, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return for each row the id of the row that it duplicates, "" for none."""
    return {r["id"]: r["duplicate_of"] for r in await classify_file(settings, rows)}


def row(id_: str, title: str, text: str, publisher: str = "Tidewire", feed: str = "f") -> dict[str, Any]:
    return {"id": id_, "title": title, "text": [text], "publisher": publisher, "feed": feed, "time": NOW_S}


def words(seed: int, count: int) -> tuple[str, str]:
    """Return the title and the first *count* words of an invented story."""
    title, text = story(seed, 20)
    return title, " ".join(text.split()[:count])
