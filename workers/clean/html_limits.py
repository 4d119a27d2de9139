"""Limits on the markup of a document: attributes of one tag, depth, and open formatting elements. Pure.

The time of an HTML parser grows with the square of each of them. Elements such as <b> that stay open are repeated in
each later paragraph. Even the size of the tree then grows with the square of the text (WHATWG HTML §13.2.4.3).
"""

import re
from collections.abc import Iterator

# A document within these limits takes at most a few seconds with any tags.
SMALL_BYTES, SMALL_TAGS = 20_000, 300
MAX_TAGS, MAX_TREE = 20_000, 1_000_000  # elements in the source, and in the tree
CROWDED_ATTRIBUTES = 40  # of a tag, or of a script's text that reads like a tag
MAX_SQUARES, MAX_READ_BYTES = 200_000_000, 2_000_000  # sum of the squares of their numbers, and of their lengths
# Limits within a document that exceeds them.
MAX_ATTRIBUTES, MAX_DEPTH, MAX_FORMATTING = 64, 240, 8
MAX_FORMATTED_TAGS = 50_000  # later formatting tags are removed

# Elements that later paragraphs repeat while they are open. `a` and `nobr` close an open one of their kind.
FORMATTING = frozenset("b big code em font i s small strike strong tt u".split())
COPIES = 3  # of an open formatting element with the same attributes (WHATWG HTML §13.2.4.3, the Noah's Ark clause)
# Void elements, and those that the next one of their kind closes. They do not add to the depth.
UNCOUNTED = frozenset(
    "area base basefont bgsound body br col colgroup dd dt embed frame head hr html img input keygen li link meta "
    "optgroup option p param rb rp rt rtc source tbody td tfoot th thead tr track wbr".split()
)
SCOPES = frozenset("applet caption marquee object table template".split())  # other end tags have no effect beyond them
TEXT_ONLY_ELEMENTS = frozenset("iframe noembed noframes noscript plaintext script style textarea title xmp".split())

_NAMES = "|".join(sorted(FORMATTING))
# White space, `/`, name and value of an attribute (WHATWG HTML §13.2.5.32 to 37).
_ATTRIBUTE = (
    r"(?P<name>=[^\s/>=]*+|[^\s/>=]++)"
    r"""(?:\s*+=\s*+(?:"(?P<double>[^"]*+)(?:"|\Z)|'(?P<single>[^']*+)(?:'|\Z)|(?P<bare>[^\s>"'][^\s>]*+)))?+[\s/]*+"""
)
_UNNAMED = re.sub(r"\?P<\w+>", "?:", _ATTRIBUTE)
# Any `<` may stand in the name of a tag, so each of them counts as a start.
CROWDED_TAG = re.compile(rf"(?P<opening><[^\s/<>]*+[\s/]++)(?:{_UNNAMED}){{{CROWDED_ATTRIBUTES}}}".encode())
# The start of a tag that is not simple. A simple one has at most 9 values in quotation marks, no `<` or `>` within
# them, and few characters around them. So it has at most 20 + 9 × 11 attributes. In a document of MAX_SIMPLE_BYTES,
# tags with two characters an attribute cannot exceed MAX_SQUARES then. Takes a third of the time of CROWDED_TAG.
UNUSUAL_TAG = re.compile(rb"""<(?=[a-zA-Z/])(?![^<>"']{0,40}+(?:"[^"<>]*+"[^<>"']{0,20}+){0,9}+>)""")
ANY_TAG = re.compile(b"<")
MAX_SIMPLE_BYTES = 2 * MAX_SQUARES // (20 + 9 * 11)
ANY_ATTRIBUTE, ANY_ATTRIBUTES = re.compile(_UNNAMED.encode()), re.compile(f"(?:{_UNNAMED})*+".encode())
_ANY_CASE = "".join(f"[{char}{char.upper()}]" if char.isalpha() else char for char in _NAMES)  # twice as fast as a flag
FORMATTING_TAG = re.compile(rf"<(?:{_ANY_CASE})(?=[\s/>])".encode())
PLAIN_FORMATTING_TAG = re.compile(rf"""<(?:{_ANY_CASE})(?:\s++[\w-]++="[^"<>]*+")*+\s*+>""".encode())
ATTRIBUTE = re.compile(_ATTRIBUTE)
UNSAFE_NAME = re.compile("[\"'<=]")
MARKUP = re.compile(
    rf"<(?:!--.*?(?:-->|\Z)|(?P<slash>/?)(?P<tag>[a-zA-Z][^\s/>]*+)(?P<attributes>[\s/]*+(?:{_UNNAMED})*+)(?:>|\Z)"
    r"|[!?/][^>]*+(?:>|\Z))",
    re.DOTALL,
)
TEXT_ONLY_ENDS = {
    name: re.compile(rf"</{name}(?=[\s/>])[^>]*+(?:>|\Z)|\Z", re.IGNORECASE) for name in TEXT_ONLY_ELEMENTS
}


