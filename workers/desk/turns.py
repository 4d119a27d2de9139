"""A queue of several feeds, served in turn: a feed with many items delays the others by one item each."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")


class TurnQueue(Generic[ValueT]):
    """Values by feed. `pop` serves the feeds in turn: of each the oldest urgent value, else the oldest."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, tuple[deque[ValueT], deque[ValueT]]] = OrderedDict()  # urgent values, others

    def push(self, feed: str, value: ValueT, *, is_urgent: bool = False) -> None:
        urgent, others = self._queues.setdefault(feed, (deque(), deque()))
        (urgent if is_urgent else others).append(value)

    def pop(self) -> ValueT:
        """Remove the next value. Raises KeyError if there is none."""
        feed, queues = self._queues.popitem(last=False)
        urgent, others = queues
        value = (urgent or others).popleft()
        if urgent or others:
            self._queues[feed] = queues
        return value

    def count(self, feed: str) -> int:
        """Return the number of waiting values of *feed*."""
        return sum(map(len, self._queues.get(feed, ())))

    def __iter__(self) -> Iterator[ValueT]:
        return (value for queues in self._queues.values() for queue in queues for value in queue)

    def __len__(self) -> int:
        return sum(map(self.count, self._queues))
