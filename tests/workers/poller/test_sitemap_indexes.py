"""Known links of sitemap indexes over several polls, with the real formats and without a network."""

from datetime import UTC, datetime

import pytest

from streams.errors import UnreadableError
from workers.http.client import Response
from workers.poller.feed_update import FeedUpdate, to_update
from workers.poller.formats import FeedDocument, parse_document
from workers.poller.parser_pool import MAX_PAGES
from workers.poller.sitemaps import newest_links, newest_sitemaps, read_index

URL = "https://courier.example/sitemap.xml"
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
Sitemaps = dict[str, list[str]]  # URL → its URLs


def sitemaps(*counts: int) -> Sitemaps:
    return {
        f"https://courier.example/map-{n}.xml": [f"https://courier.example/{n}/{page}" for page in range(count)]
        for n, count in enumerate(counts)
    }


def index_body(urls: list[str]) -> bytes:
    rows = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f"<sitemapindex>{rows}</sitemapindex>".encode()


class Site:
    """An index and its sitemaps. `known_items` is the state between the polls."""

    def __init__(self, pages: Sitemaps) -> None:
        self.pages, self.listed, self.known_items = pages, list(pages), b""

    def read(self, body: bytes, known_items: bytes, *, is_first_poll: bool) -> FeedUpdate:
        document = FeedDocument(
            body, URL, "", NOW, known_items=known_items, is_first_poll=is_first_poll, max_links=MAX_PAGES
        )
        return to_update(parse_document(document), known_items)

    async def poll(self) -> FeedUpdate:
        known_items, is_first = self.known_items, not self.known_items

        async def fetch(url: str) -> Response:
            rows = "".join(f"<url><loc>{page}</loc></url>" for page in self.pages[url])
            return Response(200, url, f"<urlset>{rows}</urlset>".encode(), {}, 0)

        async def parse(response: Response, known_items: bytes, is_archive: bool) -> FeedUpdate:
            return self.read(response.body, known_items, is_first_poll=is_first or is_archive)

        index = self.read(index_body(self.listed), b"", is_first_poll=False)
        update = await read_index(index, URL, known_items, fetch, parse)
        update = newest_links(update, MAX_PAGES, is_first_poll=is_first)
        self.known_items = update.known_items
        return update


def links(update: FeedUpdate) -> list[str]:
    return [item.link for item in update.new_items]


@pytest.mark.parametrize("counts", [(1_500,) * 10, (10_000,) * 6, (40_000, 40_000)], ids=str)
async def test_unchanged_index_gives_no_items_again(counts: tuple[int, ...]) -> None:
    site = Site(sitemaps(*counts))
    assert len(links(await site.poll())) == MAX_PAGES
    updates = [await site.poll() for _ in range(2)]
    assert [(links(update), update.deferred, update.warning) for update in updates] == [([], 0, "")] * 2


@pytest.mark.parametrize("counts", [(40_000, 40_000), (30_000, 1_000, 30_000)], ids=str)
async def test_new_link_of_large_index_is_found(counts: tuple[int, ...]) -> None:
    site = Site(sitemaps(*counts))
    await site.poll()
    for page_urls in site.pages.values():
        page_urls.append(page_urls[0] + "-new")
    assert sorted(links(await site.poll())) == sorted(urls[-1] for urls in site.pages.values())


async def test_sitemaps_beyond_the_limit_are_left_out_whole() -> None:
    site = Site(sitemaps(40_000, 40_000, 40_000))
    updates = [await site.poll() for _ in range(2)]
    assert {update.warning for update in updates} == {"2 of 3 sitemaps were read"}
    assert links(updates[1]) == []
    first, _, left_out = newest_order(site.listed)
    site.listed = [first, left_out]
    returned = await site.poll()
    assert (links(returned), returned.deferred, returned.warning) == ([], 0, "")
    site.pages[left_out].append("https://courier.example/new")
    assert links(await site.poll()) == ["https://courier.example/new"]


def newest_order(urls: list[str]) -> list[str]:
    index = Site({}).read(index_body(urls), b"", is_first_poll=False)
    return [link.url for link in newest_sitemaps(index.sitemaps)]


async def test_sitemap_of_a_later_poll_is_new() -> None:
    site = Site(sitemaps(5, 5))
    await site.poll()
    url, page_url = "https://courier.example/map-9.xml", "https://courier.example/9/0"
    site.pages[url] = [page_url]
    site.listed.append(url)
    assert links(await site.poll()) == [page_url]


async def test_index_of_itself_fails() -> None:
    site = Site({URL: []})
    with pytest.raises(UnreadableError, match="an index without other sitemaps"):
        await site.poll()
