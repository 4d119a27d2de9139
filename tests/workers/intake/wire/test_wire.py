"""Wire formats: invented documents of each, and the captured documents of agencies."""

import hashlib
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streams.errors import UnreadableError
from workers.intake.wire import WireArticle, looks_like_wire, read_wire
from workers.intake.wire.to_item import authors, embargo, wire_item

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TABLE = Path(__file__).with_name("expected.tsv")
ARTICLE = WireArticle(
    id="urn:newsml:orrin.example:20261126:77", version="2", headline="Canal reopens", slug="CANAL-REOPENS/",
    byline="By Ida Marrow", dateline="PORT CARROW", html="<p>The canal reopened on Thursday.</p><p>Boats may pass.</p>",
    published="2026-11-26T09:00:00Z", updated="2026-11-26T10:00:00Z", urgency="3", subjects=("Transport", "Canals"),
    language="en", provider="Orrin Wire", note="Adds quote.",
)  # fmt: skip
G2 = """<?xml version="1.0"?><newsMessage xmlns="http://iptc.org/std/nar/2006-10-01/"><itemSet>
<newsItem guid="urn:newsml:orrin.example:20261126:77" version="2"><itemMeta><itemClass qcode="ninat:text"/>
<provider literal="Orrin Wire"/><firstCreated>2026-11-26T09:00:00Z</firstCreated>
<versionCreated>2026-11-26T10:00:00Z</versionCreated><pubStatus qcode="stat:usable"/><edNote>Adds quote.</edNote></itemMeta>
<contentMeta><urgency>3</urgency><slugline>CANAL-REOPENS/</slugline><headline>Canal reopens</headline><by>By Ida Marrow</by>
<dateline>PORT CARROW (Orrin) - </dateline><language tag="en"/><subject><name>Transport</name></subject>
<subject><name>Canals</name></subject></contentMeta><contentSet><inlineXML contenttype="application/xhtml+xml">
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body><p>The canal reopened on Thursday.</p><p>Boats
may pass.</p></body></html></inlineXML></contentSet></newsItem></itemSet></newsMessage>"""
NITF = """<?xml version="1.0" encoding="iso-8859-1"?><nitf baselang="en"><head><title>x</title>
<tobject><tobject.subject tobject.subject.type="Transport" tobject.subject.matter="Canals"/></tobject>
<docdata management-status="usable"><doc-id id-string="urn:newsml:orrin.example:20261126:77"/>
<du-key key="CANAL-REOPENS/" version="2"/><urgency ed-urg="3"/><date.issue norm="2026-11-26T09:00:00Z"/>
<ed-msg info="Adds quote."/></docdata><revision-history norm="2026-11-26T10:00:00Z"/></head><body><body.head>
<hedline><hl1>Canal reopens</hl1></hedline><byline>By <person>Ida Marrow</person></byline>
<distributor>Orrin Wire</distributor><dateline><location>PORT CARROW</location></dateline></body.head>
<body.content><p>The canal reopened on <chron>Thursday</chron>.</p><p>Boats may pass.</p></body.content></body></nitf>"""
NEWSML1 = """<NewsML><NewsItem><Identification><NewsIdentifier><RevisionId>2</RevisionId>
<PublicIdentifier>urn:newsml:orrin.example:20261126:77:2</PublicIdentifier></NewsIdentifier></Identification>
<NewsManagement><FirstCreated>2026-11-26T09:00:00Z</FirstCreated><ThisRevisionCreated>2026-11-26T10:00:00Z</ThisRevisionCreated>
<Status FormalName="usable"/><Urgency FormalName="3"/><Instruction>Adds quote.</Instruction></NewsManagement><NewsComponent>
<NewsLines><HeadLine>Canal reopens</HeadLine><SlugLine>CANAL-REOPENS/</SlugLine><ByLine>By Ida Marrow</ByLine>
<DateLine>PORT CARROW</DateLine><KeywordLine>Transport</KeywordLine><KeywordLine>Canals</KeywordLine></NewsLines>
<AdministrativeMetadata><Provider><Party FormalName="Orrin Wire"/></Provider></AdministrativeMetadata>
<DescriptiveMetadata><Language FormalName="EN"/></DescriptiveMetadata><ContentItem><MediaType FormalName="Text"/><DataContent>
<html><body><p>The canal reopened on Thursday.</p><p>Boats may pass.</p></body></html></DataContent></ContentItem>
</NewsComponent></NewsItem></NewsML>"""
NINJS = """{"uri": "urn:newsml:orrin.example:20261126:77", "version": "2", "headline": "Canal reopens", "slugline": "CANAL-REOPENS/",
"byline": "By Ida Marrow", "located": "PORT CARROW", "body_html": "<p>The canal reopened on Thursday.</p><p>Boats may pass.</p>",
"firstcreated": "2026-11-26T09:00:00Z", "versioncreated": "2026-11-26T10:00:00Z", "urgency": 3, "language": "en",
"subject": [{"code": "1", "name": "Transport"}, {"name": "Canals"}], "provider": "Orrin Wire", "ednote": "Adds quote."}"""
NINJS3 = """[{"uri": "urn:newsml:orrin.example:20261126:77", "version": "2", "standard": {"name": "ninjs"}, "slugline": "CANAL-REOPENS/",
"headlines": [{"role": "sub", "value": "x"}, {"role": "main", "value": "Canal reopens"}], "by": [{"name": "Ida Marrow"}],
"located": "PORT CARROW", "bodies": [{"contentType": "text/html", "value": "<p>The canal reopened on Thursday.</p><p>Boats may pass.</p>"}],
"firstCreated": "2026-11-26T09:00:00Z", "versionCreated": "2026-11-26T10:00:00Z", "urgency": 3, "language": "en",
"subjects": [{"name": "Transport"}, {"name": "Canals"}], "provider": "Orrin Wire", "edNote": "Adds quote."}]"""
ANPA = (
    b"\x16\x16\x01W2607\x1f_asian\nr a\x13\x11 BC-CarrowCanal 1stLd-Writethru   11-26 0123\n\x02^BC-Carrow-Canal, 1st Ld-Writethru,123<\n"
    b"^Canal reopens<\n^Eds: Adds quote.<\n^By IDA MARROW=\n^Orrin Press=\n"
    b"\t   PORT CARROW (OP) _ The canal reopened ``on Thursday.''\n \n\t   Boats may pass.\n\x03"
)
IPTC7901 = (
    b"\x01abc123 3 i 93  orn 0012\r\n\r\nCarrow/canal/\r\n\x021ST LEAD\r\nCanal reopens after\r\nnine years\r\nBy Ida Marrow, orn =\r\n\r\n"
    b"Port Carrow (orn) - The canal reopened\r\non Thursday.\r\n\r\nBoats may pass.\r\n\r\n# orn NOTEBOOK\r\n\r\n"
    b"The following is not for publication\r\n\x03260900 GMT Nov 26 \r\n"
)


