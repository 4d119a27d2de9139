"""Header fields, and clutter above, within and below a story."""

from collections.abc import Callable

from tests.tools.train.dumps.boxes import (
    AGES,
    GALLERY,
    appeal,
    author_box,
    byline_block,
    cards,
    comment_rules,
    counts,
    label,
    masthead,
    newsletter,
    offers,
    paid_box,
    poll,
    ranking,
    short_links,
    ticker,
    wordy_list,
)
from tests.tools.train.dumps.writer import FIELD, JOINED, NEUTRAL, TITLE, Writer

SHARE_NAMES = (
    "Facebook",
    "Twitter",
    "WhatsApp",
    "Telegram",
    "X",
    "LinkedIn",
    "Email",
    "LINE",
    "Instagram",
    "Pinterest",
    "Bluesky",
)
HEADLINES_WITH_STOPS = 0.1  # share of lists whose headlines are sentences
READING_TIMES = (
    "2 MIN READ", "3 min read", "Reading time: 2 minutes", "5 min de lectura", "4 Min. Lesezeit", "1 min read",
    "Lesezeit: 3 Min.", "Lesedauer 2 Minuten", "Leestijd 2 minuten", "Lecture 1 min", "Temps de lecture : 3 min",
    "Lectura: 3 min", "Tempo de leitura: 2 min", "Lettura 2 min", "Tempo di lettura: 3 minuti", "Lästid 2 min",
    "Læsetid: 3 min.", "Lesetid 2 min", "Lukuaika 2 min", "Czas czytania: 3 min", "Čtení na 2 minuty", "Olvasási idő: 3 perc",
    "Timp de citire: 2 min", "Okuma süresi: 2 dk", "Время чтения: 2 минуты", "Час читання: 3 хв", "Χρόνος ανάγνωσης: 2 λεπτά",
    "وقت القراءة: دقيقتان", "زمان مطالعه: ۳ دقیقه", "זמן קריאה: 2 דקות", "पढ़ने का समय: 2 मिनट", "Waktu baca 2 menit",
    "2 phút đọc", "อ่าน 2 นาที", "阅读时间：2分钟", "読了時間：2分", "읽는 시간 2분",
)  # fmt: skip
CREDITS = (
    "{text} — Foto: {name}/{site}",
    "{text}＝{name}撮影",
    "{text} 记者 {name} 摄",
    "{text} © {name}/{site}",
    "Credit: {name}",
    "({site}: {name})",
    "(Image credit: {site})",
    "{text} Фото: {name}",
    "{text} {name} 기자",
    "{text} (foto: {site})",
    "{text} : {site}",
    "{text} / {site}",
    "{text} | {site}",
    "{text} (Photo: {name})",
    "{text} Foto: {name}",
    "{text} ({name}/{site})",
    "Photo: {name}",
    "{text} © {name}",
    "[{site}]",
    "{text} ({site}: {name})",
    "{text} (Credit: {name})",
    "{text} {name} / {site}",
    "{text} | {name}",
    "{text} – {name}",
)
SOURCES = (
    "Source: {site}",
    "SOURCE: {site} and agencies",
    "Quelle: {site}",
    "Fuente: {site}",
    "Fonte: {site}",
    "Источник: {site}",
    "来源：{site}",
    "출처: {site}",
)


def head(w: Writer) -> None:
    """Add everything above the story."""
    for probability, add in (
        (0.22, publisher),
        (0.2, prompts),
        (0.2, masthead),
        (0.3, navigation),
        (0.18, headline_list),
        (0.06, ticker),
        (0.12, consent),
        (0.06, teasers),
        (0.05, cards),
        (0.04, appeal),
    ):
        if w.chance(probability):
            add(w)
    for _ in range(w.rng.choice((0, 1, 1, 1, 2))):
        w.add(FIELD, w.phrase("kicker"))
    if w.chance(0.1):
        separator = w.rng.choice((" › ", " > ", " / ", " » "))
        w.clutter(separator.join([w.phrase("kicker"), w.phrase("kicker"), *([w.story.title] if w.chance(0.3) else [])]))
    if w.chance(0.08):
        w.add(FIELD, w.rng.choice(READING_TIMES))
    if w.chance(0.04):
        publisher(w)
    w.add(TITLE, w.story.title)
    _below_title(w)


def publisher(w: Writer) -> None:
    """Add the name of the publisher."""
    w.clutter(w.recode(w.rng.choice((w.site, w.site, w.site.upper()))))


