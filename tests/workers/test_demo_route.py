"""The route of the demo in the copy of copydesk.toml that the workers read."""

from pathlib import Path

import pytest

from streams.config.settings import load_settings
from workers.demo.route import ROUTE, with_route_table

EMPTY = (
    "routes = []\n",
    'demo = "on"\n  "routes"=[ # no routes = []\n  ]\n\n[[feeds]]\nurl = "https://a.example/*"\n',
    "routes = []",
    "",
    'demo = "on"',
)


@pytest.mark.parametrize("text", EMPTY)
def test_demo_route_replaces_empty_array(text: str, tmp_path: Path) -> None:
    path = tmp_path / "copydesk.toml"
    path.write_text(text)
    before = load_settings({}, {"COPYDESK_CONFIG": str(path)})
    path.write_text(with_route_table(text))
    after = load_settings({}, {"COPYDESK_CONFIG": str(path)})
    assert (before.routes, after.routes) == ((), (ROUTE,))
    assert (after.feeds, after.demo) == (before.feeds, before.demo)
