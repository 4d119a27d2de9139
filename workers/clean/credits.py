"""Who made it: the credit that ends a caption, the names in a byline."""

import re

from workers.clean.rules.patterns import CAPTIONS

_NAMES_END = re.compile(
    r"(?<!\s)\s++(?:[|•·–—]\s+|(?:in|for|at)\s+(?=[A-Z]))|"
    r",\s+(?=(?:[A-Z][\w.]+ )?(?:Correspondent|Reporter|Editor|Staff))"
)
_NAME_ENDS = re.compile(r"[,&;]|(?<!\s)\s++(?:and|et|und|y|e|en|ve|и)\s+")


def split_credit(text: str) -> tuple[str, str]:
    """Return caption and credit of a caption; the credit may be ""."""
    for pattern, _ in CAPTIONS:
        found = pattern.fullmatch(text)
        if found is not None:
            return found["caption"].strip(), found["credit"].strip()
    return text, ""


def parse_byline(byline: str) -> tuple[str, ...]:
    """Return the names in what follows "By"."""
    names = _NAME_ENDS.split(_NAMES_END.split(byline)[0])
    return tuple(n.strip(" .") for n in names if n.strip(" ."))
