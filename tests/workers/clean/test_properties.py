"""Properties of the cleaner for any input. All stories are invented."""

import html
import re
from pathlib import Path

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.articles import HEADLINES, STORY
from tests.support.corpus import EACH_SHARE, sampled
from tests.support.examples import examples
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


@examples(150)
@given(st.lists(WORDS, max_size=20))
def test_clean_text_output_is_subsequence_of_input(lines: list[str]) -> None:
    content = clean("\n".join(lines), "text")
    rest = iter(line.strip() for line in lines)
    assert all(paragraph in rest for paragraph in content.paragraphs)
    again = clean("".join(f"<p>{p}</p>" for p in content.paragraphs), "html")
    assert set(again.paragraphs) <= set(content.paragraphs)


@examples(300)
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
def test_clean_any_input_returns_safe_html(data: str, kind: str) -> None:
    lowered = clean(data, kind, url="https://a.example/").html.lower()
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


@examples(200)
@given(st.lists(PIECES, max_size=14))
def test_clean_is_idempotent(pieces: list[str]) -> None:
    once = clean("".join(pieces), "html", title="Salt canal reopens", url="https://a.example/1")
    twice = clean(once.html, "html", title="Salt canal reopens", url="https://a.example/1")
    assert twice.paragraphs == once.paragraphs
    assert twice.html == once.html


@examples(200)
@given(st.lists(PIECES, max_size=14), st.sampled_from(["html", "page"]))
def test_clean_preserves_word_order_and_whole_paragraphs(pieces: list[str], kind: str) -> None:
    data = "".join(pieces)
    tree = lxml.html.fromstring(f"<div>{data.replace('<', ' <')}</div>")
    words = iter(re.findall(r"\w+", " ".join(map(str, tree.itertext()))))
    text = clean(data, kind, url="https://a.example/1").paragraphs
    assert all(word in words for word in re.findall(r"\w+", " ".join(text)))
    complete = {line for line in STORY if line in text}
    assert all(line in complete for line in STORY if any(p in line for p in text if len(p) > 30))


@pytest.mark.corpus
@pytest.mark.parametrize(*EACH_SHARE)
def test_clean_corpus_documents_returns_safe_html(feeds_corpus: Path, share: int) -> None:
    """Clean files of the corpus as stories, sanitiser test suites included."""
    documents = 0
    for path in sampled(sorted(feeds_corpus.rglob("*")), feeds_corpus, share):
        if path.is_file() and path.stat().st_size < 20_000:
            content = clean(html.unescape(decode(path.read_bytes())), "html", url="https://a.example/")
            documents += 1
            assert not dangers(content.html), path
    assert documents > 3_000 / share


def dangers(markup: str) -> list[str]:
    """Return all markup that a browser would execute or load, except images. The parser is not the sanitiser's."""
    found = []
    root = lxml.html.fromstring(f"<div>{markup}</div>")
    for element in root.iter():
        if not isinstance(element.tag, str) or element.tag not in TAGS | {"div", "tbody"}:
            found.append(str(element.tag))
        for name, value in element.attrib.items():
            scheme = str(value).strip().lower().partition(":")[0] if name in ("href", "src") else "https"
            if name not in ("href", "src", "alt", "rel") or scheme not in ("http", "https", "mailto"):
                found.append(f"{name!r}={value!r}")
    return found
