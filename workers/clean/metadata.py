"""Page metadata: JSON-LD, OpenGraph and the title element. Knows nothing of blocks."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from workers.clean.trees import Node
from workers.text.dates import parse_date
from workers.text.normalise import match_key, plain_text
from workers.text.titles import title_text
from workers.urls.tracking import clean_link, image_link

MAX_ARTICLE_BODY_CHARS = 200_000  # longer than any article
# Types of an article in JSON-LD. Source: schema.org, Article and its subtypes.
ARTICLE_SCHEMA_TYPE = re.compile(r"Article|BlogPosting|LiveBlog|Gallery|Report\b")
SEPARATOR = re.compile(r"\s[|\u2013\u2014\u00b7\u2022»-]\s")  # between a headline and the name of its site
START_PAGE = re.compile(r"/|(?:https?:)?//[^/?#]++/?", re.IGNORECASE)
JSON_DECODER = json.JSONDecoder(strict=False)  # strings on news pages have line breaks
SCRIPT_WRAPPER = re.compile(r"(?://|/\*)?\s{0,9}<!(?:\[CDATA\[|--)\s{0,9}(?:\*/)?")  # for browsers without scripts
URL = re.compile(r"https?://|www\.", re.IGNORECASE)  # of an author's profile; no name
MAX_OFFSET = timedelta(hours=14)  # between local time and UTC. Source: IANA time zone database, Pacific/Kiritimati
MAX_HEADINGS = 50  # compared with the title
MIN_TITLE_SHARE = 0.4  # of the characters of a title, for the heading without the name of the site
ARTICLE_TYPES = {"LiveBlogPosting": "live blog", "ImageGallery": "gallery", "MediaGallery": "gallery"}


class SharedFields(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Fields of an Article that the page head and the visible text both can have, under the names of Article."""

    title: str = ""
    canonical_url: str = ""
    kicker: str = ""
    byline: tuple[str, ...] = ()
    published: datetime | None = None
    updated: datetime | None = None
    article_type: str = ""  # `live blog`, `gallery` or empty
    publisher: str = ""
    language: str = ""


class Metadata(SharedFields, frozen=True, kw_only=True):
    """Metadata in the head of a page. The cleaner uses it only for fields that the visible text lacks."""

    image: str = ""
    description: str = ""
    article_body: str = ""  # from JSON-LD; a feature of the model, and the article if nothing else is left
    rule_fields: tuple[str, ...] = ()  # fields from a site rule, which override the visible text

    def with_fields(self, **fields: Any) -> "Metadata":
        """Return the metadata with the non-empty *fields* of a site rule."""
        given = {name: value for name, value in fields.items() if value}
        return msgspec.structs.replace(self, **given, rule_fields=tuple(given))


class KnownText(NamedTuple):
    """Text known besides the blocks: the headline, and the article body and the summary in the page's head."""

    title: str = ""
    article_body: str = ""
    description: str = ""


NO_KNOWN_TEXT = KnownText()


def states_zone_of(visible: datetime | None, stated: datetime | None) -> bool:
    """Return whether *stated*, a time of the page's head, is the *visible* one with its zone or its time of day.

    A visible time is local and mostly without a zone; a visible day was read as midnight.
    """
    if visible is None or stated is None or visible == stated or stated.time() == time():
        return False
    is_day = visible.time() == time()
    return -MAX_OFFSET <= stated - visible <= MAX_OFFSET + timedelta(days=is_day)


def extract_metadata(document: Node, base: str = "") -> Metadata:
    """Return the metadata of a page: JSON-LD NewsArticle, then OpenGraph, then the title element."""
    tags = _meta_tags(document)
    meta = {name: values[0] for name, values in tags.items()}  # of several the first counts: ogp.me, "Arrays"
    ld = next(_news_articles(document), {})
    title = plain_text(
        _string(ld.get("headline")) or str(meta.get("og:title") or next((t.text for t in document.iter("title")), ""))
    )
    title = _heading_of(title, document, meta.get("og:site_name") or "") or title  # without the name of the site
    canonical = next((e.get("href") for e in document.iter("link") if e.get("rel").lower() == "canonical"), "")
    date = ld.get("datePublished") or meta.get("article:published_time") or ""
    modified = ld.get("dateModified") or meta.get("article:modified_time") or ""
    section = ld.get("articleSection") or meta.get("article:section") or ""
    html = next(document.iter("html"), None)
    return Metadata(
        title=title,
        canonical_url=clean_link(canonical or "", base),
        byline=tuple(_names(ld.get("author"))) or _authors(tags.get("author", ()), meta.get("og:site_name") or ""),
        published=parse_date(str(date)) if date else None,
        updated=parse_date(str(modified)) if modified else None,
        kicker=_string(section),
        article_type=next((name for ld_type, name in ARTICLE_TYPES.items() if ld_type in str(ld.get("@type"))), ""),
        publisher=plain_text(meta.get("og:site_name") or ""),
        language=(html.get("lang") if html is not None else "").replace("_", "-"),
        image=image_link(meta.get("og:image") or "", base),
        description=meta.get("og:description") or meta.get("description") or str(ld.get("description") or ""),
        article_body=_text(ld.get("articleBody")),
    )


