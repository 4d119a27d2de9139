"""The cleaner: one row per rule, and results for whole documents. All stories are invented."""

import json
from pathlib import Path

import pytest

from tests.conftest import copydesk
from tests.support.articles import HEADLINES, STORY
from workers.clean.cleaner import clean, detect_gallery
from workers.clean.credits import parse_byline
from workers.clean.document import detect_input_type
from workers.clean.line_types import is_feed_tail, is_headline, is_link_label, is_prompt, is_sentence, word_count
from workers.clean.rules.feed_tails import FEED_TAILS
from workers.clean.rules.labels import INLINE_LEADS, LINK_LABELS
from workers.clean.rules.prompts import PROMPTS
from workers.text.date_lines import parse_date_line
from workers.text.dates import MONTHS
from workers.text.encoding import decode
from workers.text.normalise import match_key

PARAGRAPHS = "".join(f"<p>{p}</p>" for p in STORY)


def feed(extra: str, title: str = "Salt canal reopens") -> tuple[str, ...]:
    return clean(PARAGRAPHS + extra, "html", title=title, url="https://a.example/1").paragraphs


@pytest.mark.parametrize(
    "clutter",
    [
        "<h3>Explore</h3><ul>" + "".join(f'<li><a href="/{n}">{h}</a></li>' for n, h in enumerate(HEADLINES)) + "</ul>",
        "<div>Recommended</div><div>"
        + "".join(f'<p><a href="/{n}">{h}</a></p>' for n, h in enumerate(HEADLINES))
        + "</div>",
        "<p>Lire aussi</p><ul><li><a href='/1'>" + HEADLINES[0] + "</a></li></ul>",
        "<p><b>ALSO READ:</b> <a href='/1'>" + HEADLINES[0] + "</a></p>",
        "<p>Читайте также: <a href='/1'>" + HEADLINES[1] + "</a></p>",
        "<p>The post <a href='/1'>Salt canal reopens</a> appeared first on <a href='/'>The Lanthe Courier</a>.</p>",
        "<p><a href='/1'>Continue reading</a></p>",
        "<p><a href='/1'>Read more...</a></p>",
        "<p><a href='f'>Facebook</a> | <a href='t'>Twitter</a> | <a href='e'>Email</a></p>",
        "<p>Sign up for our newsletter to get the best of Lanthe every morning</p>",
        "<div class='related'><a href='/1'>" + HEADLINES[0] + "</a></div>",
        "<a href='/1'>" + HEADLINES[0] + "</a><br><a href='/2'>" + HEADLINES[1] + "</a><br>",
        "<img src='https://pixel.a.example/track.gif' width='1' height='1'>",
        "<script>alert(1)</script><style>p{}</style><form><input></form>",
        "<p></p><p>&nbsp;</p><div><br></div>",
    ],
)
def test_clean_feed_item_removes_clutter_only(clutter: str) -> None:
    assert feed(clutter) == STORY


@pytest.mark.parametrize(
    "body",
    [
        "<p>Explore the old town on foot, and see the copper observatory before dusk.</p>",
        "<p>More than forty people read the plans. Related costs were not given.</p>",
        "<p>She said: <a href='/x'>the bridge stays</a>, and nobody laughed at the harbour that day.</p>",
        "<h2>A quiet winter</h2>",
        "<blockquote>It was the loudest hour of my life.</blockquote>",
        "<ul><li>Bring boots and a lamp.</li><li>Leave the dog at home.</li></ul>",
        "<p>Read: it is the only advice that she ever gave to the apprentices who came to her.</p>",
        "<table><tr><td>Swans</td><td>64</td></tr></table>",
    ],
)
def test_body_text_is_never_removed(body: str) -> None:
    from lxml import html

    tree = html.fromstring(body.replace("</li>", " </li>").replace("</td>", " </td>"))
    words = "".join(map(str, tree.itertext())).split()
    assert " ".join(" ".join(feed(body)).split()[-len(words) :]) == " ".join(words)


@pytest.mark.parametrize(
    ("paragraph", "expected"),
    [
        ("The board meets again in May. <a href='/s'>Sign up for our newsletter to get more</a>.", "The board meets again in May."),
        ("The board meets again in May. <b><a href='/s'>Click here to read more</a></b>", "The board meets again in May."),
        ("The board meets in May. Follow us on Twitter and Facebook", "The board meets in May."),
        ("The <b>board meets. Follow us on</b> Twitter", "The board meets. Follow us on Twitter"),
        ("She has quit Facebook. Twitter.", "She has quit Facebook. Twitter."),
        ("Click here to read more.", ""),
    ],
)  # fmt: skip
def test_trailing_prompt_is_removed_without_breaking_markup(paragraph: str, expected: str) -> None:
    content = clean(f"<p>{STORY[0]}</p><p>{paragraph}</p>", "html", url="https://a.example/1")
    assert content.paragraphs == (STORY[0], *filter(None, [expected]))
    assert expected in content.html or "<b>" in content.html
    assert ("Click" in content.html, "Sign up" in content.html) == (False, False)


