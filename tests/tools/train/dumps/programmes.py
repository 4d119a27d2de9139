"""More layouts: groups of short lines below headings, lists after a colon, casts, days, moves, and items between marks."""

from collections.abc import Callable

from tests.tools.train.dumps.furniture import interrupt
from tests.tools.train.dumps.writer import NEUTRAL, Writer

MARKS = ("* * *", "***", "•", "—", "~", "■", "● ● ●", "***", "* * *")
BULLETS = ("• ", "- ", "– ", "* ", "· ", "▪ ", "✓ ", "> ", "◇ ", "▲ ", "→ ")


def colon_list(w: Writer) -> None:
    """Add a sentence that ends in a colon, the list that it announces, and a sentence."""
    bullet, number = w.rng.choice(("", "", "", *BULLETS)), w.chance(0.2)
    end = w.rng.choice(("", "", "", ",", ";", w.stop()))
    w.body(
        (w.piece(3, 12) if w.chance(0.6) else w.piece(1, 3))
        + w.rng.choice((":", ":", "：" if w.stop() == "。" else ":"))
    )
    for n in range(w.rng.randint(2, 7)):
        w.body((f"{n + 1}. " if number else bullet) + w.piece(1, 6, capital=w.chance(0.5)) + end)
        interrupt(w, 0.03)
    if w.chance(0.7):
        w.body(w.short_sentence() if w.chance(0.7) else w.sentence())


def groups(w: Writer) -> None:
    """Add headings, such as places and companies, with one to three short lines or sentences below each."""
    upper, short = w.chance(0.35), w.rng.choice((0.2, 0.6, 1.0))
    for _ in range(w.rng.randint(2, 6)):
        heading = w.piece(1, 4) if w.chance(0.7) else w.date()
        w.body(heading.upper() if upper else heading)
        for _ in range(w.rng.randint(1, 3)):
            line = w.piece(1, 7) if w.chance(0.6) else f"{w.name()}, {w.piece(1, 4, capital=False)}"
            w.body(line if w.chance(short) else w.short_sentence())
        interrupt(w, 0.06)
    if w.chance(0.5):
        w.body(w.short_sentence())


def cast(w: Writer) -> None:
    """Add prose, then roles with names, then a line with dates or prices."""
    w.body(w.paragraph())
    separator = w.rng.choice((": ", ": ", " – ", " ", ", "))
    for _ in range(w.rng.randint(2, 7)):
        w.body(f"{w.piece(1, 2)}{separator}{w.name()}")
    w.body(w.short_sentence() if w.chance(0.6) else f"{w.piece(1, 4)}: {w.amount()}")


def days(w: Writer) -> None:
    """Add days with a short line below each, such as a menu or a timetable."""
    apart, close = w.chance(0.7), w.chance(0.6)
    for _ in range(w.rng.randint(3, 7)):
        day = w.piece(1, 1) if w.chance(0.7) else w.date()
        line = ", ".join(w.piece(1, 3, capital=False) for _ in range(w.rng.randint(1, 3)))
        w.body(*((day, line) if apart else (f"{day}: {line}",)))
        interrupt(w, 0.05)
    if close:
        w.body(w.short_sentence())


def moves(w: Writer) -> None:
    """Add lines of signs that are no words: moves of chess, code, scores by period."""
    form = w.rng.randrange(3)
    for n in range(w.rng.randint(2, 6)):
        cells = [f"{w.rng.choice('RNBQK')}{w.rng.choice('abcdefgh')}{w.rng.randint(1, 8)}" for _ in range(4)]
        numbers = [str(w.rng.randint(0, 9)) for _ in range(w.rng.randint(3, 9))]
        w.body(
            (
                f"{2 * n + 1} {cells[0]} {cells[1]} {2 * n + 2} {cells[2]} {cells[3]}",
                f"{w.word().title()} {' '.join(numbers)} – {w.rng.randint(0, 99)}",
                f"{w.word()}-{w.rng.randint(10, 99)} {w.rng.randint(1000, 99999)} {w.word().upper()}",
            )[form]
        )
    w.body(w.short_sentence() if w.chance(0.6) else w.sentence())


