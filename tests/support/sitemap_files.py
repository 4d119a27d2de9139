"""Sitemap files of all dialects, generated from a seed, with the rows that a reader must find in them."""

import gzip
import random
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from workers.poller.formats import gunzip, normalise_document
from workers.poller.formats import sitemap as parser

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
EXTENSIONS = {
    "news": "http://www.google.com/schemas/sitemap-news/0.9", "image": "http://www.google.com/schemas/sitemap-image/1.1",
    "video": "http://www.google.com/schemas/sitemap-video/1.1", "xhtml": "http://www.w3.org/1999/xhtml",
}  # fmt: skip
WORDS = 'ferry salt canal tide harbour Brücke été नदी 港湾 море bread & <tower> "mill" it\'s'.split()
LANGUAGES = ("en", "de", "fr", "hi", "zh-cn", "x-default")
FILES_PER_DIALECT = 5

Row = Mapping[str, Any]


class SitemapFile(NamedTuple):
    """A file with its URL, and its rows; `kind` is urlset, index or text."""

    name: str
    url: str
    body: bytes
    kind: str
    rows: list[Row]

    def rows_of_parser(self) -> list[Row]:
        """Return the rows that copydesk reads."""
        body = normalise_document(gunzip(self.body))
        root, rows, error = parser._read(body)
        assert not error
        rows = rows if root else list(parser._text_rows(body))
        return [{key: value for key, value in row.items() if value} for row in rows]


def sitemap_files(seed: int = 21) -> list[SitemapFile]:
    """Return FILES_PER_DIALECT files of each dialect."""
    numbers = random.Random(seed)
    return [dialect(f"{name}-{n}", numbers) for name, dialect in DIALECTS.items() for n in range(FILES_PER_DIALECT)]


def title(numbers: random.Random) -> str:
    return " ".join(numbers.choices(WORDS, k=numbers.randint(2, 7)))


def page_url(numbers: random.Random, n: int) -> str:
    path = numbers.choice(
        ["news/{n}", "2026/01/05/salt-canal-{n}", "a?id={n}&lang=en", "välj/{n}", "story-{n}.html#top"]
    )
    return f"https://courier.example/{path.format(n=n)}"


def date(numbers: random.Random) -> str:
    day, hour = numbers.randint(1, 28), numbers.randint(0, 23)
    forms = (
        "2026-01-{d:02}",
        "2026-01-{d:02}T{h:02}:15:00Z",
        "2026-01-{d:02}T{h:02}:15:30+05:30",
        "2026-01-{d:02}T{h:02}:15:00.250Z",
    )
    return numbers.choice(forms).format(d=day, h=hour)


def plain_row(numbers: random.Random, n: int) -> dict[str, Any]:
    row: dict[str, Any] = {"loc": page_url(numbers, n)}
    if numbers.random() < 0.8:
        row["lastmod"] = date(numbers)
    return row


def news_row(numbers: random.Random, n: int) -> dict[str, Any]:
    row = plain_row(numbers, n) | {
        "name": "The Courier & Tide",
        "language": "en",
        "published": date(numbers),
        "title": title(numbers),
    }
    if numbers.random() < 0.5:
        row["keywords"] = ", ".join(w for w in numbers.sample(WORDS, 3))
    return row


def with_images(row: dict[str, Any], numbers: random.Random) -> dict[str, Any]:
    return row | {"images": [f"https://img.example/{k}.jpg?w=1&h=2" for k in range(numbers.randint(1, 3))]}


def with_alternates(row: dict[str, Any], numbers: random.Random) -> dict[str, Any]:
    return row | {
        "alternates": [(code, f"https://courier.example/{code}/?a=1&b=2") for code in numbers.sample(LANGUAGES, 3)]
    }


Text = Callable[[str], str]


def cdata(text: str) -> str:
    return f"<![CDATA[{text}]]>"


def url_element(row: Row, text: Text, ns: Mapping[str, str]) -> str:
    """Return a <url> element; *ns* maps the extensions to their prefixes."""
    parts = [f"<loc>{text(row['loc'])}</loc>"]
    parts += [f"<lastmod>\n  {row['lastmod']}\n</lastmod>"] if "lastmod" in row else []
    parts += ["<changefreq>hourly</changefreq><priority>0.7</priority>"]
    parts += [
        f'<{ns["xhtml"]}:link rel="alternate" hreflang="{c}" href="{escape(u)}"/>' for c, u in row.get("alternates", ())
    ]
    if "title" in row:
        n = ns["news"]
        keywords = f"<{n}:keywords>{text(row['keywords'])}</{n}:keywords>" if "keywords" in row else ""
        parts.append(
            f"<{n}:news><{n}:publication><{n}:name>{text(row['name'])}</{n}:name><{n}:language>{row['language']}</{n}:language>"
            f"</{n}:publication><{n}:genres>Blog</{n}:genres><{n}:publication_date>{row['published']}</{n}:publication_date>"
            f"<{n}:title>{text(row['title'])}</{n}:title>{keywords}<{n}:stock_tickers>NASDAQ:A</{n}:stock_tickers></{n}:news>"
        )
    i = ns["image"]
    parts += [
        f"<{i}:image><{i}:loc>{text(u)}</{i}:loc><{i}:caption>c</{i}:caption><{i}:title>t</{i}:title></{i}:image>"
        for u in row.get("images", ())
    ]
    return f"<url>{''.join(parts)}</url>"


