"""Changes: what a revision of a text changed, word by word. Pure."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from streams.records import RevisionChanges

MAX_WORDS = 20_000  # of a text; comparing longer ones takes too long


class DiffOp(NamedTuple):
    """Words that both texts have (`=`), or only the one before (`-`), or only the one after (`+`)."""

    op: str
    text: str


def diff(before: Sequence[str], after: Sequence[str]) -> list[DiffOp]:
    """Return how the paragraphs *before* became those *after*: whole ones first, within what is left by the word.

    Taken together the runs of `=` and `-` are the words before, those of `=` and `+` the words after. Texts of more
    than MAX_WORDS words are compared by the paragraph only.
    """
    runs: list[DiffOp] = []
    for mark, old, new in _parts(before, after):
        if mark == "=":
            runs += [DiffOp("=", paragraph) for paragraph in old]
            continue
        words = [" \n ".join(paragraphs).split(" ") for paragraphs in (old, new)]
        if max(map(len, words)) > MAX_WORDS:
            runs += [DiffOp("-", paragraph) for paragraph in old] + [DiffOp("+", paragraph) for paragraph in new]
            continue
        for inner, removed, added in _parts(*words):
            for sign, found in (("=", removed),) if inner == "=" else (("-", removed), ("+", added)):
                if text := " ".join(found).strip():
                    runs.append(DiffOp(sign, text))
    return runs


def _parts(before: Sequence[str], after: Sequence[str]) -> list[tuple[str, Sequence[str], Sequence[str]]]:
    found = SequenceMatcher(None, before, after, autojunk=len(before) > 2000).get_opcodes()
    return [("=" if tag == "equal" else "!", before[a:b], after[c:d]) for tag, a, b, c, d in found]


def count_changes(title: str, before: Sequence[str], new_title: str, after: Sequence[str]) -> RevisionChanges:
    """Return in numbers what became of a title and its paragraphs."""
    runs = diff(before, after)
    added, removed = (sum(len(run.text.split()) for run in runs if run.op == mark) for mark in "+-")
    return RevisionChanges(title if title != new_title else "", added, removed)
