"""Element paths: tags and names of an element and of the elements around it, equal on all pages of a template. Pure."""

from collections.abc import Iterable
from functools import lru_cache

from workers.clean.blocks import Block, Element
from workers.clean.site_facts import hash_key

PATH_LEVELS = 4  # elements of a path; more levels differ between articles
CACHED_PATHS = 4096
MAX_NAMES = 3  # class names and ids of an element
KEY_PREFIX = "\0path "  # no key of a line starts with it


def path_of(element: Element) -> str:
    """Return the path of *element*, outermost first. Names with digits are left out: many are numbers of articles."""
    return _path(_levels(element))


def path_key(element: Element) -> bytes:
    """Return the key of the path of *element* in the site history."""
    if not element.path_key:
        element.path_key = _key(_levels(element))
    return element.path_key


def path_keys(blocks: Iterable[Block]) -> set[bytes]:
    """Return the keys of all elements with text outside navigation."""
    elements = {block.element for block in blocks if block.text}
    return {path_key(element) for element in elements if element is not None and not element.in_navigation}


def _levels(element: Element) -> tuple[str, ...]:
    """Return tags and names of *element* and the elements around it, innermost first."""
    levels: list[str] = []
    level: Element | None = element
    while level is not None and len(levels) < 2 * PATH_LEVELS:
        levels += (level.tag, level.class_names)
        level = level.parent
    return tuple(levels)


@lru_cache(CACHED_PATHS)  # at most 4 MB
def _key(levels: tuple[str, ...]) -> bytes:
    return hash_key(KEY_PREFIX + _path(levels))


def _path(levels: tuple[str, ...]) -> str:
    return " > ".join(_step(levels[n], levels[n + 1]) for n in range(len(levels) - 2, -1, -2))


def _step(tag: str, class_names: str) -> str:
    names = [name for name in class_names.split() if name.isascii() and not any(map(str.isdigit, name))]
    return ".".join((tag, *names[:MAX_NAMES]))
