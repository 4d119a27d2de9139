"""A sample document of each feed format, for the contract tests. A new format needs an entry in SAMPLES.

The documents hold one invented feed; `test_contract.EXPECTED` has its items.
"""

import json
from typing import NamedTuple


class Sample(NamedTuple):
    """A document, and the damage that its format must survive.

    `without`: fields of an item that the format cannot carry. `nested`: a feed that opens elements without end.
    `salvaged`: number of readable items if the document ends within the second item; 0 if the format needs its end.
    """

    document: bytes
    nested: bytes
    salvaged: int = 1
    without: tuple[str, ...] = ()


DEPTH = 100_000
JSON_FEED = {
    "version": "https://jsonfeed.org/version/1.1", "title": "The Lanthe Courier", "home_page_url": "https://courier.example/",
    "items": [
        {"id": "tag:courier.example,2026:1", "url": "https://courier.example/world/1?utm_source=feed", "title": "Ferry & tide",
         "authors": [{"name": "Ida Marrow"}], "date_published": "2026-01-05T09:00:00+01:00", "tags": ["World"],
         "content_html": "<p>The ferry sank.</p>"},
        {"id": "tag:courier.example,2026:2", "url": "https://courier.example/world/2", "title": "Salt",
         "authors": [{"name": "Tomas Velk"}], "date_published": "2026-01-05T10:00:00Z", "content_html": "<p>Salt is short.</p>"},
    ],
}  # fmt: skip
RSS = b"""<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>
<title>The Lanthe Courier</title><link>https://courier.example/</link>
<item><title>Ferry &amp; tide</title><link>https://courier.example/world/1?utm_source=feed</link>
<guid isPermaLink="false">tag:courier.example,2026:1</guid><dc:creator>Ida Marrow</dc:creator><category>World</category>
<pubDate>Mon, 05 Jan 2026 09:00:00 +0100</pubDate><description>&lt;p&gt;The ferry sank.&lt;/p&gt;</description></item>
<item><title>Salt</title><link>https://courier.example/world/2</link>
<guid isPermaLink="false">tag:courier.example,2026:2</guid><dc:creator>Tomas Velk</dc:creator>
<pubDate>Mon, 05 Jan 2026 10:00:00 GMT</pubDate><description>&lt;p&gt;Salt is short.&lt;/p&gt;</description></item>
</channel></rss>"""
ATOM = b"""<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom">
<title>The Lanthe Courier</title><link href="https://courier.example/"/>
<entry><title>Ferry &amp; tide</title><link href="https://courier.example/world/1?utm_source=feed"/>
<id>tag:courier.example,2026:1</id><author><name>Ida Marrow</name></author><category term="World"/>
<published>2026-01-05T09:00:00+01:00</published><content type="html">&lt;p&gt;The ferry sank.&lt;/p&gt;</content></entry>
<entry><title>Salt</title><link href="https://courier.example/world/2"/><id>tag:courier.example,2026:2</id>
<author><name>Tomas Velk</name></author><published>2026-01-05T10:00:00Z</published>
<content type="html">&lt;p&gt;Salt is short.&lt;/p&gt;</content></entry></feed>"""
RDF = b"""<?xml version="1.0" encoding="UTF-8"?><rdf:RDF xmlns="http://purl.org/rss/1.0/"
xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>The Lanthe Courier</title><link>https://courier.example/</link></channel>
<item rdf:about="tag:courier.example,2026:1"><title>Ferry &amp; tide</title>
<link>https://courier.example/world/1?utm_source=feed</link><dc:creator>Ida Marrow</dc:creator><dc:subject>World</dc:subject>
<dc:date>2026-01-05T09:00:00+01:00</dc:date><description>&lt;p&gt;The ferry sank.&lt;/p&gt;</description></item>
<item rdf:about="tag:courier.example,2026:2"><title>Salt</title><link>https://courier.example/world/2</link>
<dc:creator>Tomas Velk</dc:creator><dc:date>2026-01-05T10:00:00Z</dc:date>
<description>&lt;p&gt;Salt is short.&lt;/p&gt;</description></item></rdf:RDF>"""

SITEMAP_START = b"""<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
xmlns:news="http://www.google.com/schemas/sitemap-news/0.9">"""
SITEMAP = (
    SITEMAP_START
    + b"""<url><loc>https://courier.example/world/1?utm_source=feed</loc><news:news><news:publication>
<news:name>The Lanthe Courier</news:name></news:publication><news:title>Ferry &amp; tide</news:title>
<news:publication_date>2026-01-05T09:00:00+01:00</news:publication_date><news:keywords>World</news:keywords></news:news></url>
<url><loc>https://courier.example/world/2</loc><news:news><news:title>Salt</news:title>
<news:publication_date>2026-01-05T10:00:00Z</news:publication_date></news:news></url></urlset>"""
)

SAMPLES: dict[str, dict[str, Sample]] = {
    "json_feed": {
        "1.1": Sample(json.dumps(JSON_FEED).encode(), b'{"items": ' + b"[" * DEPTH, salvaged=0),
    },
    "sitemap": {
        "0.9": Sample(SITEMAP, SITEMAP_START + b"<a>" * DEPTH, without=("guid", "authors", "text")),
    },
    "feedparser_xml": {
        "rss": Sample(RSS, b"<rss version='2.0'><channel>" + b"<a>" * DEPTH),
        "atom": Sample(ATOM, b"<feed xmlns='http://www.w3.org/2005/Atom'>" + b"<a>" * DEPTH),
        "rdf": Sample(RDF, b"<rdf:RDF>" + b"<a>" * DEPTH),
    },
}
