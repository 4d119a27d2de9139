"""Layouts that no training set contains. `measure` shows how the model deals with unseen kinds of pages."""

from tests.tools.train.dumps.furniture import interrupt
from tests.tools.train.dumps.layouts import Layout
from tests.tools.train.dumps.writer import Writer


def horoscope(w: Writer) -> None:
    """Add signs, with a text for each below it or after it."""
    apart = w.chance(0.6)
    for _ in range(w.rng.randint(4, 12)):
        sign, text = w.piece(1, 1), w.short_sentence() if w.chance(0.6) else w.sentence()
        w.body(*((sign, text) if apart else (f"{sign}: {text}",)))
        interrupt(w, 0.04)


def itinerary(w: Writer) -> None:
    """Add the days of a journey with stages and distances."""
    w.body(w.paragraph())
    for n in range(w.rng.randint(2, 6)):
        w.body(f"{w.piece(1, 1)} {n + 1}", f"{w.word().title()} – {w.word().title()}, {w.rng.randint(3, 400)} km")
        w.body(w.short_sentence() if w.chance(0.5) else w.sentence())


def minutes(w: Writer) -> None:
    """Add numbered items of a meeting with what was decided."""
    w.body(w.short_sentence())
    for n in range(w.rng.randint(2, 6)):
        w.body(
            f"{n + 1}. {w.piece(1, 6)}",
            w.short_sentence(),
            f"{w.piece(1, 2)}: {w.rng.randint(0, 30)}–{w.rng.randint(0, 30)}",
        )
        interrupt(w, 0.05)


def leaderboard(w: Writer) -> None:
    """Add positions after each round."""
    w.body(w.paragraph(), w.piece(1, 3))
    for n in range(w.rng.randint(3, 9)):
        w.body(
            f"{'T' if w.chance(0.3) else ''}{n + 1} {w.name()} {w.rng.randint(-12, 3):+d} ({w.rng.randint(62, 78)}-{w.rng.randint(62, 78)})"
        )
    w.body(w.short_sentence())


def product_test(w: Writer) -> None:
    """Add products with price, marks and a verdict."""
    for _ in range(w.rng.randint(2, 5)):
        w.body(
            w.piece(1, 4),
            f"{w.piece(1, 1)}: {w.amount()}",
            w.rng.choice(("★★★★★", "4/5", f"{w.rng.randint(50, 99)} %")),
        )
        w.body(w.short_sentence() if w.chance(0.6) else w.sentence())
        interrupt(w, 0.08)


HELD_OUT: tuple[Layout, ...] = (horoscope, itinerary, minutes, leaderboard, product_test)
