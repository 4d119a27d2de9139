"""More layouts: reports whose own lines are short, such as match sheets, court lists and agendas."""

from collections.abc import Callable

from tests.tools.train.dumps.furniture import interrupt
from tests.tools.train.dumps.writer import NEUTRAL, Writer

BULLETS = ("• ", "- ", "– ", "* ", "· ", "▪ ", "✓ ", "◦ ")
NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")


def match_report(w: Writer) -> None:
    """Add teams with their goals, prose and the details of a match."""
    teams = [w.word().title(), w.word().title()]
    form = w.rng.randrange(4)
    for team in teams if form < 3 else ():
        goals = w.rng.randint(0, 5)
        w.body((f"{team.upper()} {goals}", f"{team} {goals}", f"{team}: {goals}")[form])
        if w.chance(0.4):
            scorers = (f"{w.name().split()[-1]} {w.rng.randint(1, 90)}" for _ in range(w.rng.randint(1, 3)))
            w.body(f"({', '.join(scorers)})")
    for _ in range(w.rng.randint(2, 5)):
        w.body(w.short_sentence() if w.chance(0.35) else w.sentence())
        interrupt(w, 0.1)
    for _ in range(w.rng.choice((0, 1, 2, 3))):
        w.body(f"{w.piece(1, 3)}: {w.rng.choice((w.name(), w.amount(), w.piece(1, 4)))}")
    if w.chance(0.3):
        w.body(
            f"{teams[0]} – {teams[1]} {w.rng.randint(0, 5)}:{w.rng.randint(0, 5)} ({w.rng.randint(0, 2)}:{w.rng.randint(0, 2)})"
        )


def match_sheet(w: Writer) -> None:
    """Add the sheet of a match: players, goals, referee, place."""
    w.body(w.paragraph(), w.phrase("res") or w.piece(1, 2))
    for _ in range(2):
        players = [w.name().split()[-1] for _ in range(w.rng.randint(4, 9))]
        w.body(f"{w.word().title()}: {w.rng.choice((', ', '; ')).join(players)}{w.rng.choice(('.', ''))}")
    for _ in range(w.rng.randint(1, 4)):
        w.body(f"{w.piece(1, 2)}: {w.rng.choice((w.name(), w.piece(1, 6), w.amount()))}{w.rng.choice(('.', ''))}")


def court_list(w: Writer) -> None:
    """Add a case or an incident in each paragraph."""
    upper, age = w.chance(0.4), w.chance(0.7)
    for _ in range(w.rng.randint(3, 8)):
        name = w.name().upper() if upper else w.name()
        text = w.short_sentence() if w.chance(0.6) else w.sentence()
        w.body(f"{name}, {w.rng.randint(18, 90)}, {w.piece(1, 4, capital=False)}: {text}" if age else f"{name}: {text}")
        interrupt(w, 0.05)
    w.body(w.short_sentence())


def market(w: Writer) -> None:
    """Add prose with figures of shares or prices."""
    w.body(w.paragraph())
    separator = w.rng.choice((": ", " ", " – ", ", "))
    for _ in range(w.rng.randint(2, 7)):
        change = w.rng.choice(
            (
                f"{w.rng.uniform(-9, 9):+.1f}%",
                f"{w.rng.uniform(-9, 9):+.2f} %",
                w.amount(),
                w.piece(1, 2, capital=False),
            )
        )
        w.body(f"{w.piece(1, 3)}{separator}{change}")
        if w.chance(0.2):
            w.body(w.short_sentence())
    w.body(w.short_sentence())


def agenda(w: Writer) -> None:
    """Add events: each has its name, its time or place, and its price, on a line each."""
    form = w.rng.randrange(4)
    for _ in range(w.rng.randint(3, 7)):
        name, place = w.piece(1, 5), f"{w.piece(1, 2)}, {w.clock()}, {w.piece(1, 4, capital=False)}"
        price = w.rng.choice((w.amount(), f"{w.amount()} €", w.word().title()))
        w.body(*((name, place, price), (name, place), (name, place, w.short_sentence()), (f"{name}. {place}.",))[form])
        interrupt(w, 0.04)


def advice(w: Writer) -> None:
    """Add a letter with salutation and signature, and its answer."""
    for _ in range(w.rng.choice((1, 1, 2))):
        w.body(f"{w.piece(1, 2)},")
        w.body(*(w.sentence() if w.chance(0.6) else w.short_sentence() for _ in range(w.rng.randint(1, 3))))
        w.body(w.rng.choice((f"{w.piece(1, 2)}, {w.word().title()}", w.name(), w.piece(1, 3))))
        interrupt(w, 0.1)
        w.body(*(w.sentence() if w.chance(0.5) else w.short_sentence() for _ in range(w.rng.randint(1, 4))))
        w.body(w.name().split()[0])


