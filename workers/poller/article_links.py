"""Article links of a section page: which links lead to articles, and which to sections, topics and services. Pure.

    anchors ──▶ one PageLink per URL ──▶ points: URL, text, heading, block, links of the same kind, history ──▶ articles

The history counts, for each pattern of URLs, the links that appeared after the first poll: navigation stays as it is.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from statistics import median
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import lxml.etree
import lxml.html

from workers.poller.article_urls import UrlShape, url_shape
from workers.text.attributes import limit_attributes
from workers.urls.canonical import canonicalise
from workers.urls.domains import registrable_domain
from workers.urls.web_url import web_url

MAX_ANCHORS = 3_000
MAX_ANCESTORS = 40
MAX_TEXT_CHARS = 300
MAX_PATTERNS = 50
THRESHOLD = 4.0
CARD_LEVELS = 3  # elements between a link and the block that holds its headline
NEW_LINKS = 3  # new links of a URL pattern from which it is a pattern of articles
NUMBERED_SHARE = 0.6
MIN_SUPPORT = 4  # links of a pattern with headlines that support each other
CONTAINERS = frozenset(("body", "main", "ul", "ol", "table"))
HEADINGS = ("h1", "h2", "h3", "h4", "h5")
# Elements, roles and names of blocks with navigation. Sources: HTML §4.3, WAI-ARIA landmarks, class names of outlets.
NAV_ELEMENTS = frozenset(("nav", "menu"))
NAV_ROLES = frozenset(("navigation", "menu", "menubar", "contentinfo", "banner", "search"))
_NAV_NAME = re.compile(
    r"(?:^|\s)(?!has|with|no-|is-)(?:[a-z]{1,20}[-_]{1,2}){0,3}"
    r"(?:nav|navbar|navigation|menu|footer|breadcrumbs?|pagination|pager|social|share|sharing|cookies?|toolbar)"
    r"(?:[-_]{1,2}[a-z]{1,20}){0,3}(?=\s|$)"
)
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


Cards = dict[Any, tuple[bool, Any]]
"""Block → whether all its links lead to one page, and its first heading."""


class Anchor(NamedTuple):
    """One `<a>`: URL, text, whether it is in a heading or in navigation, and the names of its block."""

    url: str
    text: str
    is_heading: bool
    is_navigation: bool
    block: str


class PageLink(NamedTuple):
    """All anchors of one URL, and its key and shape."""

    key: str
    url: str
    anchors: Sequence[Anchor]
    shape: UrlShape

    @property
    def text(self) -> str:
        """The longest text of the anchors."""
        return max((anchor.text for anchor in self.anchors), key=len)


class Context(NamedTuple):
    """Facts about the page: words per block, patterns with headlines, and the history of patterns.

    `is_numbered`: most headlines have URLs with a date or an identifier. This applies to most outlets.
    """

    block_words: Mapping[str, float]
    supported: Collection[str]
    is_numbered: bool
    turnover: Mapping[str, int]


def page_links(html: str, url: str) -> list[PageLink]:
    """Return the links of a page to its own site, in order."""
    by_key: dict[str, list[Anchor]] = {}
    own = {canonicalise(url).key, canonicalise(url).key.rstrip("/")}
    for anchor in _anchors(html, url):
        key = canonicalise(anchor.url).key
        if key and key not in own:
            by_key.setdefault(key, []).append(anchor)
    repeated = _repeated_texts(by_key)
    links = []
    for key, anchors in by_key.items():
        cleaned = [a._replace(text="") if a.text in repeated else a for a in anchors]
        links.append(PageLink(key, anchors[0].url, cleaned, url_shape(anchors[0].url)))
    return links


def _repeated_texts(by_key: Mapping[str, Sequence[Anchor]]) -> set[str]:
    """Return the texts of links to several pages, such as "Read more"."""
    counts = Counter(text for anchors in by_key.values() for text in {anchor.text for anchor in anchors})
    return {text for text, count in counts.items() if count > 2}


def article_links(
    links: Sequence[PageLink], turnover: Mapping[str, int], rejected: Collection[str] = ()
) -> list[PageLink]:
    """Return the *links* to articles. *turnover*: pattern → links that appeared after the first poll.

    *rejected*: keys of links that a former poll took for navigation.
    """
    context = _context(links, turnover)
    return [link for link in links if points(link, context) - 2.0 * (link.key in rejected) >= THRESHOLD]


def _context(links: Sequence[PageLink], turnover: Mapping[str, int]) -> Context:
    words: dict[str, list[int]] = defaultdict(list)
    for link in links:
        for anchor in link.anchors:
            words[anchor.block].append(word_count(anchor.text))
    headlines = [link.shape for link in links if word_count(link.text) >= 4 and not _is_navigation(link)]
    counts = Counter(shape.pattern for shape in headlines if shape.evidence > 0)
    supported = {pattern for pattern, count in counts.items() if count >= MIN_SUPPORT}
    numbered = sum(shape.is_numbered for shape in headlines)
    is_numbered = numbered >= max(MIN_SUPPORT, NUMBERED_SHARE * len(headlines))
    return Context({block: median(counts) for block, counts in words.items()}, supported, is_numbered, turnover)


def _is_navigation(link: PageLink) -> bool:
    return all(anchor.is_navigation for anchor in link.anchors)


def points(link: PageLink, context: Context) -> float:
    """Return the points of *link*; an article has at least THRESHOLD."""
    count = word_count(link.text)
    total = link.shape.evidence if link.shape.evidence else -3.0  # a path of short words is a section
    total += 2.0 if count >= 6 else 1.5 if count >= 4 else 0.0 if count >= 2 else -1.5
    total += 1.5 * any(anchor.is_heading for anchor in link.anchors)
    total -= 4.0 * _is_navigation(link)
    block = max(context.block_words[anchor.block] for anchor in link.anchors)
    total += 1.0 if block >= 5 else 0.0 if block >= 3 else -1.0
    if link.shape.pattern in context.supported:
        total += 1.0
    elif context.is_numbered and not link.shape.is_numbered:
        total -= 2.5
    elif context.supported:
        total -= 1.0
    if context.turnover.get(link.shape.pattern, 0) >= NEW_LINKS:
        total += 1.0
    if count <= 5 and not link.shape.is_numbered and _names_its_page(link):
        total -= 2.0
    return total


def _names_its_page(link: PageLink) -> bool:
    """Return whether the text is the slug of the URL, as for topics and services: "Climate change"."""
    words = [word.strip(".,:;!?'\"’").lower() for word in link.text.split()]
    return bool(words) and words == list(link.shape.slug)


def word_count(text: str) -> int:
    """Return the number of words; two characters without spaces between words (Chinese, Japanese) count as one."""
    ideographs = len(_CJK.findall(text))
    return len(text.split()) if not ideographs else len(_CJK.sub(" ", text).split()) + ideographs // 2


# -- anchors --------------------------------------------------------------------------------------------------


def _anchors(html: str, url: str) -> list[Anchor]:
    try:
        parser = lxml.html.HTMLParser(encoding="utf-8")
        tree = lxml.html.document_fromstring(limit_attributes(html).encode("utf-8", "replace"), parser=parser)
    except (lxml.etree.LxmlError, ValueError):
        return []
    base_element = tree.find(".//base[@href]")
    base = web_url(base_element.get("href") or "", url) if base_element is not None else ""
    site, anchors, cards = _site(url), list[Anchor](), Cards()
    for element in islice(tree.iter("a"), MAX_ANCHORS):
        target = web_url(element.get("href") or "", base or url).partition("#")[0]
        if target and _site(target) == site:
            anchors.append(_anchor(element, target, cards))
    return anchors


def _site(url: str) -> str:
    return registrable_domain(urlsplit(url).hostname or "")


def _anchor(element: Any, url: str, cards: Cards) -> Anchor:
    ancestors = []
    for ancestor in element.iterancestors():
        ancestors.append(ancestor)
        if len(ancestors) >= MAX_ANCESTORS:
            break
    heading = next((child for child in element.iter(*HEADINGS)), None)
    is_heading = heading is not None or any(a.tag in HEADINGS for a in ancestors[:3])
    text = _text(heading if heading is not None else element) or _label(element)
    card = None if text and is_heading else _card_heading(element, ancestors, cards)
    if card is not None:
        text, is_heading = _text(card), True
    return Anchor(url, text, is_heading, _in_navigation(ancestors), _block_names(element, ancestors))


def _text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())[:MAX_TEXT_CHARS]


def _label(element: Any) -> str:
    """Return the text of a link without text: its label, or that of its image."""
    values = (element.get("aria-label"), element.get("title"), *(image.get("alt") for image in element.iter("img")))
    return " ".join(next(filter(None, values), "").split())[:MAX_TEXT_CHARS]


def _card_heading(element: Any, ancestors: Sequence[Any], cards: Cards) -> Any:
    """Return the heading beside a link, in a block whose links all lead to one page; else None."""
    href = element.get("href")
    for ancestor in ancestors[:CARD_LEVELS]:
        if ancestor.tag in CONTAINERS:
            return None
        if ancestor not in cards:  # each block is searched once
            targets = {other.get("href") for other in ancestor.iter("a")} - {None}
            cards[ancestor] = (len(targets) == 1, next(ancestor.iter(*HEADINGS), None))
        is_card, heading = cards[ancestor]
        if not is_card or heading is not None:
            return heading if is_card and href else None
    return None


def _in_navigation(ancestors: Sequence[Any]) -> bool:
    is_in_article = False
    for element in ancestors:
        tag = element.tag
        if tag in ("body", "html"):
            return False
        if tag in NAV_ELEMENTS or (element.get("role") or "").lower() in NAV_ROLES:
            return True
        is_in_article = is_in_article or tag in ("article", "main")
        if tag in ("footer", "header") and not is_in_article:
            return True
        names = f"{element.get('class') or ''} {element.get('id') or ''}"[:MAX_TEXT_CHARS].lower()
        if _NAV_NAME.search(names):
            return True
    return False


def _block_names(element: Any, ancestors: Sequence[Any]) -> str:
    """Return the elements and first classes around a link: links of one kind of block share it."""
    names = (f"{e.tag}.{' '.join((e.get('class') or '').split()[:2])}" for e in (element, *ancestors[:6]))
    return ">".join(names)


# -- history --------------------------------------------------------------------------------------------------


def update_turnover(turnover: Mapping[str, int], new_links: Sequence[PageLink]) -> dict[str, int]:
    """Return *turnover* after a later poll with *new_links*, which no former poll had."""
    counts = Counter(turnover)
    counts.update(link.shape.pattern for link in new_links if not _is_navigation(link))
    return dict(counts.most_common(MAX_PATTERNS))
