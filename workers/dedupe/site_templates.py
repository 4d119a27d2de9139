"""Changes of a site's template: articles whose body text is in other elements than that of earlier articles.

Each feed of a site is counted separately, since its pages may have their own template. The counts are fields of the
site history, so they need no further look-up.
"""

from collections.abc import Collection
from typing import NamedTuple

from streams.records import Item
from workers.clean.site_facts import CLUTTER_VOTE, SiteFacts, hash_key

FITTING, UNFITTING = 1, CLUTTER_VOTE  # votes of an article for its feed's template
MIN_FITTING = 8  # articles that prove a template
MAX_UNFITTING_SHARE = 0.25  # of them; a feed with more has several templates
CHANGED_ARTICLES = 5  # in a row without the template


class TemplateVote(NamedTuple):
    """The votes of an article, the keys whose counts restart at zero, and whether the template has changed."""

    votes: dict[bytes, int]
    reset: tuple[bytes, ...] = ()
    is_change: bool = False


def template_keys(feed: str) -> tuple[bytes, bytes]:
    """Return the keys of a feed's votes, and of its articles in a row without the template."""
    return hash_key(f"\0template {feed}"), hash_key(f"\0unfitting {feed}")


def site_keys(item: Item, line_keys: Collection[bytes]) -> frozenset[bytes]:
    """Return the keys of an item for a lookup in the site history. Only pages and dumps have a template."""
    is_whole = item.page is not None or item.text_dump
    return frozenset((*line_keys, *template_keys(item.feed)) if is_whole else line_keys)


def vote(facts: SiteFacts, feed: str, fits: bool | None) -> TemplateVote:
    """Return the vote of an article. *fits*: see `Evidence`."""
    if fits is None:
        return TemplateVote({})
    votes_key, row_key = template_keys(feed)
    row = facts.votes(row_key).repeats
    if fits:
        return TemplateVote({votes_key: FITTING}, (row_key,) if row else ())
    fitting, unfitting, _ = facts.votes(votes_key)
    if not fitting:
        return TemplateVote({})  # no template is known yet
    is_proven = fitting >= MIN_FITTING and unfitting - row <= MAX_UNFITTING_SHARE * fitting
    if is_proven and row + 1 >= CHANGED_ARTICLES:
        return TemplateVote({}, (votes_key, row_key), is_change=True)
    return TemplateVote({votes_key: UNFITTING, row_key: 1})
