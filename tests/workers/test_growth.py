"""Growth: every regular expression, and every scan of whole documents, takes linear time on any text."""

import ast
import importlib
import math
import pkgutil
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]  # private: the parts of a pattern
from re import _parser  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any

import pytest

import streams
import workers
from workers.clean.credits import parse_byline, split_credit
from workers.clean.document import detect_input_type
from workers.dedupe.fingerprint import raw_fingerprint
from workers.text.markup import strip_invisible_elements
from workers.text.normalise import match_key, plain_text


def fingerprint_of(text: str) -> bytes:
    return raw_fingerprint((text,))


# Characters of each class, and targets of the patterns. Repeated, each makes some pattern backtrack.
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
KINDS = "qQ1 .-é,\"'/:;(<_年"  # a character of each kind that patterns tell apart
LONG = 50  # a repeat of so many is looked at
REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d", sre.CATEGORY_NOT_DIGIT: r"\D", sre.CATEGORY_SPACE: r"\s", sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w", sre.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip
ENDS = ("", "\n!")  # a text that matches up to its end, and one that doesn't
QUARTER, SMALL, FIRST, SECOND, LARGE = 188, 375, 750, 1_500, 3_000
LINEAR = LARGE / SMALL
MOST = 3 * LINEAR  # linear time, measured badly; the square of it is LINEAR² = 64
NOTICED_S = 0.002  # CPU time of LARGE; less is none
FIRST_S = NOTICED_S / (LARGE / FIRST) ** 2  # CPU time of FIRST in quadratic time, where LARGE takes NOTICED_S
STILL_SUSPICIOUS = 2.9  # growth from FIRST to SECOND: the same exponent as MOST; 2 is linear
SUSPICIOUS = 5  # growth from QUARTER to FIRST: 4 is linear; MOST from SMALL to LARGE means 6 here
ENDLESS_S = 0.25  # a hundred times the time of the slowest linear pattern
TICK_S = 0.05
OWN_TEXTS = 100  # of one pattern, in `make test`
FUNCTIONS: tuple[Callable[[str], Any], ...] = (
    match_key, fingerprint_of, parse_byline, plain_text, detect_input_type, split_credit, strip_invisible_elements,
)  # fmt: skip
# Patterns that are made where they are used, from words that settings or callers hold, or for a table of a module.
MADE_THERE = {
    ("streams/config/sources.py", "location"),
    ("workers/clean/rules/corrections.py", "_begins"),
    ("workers/clean/rules/corrections.py", "_contains"),
    ("workers/desk/entry_rules.py", "_parse"),
}
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
    """Return each pattern once, by its first name in alphabetical order: parallel workers collect the same tests."""
    named = {
        name: pattern
        for module in modules()
        for attribute, value in vars(module).items()
        for name, pattern in patterns_in(f"{module.__name__}.{attribute}", value)
    }
    first_names: dict[re.Pattern[Any], str] = {}
    for name in sorted(named):
        first_names.setdefault(named[name], name)
    return {name: pattern for pattern, name in first_names.items()}


PATTERNS = all_patterns()


class EndlessError(Exception):
    """A call took ENDLESS_S of CPU time."""


class CallTimer:
    """Ends a call after ENDLESS_S of this thread's CPU time: a match checks for signals, also in exponential time.

    The kernel counts the time of all threads, in whole ticks, so the handler looks at the time of the thread.
    """

    end_s = math.inf

    def handle(self, number: int, frame: object) -> None:
        if time.thread_time() >= self.end_s:
            raise EndlessError

    def measure(self, call: Callable[[Any], Any], text: Any) -> float:
        begin_s = time.thread_time()
        try:
            self.end_s = begin_s + ENDLESS_S
            signal.setitimer(signal.ITIMER_VIRTUAL, ENDLESS_S, TICK_S)
            try:
                call(text)
            finally:
                self.end_s = math.inf
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        except EndlessError:
            return ENDLESS_S
        return time.thread_time() - begin_s


TIMER = CallTimer()


@pytest.fixture(autouse=True)
def interrupted_when_endless() -> Iterator[None]:
    before = signal.signal(signal.SIGVTALRM, TIMER.handle)
    yield
    signal.signal(signal.SIGVTALRM, before)


