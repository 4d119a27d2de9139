"""Forms with slots, filled with values of a seed."""

import random
import re

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
FILLINGS = 12
_SLOT = re.compile(r"\{(\w)\}")


def filled(form: str, seed: int) -> tuple[str, str]:
    """Return title and text of a form with values of *seed*. A slot of one kind has few values, as in real texts."""
    rnd = random.Random(seed)

    def name(syllables: int) -> str:
        return "".join(rnd.choice("bdfgklmnprstv") + rnd.choice("aeiou") for _ in range(syllables)).title()

    values = {"N": [f"{name(2)} {name(3)}" for _ in range(3)], "P": [name(3) for _ in range(2)],
              "C": [f"{name(2)} {rnd.choice(('Works', 'Shipping', 'Foods'))}" for _ in range(2)], "d": DAYS}  # fmt: skip

    def value(slot: str) -> str:
        return str(rnd.randint(2, 4000)) if slot == "n" else rnd.choice(values[slot])

    title, text = (_SLOT.sub(lambda match: value(match[1]), part.strip()) for part in form.split("|"))
    return title, text
