"""Filters of patterns: no text that a pattern matches fails its filter."""

import re
from collections.abc import Iterator, Sequence
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest

from workers.clean.line_types import MAY_BE_NOTICE, MAY_BE_PROMPT, MAY_BE_TAIL
from workers.clean.rules.feed_tails import FEED_TAILS
from workers.clean.rules.item_lines import EDGE_LINES, LINES
from workers.clean.rules.notices import CALL, FLOATING_NOTICE, NOTICE
from workers.clean.rules.prompts import PROMPTS
from workers.text.pattern_filter import PatternFilter, fold_case

PROMPT_LINES = (
    "Click here for more", "SIGN UP for our newsletter", "share", "12 comments", "© 2026 Harbour Gazette", "Facebook | X",
)  # fmt: skip
TAIL_LINES = (
    "The post Ferry opens appeared first on Quay.", "THE POST Ferry opens APPEARED FIRST ON Quay.", "2 posts - 3 participants",
    "Ferry opens was originally published in Quay on Medium, where people are talking.", "김하나 기자 hana@quay.example",
    "запись Паром впервые появилась на Причал.", "投稿 船 は 港 に最初に表示されました。", "投稿船は港の最初に登場しました。", "O conteúdo Barco aparece primeiro em Cais.",
)  # fmt: skip
NOTICE_LINES = (
    "Unsubscribe at any time", "© Quay, All Rights Reserved", "Place a bet. Please gamble responsibly", "Spiel. Glücksspiel kann süchtig machen.",
    "“Suivez-nous sur Telegram”", "Bizi Telegram kanalında takip edin", "© Μόλος, με επιφύλαξη παντός δικαιώματος",
)  # fmt: skip


TABLES = (*PROMPTS, *FEED_TAILS, *LINES, *EDGE_LINES, NOTICE, FLOATING_NOTICE, CALL)
ALTERNATIVES = 90  # no group of a table has more
SAMPLES = {sre.CATEGORY_DIGIT: "4", sre.CATEGORY_SPACE: " ", sre.CATEGORY_WORD: "x", sre.CATEGORY_NOT_SPACE: "x"}
REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)


def example(nodes: Sequence[Any], choice: int) -> str:
    """Return a text of a parsed pattern, with alternative *choice* of each group. Odd choices lack optional parts."""
    out = ""
    for op, argument in nodes:
        if op is sre.LITERAL:
            out += chr(argument)
        elif op in (sre.ANY, sre.NOT_LITERAL):
            out += "x"
        elif op is sre.IN:
            out += sample_of(argument)
        elif op is sre.SUBPATTERN:
            out += example(argument[-1], choice)
        elif op is sre.BRANCH:
            out += example(argument[1][choice % len(argument[1])], choice)
        elif op in REPEATS:
            out += example(argument[2], choice) * max(argument[0], (choice + 1) % 2)
    return out


def sample_of(members: Sequence[Any]) -> str:
    """Return a character of a set."""
    op, argument = members[0]
    if op is sre.NEGATE:
        return "x"
    if op is sre.CATEGORY:
        return SAMPLES.get(argument, "-")
    return chr(argument if op is sre.LITERAL else argument[0])


def variants(line: str) -> Iterator[str]:
    yield from (line, line.upper(), line.lower(), line.replace("s", "ſ"), line.replace("k", "\u212a").replace("i", "ı"))


def combined(patterns: tuple[re.Pattern[str], ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{p.pattern})" for p in patterns), re.IGNORECASE)


@pytest.mark.parametrize("pattern", TABLES, ids=[str(number) for number in range(len(TABLES))])
def test_filter_passes_example_of_each_alternative(pattern: re.Pattern[str]) -> None:
    nodes, filter_ = list(_parser.parse(pattern.pattern)), PatternFilter(pattern.pattern)
    texts = {example(nodes, choice) for choice in range(ALTERNATIVES)}
    matches = [text for text in texts if pattern.fullmatch(text)]
    assert all(map(filter_.may_match, matches))


@pytest.mark.parametrize("line", PROMPT_LINES)
def test_prompt_filter_passes_every_match(line: str) -> None:
    assert any(combined(PROMPTS).fullmatch(text) for text in variants(line))
    assert all(MAY_BE_PROMPT.may_match(text) for text in variants(line) if combined(PROMPTS).fullmatch(text))


@pytest.mark.parametrize("line", TAIL_LINES)
def test_tail_filter_passes_every_match(line: str) -> None:
    assert combined(FEED_TAILS).fullmatch(line)
    assert all(MAY_BE_TAIL.may_match(text) for text in variants(line) if combined(FEED_TAILS).fullmatch(text))


@pytest.mark.parametrize("line", NOTICE_LINES)
def test_notice_filter_passes_every_match(line: str) -> None:
    patterns = (NOTICE, FLOATING_NOTICE, CALL)
    matches = [text for text in variants(line) if any(pattern.fullmatch(text) for pattern in patterns)]
    assert matches and all(map(MAY_BE_NOTICE.may_match, matches))


def test_filter_rejects_a_sentence() -> None:
    line = "The harbour board reopened the canal on Monday, its chair told a meeting."
    assert not any(filter_.may_match(line) for filter_ in (MAY_BE_PROMPT, MAY_BE_TAIL, MAY_BE_NOTICE))


@pytest.mark.parametrize(
    ("pattern", "passed", "rejected"),
    [
        (r"(?:read|see) more\b.{0,9}", "READ more now", "a reader"),
        (r"\d{1,3} (?:views|likes)", "7 views", "seven views"),
        (r"(?:the )?board(?:s)?", "boards", "bond"),
        (r".{0,9}all rights", "© all rights", "all wrongs"),
        (r"[^\s]{2,8} ?(?:기자|記者)", "김하나 기자", "a reporter"),
        (r"(?:x|y){2,4}z", "xyxz", "ayz"),
        (r"\W{0,4}(?:follow|join)", "» join", "ajoin"),
        (r"(?:o post|o conteúdo) .{1,9} primeiro", "O conteúdo X primeiro", "a post X primeiro"),
        (r"(?:un |una )?(?:añadir|ayúdanos)", "una ayúdanos", "uno ayuda"),
    ],
)
def test_filter_reads_beginnings_and_parts(pattern: str, passed: str, rejected: str) -> None:
    filter_ = PatternFilter(pattern)
    assert re.match(pattern, passed, re.IGNORECASE) and filter_.may_match(passed)
    assert not filter_.may_match(rejected)


def test_filter_without_fixed_words_passes_everything() -> None:
    assert PatternFilter(r".{3,9}\d").may_match("any line")
    assert PatternFilter(r"(?:read more|.{1,5})").may_match("any line")


def test_fold_case_joins_letters_that_patterns_join() -> None:
    """`re` takes these letters as one when it ignores case."""
    letters = [
        chr(code) for code in (*range(0x20, 0x250), *range(0x1E00, 0x1F00), 0x212A, 0x212B) if chr(code).isalpha()
    ]
    for ascii_letter in "abcdefghijklmnopqrstuvwxyz":
        same = [letter for letter in letters if re.fullmatch(ascii_letter, letter, re.IGNORECASE)]
        assert {fold_case(letter) for letter in same} == {ascii_letter}
