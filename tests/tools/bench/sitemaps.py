"""Sitemaps: CPU time per URL, and the differences to ultimate-sitemap-parser on the generated files.

The peer is optional: `pip install ultimate-sitemap-parser`. It is not in the lock file.
"""

import html
import time
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from tests.support.sitemap_files import SitemapFile, sitemap_files
from workers.poller.formats import FeedDocument, parse_document
from workers.poller.formats.link_list import MAX_LINKS

PART = """<url><loc>https://www.courier.example/world/2026/01/05/the-story-with-the-number-{n}</loc>
<lastmod>2026-01-{d:02}T{h:02}:15:00+01:00</lastmod><changefreq>daily</changefreq><priority>0.5</priority></url>
"""
NEWS = """<url><loc>https://www.courier.example/world/{n}</loc><news:news><news:publication><news:name>The Courier</news:name>
<news:language>en</news:language></news:publication><news:publication_date>2026-01-{d:02}T{h:02}:15:00Z</news:publication_date>
<news:title>The story with the number {n}</news:title></news:news></url>
"""


def document(part: str) -> bytes:
    urls = "".join(part.format(n=n, d=n % 28 + 1, h=n % 24) for n in range(MAX_LINKS))
    return f'<?xml version="1.0"?><urlset xmlns:news="n">{urls}</urlset>'.encode()


def cpu_s_per_url(body: bytes, known_items: bytes = b"", *, is_first: bool) -> tuple[float, bytes]:
    start_s = time.process_time()
    feed = parse_document(
        FeedDocument(
            body, "https://www.courier.example/s.xml", "", datetime.now(UTC), known_items=known_items,
            is_first_poll=is_first, max_links=100,
        )
    )  # fmt: skip
    seconds = (time.process_time() - start_s) / MAX_LINKS
    assert feed.links is not None
    return seconds, feed.links.known_items


def peer_rows(file: SitemapFile) -> list[dict[str, Any]] | None:
    """Return the rows that ultimate-sitemap-parser reads; None for an index, whose sitemaps it fetches."""
    client = import_module("usp.web_client.abstract_client")

    class Answer(client.LocalWebClientSuccessResponse):  # type: ignore[misc, name-defined]
        def raw_data(self) -> bytes:
            return file.body if self.url() == file.url else b"<urlset/>"

    class Client(client.LocalWebClient):  # type: ignore[misc, name-defined]
        def get(self, url: str) -> Any:
            return Answer(url, "")

    tree = import_module("usp.fetch_parse").SitemapFetcher(file.url, 0, Client()).sitemap()
    if file.kind == "index":
        return [{"loc": sub.url} for sub in tree.sub_sitemaps]
    return [_peer_row(page) for page in tree.all_pages()]


def _peer_row(page: Any) -> dict[str, Any]:
    news = page.news_story
    row = {
        "loc": page.url, "lastmod": page.last_modified, "title": news and news.title, "name": news and news.publication_name,
        "language": news and news.publication_language, "published": news and news.publish_date,
        "keywords": news and news.keywords, "images": [i.loc for i in page.images or ()], "alternates": page.alternates,
    }  # fmt: skip
    return {key: comparable(value) for key, value in row.items() if value}


def comparable(value: Any) -> Any:
    """Return a value as both parsers mean it: times as numbers, texts without character references."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, str):
        try:
            return comparable(datetime.fromisoformat(value))
        except ValueError:
            return html.unescape(value)
    if isinstance(value, list | tuple):
        return ",".join(",".join(map(str, v)) if isinstance(v, tuple) else str(v).strip() for v in value)
    return value


def differences() -> list[str]:
    out = []
    for file in sitemap_files():
        peer = peer_rows(file)
        own = [{key: comparable(value) for key, value in row.items()} for row in file.rows_of_parser()]
        if file.kind == "index":
            own = [{"loc": row["loc"]} for row in own]
        for row in own:
            if isinstance(row.get("keywords"), str):
                row["keywords"] = ",".join(word.strip() for word in row["keywords"].split(","))
        if own != peer:
            first = next(((a, b) for a, b in zip(own, peer or [], strict=False) if a != b), (len(own), len(peer or [])))
            out.append(f"{file.name}: {first}")
    return out


def main() -> None:
    for name, part in (("plain", PART), ("news", NEWS)):
        body = document(part)
        seconds, known_items = cpu_s_per_url(body, is_first=True)
        again, _ = cpu_s_per_url(body, known_items, is_first=False)
        print(
            f"{name}: {len(body) / 1e6:.1f} MB, first poll {seconds * 1e6:.1f} µs/URL, later polls {again * 1e6:.1f} µs/URL"
        )
    try:
        found = differences()
    except ImportError:
        print("ultimate-sitemap-parser is not installed")
        return
    print(f"{len(sitemap_files())} files, {len(found)} differences to ultimate-sitemap-parser")
    for line in found:
        print(line)


if __name__ == "__main__":
    main()