def limit_markup(data: bytes) -> bytes:
    """Return a document in UTF-8; without some of its tags and attributes if it exceeds a limit."""
    if _is_limited(data):
        return data
    return "".join(_Limiter().markup(data.decode("utf-8", "replace"))).encode("utf-8", "replace")


def _is_limited(data: bytes) -> bool:
    tags = data.count(b"<")
    if len(data) <= SMALL_BYTES and tags <= SMALL_TAGS:
        return True
    if tags > MAX_TAGS or _has_too_many_attributes(data):
        return False
    formatting = len(FORMATTING_TAG.findall(data))
    if formatting * tags <= MAX_TREE:
        return True
    plain = PLAIN_FORMATTING_TAG.findall(data)
    return (formatting - len(plain) + COPIES * len(set(plain))) * tags <= MAX_TREE


def _has_too_many_attributes(data: bytes) -> bool:
    """Return whether the attributes of crowded tags take too much time. Text of scripts may look like such tags."""
    squares = size = 0
    for start in _crowded_tags(data):
        attributes = ANY_ATTRIBUTES.match(data, start)
        end = attributes.end() if attributes is not None else start
        squares += len(ANY_ATTRIBUTE.findall(data, start, end)) ** 2
        size += end - start
        if squares > MAX_SQUARES or size > MAX_READ_BYTES:
            return True
    return False


def _crowded_tags(data: bytes) -> Iterator[int]:
    """Yield the position of the first attribute of each tag that may have too many."""
    pattern = UNUSUAL_TAG if len(data) <= MAX_SIMPLE_BYTES else ANY_TAG
    for tag in pattern.finditer(data):
        crowded = CROWDED_TAG.match(data, tag.start())
        if crowded is not None:
            yield crowded.end("opening")


class _Limiter:
    """Rewrites a document in unambiguous markup, so that no limit can be evaded."""

    def __init__(self) -> None:
        self.open_tags: list[str] = []  # outermost first
        self.formatting: list[str] = []
        self.tags = 0

    def markup(self, html: str) -> Iterator[str]:
        """Yield the parts of the new document."""
        position = 0
        while (match := MARKUP.search(html, position)) is not None:
            yield html[position : match.start()].replace("<", "&lt;")
            position, name = match.end(), (match["tag"] or "").lower()
            self.tags += 1
            if self.tags == MAX_FORMATTED_TAGS:
                yield "".join(f"</{formatting}>" for formatting in reversed(self.formatting))
            if name in TEXT_ONLY_ELEMENTS and not match["slash"]:
                end = TEXT_ONLY_ENDS[name].search(html, position)
                assert end is not None  # the end of the document matches
                yield _raw_element(name, match["attributes"], html[position : end.start()])
                position = end.end()
            elif name and '"' not in name and "<" not in name:
                yield self._end(name) if match["slash"] else self._start(name, match["attributes"])
        yield html[position:].replace("<", "&lt;")

    def _start(self, name: str, attributes: str) -> str:
        if name in FORMATTING:
            if len(self.formatting) >= MAX_FORMATTING or self.tags >= MAX_FORMATTED_TAGS:
                return ""
            self.formatting.append(name)
        if name not in UNCOUNTED:
            if len(self.open_tags) >= MAX_DEPTH:
                return ""
            self.open_tags.append(name)
        return f"<{name}{_attributes(attributes)}>"

    def _end(self, name: str) -> str:
        """Return the end tag of an open element; "" without one."""
        if name in FORMATTING:
            _remove_last(self.formatting, name)
            _remove_last(self.open_tags, name)
        elif name not in UNCOUNTED:
            for n in range(len(self.open_tags) - 1, -1, -1):
                if self.open_tags[n] == name:
                    del self.open_tags[n:]
                    break
                if self.open_tags[n] in SCOPES and name not in SCOPES:
                    return ""
            else:
                return ""
        return f"</{name}>"


def _remove_last(names: list[str], name: str) -> None:
    for n in range(len(names) - 1, -1, -1):
        if names[n] == name:
            del names[n]
            return


def _raw_element(name: str, attributes: str, text: str) -> str:
    """Return an element with text: titles, frames, and metadata scripts; "" for others."""
    if name == "title":
        return f"<title>{text.replace('<', '&lt;')}</title>"
    if name == "iframe":
        return f"<iframe{_attributes(attributes)}></iframe>"
    is_metadata = name == "script" and "ld+json" in attributes.lower() and "<!--" not in text
    return f"<script{_attributes(attributes)}>{text}</script>" if is_metadata else ""


def _attributes(text: str) -> str:
    """Return the first MAX_ATTRIBUTES attributes in double quotes."""
    out: list[str] = []
    for match in ATTRIBUTE.finditer(text):
        if len(out) >= MAX_ATTRIBUTES:
            break
        value = match["double"] or match["single"] or match["bare"] or ""
        if not UNSAFE_NAME.search(match["name"]):
            value = value.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
            out.append(f' {match["name"]}="{value}"')
    return "".join(out)