def urlset(
    name: str, rows: Sequence[Row], *, text: Text = escape, head: str = '<?xml version="1.0" encoding="UTF-8"?>\n',
    declared: bool = True, encoding: str = "utf-8", indent: str = "\n ", suffix: str = ".xml", packed: bool = False,
) -> SitemapFile:  # fmt: skip
    prefixes = {key: key for key in EXTENSIONS}
    namespaces = f' xmlns="{SITEMAP}"' + "".join(f' xmlns:{key}="{uri}"' for key, uri in EXTENSIONS.items())
    body = indent.join(url_element(row, text, prefixes) for row in rows)
    document = f"{head}<urlset{namespaces if declared else ''}>{indent}{body}\n</urlset>".encode(encoding)
    url = f"https://courier.example/{name}{suffix}"
    return SitemapFile(name, url, gzip.compress(document) if packed else document, "urlset", list(rows))


def count(numbers: random.Random) -> range:
    return range(numbers.randint(3, 40))


def _plain(name: str, numbers: random.Random) -> SitemapFile:
    return urlset(name, [plain_row(numbers, n) for n in count(numbers)])


def _news(name: str, numbers: random.Random) -> SitemapFile:
    return urlset(name, [news_row(numbers, n) for n in count(numbers)])


def _news_cdata(name: str, numbers: random.Random) -> SitemapFile:
    return urlset(name, [news_row(numbers, n) for n in count(numbers)], text=cdata)


def _images(name: str, numbers: random.Random) -> SitemapFile:
    return urlset(name, [with_images(plain_row(numbers, n), numbers) for n in count(numbers)])


def _all(name: str, numbers: random.Random) -> SitemapFile:
    rows = [with_alternates(with_images(news_row(numbers, n), numbers), numbers) for n in count(numbers)]
    return urlset(name, rows, indent="")


def _hreflang(name: str, numbers: random.Random) -> SitemapFile:
    return urlset(name, [with_alternates(plain_row(numbers, n), numbers) for n in count(numbers)])


def _gzip(name: str, numbers: random.Random) -> SitemapFile:
    return urlset(name, [news_row(numbers, n) for n in count(numbers)], suffix=".xml.gz", packed=True)


def _styled(name: str, numbers: random.Random) -> SitemapFile:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<?xml-stylesheet type="text/xsl" href="/s.xsl"?>\n<!-- <urlset> of today -->\n'
    return urlset(name, [plain_row(numbers, n) for n in count(numbers)], head=head)


def _without_namespace(name: str, numbers: random.Random) -> SitemapFile:
    return urlset(name, [plain_row(numbers, n) for n in count(numbers)], head="", declared=False)


def _index(name: str, numbers: random.Random) -> SitemapFile:
    rows = [{"loc": f"https://courier.example/part-{n}.xml?a=1&b=2", "lastmod": date(numbers)} for n in count(numbers)]
    parts = "".join(
        f"<sitemap><loc>{escape(r['loc'])}</loc><lastmod>{r['lastmod']}</lastmod></sitemap>\n" for r in rows
    )
    body = f'<?xml version="1.0"?><sitemapindex xmlns="{SITEMAP}">{parts}</sitemapindex>'.encode()
    return SitemapFile(name, f"https://courier.example/{name}.xml", body, "index", list(rows))


def _text(name: str, numbers: random.Random) -> SitemapFile:
    rows = [{"loc": page_url(numbers, n)} for n in count(numbers)]
    body = numbers.choice(["\n", "\r\n", "\n\n"]).join(row["loc"] for row in rows).encode()
    return SitemapFile(name, f"https://courier.example/{name}.txt", body, "text", list(rows))


def _bom(name: str, numbers: random.Random) -> SitemapFile:
    return urlset(name, [news_row(numbers, n) for n in count(numbers)], encoding="utf-8-sig")


DIALECTS: Mapping[str, Callable[[str, random.Random], SitemapFile]] = {
    "plain": _plain, "news": _news, "cdata": _news_cdata, "images": _images, "all": _all, "hreflang": _hreflang,
    "gzip": _gzip, "styled": _styled, "bare": _without_namespace, "index": _index, "text": _text, "bom": _bom,
}  # fmt: skip
