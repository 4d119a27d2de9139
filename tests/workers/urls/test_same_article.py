"""Links of one article and of two, by the rules that each decide it: a regression table."""

import pytest

from workers.urls.canonical import canonicalise

SAME = (
    ("https://a.example/x?__twitter_impression=true", "https://a.example/x"),
    ("https://a.example/x?wpamp", "https://a.example/x"),
    ("https://a.example/x?wpamp=1", "https://a.example/x"),
    ("https://a.example/x?amp_analytics=1", "https://a.example/x"),
    ("https://a.example/x?partner=rss", "https://a.example/x"),
    ("https://a.example/x?partner=rss&emc=rss", "https://a.example/x"),
    ("https://a.example/?post_type=recipe&p=28029", "https://a.example/?p=28029"),
    ("https://a.example/caf%c3%a9", "https://a.example/café"),
    ("https://a.example/%7Eu/x", "https://a.example/~u/x"),
    ("https://bücher.example/a", "https://xn--bcher-kva.example/a"),
)
DIFFERENT = (
    ("https://a.example/reviews/guitar/amp", "https://a.example/reviews/guitar"),
    ("https://a.example/x#comment-7", "https://a.example/x"),
    ("https://a.example/x#comment-7", "https://a.example/x#comment-8"),
    ("https://a.example/changelog#2027-01-02", "https://a.example/changelog#2027-02-03"),
    ("https://a.example/changelog#2027-01-02", "https://a.example/changelog"),
    ("https://a.example/sport/salt-canal-opens-20260222", "https://a.example/weather/salt-canal-opens-20260222"),
    ("https://a.example/sport/20260222/salt-canal-opens", "https://a.example/weather/20260222/salt-canal-opens"),
    ("https://a.example/x?partner=north", "https://a.example/x"),
    ("https://a.example/?post_type=recipe", "https://a.example/"),
    ("https://a.example/x?post_type=recipe&p=1", "https://a.example/x?post_type=recipe&p=2"),
)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_links_of_one_article_have_one_key(one: str, other: str) -> None:
    assert canonicalise(one).key == canonicalise(other).key


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_links_of_two_articles_have_two_keys(one: str, other: str) -> None:
    assert canonicalise(one).key != canonicalise(other).key
