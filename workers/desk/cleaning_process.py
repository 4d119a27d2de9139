"""A cleaning process: it turns items into blocks and blocks into cleaned content, under limits of the kernel.

    desk ──control──▶ fork server ──fork──▶ cleaning process   fork: 5 ms, with all modules and models in shared memory
    desk ──Chunk──▶ cleaning process ──Reply for each item──▶ desk

The desk first sends an item and receives the keys of its lines. Then it sends the facts of the item's site and receives
the content. An item that exceeds its CPU time ends the process, in Python code or C code.

python -m workers.desk.cleaning_process LIMIT_S MODULE:FUNCTION      the fork server; its standard input is the control
"""

import gc
import importlib
import os
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO, NamedTuple

import msgspec

from streams.codec import decode
from streams.errors import UnreadableError
from streams.records import Content, FullTextPage, Item
from streams.valkey.server import die_with_parent
from workers.clean.cleaner import CleanedContent
from workers.clean.document import BlockDocument
from workers.clean.site_facts import KEY_BYTES, SiteFacts
from workers.clean.site_rules.collection import RuleSource, compile_rules
from workers.desk.article import item_blocks
from workers.garbage import collect_less_often
from workers.limited_process import FRAME, drop_privileges, frame
from workers.text.zones import load_regions

COMMAND = struct.Struct(">ci")  # to the fork server: FORK (with a socket), or WAIT and a process id
STATUS = struct.Struct(">i")  # of the fork server: process id; or exit status as in `subprocess.Popen.returncode`
FORK, WAIT = b"F", b"W"
DEFAULT_CLEANER = "workers.desk.article:clean_item"
MIN_DEADLINE_S = 0.01
ATTEMPTS = 2  # of an item that raises

Cleaner = Callable[[Item, BlockDocument, SiteFacts], CleanedContent]


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """`SiteFacts` as a message."""

    headlines: tuple[bytes, ...] = ()
    counts: dict[bytes, int] = {}
    articles: int = 0

    @classmethod
    def of(cls, facts: SiteFacts) -> "Facts":
        return cls(tuple(facts.headlines), dict(facts.counts), facts.articles)

    def to_site_facts(self) -> SiteFacts:
        return SiteFacts(frozenset(self.headlines), self.counts, self.articles)


class CleaningTask(msgspec.Struct, frozen=True, array_like=True):
    """An item to divide into blocks, or to clean if it has *facts*.

    *value*: the item as JSON; empty if this process has its blocks. *rules*: of its site.
    """

    number: int
    value: bytes = b""
    facts: Facts | None = None
    rules: tuple[RuleSource, ...] = ()


class Chunk(msgspec.Struct, frozen=True, array_like=True):
    """Tasks for a process. It forgets the blocks of items below *oldest*."""

    oldest: int
    tasks: tuple[CleaningTask, ...]


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """The result of a `CleaningTask`: keys of the lines, joined; or the content; or an error after *attempts*.

    *cpu_s*: CPU time of a cleaned item in both stages.
    """

    number: int
    line_keys: bytes = b""
    content: CleanedContent | None = None
    error: str = ""
    error_kind: str = ""
    attempts: int = ATTEMPTS
    cpu_s: float = 0.0

    def keys(self) -> frozenset[bytes]:
        return frozenset(self.line_keys[n : n + KEY_BYTES] for n in range(0, len(self.line_keys), KEY_BYTES))


class PreparedItem(NamedTuple):
    """An item in blocks. *cpu_s*: the CPU time that it has taken."""

    item: Item
    document: BlockDocument
    cpu_s: float


