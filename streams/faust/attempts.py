"""Attempts: recognise a message whose handling ends the worker, by a crash, a bug or a lack of memory.

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
from streams.state.redis_client import ALLOW_OOM
from streams.state.store import StateStore
from streams.topics import partition_name

MAX_ATTEMPTS = 3  # alone, after the first attempt in a batch; a worker may end for another reason


class Attempt(NamedTuple):
    """A step with one message. *former*: the number of attempts of other processes with this message alone."""

    former: int

    @property
    def is_exhausted(self) -> bool:
        return self.former >= MAX_ATTEMPTS


class Attempts:
    """Records the steps of one process in consumer group *group*."""

    def __init__(self, state: StateStore, group: str) -> None:
        self._key = f"copydesk:attempts:{group}"
        self._owner = secrets.token_hex(6)
        source = files("streams.faust").joinpath("lua", "begin_step.lua").read_text("utf-8")
        self._begin = state.register_script(ALLOW_OOM + source)  # the desk goes on with full memory

    async def begin(self, ranges: Sequence[OffsetRange]) -> tuple[int, Attempt] | None:
        """Record the start of a step with all *ranges*, or with the first message of a suspect one. Safe to repeat.

        Returns the number of the suspect range and its attempt; None if the step has all messages.
        """
        args = [part for r in ranges for part in (partition_name(*r.topic_partition), r.first, r.end)]
        number, former = await self._begin(keys=[self._key], args=[self._owner, *args])
        return (number - 1, Attempt(former)) if number else None
