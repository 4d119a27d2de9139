"""Hypothesis strategies of feed documents."""

from typing import Any

from hypothesis import strategies as st

NAMESPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:media="http://search.yahoo.com/mrss/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:x="urn:x"'
)
NAMES = """title link description summary content:encoded content guid id pubDate published updated dc:date author dc:creator
    name email uri category dc:subject media:content media:thumbnail media:group media:title media:description
    media:keywords media:credit enclosure comments itunes:summary itunes:author itunes:keywords itunes:subtitle ttl
    itunes:explicit sy:updatePeriod language atom:link x:y x:title x:box date contributor generator copyright rights source""".split()
ODD_NAMES = "image url itunes:owner itunes:category textInput body tags creativeCommons:license".split()
ATTRIBUTES = """rel="self" rel="alternate" rel="enclosure" type="text/html" type="html" type="text" href="/a?b=1&amp;c=2"
    href="https://a.example/" url="https://a.example/i.jpg" term="World" label="Welt" scheme="s:" isPermaLink="false"
    xml:lang="de_AT" xml:lang="" medium="image" length="12" src="/s" domain="d" text="Arts" HREF="/upper" """.split()
ODD_ATTRIBUTES = """type="xhtml" type="image/png" xml:base="https://b.example/" mode="escaped" lastmod="x" """.split()
TEXTS = (
    "Canal reopens", "  \n two\tlines \n ", "&lt;p&gt;A &amp;amp; B&lt;/p&gt;", "<![CDATA[<p>Salt &amp; <b>canal</b></p>]]>", "Zürich", "ZÃ¼rich",
    "\x85 and \x93", "https://courier.example/1?a=1&amp;b=2", "/world/1", "Mon, 23 Nov 2026 10:00:00 GMT", "2026-11-23T10:00:00Z",
    "ida@courier.example (Ida Marrow)", "Ida Marrow", "World, Ships", "en-gb", "60", "", "&#8217;s", "塩の運河", "tag:courier.example,2026:1",
)  # fmt: skip


def rarely(usual: Any, odd: Any) -> Any:
    """Return a strategy that draws from *odd* once in 60 times."""
    return st.integers(1, 60).flatmap(lambda n: odd if n == 17 else usual)


attributes = st.lists(
    rarely(st.sampled_from(ATTRIBUTES), st.sampled_from(ODD_ATTRIBUTES)),
    max_size=2,
    unique_by=lambda a: a.split("=")[0].lower(),
)


element: st.SearchStrategy[str] = st.deferred(
    lambda: st.builds(
        lambda name, attrs, inner: f"<{name} {' '.join(attrs)}>{inner}</{name}>",
        rarely(st.sampled_from(NAMES), st.sampled_from(ODD_NAMES)),
        attributes,
        rarely(st.sampled_from(TEXTS), st.lists(element, max_size=2).map("".join)),
    )
)


items = st.lists(st.lists(element, max_size=7).map("".join), max_size=3)


head = st.lists(element, max_size=5).map("".join)


@st.composite
def feeds(draw: st.DrawFn) -> bytes:
    kind, before, after, inner = draw(st.sampled_from(["rss", "atom", "rdf"])), draw(head), draw(head), draw(items)
    extra = draw(
        rarely(
            st.sampled_from(["", ' xml:lang="fr"', ' xml:base="https://c.example/d/"']), st.just(' xmlns:dc="urn:else"')
        )
    )
    if kind == "rss":
        body = "".join(f"<item>{children}</item>" for children in inner)
        text = f'<rss version="2.0" {NAMESPACES}{extra if "dc" not in extra else ""}><channel>{before}{body}{after}</channel></rss>'
    elif kind == "atom":
        body = "".join(f"<entry>{children}</entry>" for children in inner)
        text = f'<feed xmlns="http://www.w3.org/2005/Atom" {NAMESPACES}{extra if "dc" not in extra else ""}>{before}{body}{after}</feed>'
    else:
        body = "".join(f'<item rdf:about="https://a.example/{n}">{children}</item>' for n, children in enumerate(inner))
        text = (
            f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" {NAMESPACES}>'
            f"<channel>{before}</channel>{body}{after}</rdf:RDF>"
        )
    declaration = draw(st.sampled_from(["", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="UTF-8"?>']))
    return (declaration + text).encode("utf-8", "replace")
