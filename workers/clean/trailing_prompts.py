"""Glued: a prompt that an outlet runs on in the same paragraph as the story is cut off by the sentence."""

from collections.abc import Sequence
from dataclasses import replace

from streams.records import RemovedBlock
from workers.clean.blocks import Block, Token, run_text
from workers.clean.line_types import is_feed_tail, is_prompt, word_count

ENDS = (". ", "! ", "? ", "… ", "… ", ".” ", "。")
MIN_WORDS = 3  # of a prompt that is cut off: shorter ones may be anything
MAX_TOKENS = 40  # of markup that a prompt may have
REASON = "a sentence that asks something of the reader, run on with a paragraph"


def split_trailing_prompts(blocks: Sequence[Block]) -> tuple[list[Block], list[RemovedBlock]]:
    """Return the blocks without prompts as their last sentences, and what was cut off.

    A paragraph is altered only where its whole last sentence is a known prompt, and no markup begins before it.
    """
    out, removed = [], []
    for block in blocks:
        prompt = _last_prompt(block.text)
        shorter = _without(block, prompt) if prompt else None
        if shorter is not None:
            removed.append(RemovedBlock("prompt", prompt, REASON))
        out.append(shorter or block)
    return out, removed


def _last_prompt(text: str) -> str:
    at = max(text.rfind(end) + len(end) for end in ENDS if end in text) if any(end in text for end in ENDS) else 0
    last = text[at:].strip()
    asks = bool(at) and word_count(last) >= MIN_WORDS and (is_prompt(last) or is_feed_tail(last))
    return last if asks else ""


def _without(block: Block, prompt: str) -> Block | None:
    text = block.text[: -len(prompt)].rstrip()
    if not block.tokens:
        return replace(block, text=text, _words=-1)
    last = block.tokens[-1]
    if isinstance(last, str) and last.rstrip().endswith(prompt):
        return replace(block, text=text, tokens=[*block.tokens[:-1], last[: last.rindex(prompt)]], _words=-1)
    for at in range(len(block.tokens) - 1, max(0, len(block.tokens) - MAX_TOKENS), -1):
        if run_text(block.tokens[:at]) == text:
            run = block.tokens[:at]
            return replace(block, text=text, tokens=[*run, *_closing(run)], _words=-1)
    return None


def _closing(run: Sequence[Token]) -> list[Token]:
    still_open: list[str] = []
    for token in run:
        if not isinstance(token, str):
            if token[0].startswith("/"):
                still_open.pop()
            elif token[0] != "br":
                still_open.append(token[0])
    return [("/" + tag, "") for tag in reversed(still_open)]
