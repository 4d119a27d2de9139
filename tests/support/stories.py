"""Invented stories in their own words."""

import random

from workers.dedupe.identity import article_id
from workers.dedupe.near_duplicates.signature import TextSignature, signature_of

DAY_S = 86_400.0
NOW_S = 1_790_000_000.0
NAMES = "harbour canal board barge salt ferry council bridge tide quay pilot engineer flood museum orchard mill".split()
VERBS = "opened closed bought sold repaired painted measured promised refused inspected borrowed praised".split()


def story(seed: int, sentences: int = 14) -> tuple[str, str]:
    """Return title and text of an invented story. People and places differ between stories, as in real ones."""
    rnd = random.Random(seed)
    own = [
        "".join(rnd.choice("bdfgklmnprstvz") + rnd.choice("aeiou") for _ in range(rnd.randint(2, 4))) for _ in range(24)
    ]
    names, places = own[:16] + NAMES[:4], [name.title() for name in own[16:]]

    def sentence() -> str:
        subject, thing, place = rnd.choice(names), rnd.choice(names), rnd.choice(places)
        return (
            f"The {subject} of {place} {rnd.choice(VERBS)} {rnd.randint(2, 900)} {thing}s on {rnd.choice(('Monday', 'Tuesday', 'Friday'))}"
            f" because the {rnd.choice(names)} had {rnd.choice(VERBS)} the {rnd.choice(names)} near {rnd.choice(places)}."
        )

    return sentence()[:60], " ".join(sentence() for _ in range(sentences))


def reworded(text: str) -> str:
    """Return the text as another outlet publishes it: with dateline and credit, without its last sentences."""
    sentences = text.split(". ")
    return "SALTBY (Tidewire) - " + ". ".join(sentences[:-2]) + ". Reporting by Ida Marrow"


def signed(
    name: str, title: str, text: str, publisher: str = "Tidewire", time_s: float = NOW_S
) -> tuple[str, TextSignature]:
    return article_id(name), signature_of(title, text, publisher, time_s)
