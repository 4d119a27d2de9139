"""Regressions that lost or changed text: open buttons, joiners, images without a source, long capitals."""

import pytest

from streams.config.tables import Rule
from streams.records import Article
from streams.routing import matches
from workers.clean.cleaner import clean
from workers.clean.rules.bylines import DATELINE
from workers.dedupe.fingerprint import fingerprint
from workers.dedupe.near_duplicates.signature import signature_of
from workers.text.markup import strip_invisible_elements, strip_tags
from workers.text.normalise import match_key, plain_text
from workers.urls.tracking import image_link

LINES = [
    f"The harbour board of Fauna said on Monday that pier number {n} would be rebuilt in stone, after the storm broke it."
    for n in ("one", "two", "three", "four")
]
STORY = "".join(f"<p>{line}</p>" for line in LINES)
PERSIAN = "آن‌ها می‌خواهند که پل‌های شهر را دوباره بسازند."
SINHALA = "ශ්‍රී ලංකාවේ පාලම අද විවෘත විය."
MALAYALAM = "അവന്‍ വന്നു."  # an old chillu: a virama and U+200D at the end of a word
EMOJI = "The family 👨‍👩‍👧 and the crew 👩🏽‍🚀 🏳️‍🌈 ❤️‍🔥 moved on Monday."
PAGE = "https://courier.example/news/pier"


# -- datelines ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "dateline"),
    [
        ("LONDON (Reuters) - The pier", "LONDON (Reuters)"),
        ("NEW YORK, March 3, (AP) — The pier", "NEW YORK, March 3, (AP)"),
        ("WASHINGTON, DC 20001, (AP) — The pier", "WASHINGTON, DC 20001, (AP)"),
        ("ST. JOHN'S, N.L. — The pier", "ST. JOHN'S, N.L."),
        ("STRATFORD-UPON-AVON – The pier", "STRATFORD-UPON-AVON"),
        ("LONDON- The pier", "LONDON"),
        ("LONDON-- The pier", "LONDON"),
        ("ÎLE-DE-FRANCE - Le port", "ÎLE-DE-FRANCE"),
        ("London - The pier", ""),
        ("LONDON The pier", ""),
    ],
)  # fmt: skip
def test_dateline_of_first_paragraph_is_found(text: str, dateline: str) -> None:
    match = DATELINE.match(text)
    assert (match["dateline"].strip(" ,") if match else "") == dateline


@pytest.mark.parametrize("capitals", ["A" * 5_000, "ACGT" * 2_000, "AB " * 2_000, "A-" * 2_000])
def test_clean_paragraph_of_capitals_keeps_it(capitals: str) -> None:
    content = clean(f"<p>{capitals} is the sequence that the laboratory published on Tuesday.</p>{STORY}", "html")
    assert content.paragraphs[0].startswith(capitals.strip()[:100])
    assert len(content.paragraphs) == 5


# -- invisible elements -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "visible"),
    [
        ("a<script>b", "a"),
        ("a<!-- b", "a"),
        ("a<style>b", "a"),
        ("<button>a<svg><path/></svg><script>b</script></button>", "<button>a</button>"),
        ("a<!-->b<!--->c", "abc"),
        ("a<!-- b --!>c", "ac"),
        ("<svg/>a<svg viewBox='0 0 1 1'/>b", "ab"),
        ("<svg>a<p>b</p>", "<svg>a<p>b</p>"),  # HTML within <svg> ends it
        ("<title>How to write <!--</title>a", "<title>How to write <!--</title>a"),
        ('<script type="application/ld+json">{"a": "<!--"}</script>b', '<script type="application/ld+json">{"a": "<!--"}</script>b'),
        ("a<script-card>b</script-card>", "a<script-card>b</script-card>"),
        ("a<script>'<!--'</script>b<!-- c -->", "ab"),
    ],
)  # fmt: skip
def test_strip_invisible_elements_ends_at_end_tags(html: str, visible: str) -> None:
    assert strip_invisible_elements(html) == visible


