"""The parser pool: processes that parse feed documents, pages and robots.txt, with limits that the kernel enforces.

poller ──ParseRequest, Job──▶ parser ──ParseResponse──▶ poller     frames on pipes: four bytes of length, then msgpack

A parser process also compares the document with the known items, so that only new items are sent back.
The pool kills a process that hangs or grows, and its document fails. Other documents are not affected.
A parser process can't open files or sockets.
"""

import asyncio
import contextlib
import itertools
import signal
import sys
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import BinaryIO, TypeVar

import msgspec

from streams.errors import UnreadableError
from workers.garbage import collect_less_often
from workers.limited_process import FRAME, cpu_ticks, drop_privileges, extend_cpu_limit, frame
from workers.poller.feed_update import FeedUpdate, to_update
from workers.poller.formats import FORMATS, FeedDocument, parse_document, section_page
from workers.poller.page_jobs import WARM_UP, Job, JobResult, handle_job
from workers.text.zones import load_regions

CPU_LIMIT_S = 5  # for one document; the kernel counts whole seconds
IDLE_S = 15.0  # a process that uses no CPU time for this period hangs; on a busy machine CPU_LIMIT_S decides
USUAL_S = 1.0  # nearly all documents are parsed by then; only afterwards the pool reads the CPU time of the process
SLOW_CPU_S = 0.1  # a source whose document takes longer is suspect; a usual feed takes .002 s
SUSPECT_S = 600.0
MAX_SUSPECTS = 10_000
MAX_PAGES = 100  # of a page list in one poll: their pages are fetched too
LIMIT_ERRORS = frozenset(("too_slow", "too_large", "parse_crash"))
MAX_DOCUMENTS = 1_000  # then the pool replaces the process, because of memory leaks


class ParseRequest(msgspec.Struct, frozen=True, tag_field="kind", tag="feed"):
    """A document to parse, and the known items of its feed.

    A partial document contains some items of the feed only. On the first poll, the older part of a page list is known.
    """

    body: bytes
    url: str
    content_type: str
    fetched_at: datetime
    poll_id: str
    known_items: bytes = b""
    is_partial: bool = False
    is_first_poll: bool = False
    type: str = ""
    turnover: Mapping[str, int] = {}


class ParseFailure(msgspec.Struct, frozen=True):
    """The reason why a document can't be parsed."""

    error: str
    error_kind: str


class ParseResponse(msgspec.Struct, frozen=True, omit_defaults=True):
    """The response of a parser process: an update, the result of a job, or a failure. *cpu_s*: its CPU time."""

    update: FeedUpdate | None = None
    result: JobResult | None = None
    failure: ParseFailure | None = None
    cpu_s: float = 0.0


Value = TypeVar("Value")
Result = TypeVar("Result", bound=JobResult)


