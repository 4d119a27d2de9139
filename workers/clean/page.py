"""A whole page: where its story stands, and what its metadata says."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workers.clean.blocks import comparable, plain
from workers.clean.dates import parse_date
from workers.clean.links import clean_link

PARAGRAPH_CHARS = 60  # a shorter paragraph says little about where the story is
OUTSIDE = ("nav", "aside", "footer", "form", "dialog")


@dataclass(frozen=True)
class Metadata:
    """What a page says of itself in its head. Used for what the visible text leaves open."""

    title: str = ""
    canonical_url: str = ""
    byline: tuple[str, ...] = ()
    published: datetime | None = None
    publisher: str = ""
    language: str = ""
    image: str = ""


def page_metadata(document: Any, base: str = "") -> Metadata:
    """Return the metadata of a page: JSON-LD NewsArticle, then OpenGraph, then the title element."""
    meta = {m.get("property") or m.get("name"): m.get("content") for m in document.iter("meta") if m.get("content")}
    ld = next(_news_articles(document), {})
    heading = next((plain("".join(h.itertext())) for h in document.iter("h1")), "")
    title = plain(
        str(ld.get("headline") or meta.get("og:title") or next((t.text or "" for t in document.iter("title")), ""))
    )
    if heading and comparable(heading) in comparable(title):
        title = heading  # without the site's name behind it
    canonical = next((e.get("href") for e in document.iter("link") if (e.get("rel") or "").lower() == "canonical"), "")
    date = ld.get("datePublished") or meta.get("article:published_time") or ""
    html = next(document.iter("html"), None)
    return Metadata(
        title=title,
        canonical_url=clean_link(canonical or "", base),
        byline=tuple(_names(ld.get("author"))) or ((plain(meta["author"]),) if meta.get("author") else ()),
        published=parse_date(str(date)) if date else None,
        publisher=plain(meta.get("og:site_name") or ""),
        language=(html.get("lang") or "" if html is not None else "").replace("_", "-"),
        image=clean_link(meta.get("og:image") or "", base),
    )


def _news_articles(document: Any) -> Iterator[dict[str, Any]]:
    for script in document.iter("script"):
        if "ld+json" in (script.get("type") or ""):
            try:
                data = json.loads(script.text or "")
            except (ValueError, RecursionError):
                continue
            graph = data.get("@graph", [data]) if isinstance(data, dict) else data if isinstance(data, list) else []
            for node in graph if isinstance(graph, list) else []:
                if isinstance(node, dict) and "Article" in str(node.get("@type")):
                    yield node


def _names(author: Any) -> Iterator[str]:
    for one in author if isinstance(author, list) else [author]:
        name = one.get("name") if isinstance(one, dict) else one
        if isinstance(name, str) and name.strip():
            yield plain(name)


def story_root(document: Any) -> Any:
    """Return the element that holds the story: where most paragraph text stands, less what lies outside any story."""
    for element in list(document.iter(*OUTSIDE)):
        if element.getparent() is not None and not _holds_story(element):
            element.drop_tree()
    scores: dict[Any, float] = {}
    for p in document.iter("p"):
        chars = len(plain("".join(p.itertext())))
        linked = sum(len("".join(a.itertext())) for a in p.iter("a"))
        if chars < PARAGRAPH_CHARS or linked > chars / 2:
            continue
        parent, weight = p.getparent(), 1.0
        for _ in range(3):  # a story's paragraphs may stand in sections, a level or two apart
            if parent is None:
                break
            scores[parent] = scores.get(parent, 0.0) + (chars - linked) * weight
            parent, weight = parent.getparent(), weight * 0.6
    best = max(scores, key=lambda e: scores[e], default=document)
    return _with_heading(best)


def _holds_story(element: Any) -> bool:
    return (
        any(True for _ in element.iter("article")) or sum(len("".join(p.itertext())) for p in element.iter("p")) > 1500
    )


def _with_heading(best: Any) -> Any:
    """Return the nearest ancestor that has the first heading too, should it be close by."""
    element = best
    for _ in range(4):
        if element is None or element.tag in ("body", "html"):
            break
        if next(element.iter("h1"), None) is not None:
            return element
        element = element.getparent()
    return best
