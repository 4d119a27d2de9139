"""Several messages of a partition that Faust handles as one.

Faust spends 25 µs on each message: queue, stream, acknowledgement. The agents of copydesk process and commit whole
batches, so one Faust message can carry a batch.
"""

from collections.abc import Sequence

from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams.brokers.base import ConsumedMessage

MAX_MESSAGES = 100
MAX_BYTES = 1024 * 1024  # a larger message forms a batch of its own


class MessageBatch(ConsumerMessage):  # type: ignore[misc] # faust has no types
    """Messages in the order of their offsets. Faust sees a message at the first offset.

    `epoch`: epoch of the position from which they were read.
    """

    __slots__ = ("epoch", "messages", "size")

    def __init__(self, messages: Sequence[ConsumedMessage], generation_id: int, epoch: int = 0) -> None:
        topic, partition, offset, time_s, *_ = messages[0]
        super().__init__(
            topic, partition, offset, time_s, 0, None, b"", b"", None, 0, 0, TP(topic, partition),
            generation_id=generation_id,
        )  # fmt: skip
        self.messages, self.epoch = messages, epoch
        self.size = sum(map(size_of, messages))


def size_of(message: ConsumedMessage) -> int:
    """Return the size of key and value in bytes."""
    return len(message.value) + len(message.key)


def in_batches(messages: Sequence[ConsumedMessage], generation_id: int, epoch: int = 0) -> list[MessageBatch]:
    """Return *messages* of one partition in batches of at most MAX_MESSAGES and MAX_BYTES."""
    batches: list[MessageBatch] = []
    start = size = 0
    for n, message in enumerate(messages):
        size += size_of(message)
        if n > start and (n - start == MAX_MESSAGES or size > MAX_BYTES):
            batches.append(MessageBatch(messages[start:n], generation_id, epoch))
            start, size = n, size_of(message)
    return [*batches, MessageBatch(messages[start:], generation_id, epoch)] if messages else []
