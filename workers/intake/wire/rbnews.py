"""RBNews: the XML of the Danish agency Ritzau, alone or in the reply of its queue. Names of its elements are Danish."""

from collections.abc import Sequence
from typing import Any

from workers.intake.wire.article import WireArticle, unique
from workers.intake.wire.xml_tree import text_of, texts_of


def matches(head: bytes) -> bool:
    """Return whether *head* begins a document with RBNews."""
    return b"RBNews" in head or b"XMLNewsQueued" in head


def read(root: Any) -> Sequence[WireArticle]:
    """Return the article of each RBNews element."""
    items = [root] if root.tag == "RBNews" else [e for e in root.iter() if e.find("NewsID") is not None]
    return [_article(item) for item in items]


def _article(item: Any) -> WireArticle:
    body = next((e.text or "" for e in item.iterfind("content")), "")
    return WireArticle(
        id=text_of(item, "HistID") or text_of(item, "NewsID"),
        version=text_of(item, "version"),
        headline=text_of(item, "headline") or text_of(item, "strapline"),
        slug=text_of(item, "strapline"),
        byline=text_of(item, "byLine"),
        dateline=text_of(item, "town"),
        html=body.strip(),
        summary=text_of(item, "subtitle"),
        published=text_of(item, "PublishDate"),
        urgency=text_of(item, "Priority"),
        subjects=unique([text_of(item, "section"), *texts_of(item, "SubjectKeyword/*")]),
        language="da",
        provider=text_of(item, "origin").strip("/ ") or "ritzau",
        status="canceled" if text_of(item, "Annuleret") == "true" else "usable",
        note="".join(e.text or "" for e in item.iterfind("TilRedaktionen")),
    )
