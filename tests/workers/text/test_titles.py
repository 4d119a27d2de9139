"""Titles and names as plain text."""

import pytest

from workers.text.names import author_names
from workers.text.titles import title_text

# Text of an RSS title (after the XML parser) → title.
UNDECLARED = {
    "Where <kbd> beats <code> in manuals": "Where <kbd> beats <code> in manuals",
    "Why 3 < 5 and 7 > 2 matters": "Why 3 < 5 and 7 > 2 matters",
    "If a<b and c>d": "If a<b and c>d",
    "x < y and z > w": "x < y and z > w",
    "a <b and c> d": "a <b and c> d",
    "Nice <gorilla> here": "Nice <gorilla> here",
    "</example>": "</example>",
    "A <i>metallic</i> wave": "A metallic wave",
    'The <a href="/x">lock</a>': "The lock",
    'A <span class="x">gate': "A gate",
    "One<br>two<BR/>three": "One two three",
    "Q&amp;A &#8217;s": "Q&A ’s",
    "The &amp;lt; sign": "The &lt; sign",
    "&lt;b&gt; is bold": "<b> is bold",
    "I <3 lock gates": "I <3 lock gates",
    "List<String> in Java": "List<String> in Java",
    "<![CDATA[Twice wrapped]]>": "Twice wrapped",
    "Before <!-- a comment -->after": "Before after",
    "<code>": "<code>",
    "<b></b>": "<b></b>",
    '<img src="/x.png" alt="Gate 7">': "Gate 7",
    "AT&T": "AT&T",
    "R&D at B&Q": "R&D at B&Q",
    " \n two\n lines ": "two lines",
    "": "",
}
DECLARED_HTML = {
    "<3 Otters": "<3 Otters",
    "mill-&gt;weir": "mill->weir",
    "Less: &lt; is <b>more</b>": "Less: < is more",
    "A <em>gate": "A gate",
    "1 &lt; 2 &amp;amp; 3": "1 < 2 &amp; 3",
    "<b></b>": "<b></b>",
}
DECLARED_TEXT = {
    "Escaping with &lt; and &amp;": "Escaping with &lt; and &amp;",
    "Use <b>bold</b>": "Use <b>bold</b>",
    "AT&T": "AT&T",
}
NAMES = {
    "ann@mail.example (Ann Reed)": ("Ann Reed",),
    "zwei.drei@vier.industries (Jonas Groß)": ("Jonas Groß",),
    "Ann Reed <ann@x.museum>": ("Ann Reed",),
    '"Reed, Ann" <ann@x.museum>': ("Reed, Ann",),
    "Simon Laurent (mailto:s@laurent.com)": ("Simon Laurent",),
    "Simon Laurent (s@laurent.com)": ("Simon Laurent",),
    "ann@mail.example": (),
    "mailto:ann@mail.example": (),
    "<ann@mail.example>": (),
    "ann@mail.example ()": (),
    "ann@localhost (Ann)": ("Ann",),
    "ann@xn--mller-kva.example (Ann Müller)": ("Ann Müller",),
    "ann@müller.example (Ann)": ("Ann",),
    "ann@mail.example (Ann Reed (editor))": ("Ann Reed (editor)",),
    "ann@mail.example (Ann), ben@mail.example (Ben)": ("Ann", "Ben"),
    "Ann <ann@a.example>; Ben <ben@a.example>": ("Ann", "Ben"),
    "ann@mail.example Ann Reed": ("Ann Reed",),
    "Ann Reed, ann@mail.example": ("Ann Reed",),
    "ann@x.example (Ann Reed) and ben@x.example (Ben Holt)": ("Ann Reed", "Ben Holt"),
    "Ann Reed <ann@x.example>, Ben Holt <ben@x.example>": ("Ann Reed", "Ben Holt"),
    "=?utf-8?Q?J=C3=B6rg?= <j@x.example>": ("Jörg",),
    "=?none?Q?J?=": ("=?none?Q?J?=",),
    '"Reed, Ann" <ann@x.example>, "Holt, Ben" <ben@x.example>': ("Reed, Ann", "Holt, Ben"),
    "Ann Reed &lt;ann@x.example&gt;": ("Ann Reed",),
    "(Ann Reed) ann@x.example": ("Ann Reed",),
    "ann@x.example - Ann Reed": ("Ann Reed",),
    "ann@x.example (Ann Reed": ("Ann Reed",),
    "Ann Reed <>": ("Ann Reed",),
    "Ann (The Paper) <ann@x.example>": ("Ann (The Paper)",),
    "Ann B, Carl D": ("Ann B, Carl D",),
    "@ann": ("@ann",),
    "Ann @ Courier": ("Ann @ Courier",),
    '<a href="mailto:ann@mail.example">Ann Reed</a>': ("Ann Reed",),
    "": (),
}


@pytest.mark.parametrize(("value", "title"), UNDECLARED.items())
def test_title_of_undeclared_type(value: str, title: str) -> None:
    assert title_text(value) == title


@pytest.mark.parametrize(("value", "title"), DECLARED_HTML.items())
def test_title_of_type_html(value: str, title: str) -> None:
    assert title_text(value, "text/html") == title


@pytest.mark.parametrize(("value", "title"), DECLARED_TEXT.items())
def test_title_of_type_text(value: str, title: str) -> None:
    assert title_text(value, "text/plain") == title


@pytest.mark.parametrize(("text", "names"), NAMES.items())
def test_author_names_without_addresses(text: str, names: tuple[str, ...]) -> None:
    assert author_names(text) == names


@pytest.mark.parametrize(
    "text", ["<a " * 20_000, "<![CDATA[" * 20_000, "a@" * 20_000, "(" * 40_000 + "@", "<!--" * 20_000, "a@b " * 10_000]
)
def test_malformed_text_takes_linear_time(text: str) -> None:
    title_text(text)
    author_names(text)
