"""Keywords and routes: the same matches as one search per keyword, in time that does not grow with their number."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.config.tables import Route, Rule
from streams.keywords import _NO_SPACE_SCRIPTS, KeywordIndex, fold
from streams.records import Article
from streams.routing import Router, matches, route_topics

PARTS = st.sampled_from(
    ["a", "b", "ab", "é", "_", "1", " ", "  ", "-", "#", "#a", ".", "\n", "港", "東", "京", "の", "हि", "i\u0307"]
)
TEXTS = st.lists(PARTS, min_size=1, max_size=30).map("".join)


def occurs(text: str, keyword: str) -> bool:
    """Search one keyword, as the definition says."""
    if _NO_SPACE_SCRIPTS.search(keyword):
        return keyword in text
    return re.search(rf"(?<!\w){re.escape(keyword)}(?!\w)", text) is not None


@given(TEXTS, st.lists(st.lists(PARTS, min_size=1, max_size=5).map("".join), max_size=8))
def test_keyword_index_agrees_with_single_searches(text: str, keywords: list[str]) -> None:
    folded = {fold(keyword) for keyword in keywords}
    assert KeywordIndex(folded).find(fold(text)) == {keyword for keyword in folded if occurs(fold(text), keyword)}


@pytest.mark.parametrize(
    ("keyword", "text", "expected"),
    [
        ("harbour 3 of", "The Harbour 3 of Orrin", True),
        ("harbour 3 of", "The Harbour 3 often", False),
        ("#ships", "News #Ships!", True),
        ("#ships", "News x#ships", False),
        (".net", "Of .NET and others", True),
        ("港", "東京の港が", True),
        ("می‌خواهم", "او میخواهم گفت", True),  # the joiner is optional
        ("c++", "C++ and C", True),
        ("c", "C++ and D", True),
    ],
)
def test_keyword_in_title_matches(keyword: str, text: str, expected: bool) -> None:
    assert matches(Article(id="a", revision=1, title=text), Rule(keyword=(keyword,))) is expected


def test_routes_keep_their_order_and_conditions() -> None:
    routes = [
        Route(name="all", none_of=(Rule(tag=("sport",)),)),
        Route(name="b", keyword=("ferry", "canal"), language=("en",)),
        Route(name="a", keyword=("canal",)),
        Route(name="c", any_of=(Rule(keyword=("canal",)), Rule(tag=("x",)))),
        Route(name="d", tag=("ships",), none_of=(Rule(keyword=("canal",)),)),
    ]
    article = Article(id="a", revision=1, title="The canal", language="en-GB", tags=("ships",))
    assert Router(routes).route_names(article) == ["all", "b", "a", "c"]
    assert Router(routes).explain(article)[4] == ("d", {"tag": True, "not": False})


def test_routes_of_one_name_share_their_topic() -> None:
    routes = [Route(name="ports", keyword=("canal",)), Route(name="ports", tag=("ships",)), Route(name="a")]
    article = Article(id="a", revision=1, title="The canal", tags=("ships",))
    router = Router(routes)
    assert router.route_names(article) == router.names == ["ports", "a"]
    assert [name for name, _ in router.explain(article)] == ["ports", "ports", "a"]
    assert [topic.name for topic in route_topics(routes)] == ["copydesk.articles.ports", "copydesk.articles.a"]


def cpu_ms(routes: list[Route], article: Article) -> float:
    router = Router(routes)
    router.route_names(article)
    start_s = time.process_time()
    for _ in range(20):
        router.route_names(article)
    return (time.process_time() - start_s) * 50


@pytest.mark.parametrize("script", ["latin", "han"])
def test_routing_cost_does_not_grow_with_keywords(script: str) -> None:
    """1,000 routes with 100,000 keywords, of which the text has a few, against one route."""
    han = [chr(0x4E00 + n % 300) + chr(0x4E00 + n // 300) for n in range(100_000)]
    words = [f"word{n}" if n % 2 else f"harbour {n} of" for n in range(100_000)] if script == "latin" else han
    routes = [Route(name=f"r{n}", keyword=tuple(words[n * 100 : n * 100 + 100])) for n in range(1_000)]
    sentence = (
        "The harbour 7 of Orrin was sold, and word9 of it went round. " if script == "latin" else "港" * 60 + han[5]
    )
    article = Article(id="a", revision=1, title="Title", paragraphs=(sentence,) * 50)
    assert cpu_ms(routes, article) < 20 + 20 * cpu_ms(routes[:1], article)