def places(w: Writer) -> None:
    """Add numbered names, each with a place and a sentence."""
    numbered, town = w.chance(0.6), w.chance(0.6)
    for n in range(w.rng.randint(3, 8)):
        w.body(f"{n + 1}. {w.piece(1, 5)}" if numbered else w.piece(1, 5))
        if town:
            w.body(w.word().title() if w.chance(0.6) else f"{w.word().title()}, {w.amount()}")
        w.body(w.short_sentence() if w.chance(0.55) else w.sentence())
        interrupt(w, 0.06)


def sections(w: Writer) -> None:
    """Add prose under numerals, marks or subheadings."""
    form = w.rng.randrange(5)
    for n in range(w.rng.randint(2, 5)):
        heading = (NUMERALS[n], f"{n + 1}.", w.phrase("sub") or w.piece(1, 5), w.piece(2, 6), w.piece(1, 4).upper())[
            form
        ]
        w.body(heading)
        for _ in range(w.rng.randint(1, 3)):
            w.body(w.short_sentence() if w.chance(0.35) else w.paragraph())
            interrupt(w, 0.08)


def in_brief(w: Writer) -> None:
    """Add short items under a headline each."""
    for _ in range(w.rng.randint(2, 6)):
        heading = w.piece(2, 8)
        w.body(heading.upper() if w.chance(0.2) else heading)
        w.body(*(w.sentence() if w.chance(0.5) else w.short_sentence() for _ in range(w.rng.randint(1, 3))))
        interrupt(w, 0.06)


def winners(w: Writer) -> None:
    """Add categories with their winners."""
    w.body(w.paragraph())
    apart = w.chance(0.4)
    for _ in range(w.rng.randint(3, 9)):
        category, winner = w.piece(1, 4), w.name() if w.chance(0.6) else f"“{w.piece(1, 4)}”"
        w.body(*((category, winner) if apart else (f"{category}: {winner}",)))


def quiz(w: Writer) -> None:
    """Add questions with lettered answers."""
    for n in range(w.rng.randint(2, 5)):
        w.body(f"{n + 1}. {w.question()}")
        if w.chance(0.7):
            w.body(*(f"{letter}) {w.piece(1, 4)}" for letter in "ABC"))
    if w.chance(0.4):
        w.body(w.piece(1, 3), ", ".join(f"{n + 1}{w.rng.choice('ABC')}" for n in range(3)))


def log_book(w: Writer) -> None:
    """Add incidents with their time and place."""
    for _ in range(w.rng.randint(3, 8)):
        head = f"{w.date() if w.chance(0.3) else w.clock()}, {w.piece(1, 3)}"
        text = w.short_sentence() if w.chance(0.6) else w.sentence()
        w.body(*((head, text) if w.chance(0.3) else (f"{head}: {text}",)))


def explainer(w: Writer) -> None:
    """Add questions as headings, with one to three paragraphs below each."""
    w.body(w.paragraph())
    for _ in range(w.rng.randint(2, 6)):
        w.body(w.question() if w.chance(0.8) else w.phrase("sub") or w.piece(2, 6))
        for _ in range(w.rng.choice((1, 1, 2, 3))):
            w.body(w.short_sentence() if w.chance(0.45) else w.sentence())
        interrupt(w, 0.1)


def steps(w: Writer) -> None:
    """Add instructions: a list of things, then short imperatives, then notes."""
    if w.chance(0.4):
        w.add(NEUTRAL, f"{w.piece(1, 2)}: {w.rng.randint(1, 90)} min")
    heading = w.phrase("ing") or w.piece(1, 3)
    w.body(heading + w.rng.choice(("", ":")))
    bullet = w.rng.choice(("", "", *BULLETS))
    for _ in range(w.rng.randint(3, 8)):
        w.body(bullet + w.piece(1, 5))
        interrupt(w, 0.02)
    interrupt(w, 0.2)
    w.body((w.phrase("step") or w.piece(1, 2)) + w.rng.choice(("", ":")))
    numbered = w.rng.choice(("", "{n}. ", "{n}) ", "{n} "))
    for n in range(w.rng.randint(2, 6)):
        w.body(numbered.replace("{n}", str(n + 1)) + w.short_sentence())
        interrupt(w, 0.05)
    if w.chance(0.5):
        w.body(w.phrase("note") or w.piece(1, 2))
    w.body(w.short_sentence())


def life_dates(w: Writer) -> None:
    """Add a portrait that ends with dates of a life, or with details of an event."""
    for _ in range(w.rng.randint(1, 4)):
        w.body(w.paragraph() if w.chance(0.7) else w.short_sentence())
    if w.chance(0.5):
        w.body(w.name())
    for _ in range(w.rng.randint(1, 4)):
        w.body(f"{w.piece(1, 2)}: {w.rng.choice((w.date(), w.piece(1, 5), w.amount()))}")


MORE_LAYOUTS: tuple[Callable[[Writer], None], ...] = (
    match_report, match_sheet, court_list, market, agenda, advice, places, sections, in_brief, winners, quiz, log_book, explainer,
    steps, life_dates,
)  # fmt: skip
