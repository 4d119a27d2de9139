"""Scores of a cleaned document against its labels: word F1, lost words of body text, remaining clutter."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from tests.tools.train.corpus import Document, words_of

SENTENCE_ENDS = re.compile(r"(?<=[.!?…])[\"”’»)\]]*\s+|(?<=[。！？])")
MIN_SENTENCE_WORDS = 5
MIN_SHINGLE_SHARE = 0.6  # of a sentence's shingles of three words; below, the sentence counts as lost


def text_score(document: Document, out: Sequence[str]) -> dict[str, float]:
    """Return the scores of the lines *out* as the document's text. Bylines, dates and captions are neutral."""
    have, truth = Counter(words_of("\n".join(out))), Counter(words_of(document.truth))
    have -= (have - truth) & Counter(word for line in document.neutral for word in words_of(line))
    both, total, expected = sum((have & truth).values()), have.total(), truth.total()
    left, words_left = _remaining_clutter(out, document)
    sentences = [set(_shingles(words)) for line in document.truth.split("\n") for words in _sentences(line)]
    shingles = set(_shingles(words_of("\n".join(out))))
    return {
        "sentences": len(sentences),
        "sentences_lost": sum(len(s & shingles) < MIN_SHINGLE_SHARE * len(s) for s in sentences),
        "f1": 2 * both / (total + expected) if both else 0.0, "out": total, "truth": expected, "lost": expected - both,
        "clutter": len(document.clutter), "left": left, "left_words": words_left,
    }  # fmt: skip


def _sentences(line: str) -> Iterator[list[str]]:
    for sentence in SENTENCE_ENDS.split(line):
        words = words_of(sentence or "")
        if len(words) >= MIN_SENTENCE_WORDS:
            yield words


def _shingles(words: list[str]) -> Iterator[tuple[str, str, str]]:
    return zip(words, words[1:], words[2:], strict=False)


def _remaining_clutter(out: Sequence[str], document: Document) -> tuple[int, int]:
    """Return the number of clutter lines, and of their words, that occur more often in the output than in the truth."""
    lines = Counter(" ".join(words_of(line)) for line in out)
    true_lines = Counter(" ".join(words_of(line)) for line in document.truth.split("\n"))
    flat, true_flat = (f" {' '.join(words_of(text))} " for text in ("\n".join(out), document.truth))
    seen: Counter[str] = Counter()
    words = 0
    for line in document.clutter:
        key = " ".join(words_of(line))
        count = len(key.split())
        if not count:
            continue
        extra = flat.count(f" {key} ") - true_flat.count(f" {key} ") if count >= 4 else lines[key] - true_lines[key]
        if extra > seen[key]:
            seen[key] += 1
            words += count
    return seen.total(), words


def summary(scores: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the figures of many documents. F1 is a mean over documents; all others are pooled."""
    total = {key: sum(score[key] for score in scores) for key in scores[0]} if scores else {}
    count = len(scores) or 1
    return {
        "documents": len(scores),
        "word_f1": round(total.get("f1", 0) / count, 4),
        "body_words_lost_pct": round(100 * total.get("lost", 0) / max(1, total.get("truth", 0)), 2),
        "sentences_lost_pct": round(100 * total.get("sentences_lost", 0) / max(1, total.get("sentences", 0)), 2),
        "clutter_lines_left_pct": round(100 * total.get("left", 0) / max(1, total.get("clutter", 0)), 2),
        "clutter_words_per_1000": round(1000 * total.get("left_words", 0) / max(1, total.get("out", 0)), 2),
        "dirty_pct": round(100 * sum(score["left"] > 0 for score in scores) / count, 1),
        "perfect_pct": round(100 * sum(score["f1"] > 0.995 for score in scores) / count, 1),
    }
