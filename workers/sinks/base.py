"""The contract of a sink: a destination for articles. A sink only delivers; `runner` reads, retries and commits."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import msgspec

from streams.config.settings import Settings
from streams.records import Article, MessageId

DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # of JSON that other programs write


class SinkEvent(NamedTuple):
    """An article to deliver, and its position in its topic."""

    message_id: MessageId
    article: Article

    @property
    def id(self) -> str:
        """The event's id: the same at every attempt and for every sink."""
        return f"{self.article.id}.{self.article.revision}"

    @property
    def log_fields(self) -> dict[str, Any]:
        """The fields of a log entry that name the event."""
        article, message = self.article, self.message_id
        return {
            "article_id": article.id, "revision": article.revision,
            "topic": message.topic, "partition": message.partition, "offset": message.offset,
        }  # fmt: skip


class SinkRejectedError(Exception):
    """The destination rejects these events permanently: they become dead letters."""


class SinkRetryError(Exception):
    """The destination responds, but cannot accept these events now. `delay_s`: the wait that it asks for."""

    def __init__(self, message: str, delay_s: float = 0.0) -> None:
        super().__init__(message)
        self.delay_s = delay_s


Options = TypeVar("Options")


class Sink(ABC, Generic[Options]):
    """A destination for articles.

    `options_type` is a dataclass of `option` fields. Its docstring and fields are the reference of the sink.

    `batch_size`: maximum number of events in a delivery. `batch_wait_s`: time to wait for them after the first one.

    `requires`: module of the client library, and the extra of copydesk that installs it.
    """

    options_type: ClassVar[type[Any]]
    requires: ClassVar[tuple[str, str]] = ("", "")
    batch_size: int = 1
    batch_wait_s: float = 0.0

    def __init__(self, settings: Settings, options: Options) -> None:
        self.settings, self.options = settings, options

    @abstractmethod
    async def deliver(self, batch: Sequence[SinkEvent]) -> None:
        """Deliver *batch* in order; return when the destination has confirmed all of it.

        A batch may be delivered again after a crash, so that the destination should ignore known event ids.

        After SinkRejectedError or an hour of SinkRetryError, the runner delivers the events of the batch one by one.

        Raises: SinkRejectedError, SinkRetryError; CopydeskError while the destination is unreachable. Any other
            exception is a bug; it has the effect of SinkRetryError.
        """

    async def positions(self, topic: str) -> Mapping[int, int] | None:
        """Return the next offset of each partition of *topic*; None if the destination stores no offsets.

        A destination stores them in the transaction of the articles. Then an older backup has lower offsets.

        Raises: CopydeskError while the destination is unreachable.
        """
        return None

    async def record_positions(self, topic: str, positions: Mapping[int, int]) -> None:
        """Store the next offsets of partitions where the destination has a lower one or none.

        Raises: CopydeskError while the destination is unreachable.
        """

    @abstractmethod
    async def close(self) -> None:
        """Release connections and files; also after a failed delivery, and more than once."""


def next_offsets(batch: Sequence[SinkEvent]) -> list[tuple[str, int, int]]:
    """Return the topic, partition and next offset of each partition in *batch*."""
    offsets = {(event.message_id.topic, event.message_id.partition): event.message_id.offset + 1 for event in batch}
    return [(topic, partition, offset) for (topic, partition), offset in offsets.items()]
