"""The parsers: processes that read feed documents, with limits that the kernel keeps.

poller ──document──▶ parser ──Feed──▶ poller      frames on pipes: four bytes of length, then msgpack

A parser that hangs or grows is ended, and its document with it; the others go on. It can open no file and no socket.
"""

import asyncio
import contextlib
import resource
import signal
import struct
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from streams.errors import UnreadableError
from streams.records import Item
from workers.poller.formats.feedparser_xml import ParsedFeed, parse_feed
from workers.poller.new_items import find_new_items

CPU_LIMIT_S = 5  # for one document; whole seconds, as the kernel counts
IDLE_S = 15.0  # without any CPU time a parser hangs; on a busy machine it is slow, and CPU_S counts
MEMORY_BYTES = 224 * 1024 * 1024  # beyond what a parser has when it begins
MAX_DOCUMENTS = 1_000  # then it makes room for a fresh one: what it leaked goes with it
FRAME = struct.Struct(">I")


class ParseRequest(msgspec.Struct, frozen=True):
    """What a parser is given: `parse_feed`'s arguments, and what is known of the feed's items.

    Those that are known come back without their text.
    """

    body: bytes
    url: str
    content_type: str
    fetched_at: datetime
    poll_id: str
    known: bytes = b""


class ParseFailure(msgspec.Struct, frozen=True):
    """Why a document can't be read."""

    error: str
    error_kind: str


class ParseResponse(msgspec.Struct, frozen=True):
    """What a parser answers; one of both."""

    feed: ParsedFeed | None = None
    refusal: ParseFailure | None = None


class ParserPool:
    """Reads documents in a few processes, one document each at a time. They are started when they are needed.

    Suspects, documents of feeds that couldn't be read the last time, share one process more: nobody waits for them.
    """

    def __init__(self, count: int, idle_s: float = IDLE_S) -> None:
        self.idle_s = idle_s
        self._free, self._quarantined = asyncio.Semaphore(count), asyncio.Semaphore(1)
        self._idle: list[_Parser] = []

    async def parse(self, document: ParseRequest, *, suspect: bool = False) -> ParsedFeed:
        """Return the feed. Raises UnreadableError: as `parse_feed` does, or for what takes too much or crashes."""
        async with self._quarantined if suspect else self._free:
            parser = self._idle.pop() if self._idle else await _Parser.start()
            try:
                reply = await parser.send(document, self.idle_s)
            finally:
                if parser.is_reusable:
                    self._idle.append(parser)
                else:
                    await parser.end()
        if reply.feed is None:
            refusal = reply.refusal or ParseFailure("the parser gave no answer", "parse_crash")
            raise UnreadableError(refusal.error, code=refusal.error_kind)
        return reply.feed

    async def __aenter__(self) -> "ParserPool":
        return self

    async def __aexit__(self, *exc: object) -> None:
        """End the processes."""
        for parser in self._idle:
            await parser.end()
        self._idle.clear()


class _Parser:
    """One process, seen from the poller."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._left, self._busy = MAX_DOCUMENTS, False

    @classmethod
    async def start(cls) -> "_Parser":
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "workers.poller.parser_pool")
        # A session of its own: Ctrl-C is for the poller, which lets the document in hand be read.
        return cls(await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, start_new_session=True
        ))  # fmt: skip

    @property
    def is_reusable(self) -> bool:
        """Whether it can take another document."""
        return self._left > 0 and not self._busy and self.process.returncode is None

    async def send(self, document: ParseRequest, idle_s: float) -> ParseResponse:
        """Return the answer; a refusal when the process ends, or uses no CPU time for *idle_s*."""
        self._left -= 1
        self._busy = True  # until it has answered: cut off in the middle, it can't be asked again
        answering = asyncio.create_task(self._answer(document))
        try:
            while not answering.done():
                used_before = _cpu_ticks(self.process.pid)
                await asyncio.wait({answering}, timeout=idle_s)
                if not answering.done() and _cpu_ticks(self.process.pid) == used_before:
                    return _refused(f"the parser hung over it (no CPU time for {idle_s:g} s)", "too_slow")
            reply = answering.result()
        except (asyncio.IncompleteReadError, ConnectionError):
            return _refused(*_ended(await self.process.wait()))
        finally:
            answering.cancel()
        self._busy = False
        return reply

    async def _answer(self, document: ParseRequest) -> ParseResponse:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(_frame(msgspec.msgpack.encode(document)))
        await stdin.drain()
        size = FRAME.unpack(await stdout.readexactly(FRAME.size))[0]
        return msgspec.msgpack.decode(await stdout.readexactly(size), type=ParseResponse)

    async def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        if self.process.stdin is not None:
            self.process.stdin.close()
        await self.process.wait()


def _refused(reason: str, kind: str) -> ParseResponse:
    return ParseResponse(refusal=ParseFailure(reason, kind))


def _ended(code: int) -> tuple[str, str]:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"reading it took more than {CPU_LIMIT_S} s of CPU", "too_slow"
    return f"the parser broke down over it (status {code})", "parse_crash"


def _cpu_ticks(pid: int) -> int | None:
    """Return the CPU time of a process in clock ticks (proc_pid_stat(5): utime + stime); None where it is unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return int(fields[11]) + int(fields[12])


