"""Layouts of columns and short forms: letters, weather, votes, briefs of single sentences, quotations, corrections."""

from collections.abc import Callable

from tests.tools.train.dumps.furniture import caption, interrupt
from tests.tools.train.dumps.writer import NEUTRAL, Writer


def letters(w: Writer) -> None:
    """Add letters with signature and town."""
    for _ in range(w.rng.randint(2, 5)):
        if w.chance(0.3):
            w.body(w.piece(2, 6))
        for _ in range(w.rng.randint(1, 3)):
            w.body(w.short_sentence() if w.chance(0.3) else w.sentence())
        w.body(*((w.name(), w.word().title()) if w.chance(0.5) else (f"{w.name()}, {w.word().title()}",)))
        interrupt(w, 0.08)


def weather(w: Writer) -> None:
    """Add a forecast by day or town."""
    w.body(w.paragraph())
    days = [w.piece(1, 2) for _ in range(w.rng.randint(3, 7))]
    form = w.rng.randrange(3)
    for day in days:
        low = w.rng.randint(-5, 20)
        degrees = f"{low}°/{low + w.rng.randint(2, 14)}°"
        w.body(
            *(
                (f"{day}: {w.short_sentence()}",),
                (f"{day} {degrees}",),
                (day, f"{degrees} {w.piece(1, 4, capital=False)}"),
            )[form]
        )
    w.body(w.short_sentence())


def glossary(w: Writer) -> None:
    """Add terms with their definitions."""
    for _ in range(w.rng.randint(3, 8)):
        text = w.sentence() if w.chance(0.5) else w.short_sentence()
        w.body(*((w.piece(1, 2), text) if w.chance(0.5) else (f"{w.piece(1, 2)} – {text}",)))


def transcript(w: Writer) -> None:
    """Add a conversation with the speakers' names in capitals."""
    speakers = [w.name().split()[-1].upper() for _ in range(w.rng.randint(2, 3))]
    for n in range(w.rng.randint(4, 10)):
        w.body(f"{speakers[n % len(speakers)]}: {w.short_sentence() if w.chance(0.5) else w.sentence()}")


def election(w: Writer) -> None:
    """Add votes by candidate or place."""
    w.body(w.paragraph(), w.piece(1, 4))
    form = w.rng.randrange(3)
    for _ in range(w.rng.randint(3, 8)):
        votes, share = w.rng.randint(100, 90000), w.rng.uniform(1, 60)
        w.body(
            (
                f"{w.name()} ({w.word()[:3].upper()}): {votes:,}",
                f"{w.word().title()}: {share:.1f} %",
                f"{w.name()} {votes} {share:.1f}%",
            )[form]
        )
    w.body(w.short_sentence())


def single_sentences(w: Writer) -> None:
    """Add paragraphs of one sentence, some of them short, with clutter between them."""
    share = w.rng.choice((0.15, 0.3, 0.45))
    for _ in range(w.rng.randint(2, 9)):
        w.body(w.short_sentence() if w.chance(0.45) else w.sentence())
        interrupt(w, share)
    w.body(w.short_sentence())


def quotations(w: Writer) -> None:
    """Add prose with quotations on their own lines, of which some have no full stop."""
    marks = w.rng.choice(("“”", '""', "«»", "„“", "‘’", "「」", "『』", "»«", "''", "””"))
    stop = "" if w.chance(0.5) else w.stop()
    for _ in range(w.rng.randint(2, 6)):
        w.body(w.sentence() if w.chance(0.6) else w.short_sentence())
        said = w.piece(2, 12)
        w.body(
            w.rng.choice(
                (
                    f"{marks[0]}{said}{stop}{marks[1]}",
                    f"{marks[0]}{said}{marks[1]}, {w.piece(2, 5, capital=False)}{w.stop()}",
                )
            )
        )
        interrupt(w, 0.15)


def corrections(w: Writer) -> None:
    """Add corrections below section names."""
    upper = w.chance(0.5)
    for _ in range(w.rng.randint(1, 4)):
        if w.chance(0.7):
            w.body(w.phrase("kicker").upper() if upper else w.phrase("kicker"))
        w.body(w.sentence())
        if w.chance(0.4):
            w.body(w.short_sentence())


def survey(w: Writer) -> None:
    """Add questions of a poll with the shares of their answers."""
    w.body(w.paragraph())
    separator = w.rng.choice((" ", ": ", " – ", "\u2003"))
    for _ in range(w.rng.choice((1, 1, 2, 3))):
        w.body(w.question() if w.chance(0.6) else w.piece(1, 4))
        w.body(
            *(
                f"{w.piece(1, 3)}{separator}{w.rng.randint(1, 99)}{w.rng.choice(('%', ' %'))}"
                for _ in range(w.rng.randint(2, 5))
            )
        )
    w.body(w.short_sentence())


def captioned(w: Writer) -> None:
    """Add prose with the captions of its pictures between the paragraphs."""
    for _ in range(w.rng.randint(2, 6)):
        w.body(w.paragraph() if w.chance(0.6) else w.sentence())
        if w.chance(0.45):
            caption(w)
        elif w.chance(0.4):
            w.body(w.short_sentence())
        interrupt(w, 0.1)


def notice_of_death(w: Writer) -> None:
    """Add the notice of a funeral home: years, single sentences, relatives, the service."""
    if w.chance(0.4):
        w.add(NEUTRAL, f"{w.rng.randint(1920, 1990)} – {w.rng.randint(2015, 2026)}")
    for _ in range(w.rng.randint(2, 6)):
        w.body(w.short_sentence() if w.chance(0.5) else w.sentence())
    w.body(f"{w.name()}, {w.piece(1, 4, capital=False)}; {w.piece(2, 6, capital=False)}{w.stop()}", w.short_sentence())


COLUMN_LAYOUTS: tuple[Callable[[Writer], None], ...] = (
    letters, weather, glossary, transcript, election, single_sentences, single_sentences, quotations, corrections, survey, captioned,
    notice_of_death,
)  # fmt: skip
