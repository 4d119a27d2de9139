"""Layouts: the story's own lines in the forms of real pages. Each function adds body lines to a writer.

`held_out` has layouts that never take part in training.
"""

from collections.abc import Callable

from tests.tools.train.dumps.boxes import entry_furniture
from tests.tools.train.dumps.columns import COLUMN_LAYOUTS
from tests.tools.train.dumps.furniture import between, interrupt
from tests.tools.train.dumps.programmes import PROGRAMME_LAYOUTS
from tests.tools.train.dumps.reports import MORE_LAYOUTS
from tests.tools.train.dumps.writer import NEUTRAL, Writer

Layout = Callable[[Writer], None]
UNITS = (
    "g",
    "ml",
    "kg",
    "cups",
    "tbsp",
    "tsp",
    "EL",
    "l",
    "oz",
    "克",
    "大さじ",
    "г",
    "gr",
    "cl",
    "łyżki",
    "xícaras de",
)
HEADING_FIRST = 0.15  # from here to .3: shares of last parts that begin with a subheading
TABLE_LAST = 0.66  # from .6 to here: share of last parts with a table
LATE_CLUTTER = 0.45  # share of stories with clutter before their last lines
BULLETS = ("• ", "- ", "– ", "* ", "· ", "▪ ")


def brief(w: Writer) -> None:
    """Add two or three sentences."""
    for _ in range(w.rng.randint(1, 3)):
        w.body(w.sentence() if w.chance(0.6) else w.short_sentence())


def fact_box(w: Writer) -> None:
    """Add a heading and facts below it."""
    heading = w.phrase("box") or w.piece(1, 3)
    w.body(heading.upper() if w.chance(0.25) else heading)
    form = w.rng.randrange(6)
    bullet = w.rng.choice(BULLETS)
    for _ in range(w.rng.randint(2, 7)):
        facts = (
            f"{w.piece(1, 4)}: {w.piece(1, 6, capital=False)}", f"{w.piece(1, 3)}: {w.amount()}", f"{w.amount()} {w.piece(1, 5, capital=False)}",
            bullet + w.piece(2, 10), w.piece(2, 9), f"{w.rng.randint(1850, 2026)}: {w.piece(3, 10)}",
        )  # fmt: skip
        w.body(facts[form])


def timeline(w: Writer) -> None:
    """Add dated entries."""
    if w.chance(0.6):
        w.body(w.phrase("box") or w.piece(1, 3))
    separator = w.rng.choice((": ", " – ", " - ", ""))
    for _ in range(w.rng.randint(3, 8)):
        date = w.rng.choice((str(w.rng.randint(1900, 2026)), w.date()))
        event = w.sentence() if w.chance(0.3) else w.piece(3, 10)
        w.body(*([f"{date}{separator}{event}"] if separator else [date, event]))


def table(w: Writer) -> None:
    """Add results or standings."""
    if w.chance(0.8):
        w.body(w.phrase("res") or w.piece(1, 3))
    form, rank = w.rng.randrange(7), w.rng.choice((". ", ") ", " "))
    if w.chance(0.2):
        w.body(" ".join(w.word()[:3].upper() for _ in range(4)))
    for n in range(w.rng.randint(3, 11)):
        name = w.name() if w.chance(0.5) else w.word().title()
        rows = (
            f"{n + 1}{rank}{name} {w.amount()}", f"{n + 1}{rank}{name} ({w.word()}) {w.clock()}", f"{name} {w.rng.randint(0, 5)}-{w.rng.randint(0, 5)} {w.word().title()}",
            f"{name} {w.rng.randint(1, 38)} {w.rng.randint(1, 20)} {w.rng.randint(0, 9)} {w.rng.randint(5, 90)}", f"{name}: {w.amount()}",
            f"{name} – {w.amount()} {w.piece(1, 2, capital=False)}", f"{name}, {w.rng.randint(1, 90)}', {w.rng.randint(1, 90)}'",
        )  # fmt: skip
        w.body(rows[form])


