"""Suites of other readers in ../shared/corpus: a table explains each difference from their expectations.

feedparser's suite: tests/workers/commands/test_offline.py. The expectations of feedvalidator are messages about
validity. The other suites there have no expectations.
"""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from streams.errors import UnreadableError
from streams.records import Item
from tests.workers.poller.cases import parse_both
from workers.poller.opml import read_opml

pytestmark = pytest.mark.corpus

BASE = "https://base.example/"
_IMPORT = re.compile(r"^from reader[\w.]* import (\w+)$", re.MULTILINE)


def expected_entries(path: Path) -> list[Any]:
    """Return the entries that a file of lemon24's reader expects, as namespaces."""
    source = path.read_text()
    names: dict[str, Any] = {"url_base": BASE, "rel_base": BASE}
    names |= dict.fromkeys(_IMPORT.findall(source), SimpleNamespace)
    exec(_IMPORT.sub("", source), names)
    return list(names["entries"])


def expected_fields(entry: Any) -> dict[str, Any]:
    enclosures = [(e.href, getattr(e, "length", None) or 0) for e in getattr(entry, "enclosures", ())]
    authors = [a.name for a in getattr(entry, "authors", ()) if getattr(a, "name", "")]
    texts = {name: getattr(entry, name, None) or "" for name in ("link", "title", "summary")}
    times = {name: getattr(entry, name, None) for name in ("published", "updated")}
    return (
        texts
        | times
        | {"authors": authors, "enclosures": enclosures, "content": [c.value for c in getattr(entry, "content", ())]}
    )


def own_fields(item: Item) -> dict[str, Any]:
    return {
        "link": item.link,
        "title": item.title,
        "summary": item.summary.value if item.summary else "",
        "published": item.published,
        "updated": item.updated,
        "authors": list(item.authors),
        "enclosures": [(enclosure.url, enclosure.length) for enclosure in item.enclosures],
        "content": [content.value for content in item.content],
    }


def differences(path: Path) -> set[tuple[str, str, str]]:
    """Return the differing fields as (file, id, field)."""
    items = {item.guid: own_fields(item) for item in parse_both(path.read_bytes(), url=BASE + path.name).items}
    expected = {entry.id: expected_fields(entry) for entry in expected_entries(path.with_name(path.name + ".py"))}
    missing = {(path.name, name, "") for name in expected.keys() ^ items.keys()}
    return missing | {
        (path.name, name, field)
        for name in expected.keys() & items.keys()
        for field, value in expected[name].items()
        if value != items[name][field]
    }


# Rule of copydesk → differences, as `file id field`. A difference without a field is an item of one side only.
LEMON24 = {
    "an entry without title, text, link and enclosure is no item": re.compile(
        r"(empty\.\w+ .*|full\.\w+ source:\S+|invalid\.json (author .*|second author is good)) "
    ),
    "a guid stays as written": re.compile(r"relative\.rss \S+ "),
    "an entry without the name of an author has the authors of its feed": re.compile(r"full\.(atom|json) \S+ authors"),
    "an Atom id that is no web address is no link": re.compile(r"full\.atom urn:\S+ link"),
    "HTML replaces the plain text of a JSON Feed": re.compile(r"full\.json 2 content"),
    "other JSON types are converted to text": re.compile(r"invalid\.json \S+ (authors|link|title)"),
    "relative URLs of enclosures are resolved": re.compile(r"invalid\.json 2 enclosures"),
    "the desk resolves URLs in texts, and removes scripts": re.compile(r"relative\.atom \S+ (content|summary)"),
}


def test_differences_from_lemon24_are_explained(feeds_corpus: Path) -> None:
    files = [path for path in sorted((feeds_corpus / "lemon24-reader").iterdir()) if path.suffix != ".py"]
    assert len(files) > 5
    remaining = {" ".join(difference) for path in files for difference in differences(path)}
    unexplained = {text for text in remaining if not any(rule.fullmatch(text) for rule in LEMON24.values())}
    assert unexplained == set()
    for reason, rule in LEMON24.items():
        assert any(map(rule.fullmatch, remaining)), f"no longer needed: {reason}"


_EVAL = re.compile(r"Eval:\s*(.*)")
_FEEDS = re.compile(r"""\[["']feeds["']\]""")
# Rule of copydesk → files of listparser's suite with another expectation.
LISTPARSER = {
    "a feed has one folder, its first": {"outline-duplication-2.xml"},
}


def feeds_of(path: Path) -> list[dict[str, Any]]:
    """Return the feeds of a subscription list, in the form of listparser."""
    try:
        feeds = read_opml(path)
    except UnreadableError:
        return []
    folders = [folder.split("/") if folder else [] for _, folder in feeds]
    return [
        {"url": url, "tags": folder, "categories": [folder] if folder else []}
        for (url, _), folder in zip(feeds, folders, strict=True)
    ]


def test_differences_from_listparser_are_explained(feeds_corpus: Path) -> None:
    failed, count = set(), 0
    for path in sorted((feeds_corpus / "listparser").rglob("*.xml")):
        result = {"feeds": feeds_of(path)}
        for expression in _EVAL.findall(path.read_text("utf-8", "replace")):
            if _FEEDS.search(expression) and "title" not in expression:
                count += 1
                if not eval(expression, {"result": result, "len": len}):
                    failed.add(path.name)
    assert count > 10
    assert failed == set().union(*LISTPARSER.values())
