"""NewsML 1.2 (iptc.org/standards/newsml-1)."""

from collections.abc import Sequence
from typing import Any

from workers.intake.wire import nitf
from workers.intake.wire.article import WireArticle, clean_dateline, unique
from workers.intake.wire.xml_tree import attribute, attributes, names_of, text_of, texts_of, to_html


def matches(head: bytes) -> bool:
    """Return whether *head* begins a NewsML 1 document."""
    return b"<NewsML" in head


def read(root: Any) -> Sequence[WireArticle]:
    """Return the article of each news item."""
    return [_article(root, item) for item in root.iter("NewsItem")]


def _article(root: Any, item: Any) -> WireArticle:
    management, lines = item.find("NewsManagement"), item.find(".//NewsLines")
    identifier = item.find("Identification/NewsIdentifier")
    embedded = item.find(".//nitf")
    inner = nitf.article(embedded) if embedded is not None else WireArticle()
    html, text = (inner.html, "") if embedded is not None else _body(item)
    return WireArticle(
        id=_id(identifier),
        version=text_of(identifier, "RevisionId"),
        headline=text_of(lines, "HeadLine") or inner.headline,
        slug=text_of(lines, "SlugLine") or text_of(item, "Identification/NameLabel"),
        byline=names_of(lines, "ByLine") or inner.byline,
        dateline=clean_dateline(text_of(lines, "DateLine")) or inner.dateline,
        html=html,
        text=text,
        summary=text_of(lines, "SubHeadLine") or inner.summary,
        published=text_of(management, "FirstCreated"),
        updated=text_of(management, "ThisRevisionCreated"),
        embargoed_until=text_of(management, "StatusWillChange/DateAndTime"),
        urgency=attribute(management, "Urgency", "FormalName")
        or attribute(root, "NewsEnvelope/Priority", "FormalName"),
        subjects=unique([*texts_of(lines, "KeywordLine"), *_topics(item)]),
        language=attribute(item, ".//DescriptiveMetadata/Language", "FormalName").lower(),
        provider=attribute(item, ".//AdministrativeMetadata/Source/Party", "FormalName")
        or attribute(item, ".//AdministrativeMetadata/Provider/Party", "FormalName")
        or text_of(lines, "CreditLine") or text_of(identifier, "ProviderId"),
        status=attribute(management, "Status", "FormalName") or "usable",
        note=text_of(item, ".//AdministrativeMetadata/Property[@FormalName='EdNote']", "NewsManagement/Instruction"),
        media_type=_media_type(item),
    )  # fmt: skip


def _id(identifier: Any) -> str:
    """Return the public identifier without its revision."""
    public, revision = text_of(identifier, "PublicIdentifier"), text_of(identifier, "RevisionId")
    return public.removesuffix(f":{revision}") or text_of(identifier, "NewsItemId")


def _topics(item: Any) -> list[str]:
    """Return the names of the topics, in English where an agency has several languages."""
    topics = item.iterfind(".//TopicSet/Topic")
    return [_topic(topic) for topic in topics]


def _topic(topic: Any) -> str:
    names = [d for d in topic.iterfind("Description") if d.get("Variant", "Name") == "Name"]
    names.sort(key=lambda d: not d.get("lang", "en").startswith("en"))
    return next((d.text or "" for d in names), "")


def _media_type(item: Any) -> str:
    types = [value.lower() for value in attributes(item, ".//ContentItem/MediaType", "FormalName")]
    return "text" if not types or "text" in types else types[0]


def _body(item: Any) -> tuple[str, str]:
    """Return the body as HTML, or as text."""
    contents = list(item.iterfind(".//ContentItem/DataContent"))
    bodies = [body for content in contents for body in content.iter("body")]
    html = to_html(bodies or [content for content in contents if len(content)])
    text = "\n\n".join((content.text or "").strip() for content in contents).strip()
    if html:
        return html, ""
    return (text, "") if "<p" in text.lower() or "<br" in text.lower() else ("", text)
