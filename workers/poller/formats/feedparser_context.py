"""The current dict of a feedparser parser, and functions that only need it. Both XML readers use them."""

from typing import Any


def keep_author_text(parser: Any, key: str = "author") -> None:
    """Store the text of an author element as its name, unchanged. Replaces feedparser's `_sync_author_detail`.

    feedparser removes addresses with top-level domains of up to four letters only. `workers.text.names` reads names.
    """
    context = parser._get_context()
    authors = context.get(f"{key}s")
    if authors and not authors[-1] and context.get(key):
        authors[-1]["name"] = context[key]


class Context:
    """Stand-in for a parser, for functions of feedparser that only need its context."""

    _sync_author_detail = keep_author_text

    def __init__(self, context: Any) -> None:
        self._get_context = lambda: context
