"""What holds of the cleaner whatever comes in. All stories here are invented."""

import html
import re
from pathlib import Path

import lxml.html
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workers.clean.test_cleaner import HEADLINES, STORY
from workers.clean.cleaner import clean
from workers.clean.render import TAGS
from workers.text.encoding import decode

WORDS = st.sampled_from(
    [
        *STORY,
        *HEADLINES,
        "Explore",
        "Read more",
        "By Ida Marrow",
        "March 3, 2026",
        "",
        "WORLD",
        "SOURCE: Orrin Wire",
        "SHARE",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, max_size=20))
def test_output_is_a_subsequence_of_the_input_and_cleaning_it_again_changes_no_body(lines: list[str]) -> None:
    copy = clean("\n".join(lines), "text")
    rest = iter(line.strip() for line in lines)
    assert all(paragraph in rest for paragraph in copy.paragraphs)
    again = clean("".join(f"<p>{p}</p>" for p in copy.paragraphs), "html")
    assert set(again.paragraphs) <= set(copy.paragraphs)


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=400)
    | st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<li>",
                "<a href='",
                "'>",
                "<br>",
                "<svg/onload=x>",
                "<table>",
                "<td>",
                "&#0;",
                "\x00",
                "x y z",
                "<!--",
                "]]>",
                "<script>",
                "</div>",
            ]
        ),
        max_size=40,
    ).map("".join),
    st.sampled_from(["auto", "text", "html", "page"]),
)
def test_never_raises_and_nothing_executable_survives(data: str, kind: str) -> None:
    copy = clean(data, kind, url="https://a.example/")
    lowered = copy.html.lower()
    assert "<script" not in lowered
    assert "<svg" not in lowered


PIECES = st.sampled_from(
    [
        *(f"<p>{line}</p>" for line in STORY),
        *(f"<li><a href='/{n}'>{line}</a></li>" for n, line in enumerate(HEADLINES)),
        "<h3>Explore</h3>", "<h2>A quiet winter</h2>", "<blockquote><p>It was loud.</p></blockquote>", "<p>Read more</p>",
        "<ul><li>Bring boots and a lamp.</li><li>Leave the dog at home.</li></ul>", "<p><a href='/1'>Continue reading</a></p>",
        "<table><tr><td>Swans</td><td>64</td></tr></table>", "<figure><img src='/i.jpg'><figcaption>A tide.</figcaption></figure>",
        "<p>See <a href='/b'>this</a>, she said.<br><br>And this.</p>", "<iframe src='https://v.example/1'></iframe>", "text ",
    ]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=14))
def test_cleaning_what_is_clean_changes_nothing(pieces: list[str]) -> None:
    once = clean("".join(pieces), "html", title="Salt canal reopens", url="https://a.example/1")
    twice = clean(once.html, "html", title="Salt canal reopens", url="https://a.example/1")
    assert twice.paragraphs == once.paragraphs
    assert twice.html == once.html


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=14), st.sampled_from(["html", "page"]))
def test_words_come_out_in_the_order_they_came_and_paragraphs_whole(pieces: list[str], kind: str) -> None:
    data = "".join(pieces)
    words = iter(re.findall(r"\w+", " ".join(lxml.html.fromstring(f"<div>{data.replace('<', ' <')}</div>").itertext())))
    text = clean(data, kind, url="https://a.example/1").paragraphs
    assert all(word in words for word in re.findall(r"\w+", " ".join(text)))
    whole = {line for line in STORY if line in text}
    assert all(line in whole for line in STORY if any(p in line for p in text if len(p) > 30))


def test_nothing_executable_survives_of_every_document_in_the_corpus(feeds_corpus: Path) -> None:
    """Sanitiser suites and all: whatever a file holds, as if it were a story."""
    tried = 0
    for path in sorted(feeds_corpus.rglob("*")):
        if path.is_file() and path.stat().st_size < 20_000:
            copy = clean(html.unescape(decode(path.read_bytes())), "html", url="https://a.example/")
            tried += 1
            assert not dangers(copy.html), path
    assert tried > 3_000


def dangers(markup: str) -> list[str]:
    """What a browser would run or load, beyond pictures; by a parser that has nothing to do with the sanitiser."""
    found = []
    root = lxml.html.fromstring(f"<div>{markup}</div>")
    for element in root.iter():
        if not isinstance(element.tag, str) or element.tag not in TAGS | {"div", "tbody"}:
            found.append(str(element.tag))
        for name, value in element.attrib.items():
            scheme = value.strip().lower().partition(":")[0] if name in ("href", "src") else "https"
            if name not in ("href", "src", "alt", "rel") or scheme not in ("http", "https", "mailto"):
                found.append(f"{name}={value}")
    return found