class ParserPool:
    """Parses documents in processes, which are started on demand. Each parses one document at a time.

    Feeds have up to *count* processes, pages and robots.txt as many. Suspects are documents of feeds whose last poll
    failed, and of sources that had a slow document. They share one additional process, so that they can't block
    other documents, and only this process grows by their size.
    """

    def __init__(self, count: int, idle_s: float = IDLE_S) -> None:
        self.idle_s = idle_s
        self._feeds, self._pages, self._quarantined = (asyncio.Semaphore(n) for n in (count, count, 1))
        self._suspects: OrderedDict[str, float] = OrderedDict()  # source → monotonic time until which it is suspect
        self._idle: list[_Parser] = []
        self._idle_suspects: list[_Parser] = []

    async def parse(self, request: ParseRequest, *, is_suspect: bool = False) -> FeedUpdate:
        """Return the update of a document.

        Raises:
            UnreadableError: `parse_document` raised it, or the parser process exceeded a limit or crashed.
        """
        is_suspect = is_suspect or self.is_suspect(request.url)
        response = await self._exchange(request, request.url, self._quarantined if is_suspect else self._feeds)
        return _require(response.update)

    async def run(self, job: Job, kind: type[Result], *, source: str) -> Result:
        """Return the result of *job*, of the type *kind*. *source*: its host, or its URL.

        Raises:
            UnreadableError: the parser process exceeded a limit or crashed.
        """
        response = await self._exchange(job, source, self._quarantined if self.is_suspect(source) else self._pages)
        result = _require(response.result)
        assert isinstance(result, kind)
        return result

    def is_suspect(self, source: str) -> bool:
        """Return whether *source* had a slow document in the last SUSPECT_S."""
        return time.monotonic() < self._suspects.get(source, 0.0)

    def _suspect(self, source: str) -> None:
        self._suspects[source] = time.monotonic() + SUSPECT_S
        self._suspects.move_to_end(source)
        if len(self._suspects) > MAX_SUSPECTS:
            self._suspects.popitem(last=False)

    async def _exchange(self, request: "ParseRequest | Job", source: str, slots: asyncio.Semaphore) -> ParseResponse:
        """Return the response to *request*. Raises UnreadableError."""
        idle = self._idle_suspects if slots is self._quarantined else self._idle
        async with slots:
            parser = idle.pop() if idle else await _Parser.start()
            try:
                response = await parser.send(request, self.idle_s)
            finally:
                if parser.is_reusable:
                    idle.append(parser)
                else:
                    await parser.end()
        if response.cpu_s > SLOW_CPU_S or (response.failure and response.failure.error_kind in LIMIT_ERRORS):
            self._suspect(source)
        if response.failure:
            raise UnreadableError(response.failure.error, code=response.failure.error_kind)
        return response

    async def __aenter__(self) -> "ParserPool":
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Kill the processes."""
        for idle in (self._idle, self._idle_suspects):
            while idle:
                await idle.pop().end()


class _Parser:
    """One parser process, seen from the poller."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._remaining, self._is_busy = MAX_DOCUMENTS, False

    @classmethod
    async def start(cls) -> "_Parser":
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "workers.poller.parser_pool")
        # A separate session: Ctrl-C reaches the poller only, which waits for documents in progress.
        return cls(await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, start_new_session=True
        ))  # fmt: skip

    @property
    def is_reusable(self) -> bool:
        """Whether the process can parse another document."""
        return self._remaining > 0 and not self._is_busy and self.process.returncode is None

    async def send(self, request: "ParseRequest | Job", idle_s: float) -> ParseResponse:
        """Return the response; a failure if the process exits, or uses no CPU time for *idle_s*."""
        self._remaining -= 1
        self._is_busy = True  # until the response is complete: a cancelled process can't be reused
        exchange = asyncio.create_task(self._exchange(request))
        try:
            await asyncio.wait({exchange}, timeout=min(USUAL_S, idle_s))
            while not exchange.done():
                used_before = cpu_ticks(self.process.pid)
                await asyncio.wait({exchange}, timeout=idle_s)
                if not exchange.done() and cpu_ticks(self.process.pid) == used_before:
                    return _failed(f"parser process hung (no CPU time for {idle_s:g} s)", "too_slow")
            response = exchange.result()
        except (asyncio.IncompleteReadError, ConnectionError):
            return _failed(*_exit_reason(await self.process.wait()))
        finally:
            exchange.cancel()
            await asyncio.gather(exchange, return_exceptions=True)
        self._is_busy = False
        return response

    async def _exchange(self, request: "ParseRequest | Job") -> ParseResponse:
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(frame(request))
        await stdin.drain()
        size = FRAME.unpack(await stdout.readexactly(FRAME.size))[0]
        return msgspec.msgpack.decode(await stdout.readexactly(size), type=ParseResponse)

    async def end(self) -> None:
        """Kill the process. asyncio closes its transport once the process has ended and its output is read."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None
        assert stdout is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        stdin.close()
        await asyncio.gather(self.process.wait(), stdout.read())


def _require(value: Value | None) -> Value:
    if value is None:
        raise UnreadableError("empty response of the parser process", code="parse_crash")
    return value


def _failed(error: str, error_kind: str) -> ParseResponse:
    return ParseResponse(failure=ParseFailure(error, error_kind))


def _exit_reason(returncode: int) -> tuple[str, str]:
    """Return (error, error kind) for the exit status of a parser process."""
    if returncode == -signal.SIGXCPU:
        return f"parsing took more than {CPU_LIMIT_S} s of CPU", "too_slow"
    if returncode == -signal.SIGKILL:
        return "parser process killed (SIGKILL, perhaps because memory was short)", "parse_crash"
    return f"parser process crashed (status {returncode})", "parse_crash"


# -- parser process -------------------------------------------------------------------------------------------


def main() -> None:
    """Parse documents from standard input until it closes."""
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    collect_less_often()
    now = datetime.now(UTC)
    for body in itertools.chain.from_iterable(f.WARM_UP for f in FORMATS):  # afterwards no file can be opened
        _parse(ParseRequest(body, "https://news.example/feed", "text/xml; charset=utf-8", now, ""))
    for body in section_page.WARM_UP:
        _parse(ParseRequest(body, "https://news.example/", "text/html", now, "", type=section_page.TYPE))
    for job in WARM_UP:
        handle_job(job)
    _import_codecs()
    load_regions()
    drop_privileges()
    decoder = msgspec.msgpack.Decoder(ParseRequest | Job)
    while header := stdin.read(FRAME.size):
        extend_cpu_limit(CPU_LIMIT_S)
        start_s = time.process_time()
        response = _handle(decoder.decode(stdin.read(FRAME.unpack(header)[0])))
        _send(stdout, msgspec.structs.replace(response, cpu_s=time.process_time() - start_s))


def _handle(request: ParseRequest | Job) -> ParseResponse:
    if isinstance(request, ParseRequest):
        return _parse(request)
    try:
        return ParseResponse(result=handle_job(request))
    except MemoryError:
        return _failed("the document needs too much memory", "too_large")
    except RecursionError:
        return _failed("the document is nested too deeply", "too_deep")


def _parse(request: ParseRequest) -> ParseResponse:
    try:
        feed = parse_document(
            FeedDocument(
                request.body, request.url, request.content_type, request.fetched_at, request.poll_id,
                known_items=request.known_items, is_first_poll=request.is_first_poll, max_links=MAX_PAGES,
                type=request.type, turnover=request.turnover,
            )
        )  # fmt: skip
        return ParseResponse(update=to_update(feed, request.known_items, is_partial=request.is_partial))
    except UnreadableError as exc:
        return _failed(str(exc)[:1000], exc.code or "bad_feed")
    except MemoryError:
        return _failed("parsing needs too much memory", "too_large")
    except RecursionError:
        return _failed("the document is nested too deeply", "too_deep")


def _send(stdout: BinaryIO, response: ParseResponse) -> None:
    stdout.write(frame(response))
    stdout.flush()


def _import_codecs() -> None:
    import codecs

    from workers.text.encoding import CODECS

    # `decode_document` detects encodings of the UTF-16 and UTF-32 families, and EBCDIC, which have no WHATWG label.
    detected = {f"utf-{bits}{order}" for bits in (16, 32) for order in ("", "-be", "-le")} | {"cp037"}
    for name in {*CODECS.values(), *detected, "latin-1"}:
        codecs.lookup(name)


if __name__ == "__main__":
    main()