def cpu_s(call: Callable[[Any], Any], text: Any) -> float:
    """Return the CPU time of a call, ENDLESS_S for an interrupted one. How busy the machine is makes little difference."""
    return TIMER.measure(call, text)


def too_slow(call: Callable[[Any], Any], text_of: Callable[[int], Any]) -> str:
    """Return how the time of *call* grows where that is faster than linear, else "".

    Short texts tell nearly all linear calls. A suspicious growth is confirmed with a text of twice, then of four times the
    size, where noise and allocations weigh little: quadratic time takes 16 times as long.
    """
    first_s = cpu_s(call, text_of(FIRST))
    if first_s < FIRST_S:
        return ""
    if first_s < ENDLESS_S and first_s < SUSPICIOUS * min(cpu_s(call, text_of(QUARTER)) for _ in range(3)):
        return ""
    if first_s < ENDLESS_S and cpu_s(call, text_of(SECOND)) < STILL_SUSPICIOUS * first_s:
        return ""
    for size, took_s in ((FIRST, first_s), (LARGE, large_s := cpu_s(call, text_of(LARGE)))):
        if took_s >= ENDLESS_S:
            return f"{took_s:.2f} s for {size} characters"
    if large_s >= max(NOTICED_S, MOST * cpu_s(call, text_of(SMALL))):
        small_s, large_s = (min(cpu_s(call, text_of(n)) for _ in range(5)) for n in (SMALL, LARGE))
        if large_s >= max(NOTICED_S, MOST * small_s) and cpu_s(call, text_of(4 * LARGE)) >= min(8 * large_s, ENDLESS_S):
            return f"{small_s:.4f} s for {SMALL} characters, {large_s:.4f} s for {LARGE}"
    return ""


def example(items: Any) -> str:
    """Return a short text that part of a pattern matches, as good as always. *items*: as `re._parser` has them."""
    return "".join(example_of(code, value) for code, value in items)


def example_of(code: Any, value: Any) -> str:
    if code is sre.LITERAL:
        return chr(value)
    if code in (sre.IN, sre.NOT_LITERAL, sre.ANY):
        return characters(code, value)[0]
    if code is sre.BRANCH:
        return example(value[1][0])
    if code in REPEATS:
        return example(value[2]) * value[0]
    return example(value[3] if code is sre.SUBPATTERN else value if code is sre.ATOMIC_GROUP else ())


def characters(code: Any, value: Any) -> list[str]:
    """Return characters that a class matches, one of each kind."""
    if code is sre.IN:
        pattern = re.compile(f"[{''.join(map(in_class, value))}]")
        literals = [chr(inner) for kind, inner in value if kind is sre.LITERAL]
        ranges = [chr(inner[0]) for kind, inner in value if kind is sre.RANGE]
        return [char for char in (*KINDS, *literals[:1], *ranges[:1]) if pattern.match(char)] or ["a"]
    return [char for char in KINDS if code is sre.ANY or ord(char) != value]


def in_class(item: tuple[Any, Any]) -> str:
    kind, value = item
    if kind is sre.RANGE:
        return f"\\U{value[0]:08x}-\\U{value[1]:08x}"
    return "^" if kind is sre.NEGATE else CATEGORIES[value] if kind is sre.CATEGORY else f"\\U{value:08x}"