def _below_title(w: Writer) -> None:
    if w.chance(0.3):
        w.add(NEUTRAL, w.sentence() if w.chance(0.5) else w.piece(5, 16))
    if w.chance(0.1):
        w.add(TITLE, w.story.title)
    items: list[str] = []
    for probability, text in (
        (0.25, _caption(w)),
        (0.65, w.phrase("by")),
        (0.8, w.date()),
        (0.15, w.date()),
        (0.1, w.rng.choice(READING_TIMES)),
        (0.1, w.site),
    ):
        if w.chance(probability):
            items.append(text)
    if w.chance(0.4):
        w.rng.shuffle(items)
    for text in items:
        w.add(FIELD, text)
    for probability, add in (
        (0.15, byline_block),
        (0.3, share_bar),
        (0.12, prompts),
        (0.1, counts),
        (0.08, key_points),
        (0.04, newsletter),
    ):
        if w.chance(probability):
            add(w)


def _caption(w: Writer) -> str:
    text = w.sentence() if w.chance(0.5) else w.piece(4, 14)
    return w.rng.choice(CREDITS).replace("{text}", text).replace("{site}", w.site).replace("{name}", w.name())


def interrupt(w: Writer, probability: float) -> None:
    """Add clutter between two lines of the story with a *probability*."""
    if not w.chance(probability):
        return
    forms: tuple[tuple[float, Callable[[Writer], None]], ...] = (
        (20, advertisement), (20, lead), (10, stray_label), (20, headline_list), (7, bare_headlines), (15, prompts), (4, share_bar),
        (5, caption), (4, teasers), (3, player), (3, comment), (8, newsletter), (4, appeal), (8, cards), (2, ranking), (4, short_links),
        (2, counts), (5, poll), (8, paid_box), (3, offers), (8, wordy_list), (5, gallery),
    )  # fmt: skip
    weights = [weight for weight, _ in forms]
    w.rng.choices([add for _, add in forms], weights)[0](w)


def between(w: Writer) -> None:
    """Add what stands most often between the last paragraphs of a story: a label with headlines, a lead-in, an advertisement."""
    w.rng.choice(
        (
            short_list,
            short_list,
            short_list,
            lead,
            lead,
            advertisement,
            stray_label,
            cards,
            wordy_list,
            paid_box,
            newsletter,
        )
    )(w)
    if w.chance(0.15):
        advertisement(w)


def short_list(w: Writer) -> None:
    """Add a label and one to three headlines."""
    w.clutter(label(w))
    _headlines(w, w.rng.choice((1, 1, 2, 2, 3)))


def tail(w: Writer) -> None:
    """Add everything below the story."""
    if w.chance(0.1):
        w.add(
            NEUTRAL,
            w.rng.choice(
                (
                    f"{w.name()} {w.piece(4, 10, capital=False)}",
                    f"({w.word()[:3].lower()}/{w.word()[:3].lower()})",
                    f"({w.word()[:2].lower()})",
                )
            ),
        )
    if w.chance(0.15):
        w.add(FIELD, w.rng.choice(SOURCES).replace("{site}", w.site))
    if w.chance(0.08):
        w.clutter("___")
    parts: list[tuple[float, Callable[[Writer], None]]] = [
        (0.45, prompts), (0.3, tags), (0.65, headline_list), (0.3, headline_list), (0.15, bare_headlines), (0.1, comments), (0.25, share_bar),
        (0.12, teasers), (0.1, navigation), (0.06, consent), (0.1, ranking), (0.15, newsletter), (0.08, appeal), (0.2, cards),
        (0.08, comment_rules), (0.15, short_links), (0.08, author_box), (0.05, counts), (0.04, poll), (0.08, paid_box), (0.05, offers), (0.1, wordy_list),
    ]  # fmt: skip
    w.rng.shuffle(parts)
    for probability, add in parts:
        if w.chance(probability):
            add(w)
    if w.chance(0.3):
        w.clutter(*(w.phrase("legal") for _ in range(w.rng.randint(1, 4))))


def advertisement(w: Writer) -> None:
    """Add the line above an advertisement."""
    w.clutter(w.phrase("ad") if w.chance(0.8) else "ADVERTISEMENT")


def lead(w: Writer) -> None:
    """Add a lead-in with the headline of another story."""
    word = w.phrase("lead")
    if w.chance(0.3):
        word = word.upper()
    headline = w.headline()
    forms = [
        f"{word}: {headline}",
        f"{word} | {headline}",
        f"{word} - {headline}",
        f"▶ {word}: {headline}",
        f"{word} {headline}",
        f"{word} : {headline}",
    ]
    if w.language in JOINED:
        forms += [f"【{word}】{headline}", f"{word}：{headline}"] * 3
    for _ in range(w.rng.choice((1, 1, 1, 2))):
        w.clutter(w.rng.choice(forms))


def stray_label(w: Writer) -> None:
    """Add a label whose links are missing."""
    w.clutter(label(w))


def headline_list(w: Writer) -> None:
    """Add a label and headlines of other stories below it."""
    w.clutter(label(w))
    _headlines(w, w.rng.choice((1, 2, 3, 3, 4, 5, 6, 10, 16)))


