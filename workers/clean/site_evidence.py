"""Site evidence: element paths, lines and line patterns of a site's accepted articles, as evidence beside the model.

    article ──▶ votes: path or line → clutter or body text ──▶ site history ──▶ votes of earlier articles ──▶ decision

A block that evidence decides gives no vote, so evidence never confirms itself. A sentence that no other article has is
never removed, nor a block that the model is sure of. Pure. Figures for the limits: decision 106.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from workers.clean.blocks import Block
from workers.clean.element_paths import path_key, path_of
from workers.clean.labelling import BlockLabel, Labelling
from workers.clean.line_patterns import pattern_key, pattern_of
from workers.clean.site_facts import BODY_VOTE, CLUTTER_VOTE, MIN_REPEATED_SHARE, Evidence, SiteFacts

CLUTTER_LABELS = frozenset(("link", "clutter", "template", "prompt", "label", "feed tail"))
MIN_ARTICLES = 8  # in the site history
EDGE_LINES = 12  # above and below the body text that are counted
EDGE_PATHS = 40  # blocks above and below the body text whose paths are counted
MIN_PATH_ARTICLES, MIN_PATH_RATIO = 3, 3  # with clutter in a path; for each article with body text there
DOUBTFUL, DOUBTFUL_REPEATED = 0.5, 0.9  # probabilities of body text below which a path decides
MIN_LINE_ARTICLES, DOUBTFUL_LINE = 4, 0.7
MIN_PATTERN_ARTICLES, DOUBTFUL_PATTERN = 3, 0.9
MIN_REPEATS = 2  # other articles with a sentence, so that evidence may remove it
MIN_FITTING, MIN_FITTING_SHARE = 5, 0.1  # articles with body text in a path that make the path known; their share
MAX_VOTES = 120  # of an article; the usual page has 40
MAX_NAMED = 8  # lines and paths of an article whose text is stored for reports
NAME_BYTES = 60  # longer values would make Valkey store a hash in five times the memory (hash-max-listpack-value)


class Vote(NamedTuple):
    """The vote of block *n* for its path, line or pattern."""

    key: bytes
    votes: int
    n: int


def learn(labelling: Labelling) -> Evidence:
    """Return the votes of an article; none without a sentence of body text."""
    sentences = [n for n, block in enumerate(labelling.blocks) if block.is_sentence and _is_body(labelling, n)]
    if not sentences:
        return Evidence()
    start, end = sentences[0], sentences[-1] + 1
    votes: dict[bytes, Vote] = {}
    for vote in chain(_path_votes(labelling, start, end), _line_votes(labelling, start, end)):
        if len(votes) == MAX_VOTES and vote.key not in votes:
            continue
        if votes.setdefault(vote.key, vote).votes < vote.votes:
            votes[vote.key] = vote  # body text counts more than clutter
    due = [vote for vote in votes.values() if _is_name_due(labelling.facts, vote.key)]
    names = {vote.key: _name(labelling.blocks[vote.n], vote.key) for vote in due[:MAX_NAMED]}
    fits = _fits(labelling, sentences, votes) if labelling.facts.articles >= MIN_ARTICLES else None
    return Evidence({vote.key: vote.votes for vote in votes.values()}, names, fits)


def apply_evidence(labelling: Labelling) -> None:
    """Remove doubtful blocks where earlier articles of the site had clutter."""
    if labelling.facts.articles < MIN_ARTICLES:
        return
    for n, block in enumerate(labelling.blocks):
        if _is_body(labelling, n) and (reason := _reason(labelling, n, block)):
            labelling.labels[n] = BlockLabel("template", reason, by_history=True)
            labelling.by_evidence.add(n)


def _reason(labelling: Labelling, n: int, block: Block) -> str:
    """Return the reason to remove a kept block; "" if it stays."""
    facts, probability = labelling.facts, labelling.predictions[n].probability
    if probability >= max(DOUBTFUL_REPEATED, DOUBTFUL_LINE, DOUBTFUL_PATTERN):
        return ""
    line = facts.votes(labelling.keys[n])
    articles = line.repeats + line.clutter
    minimum = MIN_REPEATED_SHARE * facts.articles
    if probability < DOUBTFUL_LINE and labelling.trusts_repeats and articles >= max(MIN_LINE_ARTICLES, minimum):
        return f"{articles} of the last {facts.articles} articles of this site have this line"
    is_repeated = line.repeats >= MIN_REPEATS
    if block.is_sentence and not is_repeated:
        return ""
    path = facts.votes(_path_key(block))
    if probability < (DOUBTFUL_REPEATED if is_repeated else DOUBTFUL) and (
        path.clutter >= max(MIN_PATH_ARTICLES, MIN_PATH_RATIO * path.body)
    ):
        return f"{path.clutter} of the last {facts.articles} articles of this site have clutter in this element"
    patterns = 0 if block.is_sentence else facts.votes(pattern_key(block.text)).repeats
    if probability < DOUBTFUL_PATTERN and patterns >= max(MIN_PATTERN_ARTICLES, minimum):
        return f"{patterns} of the last {facts.articles} articles of this site have such a line"
    return ""


def _line_votes(labelling: Labelling, start: int, end: int) -> Iterator[Vote]:
    """Yield the clutter lines near the body text, and the patterns of body lines with numbers."""
    for n in range(max(0, start - EDGE_LINES), min(len(labelling.blocks), end + EDGE_LINES)):
        block, key = labelling.blocks[n], labelling.keys[n]
        if not key or n in labelling.by_evidence:
            continue
        if _is_clutter(labelling, n) and not labelling.labels[n].by_history:
            yield Vote(key, CLUTTER_VOTE, n)
        elif _is_body(labelling, n) and not block.is_sentence and (key := pattern_key(block.text)):
            yield Vote(key, 1, n)


def _path_votes(labelling: Labelling, start: int, end: int) -> Iterator[Vote]:
    """Yield a vote for the element path of each block of body text, and of clutter near it."""
    for n in range(max(0, start - EDGE_PATHS), min(len(labelling.blocks), end + EDGE_PATHS)):
        key = _path_key(labelling.blocks[n])
        if not key or n in labelling.by_evidence:
            continue
        if _is_body(labelling, n):
            yield Vote(key, BODY_VOTE, n)
        elif _is_clutter(labelling, n):
            yield Vote(key, CLUTTER_VOTE, n)


def _path_key(block: Block) -> bytes:
    """Return the key of the path of a block's element; empty for a line of a dump and for navigation."""
    element = block.element
    return path_key(element) if block.text and element is not None and not element.in_navigation else b""


