"""Names of authors in the forms of mailboxes. Pure.

Sources: RSS 2.0 (author: `address (name)`), RFC 5322 §3.4 (`name <address>`), and feeds that write `name (mailto:…)`.
"""

import html
import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from workers.text.titles import strip_markup, title_text

MAX_CHARS = 1_000
# RFC 5322 §3.4.1 without quoted local parts. A domain may have any top-level domain, or none.
_ADDRESS = r"(?:mailto:)?[^\s<>()\[\],;:@\"]{1,64}@[^\s<>()\[\],;:@\"]{1,255}"
_IS_ADDRESS = re.compile(rf"\A\s*+[<(\[]?\s*+{_ADDRESS}(?:\?[^\s<>()]*+)?\s*+[>)\]]?\s*+")
_ADDRESS_FIRST = re.compile(rf"\A\s*+<?{_ADDRESS}>?\s*+[,:–—-]?\s*+\((?P<name>.*)\)\s*+", re.DOTALL)
_ADDRESS_LAST = re.compile(rf"\A(?P<name>.*?)[(<\[]\s*+{_ADDRESS}(?:\?[^\s<>()]*+)?\s*+[)>\]]\s*+", re.DOTALL)
_ADDRESS_BARE = re.compile(
    rf"\A(?:\s*+{_ADDRESS}\s++(?P<name>[^@]*+)|(?P<other>[^@]*?)(?<![\s,–—-])[\s,–—-]++{_ADDRESS}\s*+)"
)
# One of several: `address (name)` or `name <address>`.
_MAILBOX = re.compile(rf"{_ADDRESS} ?\(([^()<>@]{{1,300}})\)|(\"[^\"]{{1,300}}\"|[^()<>@,;\"]{{1,300}}) <{_ADDRESS}>")
_SEPARATOR = re.compile(r",(?=\s)|;")
_SEPARATORS = " \t\r\n-–—/|,:;"  # between a name and its address
_QUOTED = re.compile(r'"([^"]*)"')
_EMPTY_ADDRESS = re.compile(r" ?(?:\(\)|<>|\[\])\Z")
_EMPTY = frozenset(("", "()", "<>", "[]"))


def decoded(text: str) -> str:
    """Return *text* with its encoded words decoded (RFC 2047), if it has any that are correct."""
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, ValueError):
        return text


def author_names(text: str) -> tuple[str, ...]:
    """Return the names in *text*, without addresses. A list is split only if its parts hold addresses.

    >>> author_names("ann@mail.example (Ann Reed)"), author_names("Ann Reed <ann@mail.museum>")
    (('Ann Reed',), ('Ann Reed',))
    """
    text = decoded(text)
    if "@" not in text:
        return _non_empty(_EMPTY_ADDRESS.sub("", title_text(text)))
    text = html.unescape(strip_markup(text)[:MAX_CHARS])
    if len(mailboxes := _MAILBOX.findall(text)) > 1:
        return tuple(name for first, last in mailboxes for name in _non_empty(_unquoted(title_text(first or last))))
    parts = _SEPARATOR.split(text)
    if len(parts) > 1 and all("@" in part for part in parts):
        return tuple(name for part in parts for name in _non_empty(_name(part)))
    return _non_empty(_name(text))


def _name(mailbox: str) -> str:
    if _IS_ADDRESS.fullmatch(mailbox):
        return ""
    for form in (_ADDRESS_FIRST, _ADDRESS_LAST, _ADDRESS_BARE):
        match = form.fullmatch(mailbox)
        if match is not None:
            groups = match.groupdict()
            name = groups["name"] or groups.get("other") or ""
            return _name(_unquoted(name)) if "@" in name else _unquoted(title_text(name))
    return title_text(mailbox)


def _unquoted(name: str) -> str:
    name = name.strip(_SEPARATORS)
    if name.startswith("(") and (name.endswith(")") or ")" not in name):
        name = name.strip("() ")
    quoted = _QUOTED.fullmatch(name)
    return (quoted[1] if quoted else name).strip()


def _non_empty(name: str) -> tuple[str, ...]:
    return () if name in _EMPTY else (name,)
