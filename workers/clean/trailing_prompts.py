"""Trailing prompts: removal of a prompt that is the last sentence of a paragraph."""

from collections.abc import Sequence
from dataclasses import replace

from streams.records import RemovedBlock
from workers.clean.blocks import Block, Token, token_text
from workers.clean.line_types import is_feed_tail, is_prompt, word_count

SENTENCE_ENDS = (". ", "! ", "? ", "… ", "… ", ".” ", "。")
ASCII_ENDS = tuple(filter(str.isascii, SENTENCE_ENDS))
MIN_PROMPT_WORDS = 3  # shorter sentences are ambiguous
MAX_TOKENS = 40  # of the markup within a prompt
REASON = "a prompt as the last sentence of a paragraph"


def split_trailing_prompts(blocks: Sequence[Block]) -> tuple[list[Block], list[RemovedBlock]]:
    """Return the blocks without prompts as their last sentences, and the removed prompts.

    A paragraph is altered only if its whole last sentence is a prompt and no markup begins before that sentence.
    """
    out, removed = [], []
    for block in blocks:
        prompt = _trailing_prompt(block.text)
        shorter = _without(block, prompt) if prompt else None
        if shorter is not None:
            removed.append(RemovedBlock("prompt", prompt, REASON))
        out.append(shorter or block)
    return out, removed


def _trailing_prompt(text: str) -> str:
    ends = ASCII_ENDS if text.isascii() else SENTENCE_ENDS
    start = max([text.rfind(end) + len(end) for end in ends if end in text], default=0)
    last = text[start:].strip()
    prompts = bool(start) and word_count(last) >= MIN_PROMPT_WORDS and (is_prompt(last) or is_feed_tail(last))
    return last if prompts else ""


def _without(block: Block, prompt: str) -> Block | None:
    text = block.text[: -len(prompt)].rstrip()
    if not block.tokens:
        return replace(block, text=text, lines="", _words=-1)
    last = block.tokens[-1]
    if isinstance(last, str) and last.rstrip().endswith(prompt):
        return replace(block, text=text, tokens=[*block.tokens[:-1], last[: last.rindex(prompt)]], lines="", _words=-1)
    for end in range(len(block.tokens) - 1, max(0, len(block.tokens) - MAX_TOKENS), -1):
        if token_text(block.tokens[:end]) == text:
            tokens = block.tokens[:end]
            return replace(block, text=text, tokens=[*tokens, *_end_tags(tokens)], lines="", _words=-1)
    return None


def _end_tags(tokens: Sequence[Token]) -> list[Token]:
    """Return the end tags of the elements that are open after *tokens*."""
    open_tags: list[str] = []
    for token in tokens:
        if not isinstance(token, str):
            if token[0].startswith("/"):
                open_tags.pop()
            elif token[0] != "br":
                open_tags.append(token[0])
    return [("/" + tag, "") for tag in reversed(open_tags)]
