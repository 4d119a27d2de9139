"""Sentences of a text, with keys that equal sentences share. Pure."""

import re
from collections.abc import Collection
from typing import NamedTuple

from workers.clean.site_facts import line_key

MIN_SENTENCE_CHARS = 16  # shorter pieces of a line ("he said.", "Mr.") occur in unrelated articles
# Sentences that are compared with earlier articles. Repeated text stands at both ends of an article.
FIRST_SENTENCES, LAST_SENTENCES = 50, 50
MIN_REPEATS = 3  # earlier articles of the source that contain the sentence
_END = re.compile(r"(?<=[.!?\u2026])[\"\u201d\u2019\u00bb)\]]*[^\S\n]+|(?<=[\u3002\uff01\uff1f])")
_HASHTAGS = re.compile(r"\A\s*+#\w++(?:\s++#\w++)*+\s*+")  # labels, not text: outlets add their own to a copy


class Sentence(NamedTuple):
    """A sentence and its key; the key is empty for a sentence that is never excluded."""

    text: str
    key: bytes


def split_sentences(text: str) -> tuple[Sentence, ...]:
    """Return the sentences of *text*. Hashtags alone are none. Those in the middle of a long text have no key."""
    lines = (line for line in text.split("\n") if line and not line.isspace() and not _HASHTAGS.fullmatch(line))
    parts = [
        (part, len(part) >= MIN_SENTENCE_CHARS or part == line)
        for line in lines
        for part in _END.split(line)
        if part and not part.isspace() and not _HASHTAGS.fullmatch(part)
    ]
    last = len(parts) - LAST_SENTENCES
    return tuple(
        Sentence(part, line_key(part) if counts and not FIRST_SENTENCES <= n < last else b"")
        for n, (part, counts) in enumerate(parts)
    )


def own_text(sentences: Collection[Sentence], repeated: Collection[bytes]) -> str:
    """Return the text without the sentences whose keys are *repeated*."""
    return "\n".join(text for text, key in sentences if key not in repeated)
