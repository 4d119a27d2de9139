"""Progress of long commands: a bar on standard error if that is a terminal, else nothing."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
MIN_ITEMS = 2  # a single file is done before a bar could be read


def track(items: Iterable[T], label: str, total: int) -> Iterator[T]:
    """Yield *items* and show a bar that counts them."""
    with progress(label, total if total >= MIN_ITEMS else 0) as advance:
        for item in items:
            yield item
            advance(1)


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar during the block; yield a function that advances it. Without a *total* there is no bar."""
    if not total or not sys.stderr.isatty():
        yield lambda n: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda n: bar.advance(task, n)
