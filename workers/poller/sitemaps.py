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
from workers.poller.formats.link_list import MAX_LINKS, decode_links
from workers.poller.formats.to_item import SitemapLink
from workers.poller.new_items import without_items

MAX_SITEMAPS = 10  # read in one poll
MAX_DEPTH = 2  # indexes below the first one; sitemaps.org allows none

Fetch = Callable[[str], Awaitable[Response | None]]
Parse = Callable[[Response, bytes], Awaitable[FeedUpdate]]


def newest_sitemaps(links: Sequence[SitemapLink], limit: int = MAX_SITEMAPS) -> list[SitemapLink]:
    """Return the *limit* sitemaps that most likely have new pages: of news, by time, from both ends of the list."""
    news = [link for link in links if "news" in link.url.lower()]
    dated = sorted((link for link in links if link.time_s), key=lambda link: link.time_s, reverse=True)
    undated = [link for link in links if not link.time_s and link not in news]
    ends = [link for pair in zip(undated, reversed(undated), strict=True) for link in pair]
    return list(dict.fromkeys([*news, *dated, *ends]))[:limit]


async def read_index(index: FeedUpdate, url: str, known_items: bytes, fetch: Fetch, parse: Parse) -> FeedUpdate:
    """Return the update of all sitemaps of *index*, found at *url*.

    A sitemap that fails is named in the warning; the others count.

    Raises:
        CopydeskError: no sitemap could be read.
    """
    update = FeedUpdate(index.title, (), 0, known_items, index.identity_basis, is_link_list=True)
    queue = [(link, 1) for link in newest_sitemaps(index.sitemaps)]
    total, count, errors, seen = len(index.sitemaps), 0, list[CopydeskError](), {url}
    while queue and count + len(errors) < MAX_SITEMAPS and len(decode_links(update.known_items)) <= MAX_LINKS:
        link, depth = queue.pop(0)
        if link.url in seen:
            continue
        seen.add(link.url)
        try:
            child = await parse(await _fetched(link.url, fetch), update.known_items)
            if not (child.is_link_list or child.sitemaps):
                raise UnreadableError(f"not a sitemap: {link.url} (a feed); add it as a feed", code="bad_feed")
        except CopydeskError as exc:
            errors.append(exc)
            continue
        count += 1
        if child.sitemaps and depth <= MAX_DEPTH:
            queue[:0] = [(nested, depth + 1) for nested in newest_sitemaps(child.sitemaps)]
            total += len(child.sitemaps)
        update = _merged(update, child)
    if errors and not count:
        raise errors[0]
    return replace(update, warning=_warning(update.warning, total, count, errors))


async def _fetched(url: str, fetch: Fetch) -> Response:
    response = await fetch(url)
    if response is None:
        raise UnavailableError(f"forbidden by robots.txt: {url}", code="robots")
    if response.status != 200:
        code = "http_status" if is_retryable(response.status) else "gone"
        raise UnavailableError(f"HTTP {response.status}: {url}", code=code)
    return response


def _merged(update: FeedUpdate, child: FeedUpdate) -> FeedUpdate:
    """Return *update* with the links of *child*, which was compared with the known ones of *update*."""
    return replace(
        update,
        title=update.title or child.title,
        new_items=(*update.new_items, *child.new_items),
        unchanged=update.unchanged + child.unchanged,
        known_items=child.known_items if child.is_link_list else update.known_items,
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
