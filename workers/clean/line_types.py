"""Line types: classify one line of text as sentence, headline, link label, prompt or feed tail. Pure.

Only the line itself counts, not its neighbours.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from workers.clean.rules.feed_tails import FEED_TAILS, TITLE_FIRST_PARTS, TITLE_FIRST_TAILS
from workers.clean.rules.labels import INLINE_LEADS
from workers.clean.rules.lexicon import ADVERTISEMENTS, LABELS, SHARE_BARS
from workers.clean.rules.notices import (
    ADVERTISEMENT_NOTICES,
    CALL,
    CALL_START,
    FLOATING_NOTICE,
    FLOATING_NOTICE_PARTS,
    LAST_CALL_PARTS,
    MAX_CALL_WORDS,
    MAX_NOTICE_WORDS,
    MEDIA_PARTS,
    NOTICE,
    NOTICE_LINES,
    NOTICE_PARTS,
)
from workers.clean.rules.prompts import ADVERTISEMENT, PROMPT_REASONS, PROMPTS, SHARE_OR_COMMENT, SITE_NOTICE
from workers.text.normalise import match_key
from workers.text.pattern_filter import PatternFilter


def lead_pattern(leads: Iterable[str]) -> str:
    """Return the source of a pattern for a complete line that begins with one of *leads* and a separator."""
    words = "|".join(sorted(map(re.escape, leads), key=lambda lead: (-len(lead), lead)))
    return rf"[\[(（【]?(?:{words})\s*[:：|–—»>】]+\s*(?P<rest>\S.*)"


LEAD = re.compile(lead_pattern(INLINE_LEADS), re.IGNORECASE)
# Source: Unicode 16, Sentence_Terminal and Quotation_Mark; the closing brackets of the CJK block.
STOPS = ".…。।۔։።။។｡．"
ENDS = STOPS + "!?！？؟"
CLOSING_MARKS = "\"'”’»)]」』）〉》】“‘«›‹"
_CLOSERS = f"[{re.escape(CLOSING_MARKS)}]*+"
SENTENCE_END = re.compile(rf"[{ENDS}]{_CLOSERS}$")
HEADLINE_MARK_END = re.compile(rf"[{STOPS}]{_CLOSERS}$")
CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
MAX_HEADLINE_WORDS = 30
SENTENCE_WORDS = 8
PROMPT_ENDS = " .!»›>|"
ANY_PROMPT = re.compile("|".join(f"(?:{p.pattern})" for p in PROMPTS), re.IGNORECASE)
ANY_TAIL = re.compile("|".join(f"(?:{p.pattern})" for p in FEED_TAILS), re.IGNORECASE)
MAY_BE_PROMPT = PatternFilter(*(p.pattern for p in PROMPTS))
MAY_BE_TAIL = PatternFilter(*(p.pattern for p in FEED_TAILS))
MAY_BE_NOTICE = PatternFilter(NOTICE.pattern, FLOATING_NOTICE.pattern, CALL.pattern)
TITLE_FIRST_TAIL = re.compile("|".join(f"(?:{p.pattern})" for p in TITLE_FIRST_TAILS), re.IGNORECASE)


def read_patterns() -> None:
    """Read the patterns of lines now. It takes 50 ms once in a process, which would delay its first step."""
    for filter_ in (MAY_BE_PROMPT, MAY_BE_TAIL, MAY_BE_NOTICE):
        filter_.may_match("")


def ends_sentence(text: str) -> bool:
    """Return whether SENTENCE_END matches in *text*, in a fifth of the time."""
    text = text.removesuffix("\n").rstrip(CLOSING_MARKS)
    return text[-1:] in ENDS and text != ""


def may_be_lead(text: str) -> bool:
    """Return whether *text* has a separator of LEAD."""
    return any(map(text.__contains__, "|:>" if text.isascii() else "|:>：–—»】"))


def word_count(text: str) -> int:
    """Return the number of words in *text*; in scripts without spaces, two characters count as one word."""
    if text.isascii():
        return len(text.split())
    if CJK.search(text) is None:
        return len(text.split())
    dense = len(CJK.findall(text))
    return len(CJK.sub(" ", text).split()) + (dense + 1) // 2


def is_sentence(text: str) -> bool:
    """Return whether *text* reads like body text rather than a headline or a label."""
    return reads_as_sentence(text, word_count(text))


def reads_as_sentence(text: str, words: int) -> bool:
    """Return whether *text* with *words* words is a sentence."""
    return (words >= SENTENCE_WORDS and ends_sentence(text)) or words > MAX_HEADLINE_WORDS


def is_headline(text: str) -> bool:
    """Return whether *text* could be the headline of an article."""
    return 3 <= word_count(text) <= MAX_HEADLINE_WORDS and not HEADLINE_MARK_END.search(text)


def contains_url(text: str) -> bool:
    """Return whether *text* spells out a URL with its scheme."""
    return "://" in text


def is_link_label(text: str) -> bool:
    """Return whether all of *text* is a label above links, such as "Recommended"."""
    return len(text) < 60 and _is_label(text)


def is_prompt(text: str) -> bool:
    """Return whether all of *text* is a prompt to the reader or a share bar."""
    return len(text) < 300 and _is_prompt(text)


def prompt_reason(text: str) -> str:
    """Return the reason for the removal of a line that `is_prompt` accepts."""
    lines = (text.strip(PROMPT_ENDS), text)
    for prompt, reason in PROMPT_REASONS.items():
        if any(map(prompt.fullmatch, lines)):
            return reason
    return ADVERTISEMENT if match_key(text) in ADVERTISEMENTS else SHARE_OR_COMMENT


@lru_cache(8192)  # clutter repeats on all pages of a site
def _is_label(text: str) -> bool:
    return match_key(text) in LABELS and not _is_one_word_sentence(text)


def _is_one_word_sentence(text: str) -> bool:
    """Return whether *text* is one word with a full stop. "More." answers a question."""
    return text.endswith(".") and " " not in text


@lru_cache(8192)
def _is_prompt(text: str) -> bool:
    if _is_one_word_sentence(text) and match_key(text) in LABELS:
        return False
    stripped = text.strip(PROMPT_ENDS)
    if MAY_BE_PROMPT.may_match(stripped) and ANY_PROMPT.fullmatch(stripped):
        return True
    if stripped != text and MAY_BE_PROMPT.may_match(text) and ANY_PROMPT.fullmatch(text):
        return True
    return match_key(text) in SHARE_BARS


def notice_reason(text: str) -> str:
    """Return the reason for the removal of a line that `is_notice` accepts."""
    key = match_key(text)
    return ADVERTISEMENT if key in ADVERTISEMENT_NOTICES or key in ADVERTISEMENTS else SITE_NOTICE


def is_notice(text: str) -> bool:
    """Return whether all of *text* is a legal, consent, comment-rule, donation, paywall or follow line."""
    return len(text) < 600 and _is_notice(text)


@lru_cache(8192)
def _is_notice(text: str) -> bool:
    if match_key(text) in NOTICE_LINES:
        return True
    if not MAY_BE_NOTICE.may_match(text):
        return False
    lower = text.lower()
    if len(text) < 200 and _is_call(text, lower):
        return word_count(text) <= MAX_CALL_WORDS
    floats = FLOATING_NOTICE_PARTS.occur_in(lower) and FLOATING_NOTICE.fullmatch(text) is not None
    if not floats and NOTICE.fullmatch(text) is None:
        return False
    return any(map(lower.__contains__, NOTICE_PARTS)) and word_count(text) <= MAX_NOTICE_WORDS


def _is_call(text: str, lower: str) -> bool:
    """Return whether *text* calls to follow or join. The cheapest test comes first: hardly any line passes it."""
    if CALL_START.match(text) is None and not LAST_CALL_PARTS.occur_in(lower):
        return False
    return any(map(lower.__contains__, MEDIA_PARTS)) and CALL.fullmatch(text) is not None


def is_feed_tail(text: str) -> bool:
    """Return whether all of *text* is a line that a feed builder appends to an item."""
    if len(text) >= 600:
        return False
    if MAY_BE_TAIL.may_match(text) and ANY_TAIL.fullmatch(text) is not None:
        return True
    if text.isascii() or not any(map(text.lower().__contains__, TITLE_FIRST_PARTS)):
        return False
    return TITLE_FIRST_TAIL.fullmatch(text) is not None
