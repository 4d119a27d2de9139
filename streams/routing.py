"""Match articles against rules and select their routes. Pure.

Rules are compiled once. An article is only evaluated against the rules that require one of its values. The time
therefore does not grow with the number of routes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from streams.config.tables import RULE_FIELDS, Route, Rule
from streams.keywords import KeywordIndex, fold
from streams.records import Article
from streams.topics import Topic, route_topic

_FIELD_VALUES: dict[str, Callable[[Article], Iterable[str]]] = {
    "section": lambda a: (a.kicker,),
    "language": lambda a: (a.language, a.language.split("-")[0]),
    "publisher": lambda a: (a.publisher,),
    "feed": lambda a: (a.feed,),
    "folder": lambda a: ancestor_folders(a.folder),
    "tag": lambda a: a.tags,
}

Values = Mapping[str, AbstractSet[str]]
"""The folded values of an article by field of rules."""


def ancestor_folders(path: str) -> list[str]:
    """Return the folder *path* and its parents: `news`, `news/world`."""
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]


class CompiledRule(NamedTuple):
    """A rule with folded values."""

    fields: Sequence[tuple[str, AbstractSet[str]]]
    any_of: Sequence["CompiledRule"]
    none_of: Sequence["CompiledRule"]

    def matches(self, values: Values) -> bool:
        return (
            all(not wanted.isdisjoint(values[name]) for name, wanted in self.fields)
            and (not self.any_of or any(rule.matches(values) for rule in self.any_of))
            and not any(rule.matches(values) for rule in self.none_of)
        )

    def explain(self, values: Values) -> dict[str, bool]:
        """Return for each part of the rule whether it matches."""
        parts = {name: not wanted.isdisjoint(values[name]) for name, wanted in self.fields}
        if self.any_of:
            parts["any"] = any(rule.matches(values) for rule in self.any_of)
        if self.none_of:
            parts["not"] = not any(rule.matches(values) for rule in self.none_of)
        return parts


def _compile(rule: Rule) -> CompiledRule:
    fields = [(name, frozenset(map(fold, getattr(rule, name)))) for name in RULE_FIELDS if getattr(rule, name)]
    return CompiledRule(fields, [*map(_compile, rule.any_of)], [*map(_compile, rule.none_of)])


def _keywords(rule: CompiledRule) -> Iterable[str]:
    for name, wanted in rule.fields:
        if name == "keyword":
            yield from wanted
    for inner in (*rule.any_of, *rule.none_of):
        yield from _keywords(inner)


def route_topics(routes: Sequence[Route]) -> list[Topic]:
    """Return the topics of *routes*, each once: several routes may have one name."""
    return [*map(route_topic, dict.fromkeys(route.name for route in routes))]


class Router:
    """Compiled rules, with an index of the values that each requires."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = [_compile(rule) for rule in rules]
        self._names = [rule.name if isinstance(rule, Route) else "" for rule in rules]
        self._index = KeywordIndex(keyword for rule in self._rules for keyword in _keywords(rule))
        self._by_value: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self._without_field: list[int] = []
        for number, rule in enumerate(self._rules):
            if not rule.fields:
                self._without_field.append(number)
                continue
            name, wanted = rule.fields[-1]  # keywords are the last of RULE_FIELDS and select most
            for value in wanted:
                self._by_value[name, value].append(number)

    def matches(self, article: Article) -> bool:
        """Return whether *article* matches any of the rules."""
        return bool(self._matching(self._values(article)))

    @property
    def names(self) -> list[str]:
        """The names of all routes, each once."""
        return [*dict.fromkeys(name for name in self._names if name)]

    def route_names(self, article: Article) -> list[str]:
        """Return the names of the routes that match *article*, each once, in their order."""
        matching = self._matching(self._values(article)) if self._rules else []
        return [*dict.fromkeys(self._names[number] for number in matching)]

    def explain(self, article: Article) -> list[tuple[str, dict[str, bool]]]:
        """Return for each route its name, and whether *article* matches each part of its rule."""
        values = self._values(article)
        return [(name, rule.explain(values)) for name, rule in zip(self._names, self._rules, strict=True)]

    def _values(self, article: Article) -> dict[str, AbstractSet[str]]:
        values: dict[str, AbstractSet[str]] = {
            name: frozenset(map(fold, field_values(article))) for name, field_values in _FIELD_VALUES.items()
        }
        values["keyword"] = self._index.find(fold("\n".join((article.title, article.dek, *article.paragraphs))))
        return values

    def _matching(self, values: Values) -> list[int]:
        """Return the numbers of the rules that match, in order."""
        candidates = set(self._without_field)
        for name, present in values.items():
            for value in present:
                candidates.update(self._by_value.get((name, value), ()))
        return [number for number in sorted(candidates) if self._rules[number].matches(values)]


def matches(article: Article, rule: Rule) -> bool:
    """Return whether *article* matches *rule*."""
    return Router([rule]).matches(article)