def minutes_of_match(w: Writer) -> None:
    """Add the minutes of a match, the newest first or last."""
    minutes = sorted(w.rng.sample(range(1, 96), w.rng.randint(4, 9)), reverse=w.chance(0.6))
    mark = w.rng.choice(("'", "’", ".", "′", ":"))
    for n, minute in enumerate(minutes):
        text = w.short_sentence() if w.chance(0.6) else w.piece(1, 6)
        w.body(f"{minute}{mark} {text}" if w.chance(0.85) else w.piece(1, 3).upper())
        interrupt(w, 0.05 if n else 0)


def items_between_marks(w: Writer) -> None:
    """Add short items with a line of asterisks between them."""
    mark = w.rng.choice(MARKS)
    for n in range(w.rng.randint(2, 6)):
        if n:
            w.body(mark)
        w.body(w.sentence() if w.chance(0.5) else w.short_sentence())
        if w.chance(0.2):
            w.body(w.short_sentence())


def bold_starts(w: Writer) -> None:
    """Add items that begin with a keyword and a mark on the same line."""
    mark = w.rng.choice((". ", ": ", " | ", " – ", " — ", "? ", ".- "))
    w.body(w.piece(1, 4) if w.chance(0.4) else w.short_sentence())
    for _ in range(w.rng.randint(2, 7)):
        w.body(f"{w.piece(1, 3)}{mark}{w.short_sentence() if w.chance(0.7) else w.piece(1, 6)}")
        interrupt(w, 0.05)


def short_letters(w: Writer) -> None:
    """Add a question and an answer as letters with salutation and signature."""
    dash = w.rng.choice(("", "— ", "– ", "- "))
    for _ in range(2):
        if w.chance(0.7):
            w.body(f"{w.piece(1, 2)}{w.rng.choice((',', '!', ':', ''))}")
        w.body(*(w.short_sentence() if w.chance(0.6) else w.sentence() for _ in range(w.rng.randint(1, 3))))
        w.body(dash + w.rng.choice((w.name(), w.piece(1, 3), w.name().split()[0], f"{w.name()}, {w.word().title()}")))
        interrupt(w, 0.08)


def public_notice(w: Writer) -> None:
    """Add a notice in capitals with key and value, and the name of an officer."""
    w.body(w.piece(2, 6).upper(), w.sentence())
    w.body(
        *(f"{w.piece(1, 2)}: {w.rng.choice((w.date(), w.amount(), w.piece(1, 6)))}" for _ in range(w.rng.randint(1, 4)))
    )
    if w.chance(0.5):
        w.body(w.short_sentence())
    w.body(w.name(), w.piece(1, 3))


def results_of_two(w: Writer) -> None:
    """Add a sentence or two, the results of both sides, and the next date."""
    w.body(w.sentence())
    for _ in range(2):
        number = w.rng.choice(
            (f"{w.rng.randint(50, 400)}/{w.rng.randint(1, 10)}", f"{w.rng.randint(40, 120)}", f"{w.rng.randint(0, 6)}")
        )
        tail = w.rng.choice(
            (
                "",
                f" ({w.rng.randint(5, 50)} {w.piece(1, 1, capital=False)})",
                f" ({w.name().split()[-1]} {w.rng.randint(1, 120)})",
            )
        )
        w.body(f"{w.word().title()}{w.rng.choice((': ', ' ', ' – '))}{number}{tail}")
    w.body(*(f"{w.piece(1, 2)}: {w.piece(1, 4)}" for _ in range(w.rng.randint(0, 3))))
    w.body(w.short_sentence())


def interview_with_dashes(w: Writer) -> None:
    """Add an introduction, then short questions and answers without the names of the speakers."""
    w.body(w.sentence())
    mark = w.rng.choice(("", "– ", "— ", "—", "- "))
    for _ in range(w.rng.randint(2, 6)):
        w.body(mark + w.question(), mark + (w.short_sentence() if w.chance(0.75) else w.sentence()))
        interrupt(w, 0.08)
    if w.chance(0.3):
        w.add(NEUTRAL, f"{w.name()} {w.piece(3, 9, capital=False)}{w.stop()}")


PROGRAMME_LAYOUTS: tuple[Callable[[Writer], None], ...] = (
    colon_list, colon_list, groups, groups, cast, days, moves, minutes_of_match, items_between_marks, bold_starts, short_letters,
    public_notice, results_of_two, interview_with_dashes,
)  # fmt: skip
