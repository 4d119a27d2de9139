"""The stacks of all tasks, to debug a service that hangs."""

import asyncio
import gc
import io

from streams.logger import get_logger

log = get_logger(__name__)


def log_task_stacks() -> None:
    """Log the stack of every task of every thread."""
    loops = [candidate for candidate in gc.get_objects() if isinstance(candidate, asyncio.AbstractEventLoop)]
    for task in [task for loop in loops for task in asyncio.all_tasks(loop)]:
        out = io.StringIO()
        task.print_stack(file=out)
        log.warning("task running", task=task.get_name(), stack=out.getvalue())