@pytest.mark.parametrize("document", [G2, NITF, NEWSML1, NINJS])
def test_formats_give_equal_articles(document: str) -> None:
    data = document.encode()
    assert looks_like_wire(data)
    [article] = read_wire(data)
    assert article._replace(html=" ".join(article.html.split())) == ARTICLE


def test_ninjs3_gives_the_same_article() -> None:
    assert read_wire(NINJS3.encode()) == [ARTICLE._replace(byline="Ida Marrow")]


def test_anpa_message_is_read() -> None:
    assert looks_like_wire(ANPA)
    [article] = read_wire(ANPA)
    assert (article.headline, article.slug, article.byline) == (
        "Canal reopens", "BC-Carrow-Canal, 1st Ld-Writethru", "By IDA MARROW, Orrin Press",
    )  # fmt: skip
    assert article.text == "PORT CARROW (OP) _ The canal reopened “on Thursday.”\n\nBoats may pass."
    assert (article.dateline, article.provider, article.urgency, article.version) == ("PORT CARROW", "OP", "4", "1")
    assert article.note == "Eds: Adds quote."


def test_iptc7901_message_is_read() -> None:
    assert looks_like_wire(IPTC7901)
    [article] = read_wire(IPTC7901)
    assert (article.headline, article.slug, article.byline) == (
        "Canal reopens after nine years", "Carrow/canal", "By Ida Marrow, orn",
    )  # fmt: skip
    assert article.text == "Port Carrow (orn) - The canal reopened on Thursday.\n\nBoats may pass."
    assert (article.dateline, article.provider, article.urgency) == ("Port Carrow", "orn", "3")


