"""Sentences of clutter in 42 languages, and story sentences that look like them: they train the word weights.

clutter_bank.tsv has three columns: language, kind, text. All texts are invented.

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
from pathlib import Path

FILE = Path(__file__).with_name("clutter_bank.tsv")
STORY = "story"


def bank_lines(file: Path = FILE) -> list[tuple[str, bool]]:
    """Return the texts, each with whether it is a sentence of a story."""
    with file.open(encoding="utf8", newline="") as rows:
        return [(text, kind == STORY) for _, kind, text in csv.reader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)]
