"""Search expressions of SQLite's FTS5 from the words that a user writes. Pure.

harbour board      both words
"harbour board"    the phrase
harb*              words that begin so
"harbour boa*"     the phrase, whose last word begins so
-canal             without the word
"""

import re
import unicodedata

MAX_CHARS, MAX_TERMS = 300, 16
# Scripts without spaces between words. FTS5's tokeniser would take a whole sentence for one word.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
_TERM = re.compile(r'(-?)(?:"([^"]{0,300})"?|([^\s"]{1,300}))')
_WORD = re.compile(r"[^\W_]")


def separated(text: str) -> str:
    """Return *text* as it is indexed: folded, with a space around each character of a script without spaces.

    FTS5 itself ignores case and accents, but not the width of letters (NFKC), nor ß and ss.
    """
    if text.isascii():
        return text
    return _UNSPACED.sub(lambda match: f" {match[0]} ", unicodedata.normalize("NFKC", text.casefold()))


def match_expression(text: str, *, is_typing: bool = False) -> str:
    """Return the FTS5 expression of *text*; "" if it has no word to find.

    *is_typing*: the last word also finds words that begin with it.

    >>> match_expression('harbour "ida marrow" -canal')
    '"harbour" "ida marrow" NOT "canal"'
    """
    text = text[:MAX_CHARS].replace("\0", " ")  # FTS5 ends at a null character
    wanted: list[str] = []
    unwanted: list[str] = []
    terms = [match for match in _TERM.finditer(text) if _WORD.search(match[0])][:MAX_TERMS]
    for number, match in enumerate(terms, 1):
        minus, term = match[1], match[2] or match[3]
        is_last = number == len(terms) and not minus and match[2] is None and len(term) > 1 and match.end() == len(text)
        folded = separated(term.rstrip("*")).replace('"', " ").strip()  # NFKC turns U+FF02 into a quotation mark
        quoted = f'"{folded}"'
        quoted += "*" if term.endswith("*") or (is_typing and is_last) else ""
        (unwanted if minus else wanted).append(quoted)
    if not wanted:
        return ""
    return " ".join([" ".join(wanted), *(f"NOT {term}" for term in unwanted)])