def recipe(w: Writer) -> None:
    """Add ingredients, steps and notes."""
    if w.chance(0.3):
        for _ in range(w.rng.randint(1, 3)):
            w.add(NEUTRAL, f"{w.piece(1, 2)}: {w.rng.randint(1, 90)} min")
    for _ in range(w.rng.choice((1, 1, 2))):
        w.body(w.phrase("ing") or w.piece(1, 2))
        unit = w.rng.random() < 0.6
        for _ in range(w.rng.randint(3, 10)):
            number = w.rng.choice(
                (str(w.rng.randint(1, 12)), str(50 * w.rng.randint(1, 10)), "1/2", "1 1/2", "½", "2–3")
            )
            thing = w.piece(1, 4, capital=False)
            w.body(
                f"{number} {w.rng.choice(UNITS)} {thing}"
                if unit and w.chance(0.8)
                else w.rng.choice((f"{number} {thing}", w.piece(1, 4)))
            )
    interrupt(w, 0.2)
    w.body(w.phrase("step") or w.piece(1, 2))
    numbered = w.chance(0.4)
    for n in range(w.rng.randint(2, 7)):
        w.body((f"{n + 1}. " if numbered else "") + (w.short_sentence() if w.chance(0.35) else w.sentence()))
    if w.chance(0.4):
        w.body(w.phrase("note") or w.piece(1, 2), w.sentence() if w.chance(0.5) else w.short_sentence())


def interview(w: Writer) -> None:
    """Add questions and answers."""
    ask, answer = (w.phrases.get("qa") or ("Q:", "A:"))[:2]
    form = w.rng.randrange(4)
    names = w.name(), w.name().split()[0]
    for _ in range(w.rng.randint(3, 8)):
        question, reply = w.question(), w.short_sentence() if w.chance(0.45) else w.sentence()
        forms = (
            (f"{ask} {question}", f"{answer} {reply}"),
            (f"– {question}", f"— {reply}"),
            (question, reply),
            (f"{names[0]}: {question}", f"{names[1]}: {reply}"),
        )
        w.body(*forms[form])
        if w.chance(0.25):
            w.body(w.sentence())
        interrupt(w, 0.08)


def numbered_list(w: Writer) -> None:
    """Add numbered or bulleted entries, with a text below each of them in some stories."""
    count, form, texts = w.rng.randint(3, 11), w.rng.randrange(5), w.rng.choice((0, 0, 0.5, 1))
    bullet = w.rng.choice(BULLETS)
    for n in range(count):
        entry = w.piece(1, 8)
        w.body((f"{n + 1}. {entry}", f"{n + 1}) {entry}", f"{count - n}. {entry}", bullet + entry, entry)[form])
        if w.chance(texts):
            w.body(w.short_sentence() if w.chance(0.5) else w.sentence())
        interrupt(w, 0.05)


def verse(w: Writer) -> None:
    """Add lines of a poem or a song."""
    for _ in range(w.rng.choice((1, 1, 2, 3))):
        lines = [w.piece(3, 8) + w.rng.choice(("", "", "", ",")) for _ in range(w.rng.choice((2, 3, 4, 4, 5, 6)))]
        if w.chance(0.3):
            lines.append(lines[0])
        w.body(*lines)
        if w.chance(0.3):
            w.body(w.paragraph())


def live_blog(w: Writer) -> None:
    """Add entries with times."""
    form, button, furnished = w.rng.randrange(5), w.phrase("prompt") if w.chance(0.5) else "", w.chance(0.4)
    suffix, separator = w.rng.choice(("", "", " GMT", " Uhr", "h", " WIB")), w.rng.choice((" ", " – ", ": ", " | "))
    for _ in range(w.rng.randint(3, 9)):
        time, heading = w.clock() + suffix, w.piece(2, 8)
        text = w.sentence() if w.chance(0.6) else w.short_sentence()
        w.body(
            *(
                (time + separator + heading, text),
                (time, heading, text),
                (time, text),
                (time + separator + text,),
                (heading, time, text),
            )[form]
        )
        if w.chance(0.2):
            w.body(w.sentence())
        if furnished:
            entry_furniture(w)
        elif button:
            w.clutter(button)
        else:
            interrupt(w, 0.08)