def test_clean_short_input_never_becomes_empty() -> None:
    assert clean("Déjà vu is over.\nReally", "text").paragraphs == ("Déjà vu is over.", "Really")
    assert clean("<!doctype html><html><body><div>Fog</div><div>Rain</div></body></html>").paragraphs != ()


@pytest.mark.parametrize(
    "note",
    [
        "Correction: an earlier version gave the wrong year.",
        "This article was amended on 3 March to add a name.",
        "Anmerkung der Redaktion: Das Jahr wurde berichtigt.",
        "Correctif : l'année a été corrigée.",
    ],
)
def test_correction_notes_stay(note: str) -> None:
    assert feed(f"<p>{note}</p>") == (*STORY, note)
    assert note in clean("\n".join((HEADLINES[0], *STORY, note, "Explore", *HEADLINES))).paragraphs


def test_article_type_from_json_ld_and_images() -> None:
    ld = '<script type="application/ld+json">{"@graph":[{"@type":"LiveBlogPosting","headline":"Canal reopens: live","dateModified":"2026-03-03T12:00:00Z","articleSection":["Harbour"]}]}</script>'
    page = f"<!doctype html><html><head>{ld}</head><body><article><h1>Canal reopens: live</h1>{PARAGRAPHS}</article></body></html>"
    content = clean(page)
    assert (content.article_type, content.kicker, content.title) == ("live blog", "Harbour", "Canal reopens: live")
    assert content.updated is not None
    figures = "".join(f"<figure><img src='/{n}.jpg'><figcaption>Swan {n}</figcaption></figure>" for n in range(9))
    assert detect_gallery(clean(f"<p>{STORY[0]}</p>{figures}", "html", url="https://a.example/")) == "gallery"
    assert detect_gallery(clean(PARAGRAPHS, "html")) == ""


# 20,000 blocks or 5,000,000 characters are the limits. Few blocks with many characters take a tenth of the time.
OVERSIZED = {
    "text": "word word\n" * 25_000,
    "html": "<p>word word</p>\n" * 25_000,
    "page": f"<p>{'word ' * 5_000}</p>" * 210,
}


@pytest.mark.parametrize("kind", OVERSIZED)
def test_clean_oversized_input_reports_truncation(kind: str) -> None:
    content = clean(OVERSIZED[kind], kind)
    assert [r.kind for r in content.removed if r.kind == "cut"] == ["cut"]
    assert any("only the first" in r.reason for r in content.removed)


@pytest.mark.parametrize(("count", "lines"), [(4, "4 lines"), (1, "1 line")])
def test_removed_link_block_has_label_and_reason(count: int, lines: str) -> None:
    headlines = HEADLINES[:count]
    content = clean(
        PARAGRAPHS
        + "<h3>Explore</h3><ul>"
        + "".join(f'<li><a href="/{n}?utm_source=x">{h}</a></li>' for n, h in enumerate(headlines))
        + "</ul>",
        "html",
        url="https://a.example/",
    )
    [block] = content.removed
    assert (block.kind, block.label) == ("link block", "Explore")
    assert block.text == "\n".join(headlines)
    assert [link.url for link in block.links] == [f"https://a.example/{n}" for n in range(count)]
    assert block.reason == f"the label 'Explore' and the {lines} below it"


def test_render_keeps_structure_and_removes_scripts() -> None:
    content = clean(
        '<h1>T</h1><p onclick="x()">See <a href="/b?utm_source=f&amp;c=1" target="_blank">this</a>.</p>'
        '<figure><img data-src="/i.jpg" src="data:image/gif;base64,R0" onerror="x()" alt="A tide"><figcaption>High tide. Photo: Ida Marrow</figcaption></figure>'
        '<blockquote><p>Quote</p></blockquote><a href="javascript:x()">bad</a><iframe src="//e"></iframe>',
        "html", url="https://a.example/x",
    )  # fmt: skip
    assert '<a href="https://a.example/b?c=1" rel="noopener noreferrer">this</a>' in content.html
    assert '<img src="https://a.example/i.jpg" alt="A tide">' in content.html
    assert "<blockquote>" in content.html
    assert not any(bad in content.html for bad in ("onclick", "onerror", "javascript", "iframe", "<h1"))
    assert (content.images[0].url, content.images[0].caption, content.images[0].credit) == (
        "https://a.example/i.jpg",
        "High tide.",
        "Ida Marrow",
    )


