"""The story of a page a second time, as one block: a copy for speech or print, mostly without paragraphs. Pure."""

from collections.abc import Sequence

from workers.clean.blocks import Block
from workers.clean.labelling import Prediction
from workers.text.normalise import match_key

MIN_COPY_WORDS = 80
MIN_PARTS = 4  # paragraphs that stay; fewer may be a summary of the block
MIN_COPY_SHARE = 0.5  # words of the copy, of those of all other blocks that stay
MIN_REPEATED = 0.85  # of the copy's shingles


def without_repeated_story(blocks: Sequence[Block], predictions: list[Prediction]) -> list[Prediction]:
    """Return *predictions* that remove the longest block if the other blocks that stay contain its text."""
    words = [block.words if p.keep else 0 for block, p in zip(blocks, predictions, strict=True)]
    most = max(words, default=0)
    if most < MIN_COPY_WORDS or most < MIN_COPY_SHARE * (sum(words) - most):
        return predictions
    longest = words.index(most)
    rest = [n for n, count in enumerate(words) if count and n != longest]
    if len(rest) < MIN_PARTS:
        return predictions
    own = _shingles(blocks[longest])
    present = set().union(*(_shingles(blocks[n]) for n in rest))
    if len(own & present) < MIN_REPEATED * max(len(own), MIN_COPY_WORDS // 2):
        return predictions
    out = list(predictions)
    out[longest] = Prediction(0.0, keep=False)
    return out


def _shingles(block: Block) -> set[tuple[str, ...]]:
    """Return the shingles of three words; few in scripts without spaces, where no copy is recognised."""
    words = match_key(block.text).split()
    return set(zip(words, words[1:], words[2:], strict=False))
