"""Invented variants of real texts, to train the near-duplicate model on every length.

Each seed text gives its first words, a copy of them (verbatim, cut or edited) and a filled-in form: the same words with
other numbers and names. Copies and seeds are duplicates, forms and seeds are not.
"""

import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

SEEDS = 3_000
MIN_WORDS, MAX_WORDS = 15, 600
MIN_SLOTS, WORDS_PER_SLOT = 3, 14  # a form with fewer filled slots is an edit
EDITED_SHARE = 0.03  # of the words
_SLOT = re.compile(r"\d[\d.,:]*\d|\d|(?<=[a-z,] )[A-Z][a-z]{2,}")


def variants(docs: Sequence[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], int, bool]]:
    """Yield texts with the number of their seed and whether they are copies of it or the seed itself."""
    rnd = random.Random(1)
    seeds = rnd.sample(range(len(docs)), min(SEEDS, len(docs)))
    names = sorted({name for n in seeds for name in _SLOT.findall(docs[n]["text"][:2000]) if name[0].isalpha()})
    for n in seeds:
        words = docs[n]["text"].split(" ")
        count = min(len(words), round(MIN_WORDS * (MAX_WORDS / MIN_WORDS) ** rnd.random()))
        title, text = docs[n]["title"], " ".join(words[:count])
        yield _text(n, "seed", title, text, "Tidewire"), n, True
        publisher = rnd.choice(("Tidewire", "The Saltby Courier"))
        yield _text(n, "copy", _retitled(rnd, title, text), _copied(rnd, text), publisher), n, True
        slots = dict.fromkeys(_SLOT.findall(text))
        if len(slots) >= max(MIN_SLOTS, count / WORDS_PER_SLOT):
            filled = {slot: _other(rnd, slot, names) for slot in slots | dict.fromkeys(_SLOT.findall(title))}
            form = [_SLOT.sub(lambda slot, values=filled: values[slot[0]], part) for part in (title, text)]
            yield _text(n, "form", form[0], form[1], rnd.choice(("Tidewire", "Tidewire", "Fenwater Post"))), n, False


def _text(number: int, kind: str, title: str, text: str, outlet: str) -> dict[str, Any]:
    return {"id": f"{number}/{kind}", "title": title, "text": text, "outlet": outlet}


def _retitled(rnd: random.Random, title: str, text: str) -> str:
    """Return the title, the beginning of the text as a title, or the title with one word less."""
    words = title.split()
    kind = rnd.randrange(4)
    if kind == 0:
        return " ".join(text.split()[: rnd.randint(5, 10)])
    return " ".join(words[:-1]) if kind == 1 and len(words) > 4 else title


def _copied(rnd: random.Random, text: str) -> str:
    """Return the text verbatim, cut by up to 40 percent, or with small edits."""
    words, kind = text.split(" "), rnd.randrange(3)
    if kind == 1:
        return " ".join(words[: max(MIN_WORDS, round(len(words) * rnd.uniform(0.6, 1)))])
    if kind == 2:
        for _ in range(max(1, round(EDITED_SHARE * len(words)))):
            n = rnd.randrange(len(words))
            words[n : n + 1] = rnd.choice(([], [words[n], "also"], [words[n][::-1]]))
    return " ".join(words)


def _other(rnd: random.Random, slot: str, names: Sequence[str]) -> str:
    if slot[0].isalpha():
        return rnd.choice(names)
    return re.sub(r"\d", lambda _: str(rnd.randint(0, 9)), slot) if len(slot) > 2 else str(rnd.randint(1, 99))
