"""Routes: a table of rules, with and without a match."""

from pathlib import Path

import pytest

from streams.config.settings import load_settings
from streams.records import Article
from streams.routing import Router

ARTICLE = Article(
    id="a", revision=1, title="The Harbour opens", kicker="WORLD", language="en-GB", publisher="Orrin Wire",
    feed="https://orrin.example/f", folder="news/world", tags=("Ships",), paragraphs=("Ferries of İzmir.", "東京の港が開いた。"),
)  # fmt: skip
RULES = [
    ('section = "world"', True),
    ('language = "en"', True),
    ('language = ["de", "en-gb"]', True),
    ('folder = "news"', True),
    ('folder = "world"', False),
    ('tag = "ships"\npublisher = "the tarn observer"', False),  # all of the fields
    ('keyword = "harbour"', True),
    ('keyword = "harb"', False),  # whole words
    ('keyword = "ferries of"', True),
    ('keyword = "港"', True),  # a script without spaces
    ('keyword = "船"', False),
    ('not = { tag = "ships" }', False),
    ('keyword = "harbour"\nnot = { section = "sport" }', True),
    ('any = [ { tag = "trains" }, { section = "world" } ]', True),
    ('any = [ { tag = "trains" }, { section = "sport" } ]', False),
    ('any = [ { tag = "trains" }, { not = { section = "sport" }, language = "en" } ]', True),
    ('not = [ { tag = "trains" }, { any = [ { keyword = "ferries" } ] } ]', False),
]


@pytest.mark.parametrize(("rule", "matches"), RULES, ids=[rule for rule, _ in RULES])
def test_rule_matching(rule: str, matches: bool, tmp_path: Path) -> None:
    path = tmp_path / "copydesk.toml"
    path.write_text(f'[[routes]]\nname = "it"\n{rule}\n')
    routes = load_settings(environ={"COPYDESK_CONFIG": str(path)}).routes
    router = Router(routes)
    assert router.route_names(ARTICLE) == (["it"] if matches else [])
    assert all(router.explain(ARTICLE)[0][1].values()) is matches
