"""Rules: which articles one matches, and so which routes an article takes. Pure."""

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


# Scripts without spaces between words: UAX #29 leaves them to dictionaries. Thai, Lao, Myanmar, Khmer, kana, Han.
_NO_SPACE_SCRIPTS = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
)

_JOINERS = re.compile("[\u200c\u200d]")


def ancestor_folders(path: str) -> list[str]:
    """Return a folder and those that it is in: `news/world` is in `news` too."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]


def matches(article: Article, rule: Rule) -> bool:
    """Whether *article* is one that *rule* means."""
    return all(_evaluate(article, rule, {}).values())


def matching_routes(article: Article, routes: Sequence[Route]) -> list[str]:
    """Return the names of the routes that *article* takes."""
    words: dict[str, bool] = {}
    return [route.name for route in routes if all(_evaluate(article, route, words).values())]


def explain_routes(article: Article, routes: Sequence[Route]) -> list[tuple[str, dict[str, bool]]]:
    """Return for each route its name, and whether each part that its rule gives holds for *article*."""
    return [(route.name, _evaluate(article, route, {})) for route in routes]


def _evaluate(article: Article, rule: Rule, words: dict[str, bool]) -> dict[str, bool]:
    """Return which parts of *rule* hold; *words* keeps which keywords the text has."""
    parts = {name: _matches(article, name, getattr(rule, name), words) for name in RULE_FIELDS if getattr(rule, name)}
    if rule.any_of:
        parts["any"] = any(all(_evaluate(article, one, words).values()) for one in rule.any_of)
    if rule.none_of:
        parts["not"] = not any(all(_evaluate(article, one, words).values()) for one in rule.none_of)
    return parts


def _matches(article: Article, name: str, wanted: Sequence[str], words: dict[str, bool]) -> bool:
    if name != "keyword":
        return not set(map(_folded, wanted)).isdisjoint(map(_folded, _FIELD_VALUES[name](article)))
    text = _folded("\n".join((article.title, article.dek, *article.paragraphs)))
    for word in wanted:
        if word not in words:
            words[word] = _contains_word(text, _folded(word))
    return any(words[word] for word in wanted)


def _folded(text: str) -> str:
    """Return *text* as rules compare it: case-folded, without joiners, which writers set or leave out."""
    return text.casefold() if text.isascii() else _JOINERS.sub("", text).casefold()


def _contains_word(text: str, word: str) -> bool:
    """Whether *word* stands alone in *text*; in scripts that don't part words, whether it is there."""
    if _NO_SPACE_SCRIPTS.search(word):
        return word in text
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None
