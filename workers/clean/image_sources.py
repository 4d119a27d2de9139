"""Image sources: the best URL of an <img>, by its own attributes and by the <source> elements beside it. Pure."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from workers.clean.trees import Node

# Attributes that override `src`. Scripts for lazy loading use them, and `src` is a small copy.
LAZY_SOURCES = ("data-src", "data-original", "data-lazy-src")
# Other attributes of lazy loading scripts: a name of LAZY_NAME, or a value that is the URL of an image file.
LAZY_NAME = re.compile(
    r"src|original|lazy|hi-?res|retina|(?:large|full|orig|big)[_-]?(?:file|image|url|size)|image-?url"
)
SMALL_NAME = re.compile(
    r"thumb|placeholder|lqip|tiny|small|preview|low|blur|icon|fallback|error|poster|sizes|type|alt|title"
)
OWN_ATTRIBUTES = frozenset(
    "src srcset alt title class id style width height sizes loading decoding align border longdesc usemap role".split()
)
IMAGE_URL = re.compile(r"\A(?=\S++\Z)\S+?\.(?:jpe?g|png|gif|webp|avif|svg|bmp|jfif)(?:[?#!:]|\Z)", re.IGNORECASE)
WEB_URL = re.compile(r"\A(?:https?:)?//\S+\Z|\A/\S+\Z|\A\.\.?/\S+\Z", re.IGNORECASE)
# File names of the images that a page shows while the image itself loads.
PLACEHOLDER = re.compile(
    r"(?:^|[/_-])(?:blank|spacer|placeholder|pixel|transparent|trans|loading|loader|lazy(?:load)?|gr[ae]y|1x1|1px|px|shim|dot|clear|empty)"
    r"(?:[_-][\w-]{0,60}+)?\.(?:gif|png|svg|jpe?g|webp)(?:[?#]|\Z)",
    re.IGNORECASE,
)
_SRCSET_URL = re.compile(r"[\s,]*+(?P<url>\S*)")
_DESCRIPTOR = re.compile(r"(?P<number>\d{1,9}(?:\.\d{1,9})?(?:e[+-]?\d{1,2})?)(?P<unit>[wxh])")


class Candidate(NamedTuple):
    """An image candidate: width in CSS pixels or 0, pixel density, URL as written."""

    width: float
    density: float
    url: str


def image_source(image: Node) -> str:
    """Return the URL of an <img> as written; "" without one. The largest candidate wins."""
    own = list(_candidates(image))
    if own and any(candidate.width for candidate in own):
        return _largest(own)
    source = next((value for name in LAZY_SOURCES if (value := external_url(image.get(name)))), "")
    picture = [candidate for element in _picture_sources(image) for candidate in _candidates(element)]
    if any(candidate.width for candidate in picture):
        return _largest(picture)
    if source or own:
        return source or _largest(own)
    src = external_url(image.get("src"))
    if src and not PLACEHOLDER.search(src):
        return src
    return next(_lazy_urls(image), "") or _largest(picture) or src


def parse_srcset(value: str) -> Iterator[Candidate]:
    """Yield the image candidates of a `srcset` attribute.

    Source: WHATWG HTML §4.8.4.2.1, parsing a srcset attribute. A URL may contain commas, and ends at white space.
    """
    position = 0
    while position < len(value):
        match = _SRCSET_URL.match(value, position)
        assert match is not None  # it also matches nothing
        position, url = match.end(), match["url"]
        descriptors = ""
        if url.endswith(","):
            url = url.rstrip(",")
        else:
            start = position
            position = _descriptors_end(value, position)
            descriptors = value[start:position]
        if external_url(url):
            yield _candidate(url, descriptors)


def _descriptors_end(value: str, position: int) -> int:
    """Return the position of the comma that ends the descriptors; commas in parentheses belong to them."""
    comma, opening = value.find(",", position), value.find("(", position)
    if 0 <= opening < comma:
        closing = value.find(")", opening)
        comma = value.find(",", closing) if closing >= 0 else -1
    return comma if comma >= 0 else len(value)


def _candidate(url: str, descriptors: str) -> Candidate:
    width, density = 0.0, 1.0
    for descriptor in descriptors.split():
        if match := _DESCRIPTOR.fullmatch(descriptor):
            if match["unit"] == "w":
                width = float(match["number"])
            elif match["unit"] == "x":
                density = float(match["number"])
    return Candidate(width, density, url)


def _candidates(element: Node) -> Iterator[Candidate]:
    """Yield the candidates of all attributes that hold a `srcset`, and of the `src` of a <source>."""
    for name, value in element.attributes.items():
        if "srcset" in name:
            yield from parse_srcset(value)
    if element.tag == "source" and (url := external_url(element.get("src") or element.get("data-src"))):
        yield Candidate(0.0, 1.0, url)


def _largest(candidates: list[Candidate]) -> str:
    return max(candidates, key=lambda candidate: candidate[:2], default=Candidate(0, 0, "")).url


def _picture_sources(image: Node) -> list[Node]:
    parent = image.parent
    while parent is not None and parent.tag in ("a", "span"):
        parent = parent.parent
    return list(parent.iter("source")) if parent is not None and parent.tag == "picture" else []


def _lazy_urls(image: Node) -> Iterator[str]:
    for name, value in image.attributes.items():
        if name in OWN_ATTRIBUTES or SMALL_NAME.search(name):
            continue
        url = external_url(value)
        if url and (IMAGE_URL.match(url) or (LAZY_NAME.search(name) and WEB_URL.match(url))):
            yield url


def external_url(value: str) -> str:
    """Return the URL *value* without white space around it.

    "" for data:, about:, javascript: and blob: URLs, and for fragments.
    """
    url = value.strip()
    return "" if url.lower().startswith(("data:", "about:", "javascript:", "blob:", "#")) else url