def dialogue(w: Writer) -> None:
    """Add lines of speech with dashes or quotation marks."""
    marks = w.rng.choice((("– ", ""), ("— ", ""), ("“", "”"), ("«", "»"), ("- ", "")))
    for _ in range(w.rng.randint(3, 9)):
        w.body(marks[0] + (w.short_sentence() if w.chance(0.6) else w.sentence()) + marks[1])
        if w.chance(0.2):
            w.body(w.sentence())


def tracks(w: Writer) -> None:
    """Add titles of songs, films or books."""
    w.body(w.piece(1, 4) + w.rng.choice((":", "")))
    form = w.rng.randrange(4)
    for n in range(w.rng.randint(3, 9)):
        title = w.piece(1, 4)
        w.body((title, f"{n + 1}. {title}", f"“{title}” {w.clock()}", f"{title} – {w.name()}")[form])


def companies(w: Writer) -> None:
    """Add a roundup: one item after a name each."""
    for _ in range(w.rng.randint(2, 6)):
        name = w.name() if w.chance(0.5) else w.word().title()
        text = w.short_sentence() if w.chance(0.5) else w.sentence()
        w.body(*([name.upper() if w.chance(0.3) else name, text] if w.chance(0.4) else [f"{name}: {text}"]))


def obituary(w: Writer) -> None:
    """Add prose that ends with dates, relatives and the funeral."""
    for _ in range(w.rng.randint(2, 4)):
        w.body(w.paragraph())
    w.body(w.short_sentence())
    w.body(f"{w.name()}, {w.piece(1, 4, capital=False)}, {w.date()} – {w.date()}")


def listing(w: Writer) -> None:
    """Add events with place, time and price."""
    for _ in range(w.rng.randint(3, 7)):
        w.body(w.piece(1, 5))
        details = [
            f"{w.date()}, {w.piece(1, 3)}",
            f"{w.piece(1, 2)}: {w.amount()}",
            w.short_sentence(),
            w.clock(),
            w.piece(2, 5),
        ]
        w.body(*w.rng.sample(details, w.rng.randint(1, 3)))
        interrupt(w, 0.05)


def review(w: Writer) -> None:
    """Add prose with ratings, and points for and against."""
    for _ in range(w.rng.randint(1, 4)):
        w.body(w.paragraph())
    w.body(w.rng.choice(("★★★★☆", "4/5", "8.5/10", "★ ★ ★", f"{w.piece(1, 2)}: {w.rng.randint(1, 10)}/10")))
    for sign in ("+", "–") if w.chance(0.5) else ():
        w.body(*(f"{sign} {w.piece(1, 6)}" for _ in range(w.rng.randint(1, 3))))
    if w.chance(0.5):
        w.body(f"{w.piece(1, 2)}: {w.name()}", f"{w.piece(1, 2)}: {w.amount()}")
    w.body(w.short_sentence() if w.chance(0.5) else w.paragraph())


def press_release(w: Writer) -> None:
    """Add an announcement with quotations; its clutter and contact count as neutral."""
    for _ in range(w.rng.randint(2, 5)):
        w.body(w.paragraph())
    w.body(*(w.rng.choice(BULLETS) + w.piece(3, 12) for _ in range(w.rng.choice((0, 0, 3, 4)))))
    if w.chance(0.6):
        w.add(NEUTRAL, w.piece(1, 3))
        w.add(NEUTRAL, w.other_sentence())
    if w.chance(0.4):
        w.add(NEUTRAL, f"{w.name()}, +{w.rng.randint(1, 99)} {w.rng.randint(100, 999)} {w.rng.randint(1000, 9999)}")


