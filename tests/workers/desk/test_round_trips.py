"""Round trips of a batch to the shared state."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from streams.brokers.base import ConsumedMessage
from streams.codec import encode
from streams.config.settings import Settings
from streams.records import Content, Item
from streams.topics import ITEMS
from tests.support.stories import story
from workers.desk.desk import Desk
from workers.services import connect


class CountingState:
    """A state store that counts its requests."""

    def __init__(self, state: Any) -> None:
        self._state = state
        self.requests: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        self.requests[name] += 1
        return getattr(self._state, name)

    def register_script(self, source: str) -> Any:
        script = self._state.register_script(source)

        def run(*args: Any, **options: Any) -> Any:
            self.requests["script"] += 1
            return script(*args, **options)

        return run


def message(number: int, version: int) -> ConsumedMessage:
    title, text = story(number, 5 + version)
    url = f"https://a.example/{number}"
    item = Item(
        feed="https://a.example/f", identity_key=url, link=url, title=title, content=(Content(f"<p>{text}</p>"),),
        fetched_at=datetime.now(UTC), fingerprint="00" * 8,
    )  # fmt: skip
    return ConsumedMessage(ITEMS.name, 0, number, 0.0, b"k", encode(item))


async def test_batch_takes_five_round_trips(settings: Settings) -> None:
    """Memories and site history; texts and sentences; the index; its candidates; the claim. The agent adds the step."""
    broker = await connect(settings, settings.broker_url)
    counting: Any = CountingState(broker.state)
    broker.state = counting
    desk = Desk(settings, broker)
    for batch in ([message(n, 0) for n in range(30)], [message(n, n % 2) for n in range(60)]):
        counting.requests.clear()
        result = await desk.handle(batch)
        assert result.handled == len(batch)
        assert sum(counting.requests.values()) <= 5
        await broker.publish(result.messages, result.state_writes)
    await broker.close()
