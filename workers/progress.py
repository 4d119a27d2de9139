"""Progress of long work: a bar on standard error where a person looks on, nothing elsewhere."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
WORTH_SHOWING = 2  # of files; one is done before anybody could look


def track(things: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Yield *things* while a bar counts them."""
    with progress(what, total if total >= WORTH_SHOWING else 0) as advance:
        for thing in things:
            yield thing
            advance(1)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Give a function that moves the bar on by so many of *total*; a *total* of 0 has none."""
    if not total or not sys.stderr.isatty():
        yield lambda n: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda n: shown.advance(task, n)
