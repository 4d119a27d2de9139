"""The route of the demo: a topic of its own for stories about the waterside."""

from dataclasses import replace

from streams.config.settings import Settings
from streams.config.tables import Route

ROUTE = Route(name="waterside", keyword=("ferry", "canal", "harbour"))
TABLE = f"""
[[routes]]
name = "{ROUTE.name}"
keyword = [{", ".join(f'"{word}"' for word in ROUTE.keyword)}]
"""


def with_demo_route(settings: Settings) -> Settings:
    """Return *settings* with the route of the demo, unless there are other routes."""
    return settings if settings.routes else replace(settings, routes=(ROUTE,))
