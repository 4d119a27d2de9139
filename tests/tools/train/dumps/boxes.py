"""Boxes of clutter that real pages put between and around the paragraphs: newsletters, cards, rankings, comments."""

from tests.tools.train.dumps.writer import CLUTTER, FIELD, NEUTRAL, Writer

AGES = (
    "2 hours ago", "1h", "5m ago", "hace 3 horas", "vor 2 Stunden", "il y a 4 h", "3 дн. назад", "2시간 전", "1小时前", "dün",
    "há 2 horas", "3 min read", "Just now", "NEW", "2 ore fa", "3 timer siden", "5 uur geleden", "πριν 2 ώρες", "3 giờ trước",
)  # fmt: skip
HANDLES = ("@{first}", "{first}@{site}.example", "news@{site}.example", "+{n}", "www.{site}.example")


def label(w: Writer) -> str:
    """Return a label above links."""
    text = w.phrase("label")
    if w.chance(0.2):
        text = text.upper()
    return text + ":" if w.chance(0.12) else text


def newsletter(w: Writer) -> None:
    """Add a box that offers a newsletter."""
    lines = [w.phrase("news") for _ in range(w.rng.randint(2, 5))]
    if w.chance(0.25):
        lines.append(w.phrase("prompt"))
    w.clutter(*dict.fromkeys(lines))


def appeal(w: Writer) -> None:
    """Add an appeal for a donation or a subscription."""
    w.clutter(*dict.fromkeys(w.phrase("give") or w.phrase("prompt") for _ in range(w.rng.randint(1, 4))))


def cards(w: Writer) -> None:
    """Add cards of other stories: each has the same parts in the same order."""
    if w.chance(0.75):
        w.clutter(label(w))
    parts = w.rng.choice(("hk", "kh", "ha", "ah", "kha", "hb", "khb", "hd", "kht", "ht", "hn", "bh", "nh", "kk", "hc"))
    age = w.rng.choice(AGES)
    for _ in range(w.rng.choice((1, 2, 2, 3, 4, 6))):
        for part in parts:
            w.clutter(_card_part(w, part, age))


def _card_part(w: Writer, part: str, age: str) -> str:
    texts = {
        "h": w.headline(), "k": w.phrase("kicker"), "a": age, "b": w.phrase("by"), "d": w.date(),
        "t": w.other_sentence(), "n": str(w.rng.randint(1, 90)), "c": f"{w.rng.randint(1, 12)}:{w.rng.randint(10, 59)}",
    }  # fmt: skip
    return texts[part]


def ranking(w: Writer) -> None:
    """Add numbers and headlines of the most read stories, on one line or on two."""
    w.clutter(label(w))
    apart, mark = w.chance(0.4), w.rng.choice((" ", ". ", "", ") "))
    for n in range(w.rng.randint(3, 8)):
        w.clutter(*((str(n + 1), w.headline()) if apart else (f"{n + 1}{mark}{w.headline()}",)))


def short_links(w: Writer) -> None:
    """Add a label and links of one to four words, such as topics, places or offers."""
    w.clutter(label(w) if w.chance(0.7) else w.phrase("tag"))
    for _ in range(w.rng.choice((1, 2, 3, 5, 8))):
        w.clutter(w.piece(1, 4, text=w.other_sentence()) if w.chance(0.7) else w.word().title())


def comment_rules(w: Writer) -> None:
    """Add the head of a comment section, with comments below it in some dumps."""
    w.clutter(w.phrase("com"))
    for _ in range(w.rng.randint(1, 3)):
        w.clutter(w.phrase("rule") or w.phrase("com"))
    for _ in range(w.rng.choice((0, 0, 1, 2, 3))):
        w.clutter(w.name().split()[0] + w.rng.choice(("", f" {w.rng.choice(AGES)}", f", {w.date()}")))
        for _ in range(w.rng.choice((1, 1, 2))):
            w.clutter(w.other_sentence() if w.chance(0.6) else w.piece(2, 7, text=w.other_sentence()) + w.stop())
        if w.chance(0.5):
            w.clutter(w.phrase("rule") or w.phrase("com"))


def author_box(w: Writer) -> None:
    """Add a note about the author, which counts as neutral, and the links of that box."""
    name = w.name()
    w.add(FIELD, name)
    if w.chance(0.5):
        w.add(FIELD, w.phrase("role"))
    if w.chance(0.7):
        w.add(NEUTRAL, f"{name} {w.piece(4, 12, capital=False)}{w.stop()}")
    if w.chance(0.5):
        w.clutter(handle(w))


def handle(w: Writer) -> str:
    """Return an address, a number or an account name."""
    first = w.rng.choice(("ana", "m.reed", "newsdesk", "lee", "info"))
    text = w.rng.choice(HANDLES).replace("{first}", first).replace("{site}", w.site.split()[0].lower())
    return text.replace("{n}", f"{w.rng.randint(1, 99)} {w.rng.randint(100, 999)} {w.rng.randint(1000, 9999)}")


def masthead(w: Writer) -> None:
    """Add the name of the site, its sections, the date of today and the buttons beside them."""
    items = [
        w.site, w.site.upper(), w.date(), f"{w.rng.randint(-9, 35)}°C", w.phrase("prompt"), w.phrase("give"), w.phrase("news"),
        *(w.phrase("kicker") for _ in range(w.rng.randint(1, 8))),
    ]  # fmt: skip
    for text in w.rng.sample(items, w.rng.randint(1, len(items))):
        w.clutter(text)


