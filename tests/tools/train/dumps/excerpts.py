"""Short dumps from the real ones: their first and last paragraphs, with the furniture between and around these.

Real dumps are long, invented ones short. An excerpt has the furniture of a real page at the length of an invented one.
The same seed gives the same excerpts. An excerpt has the site of its page, so a cross-validation by site stays exact.
"""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from tests.tools.train.corpus import Document
from tests.tools.train.dumps.pseudo import LETTERS, recoder
from tests.tools.train.dumps.sources import sentences
from tests.tools.train.grow import PSEUDO, SYNTHETIC
from workers.clean.blocks import Block

MIN_BODY_LINES = 4
HEAD_LINES, FIRST_LINES, LAST_LINES, TAIL_LINES = (0, 12), (1, 5), (1, 4), (2, 18)  # the fewest and the most
RECODED = 0.4  # share of excerpts in a pseudo-language
SHORTENED = 0.5  # share of paragraphs of which one or two sentences remain


def excerpts(documents: Iterable[Document], seed: int = 1) -> Iterator[Document]:
    """Yield an excerpt of each of *documents* with enough paragraphs."""
    rng = random.Random(seed)
    for document in documents:
        body = [n for n, is_body in enumerate(document.body) if is_body]
        if len(body) >= MIN_BODY_LINES:
            yield _excerpt(document, _picked(rng, document, body), rng)


def _picked(rng: random.Random, document: Document, body: Sequence[int]) -> list[int]:
    """Return the indexes of the lines of an excerpt."""
    first, last = rng.randint(*FIRST_LINES), rng.randint(*LAST_LINES)
    title = next((n for n, is_title in enumerate(document.title) if is_title), body[0])
    start = max(0, min(title, body[0]) - rng.randint(*HEAD_LINES))
    end = min(len(document.blocks), body[-1] + 1 + rng.randint(*TAIL_LINES))
    if first + last >= len(body):
        return list(range(start, end))
    return [*range(start, body[first]), *range(body[-last], end)]


def _excerpt(document: Document, picked: Sequence[int], rng: random.Random) -> Document:
    recode: Callable[[str], str] = recoder(rng.choice(sorted(LETTERS))) if rng.random() < RECODED else str
    group = SYNTHETIC if recode is str else PSEUDO
    texts = [recode(_text(document, n, rng)) for n in picked]
    used = [(n, text) for n, text in zip(picked, texts, strict=True) if text]
    return replace(
        document,
        name=f"{group}/{document.name}",
        group=group,
        blocks=[Block(text, "line", after_blank_line=document.blocks[n].after_blank_line) for n, text in used],
        body=[document.body[n] for n, _ in used],
        trust=[document.trust[n] for n, _ in used],
        hard=[document.hard[n] for n, _ in used],
        title=[document.title[n] for n, _ in used] if document.title else (),
    )


def _text(document: Document, n: int, rng: random.Random) -> str:
    """Return the text of a line; of some paragraphs one or two sentences."""
    text = document.blocks[n].text
    parts = sentences(text) if document.body[n] and rng.random() < SHORTENED else []
    return " ".join(parts[: rng.randint(1, 2)]) if len(parts) > 2 else text
