"""The interface of a sample destination."""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import ClassVar


class Destination(AbstractAsyncContextManager["Destination"]):
    """A destination that can be made to fail.

    `fails` lists its failures: `retry` (cannot accept events now), `reject` (rejects an event permanently), `down`
    (unreachable). `invalid` maps a wrong option, as a line of TOML, to its expectation.
    """

    fails: ClassVar[tuple[str, ...]] = ()
    invalid: ClassVar[dict[str, str]] = {}

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def options(self) -> dict[str, str]:
        """Return the options of a sink that delivers here, as TOML values."""

    @abstractmethod
    def delivered(self) -> list[str]:
        """Return the confirmed events as `id.revision`, in order, repeats included. A store has the newest ones."""

    def expected(self, *events: str) -> list[str]:
        """Return the result of `delivered` after *events*."""
        return list(events)

    async def fail(self, failure: str) -> None:
        """Fail from now on, by one of `fails`."""
        raise NotImplementedError

    async def recover(self) -> None:
        """Stop failing."""
        raise NotImplementedError

    async def __aexit__(self, *exc: object) -> None:
        """Release the destination."""


class Store(Destination):
    """A destination that keeps the newest revision of each article."""

    def expected(self, *events: str) -> list[str]:
        newest: dict[str, int] = {}
        for event in events:
            id_, _, revision = event.rpartition(".")
            newest[id_] = max(int(revision), newest.get(id_, 0))
        return [f"{id_}.{revision}" for id_, revision in sorted(newest.items())]