def travel(w: Writer) -> None:
    """Add prose under place names, then practical details."""
    for _ in range(w.rng.randint(2, 4)):
        w.body(w.piece(1, 3), w.paragraph())
    w.body(w.phrase("box") or w.piece(1, 3))
    w.body(
        *(
            f"{w.piece(1, 2)}: {w.short_sentence() if w.chance(0.4) else w.piece(2, 8, capital=False)}"
            for _ in range(w.rng.randint(2, 5))
        )
    )


def schedule(w: Writer) -> None:
    """Add a programme: times with titles."""
    for _ in range(w.rng.choice((1, 1, 2, 3))):
        w.body(w.rng.choice((w.piece(1, 2), w.date(), w.word().upper())))
        separator = w.rng.choice((" ", " – ", ", ", ": "))
        w.body(*(f"{w.clock()}{separator}{w.piece(1, 6)}" for _ in range(w.rng.randint(3, 8))))


def figures(w: Writer) -> None:
    """Add business figures between paragraphs."""
    for _ in range(w.rng.randint(1, 3)):
        w.body(w.paragraph())
    colon = w.rng.choice((": ", " – ", " "))
    w.body(
        *(f"{w.piece(1, 3)}{colon}{w.amount()} ({w.rng.choice('+-')}{w.amount()})" for _ in range(w.rng.randint(2, 5)))
    )
    w.body(w.short_sentence() if w.chance(0.5) else w.sentence())


def vignettes(w: Writer) -> None:
    """Add portraits: a name and one or two sentences each."""
    for _ in range(w.rng.randint(2, 5)):
        w.body(f"{w.name()}{w.rng.choice((', ' + w.amount(), '', ', ' + w.piece(1, 3, capital=False)))}")
        w.body(*(w.sentence() if w.chance(0.6) else w.short_sentence() for _ in range(w.rng.randint(1, 2))))


def opinion(w: Writer) -> None:
    """Add prose that ends briefly, and a neutral note about its author."""
    for _ in range(w.rng.randint(2, 7)):
        w.body(w.paragraph())
        if w.chance(0.2):
            w.body(w.short_sentence() if w.chance(0.7) else w.question())
    w.body(w.short_sentence())
    if w.chance(0.6):
        w.add(NEUTRAL, f"{w.name()} {w.piece(4, 10, capital=False)}{w.stop()}")


def charges(w: Writer) -> None:
    """Add a court report with short sentences and a list of charges or terms."""
    for _ in range(w.rng.randint(2, 4)):
        w.body(w.paragraph())
        if w.chance(0.4):
            w.body(w.short_sentence())
    w.body(
        *(
            f"{w.name()}, {w.rng.randint(18, 90)}: {w.piece(1, 8, capital=False)}"
            for _ in range(w.rng.choice((0, 2, 3, 4)))
        )
    )
    w.body(w.short_sentence())


def correction(w: Writer) -> None:
    """Add prose with a note of correction."""
    for _ in range(w.rng.randint(2, 5)):
        w.body(w.paragraph())
    w.body(f"{w.rng.choice(('Correction', 'Clarification', 'Update', 'Editor’s note'))}: {w.sentence()}")


TRAINED: tuple[Layout, ...] = (
    *MORE_LAYOUTS, *COLUMN_LAYOUTS, *PROGRAMME_LAYOUTS, fact_box, timeline, table, recipe, interview, numbered_list, verse, live_blog, dialogue, tracks, companies, obituary, listing,
    review, press_release, travel, schedule, figures, vignettes, opinion, charges, correction, brief,
)  # fmt: skip


