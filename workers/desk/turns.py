"""A queue of several feeds, served in turn: a feed with many items delays the others by one item each."""

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

ValueT = TypeVar("ValueT")


class TurnQueue(Generic[ValueT]):
    """Values by feed. `pop` takes the oldest value of each feed in turn."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[ValueT]] = OrderedDict()

    def push(self, feed: str, value: ValueT, *, is_first: bool = False) -> None:
        """Add a value; *is_first*: before the other values of *feed*."""
        queue = self._queues.setdefault(feed, deque())
        (queue.appendleft if is_first else queue.append)(value)

    def pop(self) -> ValueT:
        """Remove the next value. Raises KeyError if there is none."""
        feed, queue = self._queues.popitem(last=False)
        value = queue.popleft()
        if queue:
            self._queues[feed] = queue
        return value

    def count(self, feed: str) -> int:
        """Return the number of waiting values of *feed*."""
        return len(self._queues.get(feed, ()))

    def __iter__(self) -> Iterator[ValueT]:
        return (value for queue in self._queues.values() for value in queue)

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))
