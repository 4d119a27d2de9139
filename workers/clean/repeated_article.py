"""A second copy of a page's article in one block: a version for speech or print, mostly without paragraphs. Pure."""

from collections.abc import Sequence

from workers.clean.blocks import Block
from workers.clean.labelling import Prediction
from workers.text.normalise import match_key

MIN_COPY_WORDS = 80
MIN_PARTS = 4  # other kept paragraphs; fewer may be a summary of the block
MIN_COPY_SHARE = 0.5  # words of the copy, relative to those of all other kept blocks
MIN_REPEATED = 0.85  # share of the copy's shingles in the other blocks


def without_repeated_article(blocks: Sequence[Block], predictions: list[Prediction]) -> list[Prediction]:
    """Return *predictions* that remove the longest block if the other kept blocks contain its text."""
    words = [block.words if p.keep else 0 for block, p in zip(blocks, predictions, strict=True)]
    copy_words = max(words, default=0)
    if copy_words < MIN_COPY_WORDS or copy_words < MIN_COPY_SHARE * (sum(words) - copy_words):
        return predictions
    longest = words.index(copy_words)
    rest = [n for n, count in enumerate(words) if count and n != longest]
    if len(rest) < MIN_PARTS:
        return predictions
    copied = _shingles(blocks[longest])
    others = set().union(*(_shingles(blocks[n]) for n in rest))
    if len(copied & others) < MIN_REPEATED * max(len(copied), MIN_COPY_WORDS // 2):
        return predictions
    out = list(predictions)
    out[longest] = Prediction(0.0, keep=False)
    return out


def _shingles(block: Block) -> set[tuple[str, ...]]:
    """Return the shingles of three words; few in scripts without spaces, where no copy is recognised."""
    words = match_key(block.text).split()
    return set(zip(words, words[1:], words[2:], strict=False))
