"""Text for synthetic dumps, from ../shared/corpus: stories, headlines, prompts and navigation, by fold and language.

A dump takes all its text from sites of one fold, so a cross-validation with FOLDS folds stays exact.
"""

import csv
import gzip
import json
import lzma
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.tools.train.corpus import FOLDS_SALT, PAGES, fold_of
from workers.clean.line_types import is_sentence, word_count
from workers.clean.model.text_features import prompt_word_count
from workers.clean.model.vocabulary import is_prompt_line
from workers.text.normalise import match_key

FOLDS = 3
PHRASES = Path(__file__).with_name("phrases.tsv")
SENTENCE_GAP = re.compile(r"(?<=[.!?…])[\"”’»)\]]*\s+(?=[\"“„«‘'(\[]*[^\W\da-z])|(?<=[。！？])")
TITLE_TAIL = re.compile(r"\s+[|–-]\s+")
SEPARATORS = re.compile(r"[|»›>©]|\s/\s")
MIN_PARAGRAPHS, MAX_PARAGRAPHS = 3, 40
MIN_TITLE_WORDS, MAX_TITLE_WORDS = 4, 18
MAX_PROMPT_WORDS, MAX_NAVIGATION_WORDS = 40, 3
MIN_PROMPT_HITS = 2  # words of prompts
EVENT_SENTENCES = 2  # per paragraph of a text without line breaks
PAIR_LANGUAGES = frozenset(("ar", "es", "fr", "it", "tr"))  # the pages have few texts in these languages


class Story(NamedTuple):
    """A true story: its headline and its paragraphs of running text."""

    language: str
    site: str
    title: str
    paragraphs: tuple[str, ...]


@dataclass
class Pool:
    """The texts of one fold, by language."""

    stories: dict[str, list[Story]] = field(default_factory=lambda: defaultdict(list))
    headlines: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    prompts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    navigation: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def phrases() -> dict[str, dict[str, list[str]]]:
    """Return the phrases of `phrases.tsv` by language and kind."""
    out: dict[str, dict[str, list[str]]] = defaultdict(dict)
    with PHRASES.open(encoding="utf8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            out[row["language"]][row["kind"]] = row["phrases"].split("|")
    return out


def sentences(paragraph: str) -> list[str]:
    """Return the sentences of a paragraph."""
    return [part.strip() for part in SENTENCE_GAP.split(paragraph) if part and part.strip()]


def load_pools() -> list[Pool]:
    """Return the pool of each fold."""
    pools = [Pool() for _ in range(FOLDS)]
    for row in _rows():
        _add_row(pools[fold_of(row["site"], FOLDS, FOLDS_SALT)], row)
    for story in (*_event_stories(), *_wire_stories()):
        _add_story(pools[fold_of(story.site, FOLDS, FOLDS_SALT)], story)
    return pools


def _rows() -> Iterator[dict[str, Any]]:
    with gzip.open(PAGES / "dev.jsonl.gz", "rt", encoding="utf8") as file:
        yield from map(json.loads, file)


def _add_row(pool: Pool, row: dict[str, Any]) -> None:
    language = row["lang"]
    paragraphs = tuple(text for text, label, _ in row["lines"] if label == "A" and is_sentence(text))
    _add_story(pool, Story(language, row["site"], TITLE_TAIL.split(row["title"] or "")[0], paragraphs))
    for text, label, kind in row["lines"]:
        words = word_count(text)
        if label != "C":
            continue
        if kind in ("link", "cls") and _may_be_headline(text) and not is_sentence(text):
            pool.headlines[language].append(text)
        elif kind in ("link", "struct") and words <= MAX_NAVIGATION_WORDS:
            pool.navigation[language].append(text)
        elif kind == "prompt" and words <= MAX_PROMPT_WORDS:
            pool.prompts[language].append(text)


def looks_like_prompt(text: str) -> bool:
    """Whether a line is a prompt by the vocabulary of the model. The rules change without a training, so they do not count."""
    key = match_key(text)
    return is_prompt_line(text, key) or prompt_word_count(key) >= MIN_PROMPT_HITS


def _may_be_headline(text: str) -> bool:
    """Whether a line is neither too short nor too long, nor a prompt, nor several links in a row."""
    is_furniture = looks_like_prompt(text) or SEPARATORS.search(text) is not None
    return MIN_TITLE_WORDS <= word_count(text) <= MAX_TITLE_WORDS and not is_furniture


def _add_story(pool: Pool, story: Story) -> None:
    if _may_be_headline(story.title):
        pool.headlines[story.language].append(story.title)
    if len(story.paragraphs) >= MIN_PARAGRAPHS:
        pool.stories[story.language].append(story)


def _event_stories() -> Iterator[Story]:
    """Yield stories of news pairs; two spaces separate title and text, and the text has no line breaks."""
    with lzma.open(PAGES.parent / "events" / "pairs.jsonl.xz", "rt", encoding="utf8") as file:
        for row in map(json.loads, file):
            for n in ("1", "2"):
                title, _, text = row["text" + n].partition("  ")
                language, parts = row["lang" + n], sentences(text)
                if language in PAIR_LANGUAGES:
                    joined = (" ".join(parts[k : k + EVENT_SENTENCES]) for k in range(0, len(parts), EVENT_SENTENCES))
                    paragraphs = tuple(text for text in joined if is_sentence(text))[:MAX_PARAGRAPHS]
                    yield Story(language, f"event {row['pair_id']}", title, paragraphs)


def _wire_stories() -> Iterator[Story]:
    """Yield the Japanese stories of the duplicate corpus."""
    with lzma.open(PAGES.parent / "judge" / "natural_docs.jsonl.xz", "rt", encoding="utf8") as file:
        for row in map(json.loads, file):
            if row["src"] == "laapy-ja":
                text = row["text"].replace("\n", "")
                parts = sentences(text)
                paragraphs = tuple("".join(parts[k : k + 2]) for k in range(0, len(parts), 2))[:MAX_PARAGRAPHS]
                yield Story("ja", f"{row['outlet']} {row['id'][-2:]}", row["title"], paragraphs)
