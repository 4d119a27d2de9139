"""Full text: fetch the page of each new item.

Such feeds contain only the beginning of their articles, or only links.

new item ──▶ check robots.txt ──▶ GET, one at a time per host ──▶ strip scripts and styles ──▶ item with its page

The poller fetches pages, not the desk: only the poller connects to foreign hosts. A stored page can be cleaned
again without another request. Parser processes read robots.txt and pages, within their limits.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from streams.errors import CopydeskError, UnavailableError, UnreadableError
from streams.logger import get_logger
from streams.records import FullTextPage, Item
from streams.topics import MAX_ITEM_CHARS
from workers.http.client import NO_CREDENTIALS, Credentials, HttpClient, Response
from workers.http.retry_after import is_retryable
from workers.poller.page_jobs import PageJob, PageText, RobotsCheck, RobotsJob
from workers.poller.parser_pool import ParserPool
from workers.urls.web_url import web_url

log = get_logger(__name__)

MAX_PAGES = 100  # per poll; further items are published without a page
MAX_PAGE_BYTES = 5 * 1024 * 1024
MAX_ROBOTS_BYTES = 500 * 1024  # read of a longer one, RFC 9309 §2.5
ROBOTS_S = 3_600.0  # at most a day, RFC 9309 §2.4
UNREADABLE_S = 600.0  # until an unreadable robots.txt is requested again
MAX_HOSTS = 1_000
MAX_RULES_BYTES = 16 * 1024 * 1024  # of the rules of all hosts
MAX_DELAY_S = 60.0  # upper limit of Crawl-delay in robots.txt
PAGE_WAIT = timedelta(hours=1)  # how long an item waits for a page that is temporarily unavailable
LINK_WAIT_S = 86_400.0  # the same for a link, since the first attempt: without its page it has no text
MAX_FAILURES = 3  # consecutive failures of link pages after which a poll stops: the host is overloaded
MAX_WAITING_LINKS = 10_000
ACCEPT = {"Accept": "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"}


class RobotsEntry(NamedTuple):
    """The lines of a host's robots.txt for copydesk, and when it was fetched. *error*: why it is unreadable."""

    lines: bytes
    fetched_s: float
    error: str = ""


class LinkPages(NamedTuple):
    """The pages of links: items to publish, items to defer, and (item, reason) of links whose page never came.

    A link without title and page is in none of them.
    """

    ready: list[Item]
    deferred: list[Item]
    failed: list[tuple[Item, str]]