def story(w: Writer, layouts: tuple[Layout, ...]) -> None:
    """Add the lines of a story: mostly prose, or one of *layouts* around some prose, and a short last sentence."""
    if w.chance(0.35) and layouts is TRAINED:
        _prose_story(w, layouts)
    else:
        for _ in range(w.rng.choice((0, 1, 1, 2, 3))):
            w.body(w.paragraph())
            interrupt(w, 0.15)
        w.rng.choice(layouts)(w)
        if w.chance(0.15) and layouts is TRAINED:
            w.rng.choice(layouts)(w)
        for _ in range(w.rng.choice((0, 0, 1, 2))):
            interrupt(w, 0.2)
            w.body(w.paragraph())
    if w.chance(LATE_CLUTTER):
        between(w)
        _end(w)
    elif w.chance(0.5):
        w.body(w.short_sentence())
    if not any(line.label == "body" for line in w.lines):
        w.body(w.sentence())


def _end(w: Writer) -> None:
    """Add the last lines of a story after clutter: a short sentence, in some dumps with a fact, a note or a paragraph."""
    kind = w.rng.random()
    if kind < 0.15:
        w.body(w.paragraph())
    if HEADING_FIRST < kind < 0.3:
        w.body(w.phrase("sub") if w.chance(0.3) else w.piece(1, 4))
    w.body(w.short_sentence())
    if kind > 0.85:
        w.body(w.short_sentence())
    elif 0.6 < kind < TABLE_LAST:
        heading = w.phrase("res") or w.piece(1, 2)
        w.body(heading.upper() if w.chance(0.5) else heading)
        w.body(*(f"{n + 1}. {w.word().title()} {w.rng.randint(1, 90)}" for n in range(w.rng.randint(2, 6))))
    elif kind > 0.78:
        w.body(w.phrase("sub") or w.piece(1, 3), w.short_sentence() if w.chance(0.6) else w.sentence())
    elif kind > 0.7:
        w.body(w.phrase("box") or w.piece(1, 3))
        w.body(*(f"{w.piece(1, 3)}: {w.rng.choice((w.amount(), w.piece(1, 4)))}" for _ in range(w.rng.randint(1, 3))))


def _prose_story(w: Writer, layouts: tuple[Layout, ...]) -> None:
    share, short = w.rng.choice((0, 0.1, 0.25, 0.45)), w.rng.choice((0.05, 0.15, 0.35))
    headings = w.chance(0.4)
    box = w.rng.randrange(8) if w.chance(0.3) else -1
    for n in range(w.rng.choice((1, 2, 3, 3, 4, 5, 6, 8, 12, 20))):
        if headings and n and w.chance(0.4):
            w.body(_heading(w))
        text = w.paragraph()
        w.body(_dateline(w) + text if not n and text and w.chance(0.15) else text)
        if w.chance(short):
            w.body(w.short_sentence() if w.chance(0.85) else _quote(w))
        if n == box:
            w.rng.choice(layouts)(w)
        before = len(w.lines)
        interrupt(w, share)
        if len(w.lines) > before and w.chance(0.4):
            w.body(w.short_sentence())


def _heading(w: Writer) -> str:
    forms = (w.piece(1, 6), w.piece(1, 6), w.piece(2, 4).upper(), w.phrase("sub"), w.question(), f"{w.piece(1, 4)}:")
    return w.rng.choice(forms)


def _quote(w: Writer) -> str:
    marks = w.rng.choice(("“”", '""', "«»", "„“", "‘’", "「」", "''"))
    return f"{marks[0]}{w.piece(3, 14)}{w.rng.choice(('', w.stop()))}{marks[1]}"


def _dateline(w: Writer) -> str:
    """Return the place, and in some stories the agency and the date, that precede the first sentence."""
    place = w.word().upper() if w.chance(0.7) else w.word().title()
    forms = (
        f"{place} ({w.site.split()[0]}) — ", f"{place} — ", f"{place}, {w.date()} - ", f"{place} - ", f"{place}.- ", f"({w.site}) – ",
        f"{w.date()} ({w.site}) -- ", f"{place}, {w.site} – ", f"【{place}】",
    )  # fmt: skip
    return w.rng.choice(forms)
