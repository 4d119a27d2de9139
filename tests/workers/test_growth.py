"""Growth: every regular expression, and what scans whole documents, takes linear time on any text."""

import ast
import importlib
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import streams
import workers
from workers.clean.article import sniff
from workers.clean.captions import names_in, split_credit
from workers.clean.markup import without_buttons, without_unseen
from workers.clean.text import comparable, plain
from workers.dedupe.fingerprint import markup_fingerprint
from workers.poller.pages import seen_part


def fingerprint_of(text: str) -> bytes:
    return markup_fingerprint((text,))


# Characters of each class, and what the patterns look for: repeated, each makes some pattern try again and again.
TOKENS = (
    "A", "a", "É", "1", "0", "_", " ", "\t", "\n", ".", "…", "。", ",", "-", "—", "–", ":", ";", "!", "?", "'", "’", '"', "”", "/", "\\",
    "|", "(", ")", "[", "]", "{", "<", ">", "=", "&", "#", "%", "@", "+", "~", "°", "ا", "年", "\u0e01", "\u200c", "\u200d", "👩\u200d",
    "A ", "a ", "AB ", "A, ", "A,", "A-", "a-", "a_1", "Aa ", "a, ", "1 ", "1-", "1.", "1:", "12:30 ", "  ", ". ", '."', ".a", "- ", "( ", "(a",
    "[a", "(AP", "(AP/", "| ", "a/", "a.", "x/amp/", ".amp", "http://", "https://a", "www.", "?a=b&", ";sid=", "%2", "%s", "&#0", "&a",
    "<!--", "-->", "<a ", "<a", "</", "</a", "<a>;", "<style ", "<svg ", "<svg/>", "<script ", "<script>", "</script ", "<button ", "<button>",
    "</button", "<title>", "<item ", "<meta ", "<?xml ", "encoding=", "charset=", "rel=", "size=1, ", '"a",', "by ", "By ", "photo ",
    "photo: ", "source: ", "January ", "Monday, ", "1 de ", "2024-01-01 ", "1年", "click here to ", "sign up ", "read more ", "follow ",
    "share|", "comments, ", "the post a appeared ", "display:", "max-age=",
)  # fmt: skip
ENDS = ("", "\n!")  # a text that matches up to its end, and one that doesn't
SMALL, LARGE = 375, 3_000
LINEAR = LARGE / SMALL
MOST = 3 * LINEAR  # linear time, measured badly; the square of it is LINEAR² = 64
NOTICED_S = 0.002  # CPU time of LARGE; less is none
ENDLESS_S = 0.25  # a hundred times what the slowest linear pattern takes
FUNCTIONS: tuple[Callable[[str], Any], ...] = (
    comparable, fingerprint_of, names_in, plain, seen_part, sniff, split_credit, without_buttons, without_unseen,
)  # fmt: skip
# Patterns that are made where they are used, from words that settings or callers hold.
MADE_THERE = {("streams/rules.py", "_has"), ("streams/tables.py", "_where")}
ROOTS = (streams, workers)


def modules() -> Iterator[ModuleType]:
    for package in ROOTS:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                yield importlib.import_module(found.name)


def patterns_in(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield name, value
    elif isinstance(value, dict) and depth < 4:
        for key, inner in value.items():
            yield from patterns_in(f"{name}[{key!r}]", inner, depth + 1)
    elif isinstance(value, (tuple, list, set, frozenset)) and depth < 4:
        for number, inner in enumerate(value):
            yield from patterns_in(f"{name}[{number}]", inner, depth + 1)


def all_patterns() -> dict[str, re.Pattern[Any]]:
    """Return each pattern once, by the first name found for it."""
    found: dict[re.Pattern[Any], str] = {}
    for module in modules():
        for attribute, value in vars(module).items():
            for name, pattern in patterns_in(f"{module.__name__}.{attribute}", value):
                found.setdefault(pattern, name)
    return {name: pattern for pattern, name in found.items()}


PATTERNS = all_patterns()


def cpu_s(call: Callable[[Any], Any], text: Any) -> float:
    """Return the CPU time of a call: how busy the machine is makes little difference."""
    begin = time.thread_time()
    call(text)
    return time.thread_time() - begin


def too_slow(call: Callable[[Any], Any], text_of: Callable[[int], Any]) -> str:
    """Return how the time of *call* grows where that is faster than linear, else ""."""
    size = SMALL // 8
    while (took_s := cpu_s(call, text_of(size))) < ENDLESS_S and size < LARGE:
        size = min(2 * size, LARGE)
    if took_s < NOTICED_S:
        return ""
    if size == LARGE and took_s < MOST * cpu_s(call, text_of(SMALL)):
        return ""
    if size == LARGE:
        small_s, large_s = (min(cpu_s(call, text_of(n)) for _ in range(5)) for n in (SMALL, LARGE))
        if large_s < max(NOTICED_S, MOST * small_s):
            return ""
        return f"{small_s:.4f} s for {SMALL} characters, {large_s:.4f} s for {LARGE}"
    return f"{took_s:.2f} s for {size} characters"


def texts(binary: bool) -> Iterator[tuple[str, Callable[[int], Any]]]:
    for token in TOKENS:
        for end in ENDS:

            def text_of(size: int, token: str = token, end: str = end) -> Any:
                text = token * (size // len(token)) + end
                return text.encode() if binary else text

            yield f"{token!r} … {end!r}", text_of


@pytest.mark.parametrize("name", PATTERNS)
def test_pattern_repeated_tokens_take_linear_time(name: str) -> None:
    pattern = PATTERNS[name]
    for method in ("match", "fullmatch", "search"):
        for text, text_of in texts(isinstance(pattern.pattern, bytes)):
            slow = too_slow(getattr(pattern, method), text_of)
            assert not slow, f"{name}.{method}({text}): {slow}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_repeated_tokens_take_linear_time(function: Callable[[str], Any]) -> None:
    for text, text_of in texts(binary=False):
        slow = too_slow(function, text_of)
        assert not slow, f"{text}: {slow}"


def test_patterns_within_functions_are_refused() -> None:
    """The tests above reach what modules hold: a pattern made within a function would escape them."""
    hidden = []
    for package in ROOTS:
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            for function in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    place = str(path.relative_to(root.parent)), function.name
                    hidden += [place for node in ast.walk(function) if makes_pattern(node) and place not in MADE_THERE]
    assert hidden == []


def makes_pattern(node: ast.AST) -> bool:
    """Whether *node* calls a function of `re` with a literal: these compile it there."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr != "escape"
    )


def test_growth_of_a_square_is_noticed() -> None:
    assert too_slow(re.compile(r"a*b").search, lambda size: "a" * size)
    assert too_slow(re.compile(r"(?:a+)+b").match, lambda size: "a" * min(size, 26))
    assert not too_slow(re.compile(r"a++b").match, lambda size: "a" * size)