class FullTextFetcher:
    """Fetches pages, one at a time per host, as its robots.txt allows."""

    def __init__(self, http: HttpClient, parsers: ParserPool, delay_s: float) -> None:
        self.http, self.parsers, self.delay_s = http, parsers, delay_s
        self._failing_since_s: OrderedDict[str, float] = OrderedDict()  # URL of a link → its first failure
        self._robots: OrderedDict[str, RobotsEntry] = OrderedDict()
        self._host_locks: OrderedDict[str, asyncio.Lock] = OrderedDict()

    async def fetch_pages(
        self, items: Iterable[Item], credentials: Credentials, feed: str
    ) -> tuple[list[Item], list[Item]]:
        """Return (*items* with their pages, items to defer because their page is temporarily unavailable).

        An item without an available page is returned unchanged. *credentials* are only used for the origin of *feed*.
        """
        ready, deferred = [], []
        for n, item in enumerate(items):
            try:
                page = await self._page(item.link, credentials, feed) if n < MAX_PAGES and item.link else None
            except UnavailableError as exc:
                is_recent = item.published is not None and item.fetched_at - item.published < PAGE_WAIT
                action = "will retry" if is_recent else "publishing without page"
                log.warning("page unavailable", feed=feed, identity_key=item.identity_key, error=exc, next_step=action)
                if is_recent:
                    deferred.append(item)
                    continue
                page = None
            except CopydeskError as exc:
                log.warning(
                    "page unavailable", feed=feed, identity_key=item.identity_key, error=exc,
                    next_step="publishing without page",
                )  # fmt: skip
                page = None
            ready.append(item if page is None else msgspec.structs.replace(item, page=page))
        return ready, deferred

    async def fetch_link_pages(self, items: Iterable[Item], credentials: Credentials, feed: str) -> LinkPages:
        """Return *items*, which are links without texts, with their pages.

        A page that is temporarily unavailable defers its link for LINK_WAIT_S. Links that failed before come last.
        """
        pages, failures = LinkPages([], [], []), 0
        for item in sorted(items, key=lambda item: item.link in self._failing_since_s):
            try:
                page = await self._page(item.link, credentials, feed) if failures < MAX_FAILURES else None
            except CopydeskError as exc:
                failures += isinstance(exc, UnavailableError)
                self._add_failed(pages, item, exc)
                continue
            if failures >= MAX_FAILURES:
                pages.deferred.append(item)
                continue
            failures = 0
            self._failing_since_s.pop(item.link, None)
            if page is not None or item.title:
                pages.ready.append(msgspec.structs.replace(item, page=page))
        return pages

    def _add_failed(self, pages: LinkPages, item: Item, error: CopydeskError) -> None:
        """Add a link whose page can't be fetched: deferred, published with its title only, or failed."""
        since_s = self._failing_since_s.setdefault(item.link, time.monotonic())
        if len(self._failing_since_s) > MAX_WAITING_LINKS:
            self._failing_since_s.popitem(last=False)
        is_waiting = isinstance(error, UnavailableError) and time.monotonic() - since_s < LINK_WAIT_S
        action = "will retry" if is_waiting else "publishing without page" if item.title else "see dead letters"
        log.warning("page unavailable", feed=item.feed, url=item.link, error=error, next_step=action)
        if is_waiting:
            pages.deferred.append(item)
        elif item.title:
            pages.ready.append(item)
        else:
            pages.failed.append((item, f"page unavailable: {item.link} ({error})"))

    async def _page(self, url: str, credentials: Credentials, feed: str) -> FullTextPage | None:
        """Return the page at *url*; None if robots.txt forbids it or it isn't HTML.

        Raises:
            UnavailableError: the page may be available later.
        """
        response = await self.get_allowed(url, credentials, feed, ACCEPT, MAX_PAGE_BYTES)
        if response is None:
            return None
        if is_retryable(response.status):
            raise UnavailableError(f"HTTP {response.status}", code="http_status")
        page = await self._to_page(response)
        if page is None:
            log.info("page skipped", feed=feed, url=url, status=response.status,
                     content_type=response.headers.get("content-type", ""))  # fmt: skip
        return page

    async def fetch_again(self, url: str, credentials: Credentials, feed: str) -> tuple[int, FullTextPage | None]:
        """Return the status and the page at *url*; (0, None) if robots.txt forbids it.

        Raises:
            UnavailableError: the page may be available later.
        """
        response = await self.get_allowed(url, credentials, feed, ACCEPT, MAX_PAGE_BYTES)
        if response is None:
            return 0, None
        if is_retryable(response.status):
            raise UnavailableError(f"HTTP {response.status}", code="http_status")
        return response.status, await self._to_page(response)

    async def get_allowed(
        self, url: str, credentials: Credentials, feed: str, headers: Mapping[str, str], max_bytes: int = 0
    ) -> Response | None:
        """Return the response to a GET of *url* in the pace of its host; None if robots.txt forbids it.

        Raises:
            UnavailableError, UnreadableError: there is no response, or an invalid one.
        """
        if not web_url(url):
            log.info("page skipped", feed=feed, url=url, reason="invalid URL")
            return None
        allowed = credentials.limited_to(feed, url)
        async with self._host_lock(url):
            check = await self._check_robots(url, allowed)
            if not check.is_allowed:
                log.info("page skipped", feed=feed, url=url, reason="forbidden by robots.txt")
                return None
            response = await self.http.get(url, headers, allowed, max_bytes)
            await asyncio.sleep(min(MAX_DELAY_S, max(self.delay_s, check.delay_s)))
        return response

    def _host_lock(self, url: str) -> asyncio.Lock:
        """Return the lock of the host of *url*."""
        host = urlsplit(url).netloc
        lock = self._host_locks.setdefault(host, asyncio.Lock())
        self._host_locks.move_to_end(host)
        if len(self._host_locks) > MAX_HOSTS and not next(iter(self._host_locks.values())).locked():
            self._host_locks.popitem(last=False)
        return lock

    async def _check_robots(self, url: str, credentials: Credentials) -> RobotsCheck:
        """Return whether the robots.txt of its host permits *url*. A missing robots.txt does (RFC 9309 §2.3.1.3).

        Raises:
            UnavailableError: robots.txt is unreachable, which forbids everything until it is reachable.
            UnreadableError: robots.txt exceeds the limits of a parser process.
        """
        origin = "{}://{}".format(*urlsplit(url)[:2])
        entry = self._robots.get(origin)
        if entry is None or time.monotonic() - entry.fetched_s > ROBOTS_S:
            response = await fetch_robots(self.http, origin, credentials)
            if response.status >= 500 or response.status == 429:
                raise UnavailableError(f"robots.txt: HTTP {response.status}", code="http_status")
            lines = complete_lines(response.body) if response.status == 200 else b""
            entry = RobotsEntry(lines, time.monotonic())
            self._store(origin, entry)
        if entry.error:
            raise UnreadableError(f"robots.txt: {entry.error}", code="robots")
        if not entry.lines:
            return RobotsCheck()
        try:
            check = await self.parsers.run(RobotsJob(entry.lines, url), RobotsCheck, source=urlsplit(url).netloc)
        except UnreadableError as exc:
            self._store(origin, RobotsEntry(b"", time.monotonic() - ROBOTS_S + UNREADABLE_S, str(exc)))
            raise UnreadableError(f"robots.txt: {exc}", code="robots") from exc
        if len(check.lines) < len(entry.lines):
            self._store(origin, entry._replace(lines=check.lines))
        return check

    def _store(self, origin: str, entry: RobotsEntry) -> None:
        """Keep the rules of a host; forget the oldest ones beyond the limits."""
        self._robots[origin] = entry
        size = sum(len(entry.lines) for entry in self._robots.values())
        while len(self._robots) > MAX_HOSTS or size > MAX_RULES_BYTES:
            size -= len(self._robots.popitem(last=False)[1].lines)

    async def _to_page(self, response: Response) -> FullTextPage | None:
        """Return the page in *response*; None if it isn't HTML, or too large. Raises UnreadableError."""
        content_type = response.headers.get("content-type", "")
        if response.status != 200 or not is_html(content_type):
            return None
        job = PageJob(response.body, MAX_ITEM_CHARS // 2, content_type)
        html = (await self.parsers.run(job, PageText, source=urlsplit(response.url).netloc)).html
        return None if html is None else FullTextPage(response.url, html.decode())


async def fetch_robots(http: HttpClient, origin: str, credentials: Credentials = NO_CREDENTIALS) -> Response:
    """Return the response with the robots.txt of *origin*. A longer one is cut after MAX_ROBOTS_BYTES and a byte."""
    return await http.get(f"{origin}/robots.txt", None, credentials, MAX_ROBOTS_BYTES + 1, truncate=True)


def complete_lines(robots: bytes) -> bytes:
    """Return the first MAX_ROBOTS_BYTES of a robots.txt, without its cut line.

    The beginning of a path is a rule for more URLs.
    """
    if len(robots) <= MAX_ROBOTS_BYTES:
        return robots
    ends = (robots.rfind(end, 0, MAX_ROBOTS_BYTES) for end in (b"\n", b"\r"))
    return robots[: max(ends) + 1]


def is_html(content_type: str) -> bool:
    """Return whether a Content-Type is HTML or empty."""
    return content_type.partition(";")[0].strip().lower() in ("", "text/html", "application/xhtml+xml")
