"""The cases of ../shared that no other test module reads."""

from pathlib import Path

import pytest

from streams.errors import UnreadableError
from tests.workers.poller.cases import case_folder, parse_case
from workers.clean.cleaner import clean
from workers.desk.article import article_images, clean_item
from workers.poller.opml import read_opml

corpus = pytest.mark.corpus

# Case and file → title, link, paragraphs and URLs of images of each item.
Article = tuple[str, str, list[str], list[str]]
FEEDS: dict[tuple[str, str], list[Article]] = {
    ("017", "feed.xml"): [
        ("Wheel turns — again", "https://quarry.example/w", ["It did, café owners say."], []),
    ],
    ("018", "feed.xml"): [("Trust opens gates", "https://quarry.example/1", [], [])],
    ("020", "feed.xml"): [
        ("Tour dates", "https://quarry.example/1", ["On 3 May and 4 May here"], []),
        ("Second", "https://quarry.example/2", [], []),
    ],
    ("023", "feed.xml"): [("Préfecture fermée", "https://quarry.example/1", ["café rouvert"], [])],
    ("027", "feed.xml"): [("Quay lights on", "https://quarry.example/1", [], [])],
    ("057", "feed.xml"): [("t1", "https://quarry.example/1", [], []), ("t2", "https://quarry.example/2", [], [])],
    ("070", "a.json"): [("", "https://quarry.example/1", ["x"], []), ("T", "", ["y"], [])],
    ("074", "a.json"): [("", "https://quarry.example/1", ["x"], [])],
    ("086", "feed.xml"): [
        (
            "Bird", "https://quarry.example/posts/123.html",
            ["The upper pound was drained on Monday for the inspection.", "The lower pound follows next week, the trust said."],
            [],
        ),
    ],
    ("087", "feed.xml"): [
        (
            "Bird", "https://quarry.example/posts/123.html",
            ["This is a directly included child without a wrapper around it.", "This one stands in a division of the post itself."],
            [],
        ),
    ],
    ("088", "feed.xml"): [("Bird", "https://quarry.example/posts/123.html", ["Reading the old pump"], [])],
    ("089", "feed.xml"): [
        (
            "A", "https://quarry.example/1",
            ["The council voted by nine to four on Tuesday to keep the swing bridge open to traffic at night, "
             "and asked for a report by May."],
            ["https://quarry.example/p.jpg"],
        ),
    ],
    ("091", "a.json"): [
        (
            "Minutes", "https://quarry.example/1",
            ["Dear all,", "the keepers met on Monday at the lock house.", "- gates", "- pumps", "Regards, Ada"],
            [],
        ),
    ],
    ("147", "feed.xml"): [
        ("Nov & Dec", "https://quarry.example/In-Nov-&-Dec.html", [], []),
        ("Two", "https://quarry.example/2?a=1&b=2", [], []),
    ],
    ("182", "feed.xml"): [("Outer", "https://quarry.example/o", [], []), ("Inner", "https://quarry.example/i", [], [])],
}  # fmt: skip


@corpus
@pytest.mark.parametrize(("case", "name"), FEEDS)
def test_articles_of_case(shared: Path, case: str, name: str) -> None:
    articles = []
    for item in parse_case(shared, case, name).items:
        content = clean_item(item)
        images = [image.url for image in article_images(item, content)]
        articles.append((item.title, item.link, list(content.paragraphs), images))
    assert articles == FEEDS[case, name]


@corpus
def test_json_types_of_case_are_converted(shared: Path) -> None:
    items = parse_case(shared, "070", "a.json").items
    assert [item.guid for item in items] == ["123", "4.5"]
    assert [enclosure.length for enclosure in items[0].enclosures] == [1000, 2000]


@corpus
@pytest.mark.parametrize(
    ("name", "message"),
    [("a.html", "HTML page"), ("b.json", "no feed"), ("c.xml", "empty"), ("d.xml", "not a feed")],
)
def test_document_of_case_is_refused(shared: Path, name: str, message: str) -> None:
    with pytest.raises(UnreadableError, match=message):
        parse_case(shared, "195", name)