def _frame(data: bytes) -> bytes:
    return FRAME.pack(len(data)) + data


# -- in the process -------------------------------------------------------------------------------------------

# All that is imported late is imported by these; afterwards no file can be opened.
_WARM_UP = (
    b'<?xml version="1.0"?><rss version="2.0"><channel><title>a</title><item><title>b</title>'
    b"<pubDate>Mon, 05 Jan 2026 10:00:00 GMT</pubDate></item></channel></rss>",
    b"<rss><channel><item><title>a & b</title><pubDate>5 Mars 2026</pubDate>",
    b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "title": "a"}]}',
    b"no feed",
)


def main() -> None:
    """Read documents from standard input until it closes."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    for body in _WARM_UP:
        _reply(ParseRequest(body, "https://news.example/feed", "text/xml; charset=utf-8", datetime.now(UTC), ""))
    _import_codecs()
    drop_privileges()
    while head := source.read(FRAME.size):
        extend_cpu_limit()
        document = msgspec.msgpack.decode(source.read(FRAME.unpack(head)[0]), type=ParseRequest)
        _send(sink, _reply(document))


def _reply(document: ParseRequest) -> ParseResponse:
    try:
        feed = parse_feed(
            document.body, document.url, content_type=document.content_type,
            fetched_at=document.fetched_at, poll_id=document.poll_id,
        )  # fmt: skip
        return ParseResponse(feed=_without_known_texts(feed, document.known) if document.known else feed)
    except UnreadableError as exc:
        return _refused(str(exc)[:1000], exc.code or "bad_feed")
    except MemoryError:
        return _refused("reading it needs too much memory", "too_large")
    except RecursionError:
        return _refused("it is nested too deeply", "too_deep")


def _without_known_texts(feed: ParsedFeed, known: bytes) -> ParsedFeed:
    """Return *feed* with no more of the items that are known than it takes to know them: most are, each time."""
    news = {id(item) for item in find_new_items(feed.items, known)[0]}
    items = (i if id(i) in news else Item(
        feed=i.feed, identity_key=i.identity_key, guid=i.guid, link=i.link, fetched_at=i.fetched_at,
                                          fingerprint=i.fingerprint) for i in feed.items)  # fmt: skip
    return msgspec.structs.replace(feed, items=tuple(items))


def _send(sink: BinaryIO, reply: ParseResponse) -> None:
    sink.write(_frame(msgspec.msgpack.encode(reply)))
    sink.flush()


def _import_codecs() -> None:
    import codecs

    from workers.text.encoding import CODECS

    for name in {*CODECS.values(), "utf-32", "cp037", "utf-16", "latin-1"}:
        codecs.lookup(name)


def drop_privileges() -> None:
    """Take away what reading a document doesn't need: files, sockets, memory without end."""
    used_bytes = _data_bytes()
    sys.path.clear()  # what tries an import finds nothing, at once: looking into a folder would be an error now
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))  # standard input, output and error; nothing new can be opened
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # macOS keeps no such limit
        resource.setrlimit(resource.RLIMIT_DATA, (used_bytes + MEMORY_BYTES, used_bytes + MEMORY_BYTES))


def _data_bytes() -> int:
    """Return what RLIMIT_DATA counts of this process (proc_pid_statm(5): data + stack).

    Not `ru_maxrss`: on Linux it begins with the size of the process that started this one (getrusage(2)).
    """
    try:
        return int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    except OSError:
        return 0


def extend_cpu_limit() -> None:
    """Move the limit on CPU time to CPU_S from now; the kernel ends who passes it (SIGXCPU)."""
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    limit = int(time.process_time()) + CPU_LIMIT_S + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


if __name__ == "__main__":
    main()
