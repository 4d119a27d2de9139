"""A cleaning job: an item on its way through the cleaning processes, see `fork_server`."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from streams.errors import UnreadableError
from workers.clean.cleaner import CleanedContent
from workers.clean.site_rules.collection import RuleSource
from workers.desk.batch import CleaningError
from workers.desk.cleaning_process import Facts, Reply

if TYPE_CHECKING:
    from workers.dedupe.site_history import SiteQuery
    from workers.desk.fork_server import ForkedProcess

SLOW_CPU_S = 0.25  # CPU time of a slow item; a page takes .03 s on average


class CleaningJob:
    """An item of *feed* in the pool. *value*: the item as JSON. *rules*: of its site."""

    def __init__(self, number: int, value: bytes, rules: Sequence[RuleSource] = (), feed: str = "") -> None:
        self.number, self.value, self.rules, self.feed = number, value, tuple(rules), feed
        self.facts: Facts | None = None
        self.site_query: SiteQuery | None = None  # without the keys of the lines
        self.is_slow = False
        self.is_postponed = False  # the slow lane was full; `CleaningPool.resume` queues it again
        self.has_exceeded = False  # took longer than an ordinary item
        self.attempts = 0  # attempts that ended their process
        self.process: ForkedProcess | None = None  # the process that has its blocks
        self.prepared: Reply | None = None
        self.cleaned: Reply | None = None
        self.settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_finished(self) -> bool:
        """Whether the last request has a result."""
        return (self.prepared if self.facts is None else self.cleaned) is not None

    @property
    def needs_facts(self) -> bool:
        """Whether the item is in blocks, and its cleaning can be requested."""
        is_prepared = self.prepared is not None and self.cleaned is None
        return is_prepared and self.facts is None and self.site_query is not None

    def full_query(self) -> "SiteQuery":
        """Return the query of the facts of the item's site."""
        assert self.site_query is not None
        return self.site_query._replace(keys=self.site_query.keys | self.line_keys())

    def line_keys(self) -> frozenset[bytes]:
        """Return the keys of the item's lines. Raises as `content` does."""
        assert self.prepared is not None
        return _checked(self.prepared).keys()

    @property
    def cpu_s(self) -> float:
        """The CPU time of the cleaned item."""
        return self.cleaned.cpu_s if self.cleaned is not None else 0.0

    def content(self) -> CleanedContent:
        """Return the cleaned content.

        Raises:
            UnreadableError: the item is malformed.
            CleaningError: cleaning failed.
        """
        assert self.cleaned is not None
        content = _checked(self.cleaned).content
        assert content is not None
        return content

    def finish(self, reply: Reply) -> None:
        if self.facts is None:
            self.prepared = reply
        if self.facts is not None or reply.error:
            self.cleaned = reply
        self.settle()

    def settle(self) -> None:
        if not self.settled.done():
            self.settled.set_result(None)

    def postpone(self) -> None:
        """Drop the item's value until the slow lane has room."""
        self.value, self.is_slow, self.is_postponed = b"", True, True
        self.settle()

    def fail(self, kind: str, error: str) -> None:
        self.finish(Reply(self.number, error=error, error_kind=kind, attempts=max(1, self.attempts)))


def _checked(reply: Reply) -> Reply:
    if reply.error_kind == "unreadable":
        raise UnreadableError(reply.error)
    if reply.error_kind:
        raise CleaningError(reply.error_kind, reply.error, reply.attempts)
    return reply
