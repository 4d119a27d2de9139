"""Attempts: recognise a message that ends the worker that handles it, by a crash, a bug or a lack of memory.

    copydesk:attempts:GROUP    hash: partition → the step in progress

Each step is recorded before its messages are handled. The next owner of a partition finds a step that another process
began and did not commit. It handles the messages of that step one by one. A message that was handled alone
MAX_ATTEMPTS times without a commit is given up.
"""

import secrets
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

from streams.brokers.base import OffsetRange
from streams.state.store import StateStore
from streams.topics import partition_name

MAX_ATTEMPTS = 3  # alone, after the first attempt in a batch; a worker may end for another reason


class Attempt(NamedTuple):
    """A step at the begin of a partition's messages. *former*: attempts of other processes with the message alone."""

    is_alone: bool
    former: int

    @property
    def is_exhausted(self) -> bool:
        return self.is_alone and self.former >= MAX_ATTEMPTS


class Attempts:
    """Records the steps of one process in consumer group *group*."""

    def __init__(self, state: StateStore, group: str) -> None:
        self._key = f"copydesk:attempts:{group}"
        self._owner = secrets.token_hex(6)
        source = files("streams.faust").joinpath("lua", "begin_step.lua").read_text("utf-8")
        self._begin = state.register_script(source)

    async def begin(self, ranges: Sequence[OffsetRange]) -> list[Attempt]:
        """Record the begin of a step with *ranges*; return the attempt of each. Safe to repeat."""
        args = [part for r in ranges for part in (partition_name(*r.topic_partition), r.first, r.end)]
        replies = await self._begin(keys=[self._key], args=[self._owner, *args])
        return [Attempt(bool(alone), int(former)) for alone, former in replies]
