"""The stacks of all tasks, to debug a service that hangs."""

import asyncio
import gc
from types import FrameType
from typing import Any

from streams.logger import get_logger

log = get_logger(__name__)

AWAITED = ("cr_await", "gi_yieldfrom", "ag_await")  # of coroutines, generators and asynchronous generators
FRAMES = ("cr_frame", "gi_frame", "ag_frame")
MAX_DEPTH = 100


def log_task_stacks() -> None:
    """Log the stack of every task of every thread."""
    loops = [candidate for candidate in gc.get_objects() if isinstance(candidate, asyncio.AbstractEventLoop)]
    for task in [task for loop in loops for task in asyncio.all_tasks(loop)]:
        log.warning("task running", task=task.get_name(), stack=stack_of(task))


def stack_of(task: "asyncio.Task[Any]") -> str:
    """Return the frames of *task* down to its innermost await. `Task.get_stack` has the outermost frame only."""
    lines: list[str] = []
    awaited: Any = task.get_coro()
    for _ in range(MAX_DEPTH):
        if awaited is None:
            break
        if frame := _first(awaited, FRAMES):
            lines.append(_line(frame))
        awaited = _first(awaited, AWAITED) or _wrapped(awaited)
    return "\n".join(lines)


def _first(awaited: Any, names: tuple[str, ...]) -> Any:
    return next((value for name in names if (value := getattr(awaited, name, None)) is not None), None)


def _wrapped(awaited: Any) -> Any:
    """Return the coroutine or generator within a wrapper that has no attribute for it, as that of `__anext__`."""
    if _first(awaited, FRAMES) or isinstance(awaited, asyncio.Future):
        return None
    return next((inner for inner in gc.get_referents(awaited) if _first(inner, FRAMES)), None)


def _line(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"