TEXT = """SCIENCE
3 min read
{title}
A low hum has been recorded near the town, and nobody can say what made it.
{title}
The hum was first heard by an organist. / Orrin Wire
By Ida Marrow and Tomas Velk
March 3, 2026

{body}

Recommended

{last}

SOURCE: Orrin Wire and agencies
Explore
{headlines}"""


def test_clean_text_dump_fills_header_fields() -> None:
    title = "Scientists near Dunscar hear a nine-day hum"
    text = TEXT.format(title=title, body="\n\n".join(STORY[:2]), last=STORY[2], headlines="\n".join(HEADLINES))
    content = clean(text)
    assert (content.title, content.kicker, content.reading_minutes) == (title, "SCIENCE", 3)
    assert content.dek.startswith("A low hum")
    assert content.byline == ("Ida Marrow", "Tomas Velk")
    assert content.published is not None
    assert content.published.isoformat() == "2026-03-03T00:00:00+00:00"
    assert content.source_credit == "Orrin Wire and agencies"
    assert (content.images[0].caption, content.images[0].credit) == (
        "The hum was first heard by an organist.",
        "Orrin Wire",
    )
    assert content.paragraphs == STORY
    assert [(r.label, r.kind) for r in content.removed if r.label] == [
        ("Recommended", "label"),
        ("Explore", "link block"),
    ]


def test_seed_article_exact(shared: Path, tmp_path: Path) -> None:
    [seed] = (shared / "seeds").glob("000_*.txt")
    row = json.loads(copydesk("clean", str(seed), "--json", cwd=tmp_path).stdout)
    lines = seed.read_text("utf-8").splitlines()
    assert (row["kicker"], row["reading_minutes"], row["title"]) == ("WORLD", 2, lines[2])
    assert row["dek"] == lines[3]
    assert row["byline"] == ["Staff Reporter"]
    assert row["published"].startswith("2017-02-26")
    assert row["source_credit"] == "TRTWorld and agencies"
    caption, _, credit = lines[5].rpartition(" / ")
    assert row["images"] == [{"caption": caption, "credit": credit}]
    explore = lines.index("Explore")
    body = [s for s in lines[8:explore] if s and s != "Recommended" and not s.startswith("SOURCE")]
    assert row["paragraphs"] == body
    assert len(body) == 5
    by_label = {r.get("label"): r for r in row["removed"]}
    assert by_label["Explore"]["text"].split("\n") == lines[explore + 1 :]
    assert len(lines[explore + 1 :]) == 16
    assert "Recommended" in by_label
    assert all(r["reason"] for r in row["removed"])
    assert row["html"].count("Explore") == 0


def test_clean_page_returns_story_and_metadata() -> None:
    nav = "".join(f'<li><a href="/{n}">{h}</a></li>' for n, h in enumerate(HEADLINES * 3))
    page = (
        '<!doctype html><html lang="en"><head><title>Salt canal reopens - The Lanthe Courier</title>'
        '<meta property="og:site_name" content="The Lanthe Courier"><link rel="canonical" href="/canal?utm_source=x">'
        '<script type="application/ld+json">{"@type":"NewsArticle","headline":"Salt canal reopens","datePublished":"2026-03-03T10:00:00+02:00","author":[{"name":"Ida Marrow"}]}</script></head>'
        f"<body><nav><ul>{nav}</ul></nav><article><h1>Salt canal reopens</h1>{PARAGRAPHS}</article><footer>Terms</footer></body></html>"
    )
    content = clean(page, url="https://courier.example/x")
    assert content.paragraphs == STORY
    assert (content.title, content.publisher, content.language) == ("Salt canal reopens", "The Lanthe Courier", "en")
    assert content.canonical_url == "https://courier.example/canal"
    assert content.byline == ("Ida Marrow",)
    assert content.published is not None
    assert content.published.isoformat() == "2026-03-03T08:00:00+00:00"


@pytest.mark.parametrize(
    ("data", "kind"),
    [("<!DOCTYPE html><p>x", "page"), ("<p>x</p>", "html"), ("a < b and c > d", "text"), ("", "text"), ("plain\nlines", "text"), ("x<br/>y", "html")],
)  # fmt: skip
def test_detect_input_type(data: str, kind: str) -> None:
    assert detect_input_type(data) == kind


