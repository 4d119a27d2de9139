"""Search expressions of SQLite's FTS5 from the words that a user writes. Pure.

harbour board      both words
"harbour board"    the phrase
harb*              words that begin so
-canal             without the word
"""

import re

MAX_CHARS, MAX_TERMS = 300, 16
# Scripts without spaces between words. FTS5's tokeniser would take a whole sentence for one word.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_TERM = re.compile(r'(-?)(?:"([^"]{0,300})"?|([^\s"]{1,300}))')
_WORD = re.compile(r"[^\W_]")


def separated(text: str) -> str:
    """Return *text* with a space around each character of a script without spaces between words."""
    return text if text.isascii() else _UNSPACED.sub(lambda match: f" {match[0]} ", text)


def match_expression(text: str) -> str:
    """Return the FTS5 expression of *text*; "" if it has no word to find.

    The last word also finds words that begin with it, since the user may still write it.

    >>> match_expression('harbour "ida marrow" -canal')
    '"harbour" "ida marrow" NOT "canal"'
    """
    text = text[:MAX_CHARS].replace("\0", " ")  # FTS5 ends at a null character
    wanted: list[str] = []
    unwanted: list[str] = []
    terms = [match for match in _TERM.finditer(text) if _WORD.search(match[0])][:MAX_TERMS]
    for number, match in enumerate(terms, 1):
        minus, phrase, word = match[1], match[2], match[3] or ""
        is_prefix = word.endswith("*") or (
            number == len(terms) and not minus and len(word) > 1 and match.end() == len(text)
        )
        quoted = f'"{separated(phrase or word.rstrip("*")).strip()}"' + ("*" if is_prefix else "")
        (unwanted if minus else wanted).append(quoted)
    if not wanted:
        return ""
    return " ".join([" ".join(wanted), *(f"NOT {term}" for term in unwanted)])
