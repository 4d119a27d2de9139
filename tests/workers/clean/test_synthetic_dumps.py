"""Synthetic dumps for the training: every line has a label, and a seed decides everything. Stories are invented."""

import random
from pathlib import Path

import pytest

from tests.tools.train.dumps.furniture import head, interrupt, tail
from tests.tools.train.dumps.held_out import HELD_OUT
from tests.tools.train.dumps.layouts import TRAINED, Layout, story
from tests.tools.train.dumps.pseudo import LETTERS, recoder
from tests.tools.train.dumps.sources import Story, phrases
from tests.tools.train.dumps.writer import BODY, CLUTTER, FIELD, NEUTRAL, TITLE, Line, Writer

PARAGRAPHS = (
    "The ferry stopped two miles from the island, and its lights went out. Nobody was hurt.",
    "A lifeboat took off all 41 passengers, among them Colm Harte, a teacher who travels daily.",
    "The owner says that a pump failed. It was replaced in March, he told the council on Monday.",
)
STORY = Story("en", "a.example", "Ferry to Gannet Island halted", PARAGRAPHS)
OTHER = Story("en", "b.example", "Bakery shuts its doors", ("Three generations baked here, and the oven stayed warm.",))
HEADLINES = ("Farmer fined after herd blocks bypass", "Swimmers warned of jellyfish", "Five walks for the weekend")
LABELS = frozenset((BODY, CLUTTER, TITLE, FIELD, NEUTRAL))


def writer(seed: int, language: str = "en") -> Writer:
    """Return a writer with invented text."""
    return Writer(random.Random(seed), language, phrases()[language], STORY, OTHER, HEADLINES)


@pytest.mark.parametrize("layout", [*TRAINED, *HELD_OUT], ids=lambda layout: layout.__name__)
def test_layout_adds_story_lines(layout: Layout) -> None:
    for seed in range(12):
        w = writer(seed)
        layout(w)
        assert {line.label for line in w.lines} <= LABELS
        assert any(line.label == BODY for line in w.lines), seed
        assert all(line.text == " ".join(line.text.split()) for line in w.lines)


def dump(seed: int, language: str) -> list[Line]:
    """Return a whole dump."""
    w = writer(seed, language)
    head(w)
    story(w, TRAINED)
    interrupt(w, 1.0)
    tail(w)
    return w.lines


@pytest.mark.parametrize("language", sorted(LETTERS))
def test_dump_same_seed_gives_same_lines(language: str) -> None:
    assert dump(5, language) == dump(5, language) != dump(6, language)
    assert any(line.label == TITLE for line in dump(5, language))


def test_phrases_exist_for_each_pseudo_language() -> None:
    table = phrases()
    assert set(LETTERS) <= set(table)
    for language in LETTERS:
        assert {"label", "lead", "prompt", "ad", "kicker", "by", "box", "res", "tag", "com", "legal"} <= set(
            table[language]
        )


def test_recoder_keeps_numbers_marks_and_capitals() -> None:
    recode = recoder("tr")
    text = recode("The ferry, with 41 passengers, stopped at 14:20.")
    assert text == recoder("tr")("The ferry, with 41 passengers, stopped at 14:20.")
    assert len(text.split()) == 8
    assert text[0].isupper()
    assert "41" in text
    assert text.endswith("14:20.")
    assert recode("ferry") == recode("ferry") != recode("lights")


def test_recoder_without_word_gaps_uses_own_marks() -> None:
    text = recoder("ja")("The ferry stopped, and its lights went out.")
    assert " " not in text
    assert text.endswith("。")


@pytest.mark.train
def test_synthetic_same_seed_gives_same_documents(shared: Path) -> None:
    from tests.tools.train.dumps.generate import synthetic

    first, second = ([[block.text for block in d.blocks] for d in synthetic(20)] for _ in range(2))
    assert first == second
    assert shared.exists()


@pytest.mark.train
def test_variants_keep_story_of_template() -> None:
    from tests.tools.train.dumps.templates import UNTRAINED, read_templates, variants

    templates = read_templates()
    assert not {template.language for template in templates} & UNTRAINED
    for template, variant in zip(templates, variants(1), strict=True):
        story_lines = [line.text for line in template.lines if line.label == BODY]
        assert sum(variant.body) == len(story_lines)
        assert sum(variant.title) == 1
        assert "pseudo" in variant.name or variant.truth.split("\n") == story_lines


@pytest.mark.train
def test_variants_same_seed_gives_same_lines() -> None:
    from tests.tools.train.dumps.templates import variants

    first, second = ([[block.text for block in d.blocks] for d in variants(1)] for _ in range(2))
    assert first == second


@pytest.mark.train
def test_grow_same_dumps_give_same_model(shared: Path) -> None:
    from tests.tools.train.dumps.generate import synthetic
    from tests.tools.train.grow import Plan, grow, make_sample, stored_model

    assert shared.exists()
    documents = list(synthetic(40))
    models = [
        stored_model(
            grow([make_sample(d, html=False) for d in documents], Plan(4, 0.1, 2)),
            html=False,
            block_cost=15.0,
            word_cost=0.5,
        )
        for _ in range(2)
    ]
    assert models[0] == models[1]