def _is_body(labelling: Labelling, n: int) -> bool:
    return bool(labelling.blocks[n].text) and not labelling.labels[n].reason


def _is_clutter(labelling: Labelling, n: int) -> bool:
    return bool(labelling.labels[n].reason) and labelling.labels[n].label in CLUTTER_LABELS


def _fits(labelling: Labelling, sentences: list[int], keys: Iterable[bytes]) -> bool:
    """Return whether half of the body text is in known paths; for a dump, whether a clutter line is known."""
    facts, blocks = labelling.facts, labelling.blocks
    minimum = max(MIN_FITTING, MIN_FITTING_SHARE * facts.articles)
    if labelling.is_dump:
        return any(facts.votes(key).clutter >= minimum for key in keys)
    known = sum(blocks[n].words for n in sentences if facts.votes(_path_key(blocks[n])).body >= minimum)
    return 2 * known >= sum(blocks[n].words for n in sentences)


def _is_name_due(facts: SiteFacts, key: bytes) -> bool:
    """Return whether the number of articles reaches 2, 4, 8 or a multiple of 16: names are written rarely."""
    count = sum(facts.votes(key)) + 1
    return count in (2, 4, 8) or count % 16 == 0


def _name(block: Block, key: bytes) -> str:
    """Return the inner end of a path, or the beginning of a line or pattern."""
    if block.element is not None and key == block.element.path_key:
        return path_of(block.element).encode("utf-8", "replace")[-NAME_BYTES:].decode("utf-8", "ignore")
    text = pattern_of(block.text) if key == pattern_key(block.text) else block.text
    return text.encode("utf-8", "replace")[:NAME_BYTES].decode("utf-8", "ignore")
