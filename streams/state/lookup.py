"""Look-ups in the shared state: several stores answer in one round trip.

A look-up names its commands, and reads their replies. It is outdated if its store has begun a new segment meanwhile.
Its replies are then dropped, and its commands are sent again.
"""

from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

from streams.state.store import StateStore

RedisCommand = tuple[str | bytes | int | float, ...]
ResultT = TypeVar("ResultT")
OtherT = TypeVar("OtherT")


class OutdatedError(Exception):
    """The replies of a look-up belong to an earlier state."""


class Lookup(NamedTuple, Generic[ResultT]):
    """Commands, and the function that reads their replies. It raises OutdatedError if they must be sent again."""

    commands: Callable[[], Sequence[RedisCommand]]
    read: Callable[[Sequence[Any]], Awaitable[ResultT]]

    def map(self, convert: "Callable[[ResultT], OtherT]") -> "Lookup[OtherT]":
        """Return the look-up whose result is *convert* of this one's."""

        async def read(replies: Sequence[Any]) -> OtherT:
            return convert(await self.read(replies))

        return Lookup(self.commands, read)


async def look_up(state: StateStore, *lookups: Lookup[Any]) -> list[Any]:
    """Return the result of each of *lookups*. One round trip; more while some are outdated."""
    results: dict[int, Any] = {}
    while missing := [n for n in range(len(lookups)) if n not in results]:
        commands = {n: lookups[n].commands() for n in missing}
        replies = iter(await state.execute_many([command for batch in commands.values() for command in batch]))
        for n, batch in commands.items():
            answer = list(islice(replies, len(batch)))
            try:
                results[n] = await lookups[n].read(answer)
            except OutdatedError:
                continue
    return [results[n] for n in range(len(lookups))]
