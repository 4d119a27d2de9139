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
from streams.records import Item, Page
from streams.topics import MAX_ITEM_CHARS
from workers.clean.encoding import decoded
from workers.clean.markup import without_unseen
from workers.clean.weburl import web_url
from workers.fetch.fetch import Access, Fetcher

log = logging.getLogger(__name__)

AGENT = "copydesk"  # what robots.txt calls us
MAX_PAGES = 100  # of one poll: the others go out as their feed has them
MAX_PAGE_BYTES = 5 * 1024 * 1024
MAX_ROBOTS_BYTES = 500 * 1024  # RFC 9309 §2.5
ROBOTS_S = 3_600.0  # at most a day, RFC 9309 §2.4
MAX_HOSTS = 1_000
MAX_DELAY_S = 60.0  # of what robots.txt asks for between two pages
PATIENCE = timedelta(hours=1)  # so long a story waits for a page that can't be had just now
LATER = {408, 425, 429, 500, 502, 503, 504}  # RFC 9110 §15.5, §15.6; RFC 6585 §4: it may go well another time
ACCEPT = {"Accept": "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"}


class Site(NamedTuple):
    """What a host's robots.txt says, and when we asked."""

    rules: Protego
    asked_s: float


class Pages:
    """Fetches pages as their hosts want it."""

    def __init__(self, fetcher: Fetcher, gap_s: float) -> None:
        self.fetcher, self.gap_s = fetcher, gap_s
        self._sites: OrderedDict[str, Site] = OrderedDict()
        self._turns: OrderedDict[str, asyncio.Lock] = OrderedDict()

    async def attach(self, items: Iterable[Item], access: Access, feed: str) -> tuple[list[Item], list[Item]]:
        """Return *items* with their pages, and those that are to wait because theirs can't be had now.

        An item whose page is refused, or is none, goes as its feed has it. *access* goes to the feed's own origin only.
        """
        ready, waiting = [], []
        for n, item in enumerate(items):
            try:
                page = await self._page(item.link, access, feed) if n < MAX_PAGES and item.link else None
            except UnavailableError as exc:
                young = item.published is not None and item.fetched_at - item.published < PATIENCE
                log.warning("feed=%s item=%s: no page: %s%s", feed, item.key, exc, "; later" if young else "")
                if young:
                    waiting.append(item)
                    continue
                page = None
            except CopydeskError as exc:
                log.warning("feed=%s item=%s: no page: %s", feed, item.key, exc)
                page = None
            ready.append(item if page is None else msgspec.structs.replace(item, page=page))
        return ready, waiting

    async def _page(self, url: str, access: Access, feed: str) -> Page | None:
        """Return the page at *url*; None when it isn't for us. Raises UnavailableError when it may be had later."""
        if not web_url(url):
            log.info("feed=%s page=%s: not a URL that can be fetched", feed, url)
            return None
        own = access if urlsplit(url)[:2] == urlsplit(feed)[:2] else Access(proxy=access.proxy)
        async with self._turn(url):
            rules = await self._rules(url, own)
            if not rules.can_fetch(url, AGENT):
                log.info("feed=%s page=%s: robots.txt forbids it", feed, url)
                return None
            answer = await self.fetcher.get(url, ACCEPT, own, MAX_PAGE_BYTES)
            await asyncio.sleep(min(MAX_DELAY_S, max(self.gap_s, rules.crawl_delay(AGENT) or 0.0)))
        if answer.status in LATER:
            raise UnavailableError(f"HTTP {answer.status}", kind="http_status")
        if answer.status != 200 or not is_html(answer.headers.get("content-type", "")):
            log.info("feed=%s page=%s: HTTP %d, %s", feed, url, answer.status, answer.headers.get("content-type", ""))
            return None
        html = await asyncio.to_thread(lambda: seen_part(decoded(answer.body)))  # of 5 MiB, up to a second
        return Page(answer.url, html) if len(html) <= MAX_ITEM_CHARS // 2 else None

    def _turn(self, url: str) -> asyncio.Lock:
        """Return the lock of a host, for one page at a time."""
        host = urlsplit(url).netloc
        lock = self._turns.setdefault(host, asyncio.Lock())
        self._turns.move_to_end(host)
        if len(self._turns) > MAX_HOSTS and not next(iter(self._turns.values())).locked():
            self._turns.popitem(last=False)
        return lock

    async def _rules(self, url: str, access: Access) -> Protego:
        """Return a host's rules. No robots.txt allows all, one that can't be reached none, for now: RFC 9309 §2.3.1."""
        origin = "{}://{}".format(*urlsplit(url)[:2])
        site = self._sites.get(origin)
        if site is None or time.monotonic() - site.asked_s > ROBOTS_S:
            answer = await self.fetcher.get(f"{origin}/robots.txt", None, access, MAX_ROBOTS_BYTES)
            if answer.status >= 500 or answer.status == 429:
                raise UnavailableError(f"robots.txt: HTTP {answer.status}", kind="http_status")
            site = Site(Protego.parse(decoded(answer.body)), time.monotonic())
            self._sites[origin] = site
            if len(self._sites) > MAX_HOSTS:
                self._sites.popitem(last=False)
        return site.rules


def is_html(content_type: str) -> bool:
    """Whether a Content-Type says HTML, or nothing."""
    return content_type.partition(";")[0].strip().lower() in ("", "text/html", "application/xhtml+xml")


def seen_part(html: str) -> str:
    """Return a page without scripts, styles, drawings and comments, which no reader sees. Pure."""
    return without_unseen(html)