def repeats(items: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield, for each long repeat of a pattern, a text that leads to it, and the repeated text."""
    for code, value in items:
        if code in REPEATS and value[1] >= LONG:
            chars = [c for inner, of in value[2] if inner in (sre.IN, sre.ANY) for c in characters(inner, of)]
            yield from ((before, unit) for unit in {example(value[2]) or "a", *chars})
        for inner in value[1] if code is sre.BRANCH else [parts(code, value)]:
            yield from repeats(inner, before)
        before += example_of(code, value)


def parts(code: Any, value: Any) -> Any:
    if code in REPEATS:
        return value[2]
    if code is sre.GROUPREF_EXISTS:
        return [*value[1], *(value[2] or ())]
    if code in (sre.ASSERT, sre.ASSERT_NOT):
        return value[1]
    return value[3] if code is sre.SUBPATTERN else value if code is sre.ATOMIC_GROUP else ()


def atoms(items: Any) -> Iterator[str]:
    """Yield the source of each expression of a pattern that matches one character."""
    for code, value in items:
        if code is sre.LITERAL or code is sre.NOT_LITERAL:
            yield in_class((sre.LITERAL, value))
        elif code is sre.IN:
            yield f"[{''.join(map(in_class, value))}]"
        for inner in value[1] if code is sre.BRANCH else [parts(code, value)]:
            yield from atoms(inner)


class Alphabet:
    """The characters that a pattern tells apart: texts with equal signatures take the same steps."""

    def __init__(self, pattern: re.Pattern[Any]) -> None:
        self.items = parsed(pattern)
        self.is_binary = isinstance(pattern.pattern, bytes)
        sources = sorted({*atoms(self.items), r"\w", r"\n"})  # the last two for \b and line ends
        self.atoms = [re.compile(source, pattern.flags & (re.IGNORECASE | re.ASCII)) for source in sources]
        self.known: dict[str, bytes] = {}

    def signature(self, text: str) -> tuple[bytes, ...]:
        return tuple(map(self.kind, text.encode().decode("latin-1") if self.is_binary else text))

    def kind(self, char: str) -> bytes:
        if char not in self.known:
            self.known[char] = bytes(atom.match(char) is not None for atom in self.atoms)
        return self.known[char]

    def distinct(self, texts: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """Return one of *texts*, tuples of strings, for each signature."""
        return list({tuple(map(self.signature, parts)): parts for parts in texts}.values())


def parsed(pattern: re.Pattern[Any]) -> Any:
    return _parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)


def own_texts(alphabet: Alphabet) -> Iterator[tuple[str, Callable[[int], Any]]]:
    """Yield texts for a pattern's own repeats: the text before the repeat, once or each time, and the repeated text."""
    for before, unit in alphabet.distinct(sorted(set(repeats(alphabet.items)))):
        for end in ENDS:
            for once in (True, False):

                def text_of(
                    size: int, before: str = before, unit: str = unit, end: str = end, once: bool = once
                ) -> Any:
                    text = (
                        before + unit * (size // len(unit)) if once else (before + unit) * (size // len(before + unit))
                    )
                    return (text + end).encode("latin-1", "replace") if alphabet.is_binary else text + end

                yield f"{before!r} {unit!r} … {end!r}", text_of


def texts(tokens: Iterable[str], binary: bool = False) -> Iterator[tuple[str, Callable[[int], Any]]]:
    for token in tokens:
        for end in ENDS:

            def text_of(size: int, token: str = token, end: str = end) -> Any:
                text = token * (size // len(token)) + end
                return text.encode() if binary else text

            yield f"{token!r} … {end!r}", text_of


@pytest.mark.parametrize("name", PATTERNS)
def test_pattern_repeated_texts_take_linear_time(name: str) -> None:
    check(name, OWN_TEXTS)


@pytest.mark.corpus_full
def test_large_patterns_take_linear_time_on_each_own_text() -> None:
    """`make test` takes a sample of the own texts of five patterns, which took half of its time here."""
    for name in PATTERNS:
        check(name, sys.maxsize)


def check(name: str, most: int) -> None:
    """Assert that a pattern takes linear time, on at most about *most* of its own texts."""
    pattern = PATTERNS[name]  # `match` is the first step of `search`
    alphabet = Alphabet(pattern)
    tokens = [token for (token,) in alphabet.distinct((token,) for token in TOKENS)]
    own = list(own_texts(alphabet))
    sample = own[:: -(-len(own) // most) or 1]
    for method in ("fullmatch", "search"):
        for text, text_of in (*texts(tokens, alphabet.is_binary), *sample):
            slow = too_slow(getattr(pattern, method), text_of)
            assert not slow, f"{name}.{method}({text}): {slow}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_repeated_tokens_take_linear_time(function: Callable[[str], Any]) -> None:
    for text, text_of in texts(TOKENS):
        slow = too_slow(function, text_of)
        assert not slow, f"{text}: {slow}"


def test_patterns_within_functions_are_refused() -> None:
    """The tests above reach the attributes of modules. They would miss a pattern that a function compiles."""
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
    # A busy machine can lengthen the first call, against which the others are compared; other runs measure again.
    assert any(too_slow(re.compile(r"a*b").search, lambda size: "a" * size) for _ in range(3))
    assert too_slow(re.compile(r"(?:a+)+b").match, lambda size: "a" * size)
    assert not too_slow(re.compile(r"a++b").match, lambda size: "a" * size)
