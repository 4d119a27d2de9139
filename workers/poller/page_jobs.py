"""Jobs of a parser process besides feeds: a page, a robots.txt, the links of a page. Pure.

The poller sends the bytes of a response, and gets a bounded result. It reads none of these documents itself.
"""

import msgspec

from workers.poller.feed_links import FeedLink, page_links, sitemap_links
from workers.poller.robots import RobotsRules
from workers.text.encoding import decode
from workers.text.markup import strip_invisible_elements


class PageJob(msgspec.Struct, frozen=True, tag_field="kind", tag="page"):
    """The body of an article page, from which the invisible elements are removed."""

    body: bytes
    max_chars: int
    content_type: str = ""


class RobotsJob(msgspec.Struct, frozen=True, tag_field="kind", tag="robots"):
    """A robots.txt, or its lines for copydesk, and a URL to check."""

    body: bytes
    url: str


class LinksJob(msgspec.Struct, frozen=True, tag_field="kind", tag="links"):
    """A web page, or a robots.txt, whose links to feeds or sitemaps are requested."""

    body: bytes
    url: str
    is_robots: bool = False


class PageText(msgspec.Struct, frozen=True, tag_field="kind", tag="page"):
    """The HTML of a page in UTF-8 without invisible elements; None if it is too long."""

    html: bytes | None


class RobotsCheck(msgspec.Struct, frozen=True, tag_field="kind", tag="robots"):
    """The lines of a robots.txt for copydesk, and whether they permit the URL. *delay_s*: Crawl-delay."""

    lines: bytes = b""
    is_allowed: bool = True
    delay_s: float = 0.0


class PageLinks(msgspec.Struct, frozen=True, tag_field="kind", tag="links"):
    """The links of a page to feeds, or of a robots.txt to sitemaps."""

    links: tuple[FeedLink, ...]


Job = PageJob | RobotsJob | LinksJob
JobResult = PageText | RobotsCheck | PageLinks


def handle_job(job: Job) -> JobResult:
    """Return the result of *job*."""
    if isinstance(job, PageJob):
        html = strip_invisible_elements(decode(job.body, job.content_type))
        return PageText(html.encode("utf-8", "replace") if len(html) <= job.max_chars else None)
    if isinstance(job, RobotsJob):
        rules = RobotsRules(decode(job.body))
        return RobotsCheck(rules.lines.encode("utf-8", "replace"), rules.allows(job.url), rules.delay_s)
    text = decode(job.body)
    links = map(FeedLink, sitemap_links(text, job.url)) if job.is_robots else page_links(text, job.url)
    return PageLinks(tuple(links))


# A parser process can't open files: these jobs cause all late imports.
WARM_UP: tuple[Job, ...] = (
    PageJob(b"<html><script>a()</script><svg></svg><!-- a --><p>A</p></html>", 100),
    RobotsJob(b"User-agent: *\nCrawl-delay: 1\nDisallow: /a*b$\nSitemap: https://a.example/s.xml", "https://a.example/"),
    LinksJob(b"<html><link rel=alternate type=application/rss+xml href=/f><a href=/rss>RSS</a></html>", "https://a.example/"),
    LinksJob(b"Sitemap: /s.xml", "https://a.example/", is_robots=True),
)  # fmt: skip
