"""NITF 3 (iptc.org/standards/nitf), also inside of NewsML."""

from collections.abc import Sequence
from typing import Any

from workers.intake.wire.article import WireArticle, clean_dateline, unique
from workers.intake.wire.xml_tree import attribute, attributes, names_of, text_of, to_html


def matches(head: bytes) -> bool:
    """Return whether *head* begins a NITF document."""
    return b"<nitf" in head


def read(root: Any) -> Sequence[WireArticle]:
    """Return the article of the document."""
    nitf = root if root.tag == "nitf" else root.find(".//nitf")
    return [article(nitf)] if nitf is not None else []


def article(nitf: Any) -> WireArticle:
    """Return the article of a `nitf` element."""
    data, head = nitf.find("head/docdata"), nitf.find("body/body.head")
    matter = "head/tobject/tobject.subject"
    subjects = [
        *attributes(data, "key-list/keyword", "key"),
        *attributes(nitf, matter, "tobject.subject.type"), *attributes(nitf, matter, "tobject.subject.matter"),
        *attributes(nitf, matter, "tobject.subject.detail"),
    ]  # fmt: skip
    return WireArticle(
        id=attribute(data, "doc-id", "id-string"),
        headline=text_of(head, "hedline/hl1") or text_of(nitf, "head/title"),
        slug=attribute(data, "du-key", "key") or _meta(nitf, "slug", "anpa-keyword", "slugline"),
        byline=names_of(head, "byline") or names_of(nitf, "body/body.content/byline"),
        dateline=clean_dateline(text_of(head, "dateline/location") or text_of(head, "dateline")),
        html=to_html(nitf.iterfind("body/body.content")),
        summary=text_of(head, "abstract"),
        published=attribute(data, "date.issue", "norm") or attribute(nitf, "head/pubdata", "date.publication"),
        updated=attribute(nitf, "head/revision-history", "norm"),
        embargoed_until=_embargo(data),
        urgency=attribute(data, "urgency", "ed-urg"),
        subjects=unique(subjects),
        language=nitf.get("baselang", "") or nitf.get("lang", ""),
        provider=_provider(nitf, data, head),
        status=(data.get("management-status", "") if data is not None else "") or "usable",
        note=attribute(data, "ed-msg", "info"),
        version=attribute(data, "du-key", "version"),
    )


def _meta(nitf: Any, *names: str) -> str:
    values = {meta.get("name", "").lower(): meta.get("content", "").strip() for meta in nitf.iterfind("head/meta")}
    return next((values[name] for name in names if values.get(name)), "")


def _embargo(data: Any) -> str:
    """Return the time of release if it is after the time of issue."""
    release, issue = attribute(data, "date.release", "norm"), attribute(data, "date.issue", "norm")
    return release if release[:8].isdecimal() and release > issue else ""


def _provider(nitf: Any, data: Any, head: Any) -> str:
    return (
        text_of(head, "distributor/org", "distributor") or attribute(data, "doc.copyright", "holder")
        or attribute(data, "del-list/from-src", "src-name") or text_of(head, "rights/rights.owner")
    )  # fmt: skip
