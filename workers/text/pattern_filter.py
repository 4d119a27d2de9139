"""Cheap tests that most lines fail, derived from the patterns of tables: a line that fails can't match. Pure.

A table of complete lines has hundreds of alternatives, and `re` tries each of them on every line. Most alternatives
begin with fixed words. So the first characters of a line decide whether any of them can match. The others contain fixed
words.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import groupby
from re import _constants as sre  # type: ignore[attr-defined]  # private: the parts of a parsed pattern
from re import _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

START_CHARS = 6
MAX_STARTS = 20_000  # of one pattern; a pattern with more begins with any character
MAX_SET = 12  # characters at one position after the first one; a larger set matches any character
MIN_PART_WEIGHT = 3
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
_ZERO_WIDTH = (sre.AT, sre.ASSERT, sre.ASSERT_NOT)
_CATEGORIES = {
    sre.CATEGORY_DIGIT: re.compile(r"\d"), sre.CATEGORY_NOT_DIGIT: re.compile(r"\D"),
    sre.CATEGORY_SPACE: re.compile(r"\s"), sre.CATEGORY_NOT_SPACE: re.compile(r"\S"),
    sre.CATEGORY_WORD: re.compile(r"\w"), sre.CATEGORY_NOT_WORD: re.compile(r"\W"),
}  # fmt: skip
_ASCII = tuple(map(chr, range(128)))
# A letter of a script other than the Latin one.
_OTHER_SCRIPT = re.compile("[\u0370-\u1dff\u2c00-\ud7ff\uf900-\U000fffff]")


def fold_case(text: str) -> str:
    """Return Latin *text* with one form of all letters that `re.IGNORECASE` treats as equal."""
    lower = text.lower()
    return lower if lower.isascii() else lower.replace("i\u0307", "i").replace("ı", "i").replace("ſ", "s")


class _Needs(NamedTuple):
    """Beginnings by their length, and parts, of which a text in Latin script needs one. `parts` of ASCII texts too."""

    starts: tuple[tuple[int, frozenset[str]], ...]
    parts: tuple[str, ...]
    ascii_parts: tuple[str, ...]


class PatternFilter:
    """Decides whether one of *patterns* may match a text from its start. It reads them when it is first used."""

    def __init__(self, *patterns: str, flags: int = re.IGNORECASE) -> None:
        self._patterns, self._flags = patterns, flags

    @cached_property
    def _needs(self) -> _Needs:
        starts, parts = set[str](), set[str]()
        for pattern in self._patterns:
            for own, required in _read(pattern, self._flags):
                starts |= own
                parts |= required
        shortest = tuple(sorted(_shortest(parts)))
        by_size = groupby(sorted(starts, key=len), key=len)
        return _Needs(
            tuple((size, frozenset(group)) for size, group in by_size), shortest, tuple(filter(str.isascii, shortest))
        )

    def may_match(self, text: str) -> bool:
        """Return whether a pattern may match *text* from its start. A text in another script always may."""
        start, needs = text[:START_CHARS], self._needs
        if not start.isascii():
            return True
        start = start.lower()
        for size, starts in needs.starts:
            if start[:size] in starts:
                return True
        return bool(needs.parts) and _has_part(text, needs)


def _has_part(text: str, needs: _Needs) -> bool:
    lower = fold_case(text)
    if lower.isascii():
        return any(map(lower.__contains__, needs.ascii_parts))
    return _OTHER_SCRIPT.search(text) is not None or any(map(lower.__contains__, needs.parts))


class _Texts(NamedTuple):
    """Beginnings of the texts that a part of a pattern matches. `whole`: the others go on with any characters."""

    cut: frozenset[str]
    whole: frozenset[str]


_ANYTHING, _NOTHING = _Texts(frozenset(("",)), frozenset()), _Texts(frozenset(), frozenset(("",)))


def _read(pattern: str, flags: int) -> Iterator[tuple[set[str], set[str]]]:
    """Yield the beginnings of ASCII texts that each alternative matches, or parts of texts that begin with anything.

    If a text may lack both, "" is a beginning.
    """
    for nodes in _alternatives(list(_parser.parse(pattern, flags))):
        starts = set[str]().union(*_beginnings(nodes, is_first=True))
        required = _required(nodes) if "" in starts or len(starts) > MAX_STARTS else set()
        yield set() if required else starts, required


def _alternatives(nodes: Sequence[Any]) -> Iterator[list[Any]]:
    """Yield the alternatives of a pattern, with what follows them."""
    for place, (op, argument) in enumerate(nodes):
        if op in _ZERO_WIDTH:
            continue
        rest = list(nodes[place + 1 :])
        if op is sre.SUBPATTERN:
            yield from _alternatives([*argument[-1], *rest])
        elif op is sre.BRANCH:
            for branch in argument[1]:
                yield from _alternatives([*branch, *rest])
        else:
            yield list(nodes)
        return
    yield list(nodes)


def _beginnings(nodes: Sequence[Any], *, is_first: bool, limit: int = START_CHARS) -> _Texts:
    """Return the beginnings of the ASCII texts that *nodes* match, folded and up to *limit* characters.

    A letter beyond ASCII counts only within the limit, so each head has the rest of the limit for what follows it.
    """
    cut, whole = set[str](), {""}
    for op, argument in nodes:
        longer = set[str]()
        for size in {len(head) for head in whole}:
            heads = [head for head in whole if len(head) == size]
            texts = _texts_of(op, argument, is_first=is_first and whole == {""}, limit=limit - size)
            cut |= {(head + text)[:limit] for head in heads for text in texts.cut}
            longer |= {(head + text)[:limit] for head in heads for text in texts.whole}
        whole = {text for text in longer if len(text) < limit}
        cut |= longer - whole
        if not whole:
            break
        if len(cut) + len(whole) > MAX_STARTS:
            return _ANYTHING
    return _Texts(frozenset(cut), frozenset(whole))


def _texts_of(op: Any, argument: Any, *, is_first: bool, limit: int) -> _Texts:
    if op in _ZERO_WIDTH:
        return _NOTHING
    if op is sre.LITERAL:
        return _set_of({fold_case(chr(argument))})
    if op is sre.IN and argument[0][0] is not sre.NEGATE:
        characters = _members(argument)
        return _set_of(characters) if is_first or len(characters) <= MAX_SET else _ANYTHING
    if op is sre.SUBPATTERN:
        return _beginnings(argument[-1], is_first=is_first, limit=limit)
    if op is sre.BRANCH:
        branches = [_beginnings(branch, is_first=is_first, limit=limit) for branch in argument[1]]
        return _Texts(*(frozenset[str]().union(*sets) for sets in zip(*branches, strict=True)))
    if op in _REPEATS:
        min_repeats, max_repeats, nodes = argument
        inner = _beginnings(nodes, is_first=is_first, limit=limit)
        none = frozenset(("",)) if min_repeats == 0 else frozenset[str]()
        return _Texts(inner.cut, inner.whole | none) if max_repeats == 1 else _Texts(inner.cut | inner.whole, none)
    return _ANYTHING


def _set_of(characters: set[str]) -> _Texts:
    return _Texts(frozenset(), frozenset(character for character in characters if character.isascii()))


@lru_cache(1024)
def _is_in(category: Any, character: str) -> bool:
    return _CATEGORIES[category].match(character) is not None


def _members(items: Sequence[Any]) -> set[str]:
    """Return the folded ASCII characters of a set."""
    out = set[str]()
    for op, argument in items:
        if op is sre.LITERAL:
            out.add(fold_case(chr(argument)))
        elif op is sre.RANGE:
            out |= {fold_case(chr(code)) for code in range(argument[0], min(argument[1], 0x24F) + 1)}
        else:
            out |= {character.lower() for character in _ASCII if _is_in(argument, character)}
    return {character for character in out if character.isascii()}


def _required(nodes: Sequence[Any]) -> set[str]:
    """Return parts of which every text contains one, folded; empty if there are none of MIN_PART_WEIGHT."""
    choices: list[set[str]] = []
    run = ""
    for op, argument in (*nodes, (None, None)):
        if op is sre.LITERAL:
            run += fold_case(chr(argument))
            continue
        if run:
            choices.append({run})
            run = ""
        if op is sre.SUBPATTERN:
            choices.append(_required(argument[-1]))
        elif op is sre.BRANCH:
            branches = [_required(branch) for branch in argument[1]]
            choices.append(set().union(*branches) if all(branches) else set())
        elif op in _REPEATS and argument[0] > 0:
            choices.append(_required(argument[2]))
    usable = [parts for parts in choices if parts and min(map(_weight, parts)) >= MIN_PART_WEIGHT]
    return max(usable, key=lambda parts: (min(map(_weight, parts)), -len(parts)), default=set())


def _weight(part: str) -> int:
    return len(part) if part.isascii() else 2 * len(part)  # letters beyond ASCII are rarer


def _shortest(parts: set[str]) -> set[str]:
    """Return *parts* without those that contain another one."""
    return {part for part in parts if not any(other != part and other in part for other in parts)}
