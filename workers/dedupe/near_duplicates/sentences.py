"""Sentences of a text, with keys that equal sentences share. Pure."""

import re
from collections.abc import Collection
from typing import NamedTuple

from workers.clean.site_facts import line_key

MIN_SENTENCE_CHARS = 16  # shorter pieces of a line ("he said.", "Mr.") occur in unrelated articles
# Sentences that are compared with earlier articles. Repeated text stands at both ends of an article.
FIRST_SENTENCES, LAST_SENTENCES = 50, 50
MIN_REPEATS = 3  # earlier articles of the source that contain the sentence
_END = re.compile(r"[.!?\u2026][\"\u201d\u2019\u00bb)\]]*[^\S\n]+|[\u3002\uff01\uff1f]")
_HASHTAGS = re.compile(r"\A\s*+#\w++(?:\s++#\w++)*+\s*+")  # labels, not text: outlets add their own to a copy


class Sentence(NamedTuple):
    """A sentence and its key; the key is empty for a sentence that is never excluded."""

    text: str
    key: bytes


def split_sentences(text: str) -> tuple[Sentence, ...]:
    """Return the sentences of *text*. Hashtags alone are none. Those in the middle of a long text have no key."""
    parts = [
        (part, len(part) >= MIN_SENTENCE_CHARS or part == line)
        for line in text.split("\n")
        if _is_text(line)
        for part in _split_line(line)
        if _is_text(part)
    ]
    last = len(parts) - LAST_SENTENCES
    return tuple(
        Sentence(part, line_key(part) if counts and not FIRST_SENTENCES <= n < last else b"")
        for n, (part, counts) in enumerate(parts)
    )


def _split_line(line: str) -> list[str]:
    """Return the sentences of a line, without the brackets and quotation marks after their last sign."""
    parts, start = [], 0
    for end in _END.finditer(line):
        parts.append(line[start : end.start() + 1])
        start = end.end()
    return [*parts, line[start:]]


def _is_text(part: str) -> bool:
    return bool(part) and not part.isspace() and not ("#" in part and _HASHTAGS.fullmatch(part))


def own_text(sentences: Collection[Sentence], repeated: Collection[bytes]) -> str:
    """Return the text without the sentences whose keys are *repeated*."""
    return "\n".join(text for text, key in sentences if key not in repeated)
