"""Synthetic dumps as labelled documents. The same seed gives the same documents."""

import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.tools.train.corpus import Document
from tests.tools.train.dumps.furniture import head, tail
from tests.tools.train.dumps.layouts import TRAINED, Layout, story
from tests.tools.train.dumps.pseudo import JOINED, LETTERS, recoder
from tests.tools.train.dumps.sources import Pool, Story, load_pools, looks_like_prompt, phrases
from tests.tools.train.dumps.writer import Line, Writer, labelled_document
from tests.tools.train.grow import PSEUDO, SYNTHETIC
from workers.clean.blocks import Block
from workers.clean.line_types import is_headline, word_count
from workers.text.normalise import plain_text

SEED = 1
ENGLISH, OTHERS = 0.25, 0.3  # shares of languages; the rest are pseudo-languages
MOSTLY_OTHERS = 0.8  # above it pseudo-languages are recoded English
RECODED_PHRASES = 0.4  # share of dumps in a pseudo-language whose labels and prompts are recoded too
UNSPACED = JOINED | {"ar"}  # no source of a pseudo-language
MIN_STORIES = 8  # of a language, to use it as it is
MIN_HEADLINES = 60  # else parts of sentences fill the list
OFFSET = 12  # paragraphs that remain after the start within a long story
GAPS = (0.3, 0.15)  # shares of dumps with a blank line between all lines, and between some


def synthetic(count: int, seed: int = SEED, layouts: Sequence[Layout] = TRAINED) -> Iterator[Document]:
    """Yield *count* synthetic dumps with these *layouts*."""
    rng, pools, words = random.Random(seed), load_pools(), phrases()
    real = [_real_languages(pool) for pool in pools]
    for n in range(count):
        fold = rng.randrange(len(pools))
        writer = _writer(rng, pools[fold], real[fold], words)
        head(writer)
        story(writer, tuple(layouts) if layouts is not TRAINED else TRAINED)
        tail(writer)
        group = SYNTHETIC if writer.has_real_words else PSEUDO
        yield _document(f"{group}/{n}", group, writer)


def _real_languages(pool: Pool) -> list[str]:
    return sorted(
        language for language, stories in pool.stories.items() if language in LETTERS and len(stories) >= MIN_STORIES
    )


def _writer(rng: random.Random, pool: Pool, real: Sequence[str], words: dict[str, dict[str, list[str]]]) -> Writer:
    kind = rng.random()
    pseudo = rng.choice(sorted(LETTERS)) if kind > ENGLISH + OTHERS else ""
    others = [language for language in real if language != "en" and not (pseudo and language in UNSPACED)]
    source = "en" if kind < ENGLISH or kind > MOSTLY_OTHERS else rng.choice(others)
    recode: Callable[[str], str] = recoder(pseudo) if pseudo else str
    picked, other = (_recoded(rng.choice(pool.stories[source]), rng, recode) for _ in range(2))
    headlines = [recode(text) for text in _headlines(rng, pool, source)]
    title = picked.title if is_headline(picked.title) and not looks_like_prompt(picked.title) else rng.choice(headlines)
    language = pseudo or source
    return Writer(
        rng, language, words[language], picked._replace(title=title), other, headlines,
        [] if pseudo else _sample(rng, pool.prompts[source], 12), [recode(text) for text in _sample(rng, pool.navigation[source], 25)],
        has_real_words=not pseudo, recode=recode if pseudo and rng.random() < RECODED_PHRASES else str,
    )  # fmt: skip


def _recoded(picked: Story, rng: random.Random, recode: Callable[[str], str]) -> Story:
    start = rng.randrange(max(1, len(picked.paragraphs) - OFFSET))
    paragraphs = picked.paragraphs[start : start + 40]
    return picked._replace(title=recode(picked.title), paragraphs=tuple(map(recode, paragraphs)))


def _headlines(rng: random.Random, pool: Pool, language: str) -> list[str]:
    headlines = _sample(rng, pool.headlines[language], MIN_HEADLINES)
    for other in _sample(rng, pool.stories[language], MIN_HEADLINES - len(headlines)):
        piece = re.split(r"[,;:—–()“”\"，。：]|\.\s", other.paragraphs[0])[0].strip()
        if 3 <= word_count(piece) <= 14:
            headlines.append(piece)
    return headlines or [rng.choice(pool.stories[language]).paragraphs[0][:60]]


def _sample(rng: random.Random, items: Sequence[Any], count: int) -> list[Any]:
    return rng.sample(items, min(max(0, count), len(items)))


def _document(name: str, group: str, writer: Writer) -> Document:
    lines = [line._replace(text=plain_text(line.text)) for line in writer.lines]
    lines = [line for line in lines if line.text]
    return labelled_document(name, writer.story.site, group, _blocks(lines, writer.rng), lines)


def _blocks(lines: Sequence[Line], rng: random.Random) -> list[Block]:
    kind = rng.random()
    every, some = GAPS
    gaps = [kind < every or (kind < every + some and rng.random() < 0.4) for _ in lines]
    return [Block(line.text, "line", after_blank_line=gap) for line, gap in zip(lines, gaps, strict=True)]
