"""Generated news sites with a section page that changes from poll to poll, and the truth about its links.

The shapes of story URLs follow those of outlets in the corpora; all words and hosts are invented. A kind is a URL shape
with a layout and a language. The kinds of HELD_KINDS were not looked at while the rules were tuned.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple
from urllib.parse import quote

WORDS: Mapping[str, Sequence[str]] = {
    "en": "council harbour votes bridge after storm minister says new plan ferry strike ends in the rail tariff hospital opens budget court rules school against farmers over water prices rise".split(),
    "de": "Rat stimmt für neue Brücke nach Sturm Ministerin kündigt Plan an Streik der Bahn endet Gericht urteilt über Haushalt Schule Bauern gegen Preise steigen im Hafen".split(),
    "fr": "le conseil vote un pont après tempête ministre annonce grève du rail hôpital ouvre budget tribunal école contre agriculteurs prix hausse port nouvelle ligne".split(),
    "es": "el consejo vota puente tras tormenta ministra anuncia huelga del tren hospital abre presupuesto tribunal escuela contra agricultores precios suben puerto nueva línea".split(),
    "pl": "rada głosuje most po burzy minister zapowiada strajk kolei szpital otwiera budżet sąd szkoła przeciw rolnikom ceny rosną port nowa linia".split(),
    "tr": "meclis köprü için oy verdi fırtına sonrası bakan açıkladı grev demiryolu hastane bütçe mahkeme okul çiftçiler fiyatlar liman yeni hat".split(),
    "ru": "совет голосует за мост после шторма министр заявил забастовка железной дороги больница бюджет суд школа фермеры цены порт новая линия".split(),
    "hi": "परिषद पुल तूफान के बाद मंत्री योजना हड़ताल रेल अस्पताल बजट अदालत स्कूल किसान कीमतें बंदरगाह नई लाइन खुली".split(),
    "ar": "المجلس يصوت على جسر بعد العاصفة الوزير يعلن إضراب القطار مستشفى ميزانية محكمة مدرسة المزارعون الأسعار الميناء خط جديد".split(),
    "zh": list("市议会桥梁风暴之后部长宣布计划罢工铁路医院预算法院学校农民价格上涨港口新线开通居民"),
    "ja": list("市議会橋台風後大臣計画発表鉄道病院予算裁判所学校農家価格上昇港新路線開通住民"),
}
SECTIONS = ("world", "politics", "business", "sport", "culture", "science", "local", "opinion")
LONG_SECTIONS = ("science-and-environment", "arts-and-culture", "money-and-work", "health-and-family-life", "uk-news")
PAGES = (
    ("about-us", "About us"), ("contact", "Contact"), ("privacy-policy", "Privacy policy"), ("terms-and-conditions-of-use", "Terms and conditions of use"),
    ("cookie-settings-and-your-choices", "Cookie settings and your choices"), ("advertise-with-us", "Advertise with us"), ("jobs", "Jobs at the Courier"),
    ("editorial-guidelines", "Our editorial guidelines and corrections"), ("help", "Help"), ("sitemap", "Sitemap"),
)  # fmt: skip
PROMOS = (
    ("newsletters/the-morning-briefing", "Sign up for the morning briefing newsletter"), ("subscribe", "Subscribe for one coin a week"),
    ("games/crossword", "Play the crossword of the day"), ("events/summer-festival-of-ideas", "Join us at the summer festival of ideas"),
    ("podcasts/the-daily-tide", "The Daily Tide podcast"), ("live-tv", "Watch live"), ("shop", "Shop"), ("weather", "Weather"),
    ("account/sign-in", "Sign in"), ("e-paper", "Read today's e-paper"),
)  # fmt: skip
DEV_PROMOS = (
    *PROMOS, ("ranking", "The ranking of the most read stories of the week"), ("news", "All the news of the day from the harbour and the town"),
    ("forum/threads/which-ferry-is-the-best-for-bicycles", "Which ferry is the best for bicycles?"),
    ("compare/broadband/in-my-area", "What is the fastest broadband in my area?"), ("coupons/shoes-and-fashion", "Save ten percent on shoes and fashion"),
)  # fmt: skip
HELD_PROMOS = (
    ("horoscopes/weekly-forecast-for-every-sign", "Your weekly forecast for every sign"), ("puzzles/sudoku-of-the-day", "The sudoku of the day, in four levels"),
    ("vouchers/mode-und-schuhe", "Save ten percent on shoes and coats"), ("membership/why-support-us-now", "Why your support matters now more than ever"),
    ("faq/how-do-i-change-my-address", "How do I change my address?"), ("archive/2025", "The year 2025 in our archive"),
    ("columnists/orla-finch-on-politics", "Orla Finch on politics"), ("dossiers/the-future-of-the-harbour", "The future of the harbour: all stories of our series"),
    ("classifieds/flats-for-rent-in-the-old-town", "Flats for rent in the old town"), ("results/election-2026", "Election 2026: the results of all districts"),
    ("live-scores", "Live scores of all matches today"), ("tv/tonight", "What is on television tonight"), ("app/android", "Get the Courier on your phone"),
    ("en/", "Read the Courier in English every day"), ("leserservice/urlaub-und-umzug", "Urlaub und Umzug melden"),
)  # fmt: skip
TOPICS = (
    "climate change",
    "elections 2026",
    "housing crisis in the north",
    "artificial intelligence",
    "cost of living",
    "war and peace",
)
TAG_PATHS = ("tag/{}", "topic/{}", "topics/{}", "tags/{}", "thema/{}", "temas/{}", "sujet/{}")
AUTHORS = ("Ida Marrow", "Tomas Velk", "Jane van der Berg", "Orla Finch")
AUTHOR_PATHS = ("author/{}", "by/{}", "authors/{}", "profile/{}", "autor/{}", "people/{}")
MORE = {"en": "Read more", "de": "Mehr lesen", "fr": "Lire la suite", "es": "Leer más", "pl": "Czytaj więcej", "tr": "Devamı", "ru": "Читать далее", "hi": "और पढ़ें", "ar": "اقرأ المزيد", "zh": "更多", "ja": "続きを読む"}  # fmt: skip


class Story(NamedTuple):
    """A story: its path with query, and its headline."""

    path: str
    headline: str
    section: str


class Site(NamedTuple):
    """A site: its polls, each a page and the stories on it, as URLs."""

    kind: str
    url: str
    polls: Sequence[tuple[str, frozenset[str]]]

    @property
    def stories(self) -> frozenset[str]:
        return frozenset().union(*(stories for _, stories in self.polls))


# -- stories --------------------------------------------------------------------------------------------------


def headline(numbers: random.Random, language: str) -> str:
    words = WORDS[language]
    if language in ("zh", "ja"):
        return "".join(numbers.choices(words, k=numbers.randint(9, 24)))
    count = numbers.choice((2, 3)) if numbers.random() < 0.04 else numbers.randint(4, 13)
    text = " ".join(numbers.choices(words, k=count))
    return text[0].upper() + text[1:]


def slug(text: str, *, ascii_only: bool = True, limit: int = 12) -> str:
    folded = text.lower().replace("ü", "ue").replace("ö", "oe").replace("ä", "ae").replace("é", "e").replace("ł", "l")
    words = [w for w in folded.split() if w.isascii()] if ascii_only else text.lower().split()
    return "-".join(words[:limit]) or "story"


def letters(numbers: random.Random, alphabet: str, count: int) -> str:
    return "".join(numbers.choices(alphabet, k=count))


def digits(numbers: random.Random, count: int) -> str:
    return str(numbers.randrange(10 ** (count - 1), 10**count))


Shape = Callable[[random.Random, str, str], str]  # numbers, headline, section → path
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()


def day(numbers: random.Random) -> tuple[int, int]:
    return numbers.choice((10, 11)), numbers.randint(1, 28)


def _dated(r: random.Random, h: str, s: str) -> str:
    m, d = day(r)
    return f"2026/{m:02}/{d:02}/{slug(h)}/"


def _guardian(r: random.Random, h: str, s: str) -> str:
    m, d = day(r)
    return f"{s}/2026/{MONTHS[m - 1]}/{d:02}/{slug(h)}"


def _reuters(r: random.Random, h: str, s: str) -> str:
    m, d = day(r)
    return f"{s}/{slug(h)}-2026-{m:02}-{d:02}/"


def _cnn(r: random.Random, h: str, s: str) -> str:
    m, d = day(r)
    return f"2026/{m:02}/{d:02}/{s}/{slug(h, limit=6)}/index.html"


def _chinese(r: random.Random, h: str, s: str) -> str:
    m, d = day(r)
    return f"{s}/2026-{m:02}/{d:02}/c_{digits(r, 8)}.htm"


def _compact_date(r: random.Random, h: str, s: str) -> str:
    m, d = day(r)
    return f"{s}/2026{m:02}{d:02}-{slug(h)}"


SHAPES: Mapping[str, Shape] = {
    "dated": _dated,
    "slug_id": lambda r, h, s: f"{s}/{slug(h)}-{digits(r, 8)}",
    "short_id": lambda r, h, s: f"news/{s}-{digits(r, 8)}",
    "guardian": _guardian,
    "flat": lambda r, h, s: f"{slug(h)}/",
    "section_slug_html": lambda r, h, s: f"{s}/{slug(h)}.html",
    "id_slug": lambda r, h, s: f"{s}/{digits(r, 7)}/{slug(h)}",
    "query_id": lambda r, h, s: f"?p={digits(r, 5)}",
    "chinese": _chinese,
    "native_slug": lambda r, h, s: f"{s}/{quote(slug(h, ascii_only=False))}",
    "article_hex": lambda r, h, s: f"article/{slug(h, limit=5)}-{letters(r, '0123456789abcdef', 32)}",
    "title_case_php": lambda r, h, s: f"{s}/article/{slug(h).title()}-{digits(r, 8)}.php",
    "base36": lambda r, h, s: f"news/articles/c{letters(r, '0123456789abcdefghjklmnopqrstuvwxyz', 11)}",
    "reuters": _reuters,
    "cnn": _cnn,
    "taz": lambda r, h, s: f"{slug(h).title()}/!{digits(r, 7)}/",
    "hash": lambda r, h, s: f"articles/{letters(r, '0123456789abcdef', 40)}",
    "commas": lambda r, h, s: f"{s}/7,114883,{digits(r, 8)},{slug(h)}.html",
    "id_slug_story": lambda r, h, s: f"news/{s}/{digits(r, 6)}/{slug(h)}/story/",
    "ld": lambda r, h, s: f"{s}/{slug(h)}-ld.{digits(r, 7)}",
    "compact_date": _compact_date,
    "php_query": lambda r, h, s: f"story.php?storyid={digits(r, 6)}&sec={s}",
    "upper_id": lambda r, h, s: f"articles/AS{letters(r, 'ABCDEFGHJKLMNPQRSTUVWXYZ0123456789', 12)}.html",
    "id_html": lambda r, h, s: f"{s}/{digits(r, 6)}.html",
}
DEV_SHAPES = tuple(SHAPES)[:12]
LANGUAGES = {
    "chinese": "zh", "native_slug": "ru", "hash": "ja", "commas": "pl", "taz": "de", "section_slug_html": "fr", "query_id": "es",
    "ld": "de", "upper_id": "ja", "id_html": "ar", "id_slug": "en", "php_query": "hi", "compact_date": "tr",
}  # fmt: skip


# -- page -----------------------------------------------------------------------------------------------------


def link(path: str, inner: str, attributes: str = "") -> str:
    return f'<a href="{escape("/" + path.lstrip("/"))}"{attributes}>{inner}</a>'


class Look(NamedTuple):
    """The markup of one site: class names and elements, chosen once."""

    nav: Callable[[str], str]
    card: Callable[[Story, random.Random, str], str]
    grid: Callable[[str], str]
    footer: Callable[[str], str]
    box: Callable[[str, str], str]


def _article_card(s: Story, r: random.Random, more: str) -> str:
    author = r.choice(AUTHORS)
    return (
        f'<article class="teaser">{link(s.path, "<img src=/i.jpg alt=>")}<span class="kicker">{link(s.section, s.section.title())}</span>'
        f"<h2>{link(s.path, escape(s.headline))}</h2><p>{escape(s.headline)} and more.</p>"
        f"<footer>By {link('author/' + author.lower().replace(' ', '-'), author)} {link(s.path + '#comments', '12 comments')}</footer></article>"
    )


def _anchor_card(s: Story, r: random.Random, more: str) -> str:
    inner = f'<div class="m-img"><img src="/i.jpg"></div><div><h3>{escape(s.headline)}</h3><p>{escape(s.headline)} in detail</p><time>2 h</time></div>'
    return f'<div class="card">{link(s.path, inner)}</div>'


def _list_card(s: Story, r: random.Random, more: str) -> str:
    return f"<li>{link(s.path, escape(s.headline))} <span>14:0{r.randint(0, 9)}</span></li>"


def _utility_card(s: Story, r: random.Random, more: str) -> str:
    return (
        f'<div class="css-1x{r.randint(0, 3)}"><div class="css-9a">{link(s.path, "<img src=/i.jpg>", " class=css-2b tabindex=-1")}</div>'
        f'<div class="css-7k"><div class="css-5">{link(s.section, s.section)}</div>{link(s.path, f"<span>{escape(s.headline)}</span>", " class=css-3c")}</div></div>'
    )


def _more_card(s: Story, r: random.Random, more: str) -> str:
    return f'<section class="post"><h2 class="t">{escape(s.headline)}</h2><p>{escape(s.headline)} today.</p>{link(s.path, more, " class=more")}</section>'


def _table_card(s: Story, r: random.Random, more: str) -> str:
    return f"<tr><td>05.11.</td><td>{link(s.path, f'<b>{escape(s.headline)}</b>')}</td></tr>"


def _overlay_card(s: Story, r: random.Random, more: str) -> str:
    return f'<div class="tile"><h3>{escape(s.headline)}</h3>{link(s.path, "", f" class=overlay aria-label={chr(34)}{escape(s.headline)}{chr(34)}")}</div>'


def _paragraph_card(s: Story, r: random.Random, more: str) -> str:
    return f"<p class=story>{link(s.path, escape(s.headline))}. {link(s.path, more)}</p>"


CARDS = (
    _article_card,
    _anchor_card,
    _list_card,
    _utility_card,
    _more_card,
    _table_card,
    _overlay_card,
    _paragraph_card,
)
NAVS: tuple[Callable[[str], str], ...] = (
    lambda s: f"<header><nav><ul>{s}</ul></nav></header>",
    lambda s: f'<div id="main-menu" class="menu">{s}</div>',
    lambda s: f'<div class="css-0h1"><ul class="css-0h2">{s}</ul></div>',
    lambda s: f'<header class="top"><div role="navigation">{s}</div></header>',
)
GRIDS: tuple[Callable[[str], str], ...] = (
    lambda s: f"<main>{s}</main>",
    lambda s: f'<div class="content"><div class="row">{s}</div></div>',
    lambda s: f'<div id="app"><div><div>{s}</div></div></div>',
)
FOOTERS: tuple[Callable[[str], str], ...] = (
    lambda s: f"<footer>{s}</footer>",
    lambda s: f'<div class="site-footer">{s}</div>',
    lambda s: f'<div class="css-ff">{s}</div>',
)
BOXES: tuple[Callable[[str, str], str], ...] = (
    lambda t, s: f'<aside class="box"><h3>{t}</h3>{s}</aside>',
    lambda t, s: f'<div class="css-bx"><div>{t}</div>{s}</div>',
    lambda t, s: f"<section><h2>{t}</h2><ul>{s}</ul></section>",
)


def look(numbers: random.Random, cards: Sequence[Callable[[Story, random.Random, str], str]]) -> Look:
    r = numbers
    return Look(r.choice(NAVS), r.choice(cards), r.choice(GRIDS), r.choice(FOOTERS), r.choice(BOXES))


class _Furniture(NamedTuple):
    nav: str
    boxes: str
    footer: str


def furniture(numbers: random.Random, shape: str, site: Look) -> _Furniture:
    """Return the links that are no stories: the same at each poll."""
    item = (lambda s: f"<li>{s}</li>") if numbers.random() < 0.6 else (lambda s: s + " ")
    sections = [*numbers.sample(SECTIONS, 6), *numbers.sample(LONG_SECTIONS, 2)]
    nav = [link("", "Home"), *(link(f"{s}/", s.replace("-", " ").title()) for s in sections)]
    tag_path, author_path = numbers.choice(TAG_PATHS), numbers.choice(AUTHOR_PATHS)
    topics = [link(tag_path.format(t.replace(" ", "-")), t.capitalize()) for t in numbers.sample(TOPICS, 4)]
    authors = [link(author_path.format(a.lower().replace(" ", "-")), a) for a in AUTHORS]
    promos = [link(path, text) for path, text in numbers.sample(DEV_PROMOS if shape in DEV_SHAPES else HELD_PROMOS, 5)]
    partners = [
        f'<a href="https://partner-{n}.example/offers/{n}2345/the-best-deals-of-the-week-for-you">The best deals of the week for you</a>'
        for n in range(3)
    ]
    pages = [link(p if shape != "flat" else p + "/", t) for p, t in numbers.sample(PAGES, 7)]
    pager = [link(f"world/page/{n}", str(n)) for n in (2, 3, 4)] + [
        link("world?page=2", "Next page"),
        link("2026/11/", "November 2026"),
    ]
    social = [
        '<a href="https://social.example/share?u=x">Share</a>',
        '<a href="mailto:desk@courier.example">Write to the desk</a>',
        '<a href="#top">Back to the top of the page</a>',
    ]
    boxes = [
        ("Topics", topics),
        ("Our writers", authors),
        ("More from the Courier", promos),
        ("Partners", partners),
        ("Pages", pager),
    ]
    numbers.shuffle(boxes)
    chosen = "".join(site.box(title, "".join(map(item, links))) for title, links in boxes[: numbers.randint(3, 5)])
    return _Furniture(site.nav("".join(map(item, nav))), chosen, site.footer("".join(map(item, [*pages, *social]))))


def make_site(kind: str, numbers: random.Random, polls: int = 5) -> Site:
    shape, cards = SHAPES[kind], CARDS[:5] if kind in DEV_SHAPES else CARDS[3:]
    language = LANGUAGES.get(kind, "en")
    site, url, fresh = look(numbers, cards), f"https://www.{kind.replace('_', '-')}.example/", list[Story]()
    fixed = furniture(numbers, kind, site)

    def story() -> Story:
        text, section = headline(numbers, language), numbers.choice(SECTIONS)
        return Story(shape(numbers, text, section), text, section)

    pages = []
    for poll in range(polls):
        new = [story() for _ in range(numbers.randint(12, 45) if poll == 0 else numbers.randint(1, 8))]
        fresh = [*new, *fresh][: max(12, len(fresh))]
        body = site.grid("".join(site.card(s, numbers, MORE[language]) for s in fresh))
        popular = numbers.sample(fresh, min(5, len(fresh)))
        most_read = site.box("Most read", "".join(f"<li>{link(s.path, escape(s.headline))}</li>" for s in popular))
        html = f"<!doctype html><html lang={language}><head><title>Courier</title></head><body>{fixed.nav}{body}{most_read}{fixed.boxes}{fixed.footer}</body></html>"
        pages.append((html, frozenset(url + s.path for s in fresh)))
    return Site(kind, url, pages)


DEV_KINDS, HELD_KINDS = DEV_SHAPES, tuple(SHAPES)[12:]


def sites(kinds: Sequence[str], count: int, seed: int = 21) -> Iterator[Site]:
    """Yield *count* sites of each kind."""
    for kind in kinds:
        for n in range(count):
            yield make_site(kind, random.Random(f"{seed}-{kind}-{n}"))
