"""Match articles against rules and select their routes. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence

from streams.config.tables import RULE_FIELDS, Route, Rule
from streams.records import Article

_FIELD_VALUES: dict[str, Callable[[Article], Iterable[str]]] = {
    "section": lambda a: (a.kicker,),
    "language": lambda a: (a.language, a.language.split("-")[0]),
    "publisher": lambda a: (a.publisher,),
    "feed": lambda a: (a.feed,),
    "folder": lambda a: ancestor_folders(a.folder),
    "tag": lambda a: a.tags,
}


# Scripts without spaces between words: Thai, Lao, Myanmar, Khmer, kana, Han. UAX #29 needs dictionaries for them.
_NO_SPACE_SCRIPTS = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
)

_JOINERS = re.compile("[\u200c\u200d]")


def ancestor_folders(path: str) -> list[str]:
    """Return the folder *path* and its parents: `news`, `news/world`."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]


def matches(article: Article, rule: Rule) -> bool:
    """Return whether *article* matches *rule*."""
    return all(_evaluate(article, rule, {}).values())


def matching_routes(article: Article, routes: Sequence[Route]) -> list[str]:
    """Return the names of the routes that match *article*."""
    keyword_cache: dict[str, bool] = {}
    return [route.name for route in routes if all(_evaluate(article, route, keyword_cache).values())]


def explain_routes(article: Article, routes: Sequence[Route]) -> list[tuple[str, dict[str, bool]]]:
    """Return for each route its name, and whether *article* matches each part of its rule."""
    return [(route.name, _evaluate(article, route, {})) for route in routes]


def _evaluate(article: Article, rule: Rule, keyword_cache: dict[str, bool]) -> dict[str, bool]:
    """Return for each part of *rule* whether it matches; *keyword_cache* maps keywords to their occurrence."""
    parts = {
        name: _matches(article, name, getattr(rule, name), keyword_cache) for name in RULE_FIELDS if getattr(rule, name)
    }
    if rule.any_of:
        parts["any"] = any(all(_evaluate(article, sub, keyword_cache).values()) for sub in rule.any_of)
    if rule.none_of:
        parts["not"] = not any(all(_evaluate(article, sub, keyword_cache).values()) for sub in rule.none_of)
    return parts


def _matches(article: Article, field: str, values: Sequence[str], keyword_cache: dict[str, bool]) -> bool:
    if field != "keyword":
        return not set(map(_fold, values)).isdisjoint(map(_fold, _FIELD_VALUES[field](article)))
    text = _fold("\n".join((article.title, article.dek, *article.paragraphs)))
    for keyword in values:
        if keyword not in keyword_cache:
            keyword_cache[keyword] = _contains_word(text, _fold(keyword))
    return any(keyword_cache[keyword] for keyword in values)


def _fold(text: str) -> str:
    """Return *text* for comparison: case-folded, without zero-width joiners, which are optional in writing."""
    return text.casefold() if text.isascii() else _JOINERS.sub("", text).casefold()


def _contains_word(text: str, word: str) -> bool:
    """Return whether *text* contains *word* as a whole word, or as a substring in scripts without word spaces."""
    if _NO_SPACE_SCRIPTS.search(word):
        return word in text
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None
