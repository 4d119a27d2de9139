"""Invented dumps as HTML: small pages, and the items of feeds. The same seed gives the same markup.

The pages of the corpus are long, and its fragments hold hardly any clutter. These documents are short, with clutter
between the paragraphs. Half of their class names mean something; the others are those of a style compiler.
"""

import html
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby

from tests.tools.train.corpus import Document, scored
from tests.tools.train.dumps.sources import looks_like_prompt
from tests.tools.train.dumps.templates import read_templates
from tests.tools.train.dumps.writer import BODY, CLUTTER, FIELD, TITLE, TRUST, Line
from tests.tools.train.grow import SYNTHETIC
from workers.clean.blocks import html_blocks
from workers.clean.feed_html import simplify_feed_html
from workers.clean.html_parser import parse_html
from workers.clean.line_types import SENTENCE_END, word_count
from workers.clean.metadata import KnownText

# Class names of content systems: WordPress and its plug-ins, Drupal, Ghost, Arc, and generic ones.
BOXES = (
    "related", "related-posts", "jp-relatedposts", "more-stories", "sidebar", "promo", "newsletter", "widget", "box",
    "recirc", "teaser-list", "read-more", "inline-related", "wp-block-group", "kg-card", "field--name-related", "cta",
)  # fmt: skip
TOPS, ENDS = ("header", "site-header", "top-bar", "masthead"), ("footer", "site-footer", "post-footer", "entry-footer")
STORIES = ("entry-content", "article-body", "post-content", "story", "content", "c-article", "main", "text")
MAX_PARAGRAPHS = (1, 10)  # the fewest and the most lines of story of a short document
SHORT = 0.7  # share of documents with at most so many
TAIL_LINES = (0, 9)  # of a feed's item, after its story
HEADLINE_WORDS = 4
LINKED = 0.12  # share of paragraphs with a link


def pages(each: int, seed: int = 1) -> Iterator[Document]:
    """Yield so many pages of *each* template, with the blocks that the model scores."""
    for name, rng, lines in _lines(each, seed):
        document = _document(name, lines, _page(rng, _short(rng, lines)), page=True)
        document = scored(document)
        if any(document.body):
            yield document


def feed_items(each: int, seed: int = 1) -> Iterator[Document]:
    """Yield so many items of feeds of *each* template."""
    for name, rng, lines in _lines(each, seed):
        item = _item(rng, _short(rng, lines))
        yield _document(name, lines, "".join(_elements(rng, item, "feed")), page=False)


def _lines(each: int, seed: int) -> Iterator[tuple[str, random.Random, list[Line]]]:
    for number, template in enumerate(read_templates()):
        for n in range(each):
            yield f"template {number}", random.Random(f"{seed} {number} {n}"), list(template.lines)


def _short(rng: random.Random, lines: Sequence[Line]) -> list[Line]:
    """Return *lines* with some of the story only, in most documents."""
    body = [n for n, line in enumerate(lines) if line.label == BODY]
    count = rng.randint(*MAX_PARAGRAPHS)
    if len(body) <= count or rng.random() > SHORT:
        return list(lines)
    first = rng.randint(1, count)
    kept = {*body[:first], *body[len(body) - (count - first) :]}
    return [line for n, line in enumerate(lines) if line.label != BODY or n in kept]


def _item(rng: random.Random, lines: Sequence[Line]) -> list[Line]:
    """Return the story with the clutter inside it, and some of the clutter below it."""
    body = [n for n, line in enumerate(lines) if line.label == BODY]
    inside = [line for line in lines[body[0] : body[-1] + 1] if line.label in (BODY, CLUTTER)]
    if rng.random() < 0.3:
        inside = [line for line in inside if line.label == BODY]
    tail = [line for line in lines[body[-1] + 1 :] if line.label == CLUTTER]
    return [*inside, *tail[: rng.randint(*TAIL_LINES)]]


def _page(rng: random.Random, lines: Sequence[Line]) -> str:
    """Return a page: the lines above the title, the story with the clutter inside it, and the lines below."""
    title = next(n for n, line in enumerate(lines) if line.label == TITLE)
    end = max(n for n, line in enumerate(lines) if line.label == BODY) + 1
    above, inside, below = lines[:title], lines[title : max(end, title + 1)], lines[max(end, title + 1) :]
    story = "".join(_elements(rng, inside, "story"))
    top = _navigation(rng, [line for line in above if line.label == CLUTTER])
    kicker = "".join(_elements(rng, [line for line in above if line.label != CLUTTER], "story"))
    tail = "".join(_elements(rng, below, "end"))
    tag, name = rng.choice(("article", "main", "div", "div")), _class(rng, STORIES)
    if rng.random() < 0.4:
        return f"<body>{top}<{tag}{name}>{kicker}{story}{tail}</{tag}></body>"
    return f"<body>{top}<{tag}{name}>{kicker}{story}</{tag}>{_box(rng, tail, ENDS, ('footer', 'div', 'section', 'aside'))}</body>"