@pytest.mark.parametrize(
    "token", ["<!--", "<style ", "<svg ", "<script ", "<script>", "<style><!--", "<svg/>", "</svg <svg "]
)
def test_strip_invisible_elements_megabyte_of_start_tags_terminates(token: str) -> None:
    strip_invisible_elements(token * (1_048_576 // len(token)))


def test_strip_tags_is_bounded_by_length() -> None:
    assert strip_tags("a<b>c<d <e>f>g<hijkl>m", "_", 4) == "a_c_f>g<hijkl>m"


# -- buttons ------------------------------------------------------------------------------------------------------


def page(button: str) -> str:
    return (
        f"<!doctype html><html><head><title>Piers of Fauna</title></head><body><header>{button}<div>Logo</div></header>"
        f"<main><article><h1>Piers of Fauna</h1>{STORY}</article></main></body></html>"
    )


@pytest.mark.parametrize(
    "button",
    ["<button><div><div></button>", "<button><div>Menu</button>", "<button><table><tr><td>Menu</button>", "<button>",
     "<button><div>Menu <button><div>Search</button>", "<BUTTON type=button><DIV></BUTTON >", "<button>Menu</button>",
     "<!-- <button> -->"],
)  # fmt: skip
def test_clean_page_button_left_open_keeps_story(button: str) -> None:
    assert list(clean(page(button), "page", url=PAGE).paragraphs) == LINES


@pytest.mark.parametrize(
    "button",
    ["<button>Share</button>", "<button><div><p>Share</p></div></button>", "<button class=x><span>Share</span></button>",
     "<button><div>Share</button>"],
)  # fmt: skip
def test_clean_button_text_is_removed(button: str) -> None:
    for html in (f"{STORY}<p>{button}</p>", f"{button}{STORY}"):
        content = clean(html, "html", title="Piers of Fauna")
        assert list(content.paragraphs) == LINES
        assert "Share" not in content.html


# -- joiners ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [PERSIAN, SINHALA, MALAYALAM, EMOJI, "۱۳۶۰ ه‍.ش", "क्‍ष और क्‌ष"])
def test_plain_text_keeps_joiners_of_scripts_and_emoji(text: str) -> None:
    assert plain_text(text) == text
    content = clean(f"<p>{text}</p>", "html")
    assert (content.paragraphs, content.html) == ((text,), f"<p>{text}</p>")
    assert clean("", title=text).title == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("har\u200cbour", "harbour"), ("har\u200dbour", "harbour"), ("\u200dharbour\u200c", "harbour"), ("港\u200d口", "港口"),
        ("خانه\u200c", "خانه"), ("\u200cخانه", "خانه"), ("خانه\u200c\u200cها", "خانه\u200cها"), ("👩\u200d", "👩"), ("a\u200d👩", "a👩"),
        ("👩\u200c👩", "👩👩"), ("\u200b\ufeffخا\u00adنه\u200f", "خانه"),
    ],
)  # fmt: skip
def test_plain_text_removes_other_joiners(text: str, expected: str) -> None:
    assert plain_text(text) == expected


def test_clean_joiner_beside_tag_stays() -> None:
    content = clean("<p>آن <b>می</b>\u200cخواهد و har\u200c<i>bour</i>.</p>", "html")
    assert content.paragraphs == ("آن می\u200cخواهد و harbour.",)
    assert content.html == "<p>آن <b>می</b>\u200cخواهد و har<i>bour</i>.</p>"


def test_comparison_ignores_joiners() -> None:
    without = PERSIAN.replace("\u200c", "")
    assert match_key(PERSIAN) == match_key(without)
    assert fingerprint([PERSIAN]) == fingerprint([without])
    assert signature_of("", PERSIAN * 9, "a", 0) == signature_of("", without * 9, "a", 0)


@pytest.mark.parametrize("keyword", ["می\u200cخواهند", "میخواهند"])
@pytest.mark.parametrize("text", [PERSIAN, PERSIAN.replace("\u200c", "")])
def test_keyword_rule_ignores_joiners(keyword: str, text: str) -> None:
    assert matches(Article(id="a", revision=1, paragraphs=(text,)), Rule(keyword=(keyword,)))


# -- pictures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "picture",
    ["<img alt='x'>", "<img src='' alt='x'>", "<img src=' '>", "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>", "<img src='#'>",
     "<img srcset=''>", "<img data-src='' src=''>"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["html", "page"])
def test_clean_image_without_source_is_removed(picture: str, kind: str) -> None:
    content = clean(f"<article>{STORY}{picture}{STORY.replace('pier', 'quay')}</article>", kind, url=PAGE)
    assert content.images == ()
    assert "<img" not in content.html


def test_clean_image_with_source_stays() -> None:
    content = clean(f"{STORY}<p><img src='/pier.jpg'><img src='{PAGE}'></p>", "html", url=PAGE)
    assert [image.url for image in content.images] == ["https://courier.example/pier.jpg", PAGE]
    assert image_link("pier.jpg", PAGE) == "https://courier.example/news/pier.jpg"


def test_clean_page_without_canonical_link_uses_url() -> None:
    assert clean(page(""), "page", url=PAGE).canonical_url == PAGE


def test_page_keeps_paragraphs_in_closed_button() -> None:
    story = "The dyke held through the night, the water board said on Friday morning."
    later = "Crews will inspect it at noon and report to the council by Monday evening."
    page = f"<body><button><article><p>{story}</p></article></button><p>{later}</p><button>Share</button></body>"
    assert clean(page, "page").paragraphs == (story, later)
