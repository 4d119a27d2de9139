"""The route of the demo: a topic of its own for stories about the waterside."""

import re
from dataclasses import replace

from streams.config.settings import Settings
from streams.config.tables import Route

ROUTE = Route(name="waterside", keyword=("ferry", "canal", "harbour"))
TABLE = f"""
[[routes]]
name = "{ROUTE.name}"
keyword = [{", ".join(f'"{word}"' for word in ROUTE.keyword)}]
"""
_EMPTY = re.compile(r"""^[ \t]*(["']?)routes\1[ \t]*=[ \t]*\[(?:\s|#[^\n]*\n)*\]""", re.MULTILINE)


def with_route_table(text: str) -> str:
    """Return the *text* of a copydesk.toml without routes with the table of the demo, in place of `routes = []`."""
    return _EMPTY.sub("", text, count=1) + TABLE


def with_demo_route(settings: Settings) -> Settings:
    """Return *settings* with the route of the demo, unless there are other routes."""
    return settings if settings.routes else replace(settings, routes=(ROUTE,))
