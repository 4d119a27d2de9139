"""Word diff between two revisions of a text. Pure."""

from collections.abc import Sequence
from difflib import Match, SequenceMatcher
from typing import NamedTuple

from streams.records import RevisionChanges

MAX_STEPS = 5_000_000  # comparisons of one diff, about .4 s; two texts of 19,000 words take 3 million
MAX_WORDS = 20_000  # per text; a word diff of longer texts takes too long


class DiffOp(NamedTuple):
    """Words of both texts (`=`), of the old text only (`-`), or of the new text only (`+`)."""

    op: str
    text: str


def diff(before: Sequence[str], after: Sequence[str], budget: "_Budget | None" = None) -> list[DiffOp]:
    """Return the diff of two lists of paragraphs: by paragraph first, then by word within changed paragraphs.

    The `=` and `-` operations together are the words of *before*, `=` and `+` those of *after*. Texts of more than
    MAX_WORDS words are compared by paragraph only. *budget*: of a larger diff.
    """
    operations: list[DiffOp] = []
    budget = budget or _Budget()
    for tag, old, new in _opcodes(before, after, budget):
        if tag == "=":
            operations += [DiffOp("=", paragraph) for paragraph in old]
            continue
        words = [" \n ".join(paragraphs).split(" ") for paragraphs in (old, new)]
        if max(map(len, words)) > MAX_WORDS:
            operations += [DiffOp("-", paragraph) for paragraph in old] + [DiffOp("+", paragraph) for paragraph in new]
            continue
        for word_tag, removed, added in _opcodes(words[0], words[1], budget):
            for op, op_words in (("=", removed),) if word_tag == "=" else (("-", removed), ("+", added)):
                if text := " ".join(op_words).strip():
                    operations.append(DiffOp(op, text))
    return operations


def diff_paragraphs(before: Sequence[str], after: Sequence[str]) -> list[list[DiffOp]]:
    """Return the diff of two lists of paragraphs, as paragraphs of operations.

    A paragraph ends where either text has the end of one.
    """
    paragraphs: list[list[DiffOp]] = []
    budget = _Budget()
    for tag, old, new in _opcodes(before, after, budget):
        if tag == "=" or not old or not new:
            op = "=" if tag == "=" else "-" if old else "+"
            paragraphs += [[DiffOp(op, paragraph)] for paragraph in old or new]
            continue
        operations = diff(old, new, budget)
        line: list[DiffOp] = []
        for operation in operations:
            first, *rest = operation.text.split("\n")
            line.append(DiffOp(operation.op, first.strip()))
            for text in rest:
                paragraphs.append(line)
                line = [DiffOp(operation.op, text.strip())]
        paragraphs.append(line)
    return [line for line in ([op for op in paragraph if op.text] for paragraph in paragraphs) if line]


class _Budget:
    """The comparisons that are left for a diff: repeated lines would take cubic time."""

    def __init__(self) -> None:
        self.steps = MAX_STEPS


class _BoundedMatcher(SequenceMatcher[str]):
    """A matcher that takes the rest of a text as changed once its *budget* is used up."""

    def __init__(self, before: Sequence[str], after: Sequence[str], budget: _Budget) -> None:
        self.budget = budget
        super().__init__(None, before, after, autojunk=len(before) > 2000)

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        first, places = self.a, self.b2j  # type: ignore[attr-defined]  # `places`: indexes in the second text
        self.budget.steps -= sum(len(places.get(element, ())) for element in first[alo:ahi])
        return Match(alo, blo, 0) if self.budget.steps < 0 else super().find_longest_match(alo, ahi, blo, bhi)


def _opcodes(
    before: Sequence[str], after: Sequence[str], budget: _Budget
) -> list[tuple[str, Sequence[str], Sequence[str]]]:
    opcodes = _BoundedMatcher(before, after, budget).get_opcodes()
    return [("=" if tag == "equal" else "!", before[a:b], after[c:d]) for tag, a, b, c, d in opcodes]


def count_changes(title: str, before: Sequence[str], new_title: str, after: Sequence[str]) -> RevisionChanges:
    """Return the old title if it changed, and the numbers of added and removed words."""
    operations = diff(before, after)
    added, removed = (sum(len(o.text.split()) for o in operations if o.op == op) for op in "+-")
    return RevisionChanges(title if title != new_title else "", added, removed)
