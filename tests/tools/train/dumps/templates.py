"""Variants of invented dumps: other words, other clutter between the paragraphs.

The dumps are those of the files `templates*.txt` and two of the sets in `tests/workers/clean`.

A variant keeps the form of a page that somebody wrote as a whole. Its words are real, or recoded into letters of another
language; its runs of clutter stay, go, move, or come from another page. The same seed gives the same variants.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from tests.tools.train.corpus import Document
from tests.tools.train.dumps.pseudo import LETTERS, recoder
from tests.tools.train.dumps.sources import looks_like_prompt
from tests.tools.train.dumps.writer import BODY, CLUTTER, FIELD, NEUTRAL, STOPS, TITLE, Line, labelled_document
from tests.tools.train.grow import PSEUDO, SYNTHETIC
from workers.clean.blocks import Block
from workers.clean.line_types import SENTENCE_END, word_count

TESTS = Path(__file__).resolve().parents[3] / "workers" / "clean"
FILES = (
    *sorted(Path(__file__).parent.glob("templates*.txt")),
    TESTS / "invented_dumps.txt",
    TESTS / "invented_dumps_dev.txt",
)
UNTRAINED = frozenset(("is", "bg", "hr", "ca", "et"))  # languages that no training set contains
LABELS = {"T": TITLE, "A": BODY, "C": CLUTTER, "D": FIELD, "N": NEUTRAL}
REAL_WORDS, REAL_LABELS = 0.5, 0.7  # shares of variants, cumulative; in the rest all words are recoded
KEPT_RUNS, MOVED_RUNS = 0.55, 0.8  # shares of runs of clutter, cumulative; the rest is omitted
MAX_LABEL_WORDS = 4  # a longer line of clutter is a headline unless it is a prompt
CROPPED = (
    0.3  # share of variants without the lines above the title, and of those that end in the first lines below the story
)
STOPPED = 0.15  # share of runs of headlines that end in full stops
MAX_LINES_BELOW = 9  # of a cropped dump, below its story
MIN_STOPPED_HEADLINES = 2
BLANK_LINES = 0.3  # share of variants with a blank line between all lines


class Template(NamedTuple):
    """An invented dump: its language, and its lines."""

    language: str
    lines: list[Line]


def read_templates(files: Sequence[Path] = FILES) -> list[Template]:
    """Return the templates of *files*, without those of untrained languages."""
    templates: list[Template] = []
    for line in "\n".join(file.read_text(encoding="utf8") for file in files).splitlines():
        if line.startswith("= "):
            templates.append(Template(line[2:].partition(",")[0], []))
        elif line and not line.startswith("#"):
            templates[-1].lines.append(Line(LABELS[line[0]], line[2:]))
    return [template for template in templates if template.language not in UNTRAINED]


def variants(each: int, seed: int = 1) -> Iterator[Document]:
    """Yield so many variants of *each* template."""
    rng, templates = random.Random(seed), read_templates()
    inner = {language: _inner_runs(templates, language) for language in {template.language for template in templates}}
    for number, template in enumerate(templates):
        for n in range(each):
            lines = _with_other_clutter(rng, template.lines, inner[template.language])
            lines = _with_stops(rng, template.language, _cropped(rng, lines))
            group, lines = _with_other_words(rng, template.language, lines)
            yield _document(f"{group}/template-{number}-{n}", f"template {number}", group, lines, rng)


def _runs(lines: Sequence[Line]) -> list[list[Line]]:
    return [list(run) for _, run in groupby(lines, lambda line: line.label == CLUTTER)]


def _inner_runs(templates: Sequence[Template], language: str) -> list[list[Line]]:
    """Return the runs of clutter between two lines of stories in a *language*."""
    runs = (run for template in templates if template.language == language for run in _runs(template.lines)[1:-1])
    return [run for run in runs if run[0].label == CLUTTER]


def _with_other_clutter(rng: random.Random, lines: Sequence[Line], inner: Sequence[list[Line]]) -> list[Line]:
    """Return *lines* with runs of clutter omitted, moved to another gap of the story, or taken from another page."""
    runs = _runs(lines)
    out: list[Line] = []
    moved: list[list[Line]] = []
    for n, run in enumerate(runs):
        kind = rng.random()
        if run[0].label != CLUTTER or kind < KEPT_RUNS:
            out += run
        elif 0 < n < len(runs) - 1 and kind < MOVED_RUNS and inner:
            moved.append(rng.choice((run, rng.choice(inner))))
        elif kind < MOVED_RUNS:
            out += [line for line in run if rng.random() < 0.7]
    for run in moved:
        gaps = [n for n in range(1, len(out)) if out[n].label == BODY and out[n - 1].label == BODY]
        place = rng.choice(gaps) if gaps else len(out)
        out[place:place] = run
    return out


def _cropped(rng: random.Random, lines: list[Line]) -> list[Line]:
    """Return *lines* as somebody selects them: often from the title on, or up to a list below the story."""
    if rng.random() < CROPPED:
        start = next((n for n, line in enumerate(lines) if line.label == TITLE), 0)
        lines = lines[start:]
    if rng.random() < CROPPED:
        end = max((n for n, line in enumerate(lines) if line.label == BODY), default=len(lines)) + 1
        lines = lines[: end + rng.randint(0, MAX_LINES_BELOW)]
    return lines


def _with_stops(rng: random.Random, language: str, lines: Sequence[Line]) -> list[Line]:
    """Return *lines* with full stops after the headlines of some runs of clutter."""
    stop = STOPS.get(language, ".")
    out: list[Line] = []
    for run in _runs(lines):
        headlines = [line for line in run if _is_headline(line)]
        if run[0].label == CLUTTER and len(headlines) >= MIN_STOPPED_HEADLINES and rng.random() < STOPPED:
            run = [line._replace(text=line.text + stop) if _is_headline(line) else line for line in run]
        out += run
    return out


def _is_headline(line: Line) -> bool:
    is_long = word_count(line.text) > MAX_LABEL_WORDS
    return is_long and SENTENCE_END.search(line.text) is None and not looks_like_prompt(line.text)


def _with_other_words(rng: random.Random, language: str, lines: Sequence[Line]) -> tuple[str, list[Line]]:
    """Return the group of a variant, and its lines with real or recoded words."""
    kind = rng.random()
    if kind < REAL_WORDS or (kind < REAL_LABELS and language not in LETTERS):
        return SYNTHETIC, list(lines)
    if kind < REAL_LABELS:
        recode = recoder(language)
        return PSEUDO, [line if _is_furniture(line) else line._replace(text=recode(line.text)) for line in lines]
    other: Callable[[str], str] = recoder(rng.choice(sorted(LETTERS)))
    return PSEUDO, [line._replace(text=other(line.text)) for line in lines]


def _is_furniture(line: Line) -> bool:
    """Whether a line is a label, a prompt or a field, whose words are the same on all pages of a language."""
    if line.label in (BODY, TITLE, NEUTRAL):
        return False
    return line.label == FIELD or word_count(line.text) <= MAX_LABEL_WORDS or looks_like_prompt(line.text)


def _document(name: str, site: str, group: str, lines: Sequence[Line], rng: random.Random) -> Document:
    lines = [line for line in lines if line.text]
    gap = rng.random() < BLANK_LINES
    blocks = [Block(line.text, "line", after_blank_line=gap) for line in lines]
    return labelled_document(name, site, group, blocks, lines)
