"""Sentences of clutter in many languages, and story sentences that look like them: they go into variants of dumps.

clutter_bank.tsv has three columns: language, kind, text. All texts are invented.

pitch       appeal to subscribe, donate or follow
sponsored   advertisement in full sentences
bio         biography of the author below a story
comment     comment of a reader, or a rule for comments
teaser      summary below the headline of another story, or reminder of one
button      button, poll option or counter
story       sentence of a story that could be taken for one of the kinds above

A variant takes the texts of one part only. The parts are those of the cross-fitting of word weights, so the score of
each text comes from weights that have not seen it.
"""

import csv
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from tests.tools.train.corpus import fold_of
from tests.tools.train.dumps.writer import BODY, CLUTTER, Line

FILE = Path(__file__).with_name("clutter_bank.tsv")
PARTS, SALT = 4, "w"  # the folds of word weights in `grow`
# Shares of variants with such texts.
PITCHED, ADVERTISED, SIGNED, COMMENTED, TEASED, RETOLD = 0.6, 0.25, 0.35, 0.3, 0.5, 0.3
BUTTON = 0.5  # share of pitches and advertisements with a button below
MAX_COMMENTS = 5

Texts = dict[str, list[str]]
Bank = dict[tuple[str, int], Texts]


def read_bank(file: Path = FILE) -> Bank:
    """Return the texts by kind, for each language and part."""
    bank: Bank = defaultdict(lambda: defaultdict(list))
    with file.open(encoding="utf8", newline="") as rows:
        for language, kind, text in csv.reader(rows, delimiter="\t", quoting=csv.QUOTE_NONE):
            bank[language, fold_of(text, PARTS, "bank")][kind].append(text)
    return bank


def part_of(site: str) -> int:
    """Return the part that the variants of a *site* use."""
    return fold_of(site, PARTS, SALT)


def with_bank(rng: random.Random, lines: Sequence[Line], texts: Texts) -> list[Line]:
    """Return *lines* with clutter from *texts* between and below the paragraphs, and some story sentences."""
    out = list(lines)
    if rng.random() < RETOLD:
        _insert(rng, out, [Line(BODY, text) for text in _sample(rng, texts, "story", rng.randint(1, 2))])
    for share, kind in ((PITCHED, "pitch"), (ADVERTISED, "sponsored")):
        if rng.random() < share:
            _insert(rng, out, _with_button(rng, texts, kind))
    if rng.random() < TEASED:
        _add_teasers(rng, out, texts)
    if rng.random() < COMMENTED:
        _append(out, _clutter(_sample(rng, texts, "comment", rng.randint(1, MAX_COMMENTS))))
    if rng.random() < SIGNED:
        _append(out, _clutter(_sample(rng, texts, "bio", 1)))
    return out


def _sample(rng: random.Random, texts: Texts, kind: str, count: int) -> list[str]:
    return rng.sample(texts[kind], min(count, len(texts[kind])))


def _clutter(texts: Sequence[str]) -> list[Line]:
    return [Line(CLUTTER, text) for text in texts]


def _with_button(rng: random.Random, texts: Texts, kind: str) -> list[Line]:
    button = _sample(rng, texts, "button", 1) if rng.random() < BUTTON else []
    return _clutter([*_sample(rng, texts, kind, 1), *button])


def _insert(rng: random.Random, lines: list[Line], added: Sequence[Line]) -> None:
    """Insert *added* before or after a line of the story."""
    body = [n for n, line in enumerate(lines) if line.label == BODY]
    place = rng.choice(body) + rng.randint(0, 1) if body else len(lines)
    if added and added[0].label == BODY and body:
        place = max(place, body[0] + 1)
    lines[place:place] = added


def _append(lines: list[Line], added: Sequence[Line]) -> None:
    """Insert *added* below the story."""
    place = max((n for n, line in enumerate(lines) if line.label == BODY), default=len(lines) - 1) + 1
    lines[place:place] = added


def _add_teasers(rng: random.Random, lines: list[Line], texts: Texts) -> None:
    """Insert summaries below up to three lines of clutter."""
    places = [n + 1 for n, line in enumerate(lines) if line.label == CLUTTER and len(line.text) > 25]
    summaries = _sample(rng, texts, "teaser", min(3, len(places)))
    for place, text in zip(sorted(rng.sample(places, len(summaries)), reverse=True), summaries, strict=True):
        lines.insert(place, Line(CLUTTER, text))
