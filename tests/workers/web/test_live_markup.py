"""No output holds markup that runs: articles, RSS, Atom, JSON Feed, server-sent events and the page."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from html import escape
from typing import Any

import lxml.html
from selectolax.lexbor import LexborHTMLParser

from streams.config.settings import Settings
from streams.records import Article
from streams.topics import ARTICLES
from tests.conftest import until
from tests.support.browser import Chromium
from tests.support.feed_server import rss as rss_document
from tests.support.markup_attacks import CODE, attacks
from tests.support.page import open_page
from tests.support.site import open_site, publish
from workers.clean.render import ATTRIBUTES, TAGS
from workers.desk.feed_articles import feed_articles
from workers.poller.formats import parse_feed
from workers.urls.web_url import web_url
from workers.web.feed_writers import ATOM, CONTENT, DC, atom, json_feed, rss

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
TEXT = "The harbour board reopened the canal on Monday, nine years after the flood."
CHUNK = 100
ALL = tuple(attacks())


def documents() -> Iterator[tuple[bytes, str]]:
    """Yield feed documents in three formats, with an attack in each field of an entry."""
    for start in range(0, len(ALL), CHUNK):
        numbered = list(enumerate(ALL[start : start + CHUNK], start))
        bodies = [
            (f"https://a.example/{n}", attack, f"<p>{TEXT} {n}</p>{attack}<p>{TEXT}</p>") for n, attack in numbered
        ]
        yield rss_document([(link, escape(title), body) for link, title, body in bodies]), "application/rss+xml"
        yield atom_document(numbered), "application/atom+xml"
        items = [
            {
                "id": f"j{n}", "url": f"https://a.example/j{n}", "title": attack, "summary": attack, "image": attack,
                "content_html": f"<p>{TEXT} {n}</p>{attack}", "tags": [attack], "authors": [{"name": attack, "url": attack}],
                "attachments": [{"url": attack, "mime_type": "audio/mpeg"}],
            }
            for n, attack in numbered
        ]  # fmt: skip
        feed = {"version": "https://jsonfeed.org/version/1.1", "title": f"<b>{CODE}</b>", "items": items}
        yield json.dumps(feed).encode(), "application/feed+json"


def atom_document(numbered: list[tuple[int, str]]) -> bytes:
    feed = ET.Element("feed", xmlns=ATOM)
    ET.SubElement(feed, "title").text = "Hostile"
    for n, attack in numbered:
        attack = "".join(char for char in attack if char >= " " or char in "\t\n")
        entry = ET.SubElement(feed, "entry")
        for name in ("title", "summary", "content", "rights"):
            ET.SubElement(entry, name, type="html").text = f"{attack}{TEXT} {n}" if name == "content" else attack
        ET.SubElement(entry, "id").text = f"tag:a.example,2026:{n}"
        ET.SubElement(entry, "link", href=f"https://a.example/a{n}")
        ET.SubElement(entry, "link", rel="enclosure", href=attack)
        ET.SubElement(entry, "category", term=attack)
        ET.SubElement(ET.SubElement(entry, "author"), "name").text = attack
    return ET.tostring(feed, encoding="utf-8")


@cache
def articles() -> tuple[Article, ...]:
    """Return the articles of all documents."""
    return tuple(
        article
        for body, kind in documents()
        for article in feed_articles(parse_feed(body, "https://a.example/feed", content_type=kind, fetched_at=NOW))
    )


def live_parts(html: str) -> list[str]:
    """Return the elements, attributes and URLs of *html* that may run, as read by two parsers."""
    elements = [(node.tag or "", dict(node.attributes)) for node in LexborHTMLParser(html).css("*")]
    if html.strip():
        elements += [
            (str(node.tag), {str(name): str(value) for name, value in node.attrib.items()})
            for node in lxml.html.document_fromstring(f"<body>{html}").iter()
        ]
    return [part for tag, attributes in elements for part in _live_parts(tag, attributes)]


def _live_parts(tag: str, attributes: dict[str, Any]) -> list[str]:
    if tag in ("html", "head", "body"):
        return []
    bad = [] if tag in TAGS else [tag]
    for name, value in attributes.items():
        if name not in ATTRIBUTES.get(tag, ()) and name != "rel":
            bad.append(f"{tag} {name}")
        if name in ("href", "src") and not (web_url(value or "") or (value or "").startswith("mailto:")):
            bad.append(f"{tag} {name}={value}")
    return bad


def test_attacks_are_articles_in_all_formats() -> None:
    """The other tests must not pass because the feeds are unreadable."""
    assert len(ALL) > 1_900
    assert len(articles()) > 2.5 * len(ALL)


def test_articles_hold_no_live_markup() -> None:
    assert {article.id: live for article in articles() if (live := live_parts(article.html))} == {}


def test_article_urls_are_web_urls() -> None:
    urls = [
        url
        for article in articles()
        for url in (
            article.url, article.canonical_url, *(image.url for image in article.images)
        )
    ]  # fmt: skip
    assert [url for url in urls if url and not web_url(url)] == []


def test_rss_holds_no_live_markup() -> None:
    """Readers take these elements for HTML, once unescaped."""
    names = ("title", "description", "category", "link", f"{{{CONTENT}}}encoded", f"{{{DC}}}creator", "author")
    root = ET.fromstring(rss("<b>t</b>", "https://a.example/rss", articles()))
    texts = [element.text or "" for name in names for element in root.iter(name)]
    assert len(texts) > 3 * len(articles())
    assert {text: live for text in texts if (live := live_parts(text))} == {}


def test_atom_holds_no_live_markup() -> None:
    root = ET.fromstring(atom("<b>t</b>", "https://a.example/atom", articles()))
    declared_html = [element.text or "" for element in root.iter() if element.get("type") == "html"]
    assert len(declared_html) == len(articles())
    assert {text: live for text in declared_html if (live := live_parts(text))} == {}
    assert {link.get("href", "") for link in root.iter(f"{{{ATOM}}}link") if not web_url(link.get("href", ""))} == set()


def test_json_feed_holds_no_live_markup() -> None:
    items = json.loads(json_feed("<b>t</b>", "https://a.example/json", articles()))["items"]
    assert {item["id"]: live for item in items if (live := live_parts(item["content_html"]))} == {}
    assert [item["image"] for item in items if "image" in item and not web_url(item["image"])] == []


async def test_events_hold_no_markup_outside_json(settings: Settings) -> None:
    """A line break in a field would begin another event field (WHATWG HTML §9.2)."""
    sample = articles()[::40]
    async with open_site(settings) as site:
        await publish(site.broker, *sample)
        async with site.events(start="start") as next_event:
            records = [(await next_event())[1] for _ in sample]
    assert {record["id"] for record in records} == {article.id for article in sample}
    assert [record["id"] for record in records if live_parts(record.get("html", ""))] == []


async def test_browser_runs_no_article(chromium: Chromium) -> None:
    """The HTML of articles, as a reader inserts it."""
    async with chromium.page() as page:
        await page.goto("about:blank")
        await page.evaluate(f"document.body.innerHTML = {json.dumps('<img src=x onerror=' + CODE + '>')}")
        await until(lambda: page.evaluate("window.pwned === 1"))  # the probe works
        await page.evaluate("window.pwned = 0")
        for start in range(0, len(articles()), CHUNK):
            html = [article.html for article in articles()[start : start + CHUNK]]
            await page.evaluate(f"document.body.innerHTML = {json.dumps(''.join(html))}")
            run = "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes].map(a => a.name)).filter(n => /^on/.test(n)).length"
            assert await page.evaluate(run) == 0
        assert await page.evaluate("window.pwned") == 0


async def test_page_runs_no_article(settings: Settings, chromium: Chromium) -> None:
    sample = articles()[::40]
    async with open_page(settings, chromium) as (page, broker, server):
        await until(lambda: page.evaluate("document.querySelector('#live')?.textContent === 'live'"))
        await publish(broker, *sample)
        await until(lambda: sum(server.topics.broadcasters[ARTICLES.name].position.values()) == len(sample))
        await until(lambda: page.evaluate("document.querySelectorAll('#articles summary').length > 100"))
        await page.evaluate("document.querySelectorAll('#articles details').forEach((d) => { d.open = true; })")
        await until(lambda: page.evaluate("document.querySelectorAll('.sides').length > 100"))
        assert await page.evaluate("document.querySelectorAll('#articles script, #articles iframe').length") == 0
        assert await page.evaluate("window.pwned === undefined")