def bare_headlines(w: Writer) -> None:
    """Add headlines of other stories without a label."""
    for _ in range(w.rng.choice((1, 2, 3, 3, 4, 6))):
        w.clutter(w.headline())


def _headlines(w: Writer, count: int) -> None:
    form, age = w.rng.choice((0, 0, 0, 0, 0, 1, 2, 3, 4, 5)), w.rng.choice(AGES)
    end = w.stop() if w.chance(HEADLINES_WITH_STOPS) else ""
    for n in range(count):
        headline = w.headline() if w.chance(0.9) else w.piece(1, 4, text=w.other_sentence())
        if w.chance(0.05):
            headline += w.rng.choice(("?", w.stop()))
        elif not headline.endswith(("?", "!", "…")):
            headline += end
        w.clutter(*((headline,), (f"{n + 1}. {headline}",), (str(n + 1), headline), (w.date() if w.chance(0.5) else w.clock(), headline),
                    (headline, age), (w.phrase("kicker"), headline))[form])  # fmt: skip


def teasers(w: Writer) -> None:
    """Add headlines of other stories with the first sentence of each."""
    if w.chance(0.6):
        w.clutter(label(w))
    for _ in range(w.rng.randint(1, 4)):
        w.clutter(w.headline(), w.other_sentence())
        if w.chance(0.2):
            w.clutter(w.date())


def prompts(w: Writer) -> None:
    """Add prompts to the reader."""
    for _ in range(w.rng.choice((1, 1, 2, 3))):
        use_corpus = w.prompts and w.chance(0.35)
        w.clutter(w.rng.choice(w.prompts) if use_corpus else w.phrase("prompt"))


def consent(w: Writer) -> None:
    """Add a consent dialogue."""
    longer = [text for text in w.phrases.get("prompt", ()) if "ook" in text or "серв" in text or len(text) > 40]
    if w.chance(0.5):
        w.clutter(w.phrase("privacy"))
    w.clutter(*(w.rng.choice(longer or ["We use cookies."]) for _ in range(w.rng.randint(1, 2))), w.phrase("prompt"))


def navigation(w: Writer) -> None:
    """Add entries of the site's menu."""
    words = (*w.navigation, *w.phrases.get("kicker", ()), *w.phrases.get("legal", ())[-3:])
    for _ in range(w.rng.choice((2, 4, 8, 14))):
        w.clutter(w.rng.choice(words))


def share_bar(w: Writer) -> None:
    """Add names of networks and buttons."""
    w.clutter(*(w.rng.choice(SHARE_NAMES) if w.chance(0.6) else w.phrase("prompt") for _ in range(w.rng.randint(1, 4))))


def tags(w: Writer) -> None:
    """Add the keywords of the story."""
    words = [w.rng.choice((w.word().lower(), w.word().title(), w.piece(1, 3))) for _ in range(w.rng.randint(1, 5))]
    if w.chance(0.25):
        w.clutter(f"{w.phrase('tag').rstrip(':')}: {', '.join(words)}")
    else:
        w.clutter(
            *([w.phrase("tag")] if w.chance(0.85) else []), *(("#" if w.chance(0.15) else "") + word for word in words)
        )


def comments(w: Writer) -> None:
    """Add readers' comments."""
    w.clutter(w.phrase("com"))
    for _ in range(w.rng.randint(0, 4)):
        comment(w)


def comment(w: Writer) -> None:
    """Add one reader's comment."""
    w.clutter(f"{w.name().split()[0]}{w.rng.choice(('', ' ' + w.rng.choice(AGES), ' ' + w.date()))}")
    w.clutter(w.piece(2, 7, text=w.other_sentence()) + w.stop() if w.chance(0.25) else w.other_sentence())
    if w.chance(0.5):
        w.clutter(w.phrase("com"))


def key_points(w: Writer) -> None:
    """Add a summary of the story, which counts as neither story nor clutter."""
    for text in (w.piece(1, 3), *(w.piece(4, 14) for _ in range(w.rng.randint(1, 4)))):
        w.add(NEUTRAL, text)


def caption(w: Writer) -> None:
    """Add the caption of a picture."""
    w.add(FIELD, _caption(w))


def gallery(w: Writer) -> None:
    """Add the counters of a gallery with captions or credits."""
    count, form = w.rng.randint(2, 5), w.rng.choice(GALLERY)
    for n in range(count):
        w.clutter(form.replace("{k}", str(n + 1)).replace("{n}", str(count)))
        w.add(FIELD, _caption(w))


def player(w: Writer) -> None:
    """Add the controls of a video."""
    w.clutter(
        w.rng.choice(("Video", "▶ Play", "Play Video", w.headline())), f"{w.rng.randint(0, 9)}:{w.rng.randint(10, 59)}"
    )