def _navigation(rng: random.Random, lines: Sequence[Line]) -> str:
    links = "".join(f'<li><a href="/{n}">{html.escape(line.text)}</a></li>' for n, line in enumerate(lines))
    return _box(rng, f"<ul>{links}</ul>" if links else "", TOPS, ("nav", "header", "div"))


def _box(rng: random.Random, content: str, names: Sequence[str], tags: Sequence[str]) -> str:
    tag = rng.choice(tags)
    return f"<{tag}{_class(rng, names)}>{content}</{tag}>" if content else ""


def _class(rng: random.Random, names: Sequence[str]) -> str:
    kind = rng.random()
    if kind < 0.3:
        return ""
    name = rng.choice(names) if kind < 0.65 else f"css-{rng.randrange(16**6):06x}"
    return f' class="{name}"'


def _elements(rng: random.Random, lines: Sequence[Line], part: str) -> Iterator[str]:
    for is_clutter, run in groupby(lines, lambda line: line.label == CLUTTER):
        if is_clutter:
            yield _clutter(rng, list(run), part)
        else:
            yield from (_line(rng, line) for line in run)


def _line(rng: random.Random, line: Line) -> str:
    """Return the element of a title, a field or a line of the story."""
    text = html.escape(line.text)
    if line.label == TITLE:
        return f"<h1>{text}</h1>"
    if line.label == FIELD:
        return rng.choice(
            (f"<div{_class(rng, ('byline', 'meta'))}>{text}</div>", f"<p>{text}</p>", f"<time>{text}</time>")
        )
    if word_count(line.text) <= 8 and SENTENCE_END.search(line.text) is None:
        return rng.choice(
            (
                f"<h2>{text}</h2>",
                f"<h3>{text}</h3>",
                f"<p><strong>{text}</strong></p>",
                f"<p>{text}</p>",
                f"<ul><li>{text}</li></ul>",
            )
        )
    if rng.random() < LINKED:
        words = text.split(" ")
        start = rng.randrange(len(words))
        words[start] = f'<a href="https://site.example/{start}">{words[start]}</a>'
        text = " ".join(words)
    return f"<p>{text}</p>"


def _clutter(rng: random.Random, lines: Sequence[Line], part: str) -> str:
    """Return a run of clutter: in a box or bare, its headlines as a list, as paragraphs or with line breaks."""
    form = rng.choice(("list", "paragraphs", "breaks", "cards"))
    inner = []
    for label, run in groupby(lines, _is_headline):
        texts = [html.escape(line.text) for line in run]
        if label:
            inner.append(_headlines(rng, texts, form))
        else:
            inner += [
                rng.choice(("<p>{}</p>", "<h3>{}</h3>", "<p><strong>{}</strong></p>", "<div>{}</div>")).format(text)
                for text in texts
            ]
    content = "".join(inner)
    if rng.random() < (0.5 if part == "feed" else 0.7):
        return _box(rng, content, BOXES, ("div", "aside", "section", "div"))
    return content


def _is_headline(line: Line) -> bool:
    return word_count(line.text) >= HEADLINE_WORDS and not looks_like_prompt(line.text)


def _headlines(rng: random.Random, texts: Sequence[str], form: str) -> str:
    links = [f'<a href="/{rng.randrange(10**5)}">{text}</a>' for text in texts]
    if rng.random() < 0.15:
        links = list(texts)
    if form == "list":
        return f"<ul>{''.join(f'<li>{link}</li>' for link in links)}</ul>"
    if form == "breaks":
        return f"<p>{'<br>'.join(links)}</p>"
    return "".join(f"<{tag}>{link}</{tag}>" for link in links for tag in (("p",) if form == "paragraphs" else ("div",)))


def _document(name: str, lines: Sequence[Line], markup: str, *, page: bool) -> Document:
    root = parse_html(markup, page=page)
    if not page:
        simplify_feed_html(root, markup)
    blocks = [block for block in html_blocks(root) if block.text]
    labels: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        labels[line.text].append(line.label)
    known = [labels[block.text] for block in blocks]
    label = [own[0] if own else "" for own in known]
    return Document(
        f"{SYNTHETIC}/{name}", name, SYNTHETIC, blocks,
        [own == BODY for own in label],
        [TRUST.get(own, 0.0) for own in label],
        [own == CLUTTER for own in label],
        _known_text(lines) if page else KnownText(),
    )  # fmt: skip


def _known_text(lines: Sequence[Line]) -> KnownText:
    return KnownText(next(line.text for line in lines if line.label == TITLE))