@pytest.mark.parametrize(
    ("line", "date"),
    [
        ("February 26, 2017", "2017-02-26T00:00"),
        ("26 Feb 2017", "2017-02-26T00:00"),
        ("Published: 2017-02-26 10:30 UTC", "2017-02-26T10:30"),
        ("Updated on March 3, 2026 at 4:05 PM EST", "2026-03-03T21:05"),
        ("Tuesday, 3 March 2026", "2026-03-03T00:00"),
        ("The board met on March 3, 2026 and agreed", None),
        ("2026", None),
        ("99 March 2026", None),
        ("3. März 2026, 14:30 Uhr", "2026-03-03T14:30"),
        ("mardi 3 mars 2026 à 14h30", "2026-03-03T14:30"),
        ("martes, 3 de marzo de 2026", "2026-03-03T00:00"),
        ("1er août 2025", "2025-08-01T00:00"),
        ("3 Mart 2026", "2026-03-03T00:00"),
        ("вторник, 3 марта 2026, 14:30", "2026-03-03T14:30"),
        ("3 Μαρτίου 2026", "2026-03-03T00:00"),
        ("2026年3月3日 14時30分", "2026-03-03T14:30"),
        ("2026년 3월 3일", "2026-03-03T00:00"),
        ("26.02.2017 14:30", "2017-02-26T14:30"),
        ("3 مارس 2026", "2026-03-03T00:00"),
        ("Am 3. März 2026 war er da", None),
        ("03/04/2026", None),  # ambiguous
    ],
)
def test_parse_date_line(line: str, date: str | None) -> None:
    time = parse_date_line(line)
    assert (time.strftime("%Y-%m-%dT%H:%M") if time else None) == date


def test_months_each_language_has_twelve() -> None:
    assert {language: len(names.split()) for language, names in MONTHS.items()} == dict.fromkeys(MONTHS, 12)


@pytest.mark.parametrize(
    ("byline", "names"),
    [
        ("Ida Marrow", ("Ida Marrow",)),
        ("Ida Marrow and Tomas Velk", ("Ida Marrow", "Tomas Velk")),
        ("Ida Marrow, Tomas Velk & Liv Harrowgate", ("Ida Marrow", "Tomas Velk", "Liv Harrowgate")),
        ("Ida Marrow | Orrin Wire", ("Ida Marrow",)),
        ("Ida Marrow in Port Maren", ("Ida Marrow",)),
        ("Ida Marrow, courts correspondent", ("Ida Marrow",)),
        ("Ida Marrow, Chief Political Correspondent", ("Ida Marrow",)),
        ("Ida Marrow and Tomas Velk, staff writers", ("Ida Marrow", "Tomas Velk")),
    ],
)
def test_parse_byline(byline: str, names: tuple[str, ...]) -> None:
    assert parse_byline(byline) == names


def test_line_types_of_words_sentences_and_headlines() -> None:
    assert word_count("one two three") == 3
    assert word_count("海面が上昇した") == 4
    assert is_sentence("The board met and agreed on the plan that it had made.")
    assert not is_sentence("Board agrees")
    assert is_headline("Can the night-tram still be saved?")


def test_clutter_tables_are_lowercase_and_unique() -> None:
    for labels in LINK_LABELS.values():
        for label in labels:
            assert match_key(label), label
            assert is_link_label(label.upper() + ":") or is_link_label(label), label
    assert len(set(INLINE_LEADS)) == len(INLINE_LEADS)
    assert all(lead == lead.lower() for lead in INLINE_LEADS)


@pytest.mark.parametrize(
    "text",
    [
        "Subscribe to our newsletter",
        "Advertisement",
        "Share this article",
        "© 2026 The Lanthe Courier",
        "Facebook Twitter Email",
    ],
)
def test_prompt_patterns(text: str) -> None:
    assert is_prompt(text)


@pytest.mark.parametrize(
    "text", [*STORY, *HEADLINES, "Share prices fell on Monday after the board met, and rose again."]
)
def test_prompt_patterns_do_not_match_stories(text: str) -> None:
    assert not is_prompt(text)
    assert not is_feed_tail(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 5000,
        "facebook " * 2000 + "!",
        "the post " * 500,
        " " * 100_000,
        "<p>" * 20_000,
        "<a href=x>" * 5_000,
        "read more: " * 800,
        "1|2|" * 3000,
        "1" * 250 + "!",
        "copy link " * 25 + "!",
        "Comments " * 25 + "!",
        "It was late. " + "2009 " * 40 + "and so on",
    ],
)
def test_patterns_terminate_on_hostile_line(text: str) -> None:
    """Clean a hostile line. A pattern that backtracks without end exceeds the time limit of the test run."""
    for kind in ("text", "html", "page"):
        clean(text, kind)
    for pattern in (*PROMPTS, *FEED_TAILS):
        pattern.fullmatch(text[:600])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("déjà".encode(), "déjà"),
        (b"\xef\xbb\xbfx", "x"),
        ("déjà".encode("cp1252"), "déjà"),
        (b"<meta charset=windows-1251>" + "Привет".encode("cp1251"), "<meta charset=windows-1251>Привет"),
        ("x".encode("utf-16"), "x"),
        (b"<meta charset=nonsense>\xff", "<meta charset=nonsense>\ufffd"),
    ],
)
def test_decode_charsets(data: bytes, text: str) -> None:
    assert decode(data) == text