def _heading_of(title: str, document: Node, publisher: str) -> str:
    """Return the heading that is *title* without the name of the site beside it; "" without one.

    A heading at the start of the title wins: one at its end may be the name of the site.
    """
    key, names = match_key(title), (match_key(publisher), "")
    found = [(h.tag, h) for h in islice(document.iter("h1", "h2"), MAX_HEADINGS) if key and not _is_logo(h)]
    texts = [(tag, text) for tag, h in found if match_key(text := plain_text(h.all_text())) not in names]
    start = match_key(SEPARATOR.split(title, 1)[0])
    texts = [(tag, text) for tag, text in texts if _covers(match_key(text), key, start)]
    at_start = [(tag, text) for tag, text in texts if f"{key} ".startswith(f"{match_key(text)} ")]
    main = [(tag, text) for tag, text in at_start if tag == "h1"]
    inside = [(tag, text) for tag, text in texts if tag == "h1"]
    return max((text for _, text in main or at_start or inside), key=len, default="")


def _covers(part: str, key: str, start: str) -> bool:
    """Return whether *part* is most of a title in whole words, or its *start*. A section's name may be one word."""
    is_start = part == start and " " in part
    return is_start or (f" {part} " in f" {key} " and len(part) >= MIN_TITLE_SHARE * len(key))


def _is_logo(heading: Node) -> bool:
    """Return whether a heading links to the start page of its site."""
    links = (*heading.iter("a"), *(outer for outer in heading.ancestors() if outer.tag == "a"))
    return any(START_PAGE.fullmatch(link.get("href").strip()) for link in links)


def _meta_tags(document: Node) -> dict[str, list[str]]:
    """Return the contents of the meta tags by property or name, in the order of the page."""
    tags: dict[str, list[str]] = {}
    for tag in document.iter("meta"):
        if tag.get("content").strip():
            tags.setdefault((tag.get("property") or tag.get("name")).lower(), []).append(tag.get("content"))
    return tags


def _authors(contents: Sequence[str], publisher: str) -> tuple[str, ...]:
    """Return the names in `author` tags, one each (HTML standard, 4.2.5.1). Of several, *publisher* is none."""
    names = tuple(name for name in dict.fromkeys(map(plain_text, contents)) if name and not URL.match(name))
    return tuple(name for name in names if name != plain_text(publisher)) or names


def _news_articles(document: Node) -> Iterator[dict[str, Any]]:
    for script in document.iter("script"):
        if "ld+json" in script.get("type").lower():
            text = SCRIPT_WRAPPER.sub("", script.text.lstrip(), count=1).lstrip()
            try:
                data, _ = JSON_DECODER.raw_decode(text)
                nodes = list(_schema_nodes(data))
            except (ValueError, RecursionError):
                continue
            yield from (node for node in nodes if ARTICLE_SCHEMA_TYPE.search(str(node.get("@type"))))


def _schema_nodes(data: Any) -> Iterator[dict[str, Any]]:
    """Yield the nodes of JSON-LD: of lists, of the graph, and the main entity of a page. Raises: RecursionError."""
    if isinstance(data, dict):
        yield data
        yield from _schema_nodes(data.get("@graph"))
        yield from _schema_nodes(data.get("mainEntity"))
    elif isinstance(data, list):
        for node in data:
            yield from _schema_nodes(node)


def _string(value: Any) -> str:
    """Return a string of JSON-LD as plain text; of a list, the first."""
    value = value[0] if isinstance(value, list) and value else value
    return title_text(value) if isinstance(value, str) else ""


def _text(value: Any) -> str:
    return value[:MAX_ARTICLE_BODY_CHARS] if isinstance(value, str) else ""


def _names(author: Any) -> Iterator[str]:
    for person in author if isinstance(author, list) else [author]:
        name = person.get("name") if isinstance(person, dict) else person
        if isinstance(name, str) and (text := title_text(name)) and not URL.match(text):
            yield text
