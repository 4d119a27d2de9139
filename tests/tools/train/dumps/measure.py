"""Scores of a model of text dumps: `python -m tests.tools.train.dumps.measure [MODEL]`.

Prints the share of correct dumps and of lost lines for layouts that no training set contains, and for the invented dumps
of the tests. A dump is correct if all lines of its story and no clutter are in the result, and the title is right.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.tools.train.dumps.generate import synthetic
from tests.tools.train.dumps.held_out import HELD_OUT
from workers.clean.cleaner import clean_blocks
from workers.clean.document import to_blocks
from workers.clean.model.model import FILE, Model, load

INVENTED = Path(__file__).resolve().parents[3] / "workers" / "clean" / "invented_dumps.txt"
HELD_OUT_DUMPS, HELD_OUT_SEED = 300, 7


class Case(NamedTuple):
    """A dump with its story, its clutter and its title."""

    lines: Sequence[str]
    body: Sequence[str]
    clutter: Sequence[str]
    title: str


def held_out_cases() -> Iterable[Case]:
    """Yield dumps with layouts that no training set contains."""
    for document in synthetic(HELD_OUT_DUMPS, HELD_OUT_SEED, HELD_OUT):
        texts = [block.text for block in document.blocks]
        body = [text for text, body in zip(texts, document.body, strict=True) if body]
        clutter = [text for text, hard in zip(texts, document.hard, strict=True) if hard]
        yield Case(texts, body, clutter, next(t for t, title in zip(texts, document.title, strict=True) if title))


def invented_cases() -> Iterable[Case]:
    """Yield the invented dumps of the tests."""
    for dump in INVENTED.read_text(encoding="utf8").split("\n= ")[1:]:
        lines = [(line[0], line[2:]) for line in dump.split("\n")[1:] if line]
        by_label = {label: [text for own, text in lines if own == label] for label in "TAC"}
        yield Case([text for _, text in lines], by_label["A"], by_label["C"], by_label["T"][0])


def measure(cases: Iterable[Case], model: Model) -> str:
    """Return the figures of *cases* in one line."""
    count = correct = lost = lines = extra = clutter = titles = 0
    for case in cases:
        content = clean_blocks(to_blocks("\n".join(case.lines), "text"), None, model)
        out, body = Counter(content.paragraphs), Counter(case.body)
        missing = (body - out).total()
        more = ((out - body) & Counter(case.clutter)).total()
        right = content.title == case.title
        count, correct = count + 1, correct + (not missing and not more and right)
        lost, lines, titles = lost + missing, lines + len(case.body), titles + right
        extra, clutter = extra + more, clutter + len(case.clutter)
    return (
        f"{correct} of {count} correct, {lost} of {lines} story lines lost ({100 * lost / lines:.1f} %), "
        f"{extra} of {clutter} clutter lines left ({100 * extra / clutter:.1f} %), {titles} titles"
    )


def main() -> None:
    """Print the figures of the model on the command line, by default the shipped one."""
    model = load(Path(sys.argv[1] if len(sys.argv) > 1 else FILE).read_bytes(), "text")
    print("layouts outside the training set:", measure(held_out_cases(), model))
    print("invented dumps:", measure(invented_cases(), model))


if __name__ == "__main__":
    main()
