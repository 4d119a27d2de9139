"""Lines without links of feed items that the model removes, and those that it may not remove."""

import pytest

from workers.clean.blocks import Block
from workers.clean.cleaner import clean
from workers.clean.document import BlockDocument
from workers.clean.feed_decisions import (
    MIN_SCORED_BLOCKS,
    doubtful_blocks,
    keep_lines_with_urls,
    plain_blocks,
    plain_predictions,
)
from workers.clean.labelling import Prediction

STORY = "<p>The harbour board of Norvik voted by five to two to dredge the old basin before the winter storms.</p>"
MORE = "<p>Fishermen had asked for the work since the spring, when two boats ran aground beside the fish market.</p>"


def document(*texts: str, tag: str = "p") -> BlockDocument:
    return BlockDocument("html", [Block(text, tag) for text in texts], "")


def kept(*probabilities: float, text: str = "A line of this item without an end") -> list[bool]:
    """Return which blocks of an item stay, by the probability of each."""
    blocks = [Block(f"{text} {n}" if not text.endswith(".") else text, "p") for n in range(len(probabilities))]
    decided = {block: Prediction(p) for block, p in zip(blocks, probabilities, strict=True)}
    predictions = plain_predictions(blocks, decided, decided.keys())
    return [predictions[block].keep for block in blocks]


def test_short_items_are_not_scored() -> None:
    texts = [f"Line {n} of the item." for n in range(MIN_SCORED_BLOCKS)]
    assert plain_blocks(document(*texts[:-1]), set()) == set()
    assert len(plain_blocks(document(*texts), set())) == MIN_SCORED_BLOCKS


@pytest.mark.parametrize("chapter", ["00:41 The long rope", "(1:02:10) Farewell"])
def test_chapters_and_code_are_not_scored(chapter: str) -> None:
    assert chapter not in {block.text for block in plain_blocks(document("One.", "Two.", chapter), set())}
    assert plain_blocks(document("a = 1", "b = 2", "c = 3", tag="pre"), set()) == set()


def test_limit_is_higher_below_the_body() -> None:
    assert kept(0.9, 0.05, 0.9, 0.05) == [True, True, True, False]
    assert kept(0.9, 0.02, 0.9, 0.1) == [True, False, True, True]


def test_short_last_statement_has_the_limit_of_the_body() -> None:
    assert kept(0.9, 0.05, text="It did.") == [True, True]


@pytest.mark.parametrize(
    ("text", "probability", "is_kept"),
    [
        ("The plans: https://norvik.example/plans", 0.05, True),
        ("The plans: https://norvik.example/plans", 0.01, False),
        ("https://norvik.example/plans", 0.05, False),
        ("The plans are on our site", 0.05, False),
    ],
)
def test_line_with_words_and_a_url_stays(text: str, probability: float, *, is_kept: bool) -> None:
    predictions = [Prediction(probability, keep=False)]
    keep_lines_with_urls([Block(text, "p")], predictions)
    assert predictions[0].keep is is_kept


def test_item_without_likely_line_has_the_limit_of_the_body() -> None:
    assert kept(0.05, 0.05, 0.05) == [True, True, True]


def test_unlikely_kept_blocks_are_cleaned_again() -> None:
    blocks = [Block("One.", "p"), Block("Two.", "p")]
    assert doubtful_blocks(blocks, [Prediction(0.9), Prediction(0.3)], set(blocks)) == {blocks[1]}


@pytest.mark.parametrize(
    "line",
    [
        "You can update your preferences or unsubscribe from this mailing list at any time.",
        "Share this article with your friends on Facebook and WhatsApp!",
    ],
)
def test_sentence_of_newsletter_goes(line: str) -> None:
    paragraphs = clean(f"{STORY}{MORE}<p>{line}</p>", "html", title="Norvik dredges its basin").paragraphs
    assert len(paragraphs) == 2
    assert line not in paragraphs
