"""Sitemap indexes: the poller reads the sitemaps that an index lists, the newest first, within bounds.

index ──▶ newest MAX_SITEMAPS ──▶ robots.txt, pace of the host ──▶ parser pool ──▶ one update with the newest links
"""

from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from streams.errors import CopydeskError, UnavailableError, UnreadableError
from streams.records import Item
from workers.http.client import Response
from workers.http.retry_after import is_retryable
from workers.poller.feed_update import FeedUpdate
from workers.poller.formats.link_list import MAX_KNOWN_LINKS, decode_links, known_limit, link_digest
from workers.poller.formats.to_item import SitemapLink
from workers.poller.new_items import without_items

MAX_SITEMAPS = 10  # read in one poll
MAX_DEPTH = 2  # indexes below the first one; sitemaps.org allows none

Fetch = Callable[[str], Awaitable[Response | None]]
# Arguments: the response, the known items, and whether all links of the sitemap are old.
Parse = Callable[[Response, bytes, bool], Awaitable[FeedUpdate]]


def newest_sitemaps(links: Sequence[SitemapLink], limit: int = MAX_SITEMAPS) -> list[SitemapLink]:
    """Return the *limit* sitemaps that most likely have new pages: of news, by time, from both ends of the list.

    A third of the places is for sitemaps without a time, because one of them may be the current one.
    """
    news = dict.fromkeys(link for link in links if "news" in link.url.lower())
    dated = sorted((link for link in links if link.time_s), key=lambda link: link.time_s, reverse=True)
    undated = [link for link in links if not link.time_s and link not in news]
    ends = list(dict.fromkeys(link for pair in zip(undated, reversed(undated), strict=True) for link in pair))
    others = [link for link in dated if link not in news]
    places = max(0, limit - len(news) - min(len(ends), limit // 3))
    return list(dict.fromkeys([*news, *others[:places], *ends, *others[places:]]))[:limit]


async def read_index(index: FeedUpdate, url: str, known_items: bytes, fetch: Fetch, parse: Parse) -> FeedUpdate:
    """Return the update of all sitemaps of *index*, found at *url*.

    A sitemap that fails is named in the warning; the others count.

    Raises:
        CopydeskError: no sitemap could be read.
    """
    poll = _IndexPoll(index, url, known_items)
    while (found := poll.next_sitemap()) is not None:
        link, depth = found
        try:
            child = await parse(await _fetched(link.url, fetch), poll.update.known_items, poll.is_archive(link))
            poll.add(link, depth, child)
        except CopydeskError as exc:
            poll.errors.append(exc)
    if poll.count:
        return poll.result()
    own = UnreadableError(f"an index without other sitemaps: {url}", code="bad_feed")
    raise next(iter(poll.errors), own)


class _IndexPoll:
    """One poll of an index. `count`: sitemaps read. `present`: their links. `listed`: URLs of all sitemaps found.

    A sitemap has a mark in the known items while its links may be older than the known ones.
    """

    def __init__(self, index: FeedUpdate, url: str, known_items: bytes) -> None:
        self.update = FeedUpdate(index.title, (), 0, known_items, index.identity_basis, is_link_list=True)
        self.before = decode_links(known_items)
        self.queue = [(link, 1) for link in newest_sitemaps(index.sitemaps)]
        self.listed = dict.fromkeys(link.url for link in index.sitemaps)
        self.tried = {url}
        self.errors = list[CopydeskError]()
        self.count = self.too_many = self.present = 0

    def next_sitemap(self) -> tuple[SitemapLink, int] | None:
        """Return the next sitemap to read and its depth; None at the end."""
        while self.queue and self._attempts < MAX_SITEMAPS:
            link, depth = self.queue.pop(0)
            if link.url not in self.tried:
                self.tried.add(link.url)
                return link, depth
        return None

    @property
    def _attempts(self) -> int:
        return self.count + self.too_many + len(self.errors)

    def is_archive(self, link: SitemapLink) -> bool:
        """Return whether unknown links of a sitemap are old: earlier polls have left it out."""
        return _mark(link.url) in self.before

    def add(self, link: SitemapLink, depth: int, child: FeedUpdate) -> None:
        """Add a sitemap, or the sitemaps of a nested index. Raises UnreadableError for a feed."""
        if not (child.is_link_list or child.sitemaps):
            raise UnreadableError(f"not a sitemap: {link.url} (a feed); add it as a feed", code="bad_feed")
        if self.present + child.listed > MAX_KNOWN_LINKS:
            self.too_many += 1
            self.tried.discard(link.url)
            return
        self.count += 1
        self.present += child.listed
        if child.sitemaps and depth <= MAX_DEPTH:
            self.queue[:0] = [(nested, depth + 1) for nested in newest_sitemaps(child.sitemaps)]
            self.listed |= dict.fromkeys(nested.url for nested in child.sitemaps)
        self.update = _merged(self.update, _without_new(child) if self.is_archive(link) else child)

    def result(self) -> FeedUpdate:
        """Return the update of all sitemaps, with bounded known items."""
        known_items, warning = self._known_items(), self.update.warning
        total = len(self.listed)
        return replace(self.update, known_items=known_items, warning=_warning(warning, total, self.count, self.errors))

    def _known_items(self) -> bytes:
        """Return the links of this poll, earlier links within the limit, and the marks of the sitemaps left out."""
        unread = {_mark(url) for url in self.listed if url not in self.tried}
        marks = {_mark(url) for url in self.listed}
        links = [digest for digest in decode_links(self.update.known_items) if digest not in marks]
        limit = MAX_KNOWN_LINKS if unread else known_limit(self.present)
        is_complete = bool(self.before) and len(links) <= limit
        kept = [mark for mark in unread if mark in self.before] if is_complete else unread
        return b"".join((*links[:limit], *kept))


def _mark(url: str) -> bytes:
    """Return the mark of a sitemap that earlier polls have left out."""
    return link_digest("sitemap left out", url)


def _without_new(child: FeedUpdate) -> FeedUpdate:
    """Return *child* with its new links as known ones."""
    return replace(child, new_items=(), unchanged=child.unchanged + len(child.new_items))


async def _fetched(url: str, fetch: Fetch) -> Response:
    response = await fetch(url)
    if response is None:
        raise UnavailableError(f"forbidden by robots.txt: {url}", code="robots")
    if response.status != 200:
        code = "http_status" if is_retryable(response.status) else "gone"
        raise UnavailableError(f"HTTP {response.status}: {url}", code=code)
    return response


def _merged(update: FeedUpdate, child: FeedUpdate) -> FeedUpdate:
    """Return *update* with the links of *child*, which was compared with the known ones of *update*.

    The links of this poll stay in front. *child* has lost known links of the other sitemaps.
    """
    known = decode_links(child.known_items) | decode_links(update.known_items) if child.is_link_list else None
    return replace(
        update,
        title=update.title or child.title,
        new_items=(*update.new_items, *child.new_items),
        unchanged=update.unchanged + child.unchanged,
        known_items=update.known_items if known is None else b"".join(known),
        unreadable=(*update.unreadable, *child.unreadable),
        deferred=update.deferred + child.deferred,
        warning=update.warning or child.warning,
    )


def _warning(warning: str, total: int, count: int, errors: Sequence[CopydeskError]) -> str:
    parts = [warning]
    if count + len(errors) < total:
        parts.append(f"{count + len(errors)} of {total} sitemaps were read")
    parts += [f"sitemap unreadable: {error}" for error in errors[:3]]
    return "; ".join(filter(None, parts))


def newest_links(update: FeedUpdate, limit: int, *, is_first_poll: bool) -> FeedUpdate:
    """Return *update* with its *limit* newest links, the newest first, if it is a page list.

    The others wait; on the first poll they count as known.
    """
    if not update.is_link_list:
        return update
    items = sorted(update.new_items, key=lambda item: -_time_s(item))
    taken, others = items[:limit], items[limit:]
    known_items = update.known_items if is_first_poll else without_items(update.known_items, others)
    deferred = 0 if is_first_poll else len(others)
    return replace(update, new_items=tuple(taken), known_items=known_items, deferred=update.deferred + deferred)


def _time_s(item: Item) -> float:
    time = item.published or item.updated
    return time.timestamp() if time else 0.0
