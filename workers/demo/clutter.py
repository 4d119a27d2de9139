"""Bodies of the demo's stories with the clutter of real outlets, which varies by story and language. Pure."""

from collections.abc import Callable, Sequence
from html import escape

from workers.demo.stories import Story

LINKS = 6  # headlines in a list
EXPLORE = "Explore"  # the label above the headlines of other stories
LABELS = {
    "en": (EXPLORE, "ALSO READ:", "Most read"),
    "de": ("Mehr zum Thema", "Lesen Sie auch:", "Meistgelesen"),
    "es": ("Más noticias", "Lea también:", "Lo más leído"),
    "fr": ("Sur le même sujet", "À lire aussi :", "Les plus lus"),
}
NEWSLETTERS = {
    "en": "Sign up for our newsletter and get the top stories in your inbox.",
    "de": "Abonnieren Sie unseren Newsletter.",
    "es": "Suscríbase a nuestro boletín.",
    "fr": "Abonnez-vous à notre newsletter.",
}

Parts = tuple[Sequence[str], Sequence[str], Sequence[str]]
"""Clutter before the first paragraph, in the middle, and after the last one."""


def body(story: Story, others: Sequence[Story]) -> str:
    """Return the HTML of *story* with clutter that links *others*."""
    others = [other for other in others if other.number != story.number]
    before, middle, after = KITS[story.number % len(KITS)](story, others)
    half = (len(story.paragraphs) + 1) // 2
    paragraphs = [f"<p>{escape(paragraph)}</p>" for paragraph in story.paragraphs]
    pixel = f'<img src="https://pixel.{story.outlet.slug}.example/t.gif?n={story.number}" width="1" height="1">'
    return "\n".join((*before, *paragraphs[:half], *middle, *paragraphs[half:], *after, pixel))


def _explore(story: Story, others: Sequence[Story]) -> Parts:
    """Return a link to another story, a share bar, a list of headlines, and the tail of a syndication plug-in."""
    label, also, _ = LABELS[story.outlet.language]
    share = (
        '<p class="share"><a href="https://social.example/s">Facebook</a> | <a href="https://x.example">Twitter</a></p>'
    )
    origin = f"https://{story.outlet.slug}.example"
    tail = f'<p>The post <a href="{story.url}">{escape(story.title)}</a> appeared first on <a href="{origin}">{escape(story.outlet.name)}</a>.</p>'
    after = (share, f"<h3>{label}</h3>", _links(others), *([tail] if story.outlet.language == "en" else []))
    return (), _link_line(also, others, story.number), after


def _newsletter(story: Story, others: Sequence[Story]) -> Parts:
    """Return a request to subscribe, and a list of the most read stories."""
    _, _, most_read = LABELS[story.outlet.language]
    request = f'<p class="newsletter"><a href="https://{story.outlet.slug}.example/mail">{NEWSLETTERS[story.outlet.language]}</a></p>'
    return (), (request,), (f"<h4>{most_read}</h4>", _links(others))


def _notices(story: Story, others: Sequence[Story]) -> Parts:
    """Return two links to other stories, and a copyright notice."""
    label, also, _ = LABELS[story.outlet.language]
    notice = f"<p>© 2026 {escape(story.outlet.name)}. All rights reserved.</p>"
    after = (f"<p><b>{label}</b></p>", _links(others[:3]), notice)
    return _link_line(also, others, story.number), (), after


KITS: tuple[Callable[[Story, Sequence[Story]], Parts], ...] = (_explore, _newsletter, _explore, _notices)


def _links(others: Sequence[Story]) -> str:
    items = (f'<li><a href="{other.url}?ref=explore">{escape(other.title)}</a></li>' for other in others[:LINKS])
    return f"<ul>{''.join(items)}</ul>"


def _link_line(label: str, others: Sequence[Story], number: int) -> tuple[str, ...]:
    """Return a paragraph with a label and one link; none without another story."""
    if not others:
        return ()
    other = others[number % len(others)]
    return (f'<p><strong>{label}</strong> <a href="{other.url}">{escape(other.title)}</a></p>',)