def byline_block(w: Writer) -> None:
    """Add a byline on several lines."""
    name = w.name()
    lines = w.rng.choice(
        ((w.phrase("by"),), (name, w.phrase("role")), (w.phrase("by"), w.phrase("role")), (name, w.date(), w.rng.choice(AGES)),
         (name, handle(w)), (f"{name}, {w.phrase('role')}",), (f"{name} | {w.site}",), (w.site, w.date()), (name.upper(),))
    )  # fmt: skip
    for text in lines:
        w.add(FIELD, text)


def counts(w: Writer) -> None:
    """Add counters and buttons: comments, readers, pictures, sizes."""
    number = w.rng.randint(0, 900)
    texts = (
        str(number),
        f"{w.phrase('com')} ({number})",
        f"{number} {w.phrase('com')}",
        f"1/{number}",
        "A A A",
        "•",
        "×",
        "…",
    )
    w.clutter(*w.rng.sample(texts, w.rng.randint(1, 2)))


def ticker(w: Writer) -> None:
    """Add market figures or scores above the story."""
    for _ in range(w.rng.randint(2, 5)):
        change = w.rng.uniform(-3, 3)
        name = w.word()[:8].upper() if w.chance(0.5) else w.piece(1, 2)
        forms = (
            f"{name} {w.rng.uniform(1, 30000):,.2f} {'▲' if change > 0 else '▼'} {change:+.2f}%",
            f"{name} {w.rng.randint(1, 900)},{w.rng.randint(10, 99)}",
            f"{name} {change:+.1f} %",
            f"{name} {w.rng.randint(0, 4)} – {w.rng.randint(0, 4)} {w.word().title()}",
        )
        w.add(CLUTTER, w.rng.choice(forms))


POLL_COUNTS = (
    "{n} votes",
    "{n} Stimmen",
    "{n} votos",
    "{n} голосов",
    "{n} 票",
    "{n}表",
    "{n} głosów",
    "{n} voti",
    "{n} rösta",
    "Total: {n}",
)
GALLERY = (
    "Image {k} of {n}",
    "{k}/{n}",
    "{k} / {n}",
    "Bild {k} von {n}",
    "Foto {k} de {n}",
    "Photo {k} sur {n}",
    "Фото {k} из {n}",
    "写真{k}/{n}",
    "图 {k}",
)
ENTRY_BUTTONS = (
    "Copy link",
    "Share this post",
    "Share",
    "Link kopieren",
    "Compartir",
    "Partager",
    "Поделиться",
    "分享",
    "共有",
    "Copiar enlace",
    "Delen",
    "Condividi",
)
PAID = ("Paid for by {site}", "Sponsored by {site}", "A word from {site}", "Presented by {site}", "Ad · {site}", "Anzeige von {site}", "Contenido de {site}",
        "En partenariat avec {site}", "Партнёр: {site}", "提供：{site}", "{site} 제공", "In collaborazione con {site}")  # fmt: skip


def poll(w: Writer) -> None:
    """Add a poll of readers: a question, its answers, the number of votes."""
    w.clutter(w.phrase("news") if w.chance(0.2) else w.piece(1, 1, text=w.other_sentence()))
    if w.chance(0.85):
        w.clutter(w.question())
    for _ in range(w.rng.randint(2, 5)):
        w.clutter(w.piece(1, 6, text=w.other_sentence()) + (f" {w.rng.randint(1, 99)} %" if w.chance(0.2) else ""))
    if w.chance(0.5):
        w.clutter(w.rng.choice(POLL_COUNTS).replace("{n}", str(w.rng.randint(3, 9000))))


def paid_box(w: Writer) -> None:
    """Add the box of an advertiser: its name, one or two sentences or prices, a button."""
    w.clutter(w.phrase("ad") if w.chance(0.3) else w.recode(w.rng.choice(PAID).replace("{site}", w.site)))
    for _ in range(w.rng.randint(1, 2)):
        w.clutter(w.other_sentence() if w.chance(0.6) else w.piece(2, 7, text=w.other_sentence()) + w.stop())
    if w.chance(0.6):
        w.clutter(w.phrase("news") if w.chance(0.4) else w.piece(1, 4, text=w.other_sentence()))


def offers(w: Writer) -> None:
    """Add products with prices and buttons."""
    w.clutter(label(w) if w.chance(0.5) else w.piece(2, 7, text=w.other_sentence()))
    for _ in range(w.rng.randint(1, 4)):
        w.clutter(w.piece(1, 5, text=w.other_sentence()), w.amount())
        if w.chance(0.4):
            w.clutter(w.phrase("prompt"))


def entry_furniture(w: Writer) -> None:
    """Add what stands below an entry of a live blog: its author, and buttons."""
    if w.chance(0.5):
        w.clutter(w.phrase("by"))
    w.clutter(*w.rng.sample(ENTRY_BUTTONS, w.rng.randint(1, 2)))


def wordy_list(w: Writer) -> None:
    """Add headlines of other stories below a line that the site wrote for this place; some are questions or sentences."""
    w.clutter(w.piece(3, 8, text=w.other_sentence()) + w.rng.choice(("", "", ":")))
    for _ in range(w.rng.randint(1, 4)):
        w.clutter(w.headline() + w.rng.choice(("", "", "", "?", w.stop())))
