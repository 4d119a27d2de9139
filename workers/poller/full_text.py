"""Full text: the page of each new item, for feeds that show only how their stories begin.

new item ──▶ robots.txt allows it? ──▶ GET, one at a time per host ──▶ scripts and styles off ──▶ item with its page

The poller asks, not the desk: it alone talks to strangers, and what is kept can be cleaned again without asking again.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from protego import Protego

from streams.errors import CopydeskError, UnavailableError
from streams.records import FullTextPage, Item
from streams.topics import MAX_ITEM_CHARS
from workers.http.client import Credentials, HttpClient
from workers.http.retry_after import is_retryable
from workers.text.encoding import decode
from workers.text.markup import strip_invisible_elements
from workers.urls.web_url import web_url

log = logging.getLogger(__name__)

ROBOTS_AGENT = "copydesk"  # what robots.txt calls us
MAX_PAGES = 100  # of one poll: the others go out as their feed has them
MAX_PAGE_BYTES = 5 * 1024 * 1024
MAX_ROBOTS_BYTES = 500 * 1024  # RFC 9309 §2.5
ROBOTS_S = 3_600.0  # at most a day, RFC 9309 §2.4
MAX_HOSTS = 1_000
MAX_DELAY_S = 60.0  # of what robots.txt asks for between two pages
PAGE_WAIT = timedelta(hours=1)  # so long a story waits for a page that can't be had just now
ACCEPT = {"Accept": "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"}


class RobotsEntry(NamedTuple):
    """What a host's robots.txt says, and when we asked."""

    rules: Protego
    asked_s: float


class FullTextFetcher:
    """Fetches pages as their hosts want it."""

    def __init__(self, fetcher: HttpClient, gap_s: float) -> None:
        self.fetcher, self.delay_s = fetcher, gap_s
        self._sites: OrderedDict[str, RobotsEntry] = OrderedDict()
        self._host_locks: OrderedDict[str, asyncio.Lock] = OrderedDict()

    async def fetch_pages(self, items: Iterable[Item], access: Credentials, feed: str) -> tuple[list[Item], list[Item]]:
        """Return *items* with their pages, and those that are to wait because theirs can't be had now.

        An item whose page is refused, or is none, goes as its feed has it. *access* goes to the feed's own origin only.
        """
        ready, waiting = [], []
        for n, item in enumerate(items):
            try:
                page = await self._page(item.link, access, feed) if n < MAX_PAGES and item.link else None
            except UnavailableError as exc:
                young = item.published is not None and item.fetched_at - item.published < PAGE_WAIT
                log.warning("feed=%s item=%s: no page: %s%s", feed, item.identity_key, exc, "; later" if young else "")
                if young:
                    waiting.append(item)
                    continue
                page = None
            except CopydeskError as exc:
                log.warning("feed=%s item=%s: no page: %s", feed, item.identity_key, exc)
                page = None
            ready.append(item if page is None else msgspec.structs.replace(item, page=page))
        return ready, waiting

    async def _page(self, url: str, access: Credentials, feed: str) -> FullTextPage | None:
        """Return the page at *url*; None when it isn't for us. Raises UnavailableError when it may be had later."""
        if not web_url(url):
            log.info("feed=%s page=%s: invalid URL", feed, url)
            return None
        own = access if urlsplit(url)[:2] == urlsplit(feed)[:2] else Credentials(proxy=access.proxy)
        async with self._host_lock(url):
            rules = await self._rules(url, own)
            if not rules.can_fetch(url, ROBOTS_AGENT):
                log.info("feed=%s page=%s: robots.txt forbids it", feed, url)
                return None
            answer = await self.fetcher.get(url, ACCEPT, own, MAX_PAGE_BYTES)
            await asyncio.sleep(min(MAX_DELAY_S, max(self.delay_s, rules.crawl_delay(ROBOTS_AGENT) or 0.0)))
        if is_retryable(answer.status):
            raise UnavailableError(f"HTTP {answer.status}", code="http_status")
        if answer.status != 200 or not is_html(answer.headers.get("content-type", "")):
            log.info("feed=%s page=%s: HTTP %d, %s", feed, url, answer.status, answer.headers.get("content-type", ""))
            return None
        html = await asyncio.to_thread(lambda: strip_invisible(decode(answer.body)))  # of 5 MiB, up to a second
        return FullTextPage(answer.url, html) if len(html) <= MAX_ITEM_CHARS // 2 else None

    def _host_lock(self, url: str) -> asyncio.Lock:
        """Return the lock of a host, for one page at a time."""
        host = urlsplit(url).netloc
        lock = self._host_locks.setdefault(host, asyncio.Lock())
        self._host_locks.move_to_end(host)
        if len(self._host_locks) > MAX_HOSTS and not next(iter(self._host_locks.values())).locked():
            self._host_locks.popitem(last=False)
        return lock

    async def _rules(self, url: str, access: Credentials) -> Protego:
        """Return a host's rules. No robots.txt allows all, one that can't be reached none, for now: RFC 9309 §2.3.1."""
        origin = "{}://{}".format(*urlsplit(url)[:2])
        site = self._sites.get(origin)
        if site is None or time.monotonic() - site.asked_s > ROBOTS_S:
            answer = await self.fetcher.get(f"{origin}/robots.txt", None, access, MAX_ROBOTS_BYTES)
            if answer.status >= 500 or answer.status == 429:
                raise UnavailableError(f"robots.txt: HTTP {answer.status}", code="http_status")
            site = RobotsEntry(Protego.parse(decode(answer.body)), time.monotonic())
            self._sites[origin] = site
            if len(self._sites) > MAX_HOSTS:
                self._sites.popitem(last=False)
        return site.rules


def is_html(content_type: str) -> bool:
    """Whether a Content-Type says HTML, or nothing."""
    return content_type.partition(";")[0].strip().lower() in ("", "text/html", "application/xhtml+xml")


def strip_invisible(html: str) -> str:
    """Return a page without scripts, styles, drawings and comments, which no reader sees. Pure."""
    return strip_invisible_elements(html)
