"""Sentences of clutter in 46 languages, and story sentences that look like them: they train the word weights.

clutter_bank*.tsv have three columns: language, kind, text. All texts are invented.

pitch       appeal to subscribe, donate or follow
sponsored   advertisement in full sentences
bio         biography of the author below a story
comment     comment of a reader, or a rule for comments
teaser      summary below the headline of another story, or reminder of one
button      button, poll option or counter
story       sentence of a story that could be taken for one of the kinds above

Between the paragraphs of training dumps, these sentences raised the log loss of unseen dumps (decision 156).
"""

import csv
from collections.abc import Iterable
from pathlib import Path

FILES = tuple(sorted(Path(__file__).parent.glob("clutter_bank*.tsv")))
STORY = "story"


def bank_lines(files: Iterable[Path] = FILES) -> list[tuple[str, bool]]:
    """Return the texts, each with whether it is a sentence of a story."""
    lines = (line for file in files for line in file.read_text(encoding="utf8").splitlines())
    rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [(text, kind == STORY) for _, kind, text in rows]