MONDAY = "The lock keepers met at the boathouse on Monday evening to settle the winter rota, the trust said."
NINE = "Nine of them will work through the holidays, and the upper gate stays closed until the ice has gone."
# Case → paragraphs of the cleaned article, and texts that its HTML has.
STORIES: dict[str, tuple[list[str], list[str]]] = {
    "100": ([MONDAY, NINE], ['src="https://cdn.example/kodi.webp"']),
    "105": ([MONDAY, NINE], ["https://www.youtube.com/embed/lGL7"]),
    "107": (
        [
            MONDAY, "The upper gate is shut. Please use the slipway at the mill.\nOpen again in March.",
            "— Canal Trust (@canal) November 20, 2026", NINE,
        ],
        ["https://twitter.example/canal/status/5678"],
    ),
    "111": (
        ["Use pip install lockgate to install it, then call .open() as shown below.", MONDAY],
        ["<code>pip install lockgate</code>"],
    ),
    "113": (
        [
            MONDAY, "Gates that are raised by hand at each end of the pound.",
            "Pumps that refill it from the river below.", NINE,
        ],
        ["<ul><li>Gates"],
    ),
    "115": (["A gate is balanced when F=\\rho gh holds on both of its sides.", MONDAY], []),
    "123": ([MONDAY, NINE], []),
    "125": (
        [
            "Did the trust agree to that, and when was it told of the leak below the upper gate? "
            "There are six points to be made here.",
            "The trust was told in March by its own engineer, who wrote a letter.",
            "The letter was read out in April, and the minutes say so.",
            "Nobody asked a question about it until the water came.",
            "All of this was known before the flood, and none of it was published until the papers asked for the minutes.",
            "First came the engineer's letter to the trust.", "Then came the water over the towpath.",
        ],
        ["<ul><li>", "<ol><li>"],
    ),
    "127": (
        [MONDAY, "Ward", "Yes", "No", "Old Town", "412", "377", "Millside", "95", "601", NINE],
        ["<td>Old Town</td><td>412</td>"],
    ),
    "129": (
        [
            "The keeper's first report is from Monday.", "His second one says that the gate leaks.",
            "In March and April it was dry.", "One\nTwo",
        ],
        [],
    ),
    "130": (
        [
            MONDAY, "What the minutes say",
            "They say that the engineer's letter was read out in April, and that nobody asked about it.", NINE,
        ],
        [],
    ),
    "131": (
        [MONDAY, "the root of the survey and the upper one are both kept by the trust in its house."],
        ['src="https://cdn.example/a%20b.jpg"', 'href="https://quarry.example/root/x"', 'href="https://quarry.example/up?x=1"'],
    ),
    "132": ([MONDAY, "from lock import Gate\ngate = Gate()\n  gate.open()", NINE], ["<pre>from lock"]),
    "133": ([MONDAY, NINE], ['src="https://cdn.example/ice.jpg"', "!stats.example", "!feedburner"]),
    "134": (
        [
            'המחיר עלה ל-5% לפי הדו"ח של העירייה שפורסם ביום שני בערב, אמר הדובר.',
            "הגשר ייפתח שוב בחודש מרץ לאחר התיקון של השער העליון ושל המשאבות.",
        ],
        [],
    ),
    "171": ([MONDAY, NINE], []),
    "172": ([MONDAY, NINE], []),
}  # fmt: skip


@corpus
@pytest.mark.parametrize("case", STORIES)
def test_article_of_story_case(shared: Path, case: str) -> None:
    story = (case_folder(shared, case) / "story.html").read_text("utf-8")
    input_type = "page" if story.startswith("<html") else "html"
    article = clean(story, input_type, title="A title", url="https://quarry.example/story")
    paragraphs, texts = STORIES[case]
    assert list(article.paragraphs) == paragraphs
    for text in texts:
        assert (text.removeprefix("!") in article.html) is not text.startswith("!"), text


# Case → URLs and folders of the feeds.
OPML = {
    "140": [("http://q.example/mit", "tech")],
    "142": [("http://q.example/nu", "Wetenschap"), ("http://q.example/b", "Boston/Weather")],
    "143": [("http://q.example/?format=raw&feedname=1", ""), ("http://q.example/ok", "")],
    "144": [("http://q.example/a", ""), ("http://q.example/b", ""), ("http://q.example/c", "")],
}


@corpus
@pytest.mark.parametrize("case", OPML)
def test_feeds_of_opml_case(shared: Path, case: str) -> None:
    assert read_opml(case_folder(shared, case) / "a.opml") == OPML[case]
