"""NewsML-G2 (iptc.org/standards/newsml-g2): news items, alone or in a news message."""

from collections.abc import Sequence
from typing import Any

from workers.intake.wire import nitf
from workers.intake.wire.article import WireArticle, clean_dateline, unique
from workers.intake.wire.xml_tree import attribute, attributes, names_of, text_of, texts_of, to_html

TEXT_CLASSES = ("", "text")


def matches(head: bytes) -> bool:
    """Return whether *head* begins a NewsML-G2 document."""
    return any(name in head for name in (b"<newsMessage", b":newsMessage", b"<newsItem", b":newsItem"))


def read(root: Any) -> Sequence[WireArticle]:
    """Return the article of each news item."""
    items = [root] if root.tag == "newsItem" else root.iter("newsItem")
    return [_article(item) for item in items]


def _article(item: Any) -> WireArticle:
    meta, content, inline = item.find("itemMeta"), item.find("contentMeta"), item.find("contentSet")
    embedded = inline.find(".//nitf") if inline is not None else None
    inner = nitf.article(embedded) if embedded is not None else WireArticle()
    html, text = (inner.html, "") if embedded is not None else _body(inline)
    return WireArticle(
        id=item.get("guid", ""),
        version=item.get("version", ""),
        headline=_main_headline(content) or inner.headline,
        slug=text_of(content, "slugline") or inner.slug,
        byline=names_of(content, "by") or inner.byline or _creator(content),
        dateline=clean_dateline(text_of(content, "dateline")) or inner.dateline,
        html=html,
        text=text,
        summary=_summary(content) or inner.summary,
        published=text_of(meta, "firstCreated")
        or text_of(content, "contentCreated")
        or text_of(meta, "versionCreated"),
        updated=text_of(meta, "versionCreated") or text_of(content, "contentModified"),
        embargoed_until=text_of(meta, "embargoed"),
        urgency=text_of(content, "urgency") or inner.urgency,
        subjects=unique([*texts_of(content, "keyword"), *_subject_names(content)]) or inner.subjects,
        language=attribute(content, "language", "tag") or item.get("lang", "") or inner.language,
        provider=_provider(item, meta, content) or inner.provider,
        status=_code(attribute(meta, "pubStatus", "qcode")) or "usable",
        note="; ".join(texts_of(meta, "edNote", "ednote")),
        media_type=_code(attribute(meta, "itemClass", "qcode")) or "text",
    )


def _code(qcode: str) -> str:
    """Return the code of a QCode, which is scheme:code."""
    return qcode.rpartition(":")[2]


def _main_headline(content: Any) -> str:
    """Return the headline; one with a role is a short or a second headline."""
    headlines = list(content.iterfind("headline")) if content is not None else []
    main = [h for h in headlines if not h.get("role") or _code(h.get("role")) in ("main", "mainHeadline")]
    return next((" ".join("".join(h.itertext()).split()) for h in main or headlines), "")


def _creator(content: Any) -> str:
    """Return the author among the creators: a person has a name, an agency only a code."""
    return text_of(content, "creator/name") if attribute(content, "creator", "role").endswith("author") else ""


def _summary(content: Any) -> str:
    """Return the description that is a summary; others are captions."""
    descriptions = list(content.iterfind("description")) if content is not None else []
    summaries = [d for d in descriptions if _code(d.get("role", "")) in ("", "summary")]
    return next((text for d in summaries if (text := " ".join("".join(d.itertext()).split()))), "")


def _subject_names(content: Any) -> list[str]:
    """Return the names of the subjects; without names, the codes of the IPTC's vocabularies."""
    codes = (code for code in attributes(content, "subject", "qcode") if code.startswith(("subj:", "medtop:")))
    return texts_of(content, "subject/name") or [*codes]


def _provider(item: Any, meta: Any, content: Any) -> str:
    return (
        text_of(content, "infoSource/name")
        or attribute(content, "infoSource", "literal")
        or text_of(content, "creditline")
        or text_of(meta, "provider/name")
        or attribute(meta, "provider", "literal")
        or _code(attribute(meta, "provider", "qcode"))
        or attribute(item, "rightsInfo/copyrightHolder", "literal")
    )


def _body(inline: Any) -> tuple[str, str]:
    """Return the body as HTML, or as text."""
    if inline is None:
        return "", ""
    bodies = [*inline.iterfind("inlineXML//body")] or [*inline.iterfind("inlineXML")]
    if bodies and (html := to_html(bodies)):
        return html, ""
    data = "\n\n".join(element.text or "" for element in inline.iterfind("inlineData"))
    is_html = "html" in " ".join(attributes(inline, "inlineData", "contenttype")) or "<p" in data
    return (data.strip(), "") if is_html else ("", data.strip())
