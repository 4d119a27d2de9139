"""Body text that begins or ends like clutter: it stays in feed items, pages and dumps."""

import pytest

from workers.clean.cleaner import clean

ABOVE = (
    "The council of Millbrook approved the new bridge over the river on Tuesday after three hours of debate.",
    "Construction will begin in March, and the mayor said that the work would take about two years to complete.",
)
BELOW = "Residents had asked for the bridge since the old one was closed by the flood in the winter of 2019."
KINDS = ("html", "page", "text")


def document(kind: str, lines: tuple[str, ...]) -> str:
    if kind == "text":
        return "\n".join(("Millbrook approves new bridge", *lines))
    body = "".join(f"<p>{line}</p>" for line in lines)
    page = "<!doctype html><html><head><title>Millbrook approves new bridge</title></head><body><article>"
    return body if kind == "html" else f"{page}<h1>Millbrook approves new bridge</h1>{body}</article></body></html>"


def is_kept(kind: str, line: str, *, is_last: bool = False) -> bool:
    lines = (*ABOVE, BELOW, line) if is_last else (*ABOVE, line, BELOW)
    return line in clean(document(kind, lines), kind).paragraphs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_last", [False, True])
@pytest.mark.parametrize(
    "line",
    [
        "The mayor said that the work would take about two years and that no homes would be lost. (Reuters)",
        "Am Abend fielen die Kurse erneut, und der Schaden betrug nach Angaben der Stadt drei Millionen Euro. (dpa)",
        "The firm will pay the fine by the end of June, a spokesman for the court said on Friday (AP).",
        "El alcalde dijo que las obras durarán dos años y que nadie perderá su casa. (EFE)",
    ],
)
def test_paragraph_signed_by_agency_stays(kind: str, line: str, is_last: bool) -> None:
    assert is_kept(kind, line, is_last=is_last)


def test_paragraph_below_image_with_agency_is_caption() -> None:
    caption = "The old bridge of Millbrook on Monday, a day before the vote of the council. (Reuters)"
    image = '<p><img src="https://a.example/bridge.jpg"></p>'
    content = clean(f"<p>{ABOVE[0]}</p>{image}<p>{caption}</p><p>{BELOW}</p>", "html")
    assert content.paragraphs == (ABOVE[0], BELOW)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "line",
    [
        "Source: officials of the town, who asked not to be named because they feared for their jobs.",
        "Fonte: o rio nasce na serra e corre para o mar, diz o poeta da cidade.",
        "Source: a friend of the family, who had seen the letter before it was burnt by the widow.",
        "Quelle: ein Beamter, der die Akte kennt und nicht genannt werden will, weil er Folgen fürchtet.",
    ],
)
def test_sentence_about_source_stays(kind: str, line: str) -> None:
    assert is_kept(kind, line)


@pytest.mark.parametrize("kind", KINDS)
def test_name_of_source_is_credit(kind: str) -> None:
    content = clean(document(kind, (*ABOVE, BELOW, "Source: Reuters, statistics office")), kind)
    assert content.source_credit == "Reuters, statistics office"