def test_wire_item_has_all_fields() -> None:
    item = wire_item(ARTICLE, "source:orrin", NOW)
    assert (item.guid, item.title, item.slug, item.urgency) == (ARTICLE.id, "Canal reopens", "CANAL-REOPENS/", 3)
    assert (item.authors, item.publisher, item.language) == (("Ida Marrow",), "Orrin Wire", "en")
    assert item.published == datetime(2026, 11, 26, 9, tzinfo=UTC)
    assert item.updated == datetime(2026, 11, 26, 10, tzinfo=UTC)
    assert item.identity_key == f"source:orrin#{ARTICLE.id}"


@pytest.mark.parametrize("status", ["canceled", "Cancelled", "withheld"])
def test_kill_becomes_a_withdrawal_without_body(status: str) -> None:
    item = wire_item(ARTICLE._replace(status=status, note=""), "source:orrin", NOW)
    assert (item.withdrawn, item.content) == (f"status {status}", ())


@pytest.mark.parametrize(
    ("until", "status", "is_held"),
    [
        ("2026-11-26T13:00:00Z", "usable", True),
        ("20261126T140000+0100", "embargoed", True),
        ("2026-11-26T11:00:00Z", "usable", False),
        ("YYYYMMDD", "usable", False),
        ("", "usable", False),
        ("2026-11-26T13:00:00Z", "canceled", False),
    ],
)
def test_future_embargo_holds_an_article(until: str, status: str, is_held: bool) -> None:
    assert (embargo(ARTICLE._replace(embargoed_until=until, status=status), NOW) is not None) is is_held


@pytest.mark.parametrize(
    ("byline", "names"),
    [
        ("By Ida Marrow and Tom Reed, Orrin Press", ["Ida Marrow", "Tom Reed"]),
        ("Von Ida Marrow", ["Ida Marrow"]),
        ("IDA MARROW, TOM REED", ["IDA MARROW", "TOM REED"]),
        ("By The Orrin Press", ["The Orrin Press"]),
        ("", []),
    ],
)
def test_byline_gives_names(byline: str, names: list[str]) -> None:
    assert authors(byline) == names


@pytest.mark.parametrize(
    "data",
    [b"", b"<nitf", b"<newsItem/>", b"{", b'{"headline": 1, "body_html": 2}', b"\x16\x16\x01", b"\x01abc 3 i", b"<a/>"],
)
def test_damaged_document_gives_articles_or_an_error(data: bytes) -> None:
    try:
        articles = read_wire(data)
    except UnreadableError as exc:
        assert str(exc)
    else:
        assert all(isinstance(article, WireArticle) for article in articles)


def row(name: str, number: int, article: WireArticle) -> str:
    """Return the fields of an article as a line. Texts of agencies are digests."""
    texts = (
        article.id,
        article.headline,
        article.slug,
        article.byline,
        article.dateline,
        article.summary,
        article.note,
    )
    digests = [hashlib.sha256(text.encode()).hexdigest()[:6] if text else "-" for text in texts]
    times = [article.published or "-", article.updated or "-", article.embargoed_until or "-"]
    words = len(article.html.split()) + len(article.text.split())
    facts = [article.version, article.urgency, article.language, article.provider, article.status, article.media_type]
    return "\t".join(
        [name, str(number), *digests, *times, *(fact or "-" for fact in facts), str(len(article.subjects)), str(words)]
    )


def test_captured_documents_give_the_recorded_fields(shared: Path, tmp_path: Path) -> None:
    with tarfile.open(shared / "corpus" / "wire" / "wire.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    rows = []
    for path in sorted(p for p in tmp_path.rglob("*") if p.is_file()):
        data = path.read_bytes()
        if looks_like_wire(data[:65_536]):
            rows += [row(path.name, number, article) for number, article in enumerate(read_wire(data))]
    assert rows == TABLE.read_text("utf-8").splitlines()
