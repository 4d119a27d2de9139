"""Rare branches of cleaning, each by the input that takes it."""

import msgspec
import pytest

from workers.clean.blocks import Block
from workers.clean.cleaner import _clean_until_stable, clean
from workers.clean.document import to_blocks
from workers.clean.html_limits import limit_markup
from workers.clean.labeller import label_blocks
from workers.clean.labelling import Labelling, Prediction
from workers.clean.line_patterns import pattern_key
from workers.clean.site_evidence import apply_evidence, learn
from workers.clean.site_facts import Evidence, SiteFacts, line_key
from workers.text.dates import parse_date
from workers.text.encoding import is_binary

STORY = "".join(
    f"<p>The harbour board reopened the {name} canal on Monday, nine years after the flood closed it.</p>"
    for name in ("salt", "north", "old", "long")
)
HEADLINES = (
    "Harbour Dues To Rise Again", "Pier Five Stays Shut All Winter", "Night Tram Returns To The Bridge",
)  # fmt: skip


def test_headlines_in_a_row_end_a_feed_item() -> None:
    cleaned = clean(STORY + "".join(f"<p>{headline}</p>" for headline in HEADLINES), "html")
    assert len(cleaned.paragraphs) == 4
    assert [block.reason for block in cleaned.removed] == ["headlines in a row at the end"]


@pytest.mark.parametrize("label", ["<h4>Stay with us</h4>", "<p>Stay with us:</p>"])
def test_label_above_prompt_is_removed(label: str) -> None:
    blocks = to_blocks(f"{STORY}{label}<p>Sign up for our newsletter</p>", "html").blocks
    labels = label_blocks(blocks, [Prediction(0.9, True)] * len(blocks)).labels
    assert [label.label for label in labels[4:]] == ["label", "prompt"]


@pytest.mark.parametrize(
    ("kind", "data"), [("html", "<p>{}</p>"), ("text", "{}\n"), ("page", "<html><body><p>{}</p></body></html>")]
)
def test_line_keys_have_patterns_outside_feeds(kind: str, data: str) -> None:
    line = "Last change at 17:25 by the web desk"
    keys = to_blocks(data.format(line), kind).line_keys
    assert line_key(line) in keys
    assert (pattern_key(line) in keys) == (kind != "html")


def test_page_without_sentence_of_story_has_no_evidence() -> None:
    labelling = Labelling(
        [Block("Home", "p")], [Prediction(0.1, False)], facts=SiteFacts(articles=20), has_surroundings=True
    )
    assert learn(labelling) == Evidence()


def test_few_articles_are_no_evidence() -> None:
    block = Block("The board reopened the canal on Monday.", "p")
    labelling = Labelling([block], [Prediction(0.4, True)], facts=SiteFacts(articles=1), has_surroundings=True)
    apply_evidence(labelling)
    assert not labelling.by_evidence


def test_end_tag_closes_the_innermost_element_of_its_name() -> None:
    crowded = "<p " + " ".join(f"a{n}=1" for n in range(20_000)) + ">"
    assert b"<b><i>x</b>y</i>" in limit_markup(f"<b><i>x</b>y</i>{crowded}".encode())


def test_control_characters_in_number_make_a_text_binary() -> None:
    assert not is_binary("boat\x08house")
    assert is_binary("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")


def test_another_round_removes_a_line_that_the_first_kept() -> None:
    document, prompt = to_blocks(STORY, "html"), "Sign up for our newsletter"
    rendered = clean(STORY, "html")
    doubtful = msgspec.structs.replace(
        rendered, html=f"{rendered.html}<p>{prompt}</p>", paragraphs=(*rendered.paragraphs, prompt),
        stable_lines=(*rendered.stable_lines, prompt),
    )  # fmt: skip
    stable = _clean_until_stable(doubtful, document, None, None)
    assert stable.paragraphs == rendered.paragraphs
    assert prompt not in stable.stable_lines
    assert [block.reason for block in stable.removed] == ["a prompt to the reader"]


def test_line_of_many_articles_is_a_template() -> None:
    line = "The Courier is read in every house between Dunscar and the sea."
    blocks = to_blocks(f"{STORY}<p>{line}</p>", "html").blocks
    facts = SiteFacts(counts={line_key(line): 9}, articles=10)
    labels = label_blocks(blocks, [Prediction(0.9, True)] * len(blocks), facts=facts).labels
    assert [(label.label, label.by_history) for label in labels[4:]] == [("template", True)]


@pytest.mark.parametrize(
    "text", ["5 January 2026 | 31 February 2026", "31 February 2026", "0001-01-01T00:00:00+14:00", "2026-13-45"]
)
def test_impossible_date_is_none(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Facebook | Twitter | Email", "a share bar"),
        ("Share this article", "a share bar"),
        ("Comments", "a share bar"),
        ("Bluesky", "a line of a share bar or comment box"),
        ("Anzeige", "a line beside an advertisement"),
        ("Article continues below", "a line beside an advertisement"),
        ("© 2026 Mill Courier", "a line about cookies, scripts or rights"),
        ("Sign up for our newsletter", "a prompt to the reader"),
    ],
)
def test_removed_prompt_has_reason_of_its_kind(line: str, reason: str) -> None:
    cleaned = clean(f"{STORY}<p>{line}</p>", "html")
    assert [block.reason for block in cleaned.removed] == [reason]