class CleaningProcess:
    """Handles the tasks of one process. *limit_s*: CPU seconds of an item."""

    def __init__(self, clean: Cleaner, limit_s: float) -> None:
        self.clean, self.limit_s = clean, limit_s
        self._prepared: dict[int, PreparedItem] = {}

    def handle(self, chunk: Chunk) -> Iterator[Reply]:
        """Yield the reply to each task."""
        self._prepared = {n: prepared for n, prepared in self._prepared.items() if n >= chunk.oldest}
        for task in chunk.tasks:
            yield self._attempt(task)

    def _attempt(self, task: CleaningTask) -> Reply:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._reply(task)
            except UnreadableError as exc:
                return Reply(task.number, error=str(exc), error_kind="unreadable")
            except Exception as exc:  # noqa: BLE001 - one item must not end the others
                if attempt == ATTEMPTS:
                    return Reply(task.number, error=_describe(exc), error_kind="bug")
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        raise AssertionError

    def _reply(self, task: CleaningTask) -> Reply:
        prepared = self._prepare(task)
        if task.facts is None:
            self._prepared[task.number] = prepared
            return Reply(task.number, b"".join(prepared.document.line_keys))
        start_s = time.process_time()
        self._set_deadline(prepared.cpu_s)
        content = self.clean(prepared.item, prepared.document, task.facts.to_site_facts()).rendered()
        self._prepared.pop(task.number, None)
        return Reply(task.number, content=content, cpu_s=prepared.cpu_s + time.process_time() - start_s)

    def _prepare(self, task: CleaningTask) -> PreparedItem:
        if not task.value:
            return self._prepared[task.number]
        start_s = time.process_time()
        self._set_deadline(0.0)
        item = decode(task.value, Item)
        document = item_blocks(item, compile_rules(task.rules))
        return PreparedItem(item, document, time.process_time() - start_s)

    def _set_deadline(self, spent_s: float) -> None:
        """Let the kernel end this process (SIGPROF) when the item exceeds its CPU time: C code ignores exceptions."""
        signal.setitimer(signal.ITIMER_PROF, max(MIN_DEADLINE_S, self.limit_s - spent_s))


def _describe(exc: Exception) -> str:
    return f"{exc!r}\n{''.join(traceback.format_tb(exc.__traceback__)[-3:])}"


def serve(process: CleaningProcess, stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Reply to chunks until *stdin* closes."""
    decoder = msgspec.msgpack.Decoder(Chunk)
    while header := stdin.read(FRAME.size):
        for reply in process.handle(decoder.decode(stdin.read(FRAME.unpack(header)[0]))):
            stdout.write(frame(reply))
            stdout.flush()  # the desk must know which item ended the process


# -- fork server ----------------------------------------------------------------------------------------------


def warm_up(clean: Cleaner) -> None:
    """Import and load all that cleaning needs: cleaning processes can't open files."""
    story = "<p>The harbour board reopened the canal on Monday, nine years after the flood closed it.</p>"
    body = f'<h1>Canal</h1>{story * 5}<h3>Explore</h3><ul><li><a href="/a">Lock gates</a></li></ul>'
    lines = "\n".join(
        ["Canal", "By Ann Lee", "5 January 2026", *["The board reopened the canal on Monday."] * 9, "More"]
    )
    item = Item(
        feed="https://news.example/feed", identity_key="https://news.example/1", link="https://news.example/1",
        title="Canal", fetched_at=datetime.now(UTC), fingerprint="00" * 8, content=(Content(body),),
    )  # fmt: skip
    page = FullTextPage(url=item.link, html=f"<html><body><article>{body}</article></body></html>")
    for variant in (item, msgspec.structs.replace(item, page=page), msgspec.structs.replace(item, text_dump=lines)):
        clean(variant, item_blocks(variant), SiteFacts()).rendered()
    for kind in ("html", "page", "text"):
        from workers.clean.model.model import load_default

        load_default(kind)
    load_regions()
    rules = [RuleSource("ftr", "", "body: //article"), RuleSource("scraper_rules", "", "article")]
    item_blocks(msgspec.structs.replace(item, page=page), compile_rules(rules))


def main(limit_s: str, cleaner: str) -> None:
    """Fork cleaning processes until the control socket closes."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # a desk that has cleaned ignores it, and children inherit that
    module, _, function = cleaner.partition(":")
    clean: Cleaner = getattr(importlib.import_module(module), function)
    warm_up(clean)
    gc.collect()
    collect_less_often()
    gc.freeze()  # collections in the children would otherwise copy the shared pages
    control = socket.socket(fileno=0)
    while True:
        command, sockets, _, _ = socket.recv_fds(control, COMMAND.size, 1)
        if not command:
            return
        name, pid = COMMAND.unpack(command)
        if name == FORK:
            pid = os.fork()
            if pid == 0:
                _run_child(control, sockets[0], CleaningProcess(clean, float(limit_s)))
            os.close(sockets[0])
            control.sendall(STATUS.pack(pid))
        else:
            control.sendall(STATUS.pack(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))


def _run_child(control: socket.socket, connection: int, process: CleaningProcess) -> None:
    """Serve *connection* in a new process, and end it."""
    die_with_parent(signal.SIGKILL)
    control.detach()
    os.dup2(connection, 0)
    os.dup2(connection, 1)
    os.close(connection)
    drop_privileges()
    with os.fdopen(0, "rb") as stdin, os.fdopen(1, "wb") as stdout:
        try:
            serve(process, stdin, stdout)
        finally:
            os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
