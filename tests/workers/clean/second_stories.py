"""Invented pages that hold more than their story: a next story, teasers with text, readers' comments. And none of them.

Each page states its story; all other text is clutter. `UNSEEN` was not run before the rules were finished.
"""

from typing import NamedTuple


class Story(NamedTuple):
    """An invented story. `author` and `date` are lines of a page."""

    title: str
    author: str
    date: str
    lines: tuple[str, ...]


class Page(NamedTuple):
    """A page and the lines of its story. `has_headings`: the story also has headings and authors of its parts."""

    name: str
    html: str
    lines: tuple[str, ...]
    has_headings: bool = False


FERRY = Story(
    "Ferry to Holm Island runs again after a winter of repairs",
    "By Tilda Marsh",
    "March 3, 2026",
    (
        "The ferry between Saltby and Holm Island carried its first passengers in four months on Tuesday morning.",
        "Engineers had replaced both engines and a third of the hull, which ice had damaged in November.",
        '"We missed the noise of it," said Orla Penn, who runs the only shop on the island.',
        "The council paid 2.4 million crowns for the work. Fares stay as they were.",
        "A second ship is to be ordered next year.",
        "Until then, the line sails six times a day.",
    ),
)
MILL = Story(
    "Old paper mill in Arden becomes a school for carpenters",
    "By Jonas Reed",
    "March 2, 2026",
    (
        "The paper mill at Arden, empty since 1998, will open as a school for carpenters in September.",
        "Forty apprentices will learn there each year, the district announced after a long dispute about the roof.",
        "The building belongs to a trust that bought it for a single crown and spent three million on its walls.",
        '"Nobody believed in it but the bats," said the trust\'s chair, Mara Lindqvist.',
        "Lessons will be free for residents of the valley.",
    ),
)
OWLS = Story(
    "Counting the owls of the northern woods by ear",
    "By Petra Holloway",
    "March 1, 2026",
    (
        "Volunteers with microphones counted 212 pairs of owls in the northern woods last month.",
        "That is a fifth more than in the survey five years ago, the bird society said on Sunday.",
        "Recordings from 80 trees were compared by a program and checked by two listeners.",
        "The society asks walkers to stay on the paths until June.",
    ),
)
BRIDGE = Story(
    "Bridge toll falls to one crown for cyclists",
    "By Ida Brandt",
    "February 27, 2026",
    (
        "Cyclists will pay one crown instead of three for the crossing of the Tarn bridge from April.",
        "The transport board voted seven to two for the change after a petition with 9,000 names.",
        "Cars and lorries are not affected by the decision.",
    ),
)
DAMM = Story(
    "Der Damm von Nordhude hält, doch der Streit geht weiter",
    "Von Jette Carstens",
    "3. März 2026",
    (
        "Der neue Damm von Nordhude hat die erste Sturmflut des Jahres ohne Schaden überstanden.",
        "Das teilte der Deichverband am Dienstag mit. Das Wasser stand 2,70 Meter über dem mittleren Hochwasser.",
        "Die Gemeinde will trotzdem klagen, weil der Bau doppelt so viel kostete wie geplant.",
        "Ein Urteil wird im Herbst erwartet.",
    ),
)
MARKT = Story(
    "Wochenmarkt zieht auf den alten Bahnhof",
    "Von Hinnerk Voss",
    "2. März 2026",
    (
        "Der Wochenmarkt von Lütten zieht im Mai auf das Gelände des alten Bahnhofs um.",
        "Die Händler bekommen dort Strom und Wasser, was auf dem Kirchplatz seit Jahren fehlte.",
        "Der Umzug kostet die Stadt 80.000 Euro, sagte die Bürgermeisterin am Montag.",
    ),
)
PUERTO = Story(
    "El puerto de Salinas recupera su faro",
    "Por Inés Camargo",
    "3 de marzo de 2026",
    (
        "El faro de Salinas volvió a encenderse el martes después de once años de silencio.",
        "La cofradía de pescadores pagó la lámpara con una colecta que reunió 40.000 euros.",
        "«Lo veíamos cada noche desde la ventana», contó la vecina Rosa Alcaide.",
        "El ayuntamiento abrirá la torre al público en verano.",
    ),
)
GARE = Story(
    "La gare de Montfleur rouvre avec trois trains par jour",
    "Par Lucie Ferrand",
    "3 mars 2026",
    (
        "La petite gare de Montfleur a accueilli mardi son premier train depuis neuf ans.",
        "La région finance trois allers-retours par jour pendant une période d'essai de deux ans.",
        "« On n'y croyait plus », a confié le maire devant une centaine d'habitants.",
        "Le guichet restera fermé : les billets se vendent à bord.",
    ),
)
PONT = Story(
    "Le pont suspendu sera repeint en vert",
    "Par Marc Aubin",
    "1 mars 2026",
    (
        "Les habitants ont choisi le vert pour le pont suspendu de Vaux, avec 61 % des voix.",
        "Les travaux commenceront en juin et dureront quatre mois, selon le département.",
        "La circulation sera interdite la nuit seulement.",
    ),
)
LOVE = Story(
    "北岛渡轮修复后恢复通航",
    "记者 陈海宁",
    "2026年3月3日",
    (
        "停航四个月的北岛渡轮周二早晨恢复运营，首班船载客一百二十人。",
        "工程人员更换了两台发动机和三分之一的船体，这些部件去年十一月被冰损坏。",
        "岛上唯一商店的店主说，大家一直盼望听到汽笛声。",
        "市政府表示，票价保持不变。",
    ),
)
CHA = Story(
    "老造纸厂将改为木工学校",
    "记者 林文清",
    "2026年3月2日",
    (
        "位于雅登的老造纸厂自一九九八年关闭后，将于九月作为木工学校重新开放。",
        "学校每年将招收四十名学徒，当地居民可以免费听课。",
        "该建筑由一家信托机构以象征性的一元购得。",
    ),
)
MENU = "".join(f'<li><a href="/{s.lower()}">{s}</a></li>' for s in ("Home", "Region", "Business", "Sport", "Culture"))
FOOT = '<footer><ul><li><a href="/about">About us</a></li><li><a href="/privacy">Privacy</a></li></ul><p>© 2026 Saltby Courier</p></footer>'


def paragraphs(story: Story) -> str:
    """Return the lines of a story as paragraphs."""
    return "".join(f"<p>{line}</p>" for line in story.lines)


def document(story: Story, content: str, language: str = "en") -> str:
    """Return a page with a menu, the content and a footer."""
    return (
        f'<!doctype html><html lang="{language}"><head><title>{story.title} | Saltby Courier</title>'
        f'<meta property="og:title" content="{story.title}"></head><body><header><nav><ul>{MENU}</ul></nav></header>'
        f"{content}{FOOT}</body></html>"
    )


def article(story: Story, heading: str = "h1", names: str = "story") -> str:
    """Return a story as an <article> with headline, byline and date."""
    return (
        f'<article class="{names}"><header><{heading}>{story.title}</{heading}><p class="byline">{story.author}</p>'
        f"<time>{story.date}</time></header>{paragraphs(story)}</article>"
    )


def flat(story: Story, heading: str) -> str:
    """Return a story without an element of its own."""
    return f"<{heading}>{story.title}</{heading}><div>{story.author}</div><div>{story.date}</div>{paragraphs(story)}"


def post(number: int, story: Story, heading: str = "h2") -> str:
    """Return a story as a blog writes it."""
    return (
        f'<div class="post hentry" id="post-{number}"><{heading} class="entry-title"><a href="/p/{number}">{story.title}</a>'
        f'</{heading}><div class="entry-meta">{story.date} {story.author}</div>'
        f'<div class="entry-content">{paragraphs(story)}</div></div>'
    )


COMMENTS = (
    ("Wanda P.", "March 4, 2026 at 8:12 am", "I took the first boat this morning and it was so quiet that I missed my stop."),
    ("oldsalt77", "March 4, 2026 at 9:40 am", "Two point four million and still no toilets on board. Somebody should ask where the money went."),
    ("Bertil", "March 5, 2026 at 7:02 pm", "My grandfather built the old one. He would be glad that it runs again, I think."),
)  # fmt: skip


def comments(opening: str, each: str, closing: str) -> str:
    """Return readers' comments; *each* has fields `name`, `date` and `text`."""
    return opening + "".join(each.format(name=n, date=d, text=t) for n, d, t in COMMENTS) + closing


TEASERS = "".join(
    f'<div class="card"><h3><a href="/{n}">{s.title}</a></h3>{paragraphs(s)}</div>'
    for n, s in enumerate((MILL, OWLS, BRIDGE))
)
LIVE = "".join(
    f'<article class="entry"><time>{hour}</time><h2>{s.lines[0][:40].rsplit(" ", 1)[0]}</h2>{paragraphs(s)}</article>'
    for hour, s in (("14:05", FERRY), ("12:30", OWLS), ("11:10", BRIDGE))
)
LIVE_LINES = tuple(line for s in (FERRY, OWLS, BRIDGE) for line in s.lines)
TALK = (
    "Orla Penn has run the shop on Holm Island for thirty years. We spoke to her on the first boat of the year.",
    "Courier: How was the winter without a ferry?",
    "Penn: Long. We had flour and potatoes, and a neighbour with a fishing boat brought the letters on Fridays.",
    "Courier: Did people leave the island?",
    "Penn: Two families did, and I do not think that they will come back before the summer.",
    "Courier: And you?",
    "Penn: I would rather sell soap to the seals than move to the mainland.",
)
TOUR = Story("Tour of the coast: three places to see this spring", "By Tilda Marsh", "March 3, 2026", ())

SEEN = (
    Page("scroll_of_articles", document(FERRY, f"<main>{article(FERRY)}{article(MILL)}{article(OWLS)}</main>"), FERRY.lines),
    Page("next_post_of_blog", document(MILL, f'<div id="content">{post(12, MILL)}{post(11, OWLS)}{post(10, BRIDGE)}</div>'), MILL.lines),
    Page("teasers_with_text", document(FERRY, f'<main>{article(FERRY)}<section class="more"><h2>Latest</h2>{TEASERS}</section></main>'), FERRY.lines),
    Page(
        "comments_in_list",
        document(FERRY, f"<main>{article(FERRY)}" + comments(
            '<div id="comments"><h3>3 Comments</h3><ol class="comment-list">',
            '<li class="comment"><cite>{name}</cite> says:<div class="comment-meta">{date}</div><p>{text}</p><a href="#r">Reply</a></li>', "</ol></div></main>")),
        FERRY.lines,
    ),
    Page(
        "comments_without_names",
        document(FERRY, f'<div class="wrap">{article(FERRY)}' + comments(
            "<div><h4>3 responses to this story</h4>", "<div><b>{name}</b><i>{date}</i><p>{text}</p></div>", "</div></div>")),
        FERRY.lines,
    ),
    Page("two_flat_stories", document(FERRY, f'<div class="body">{flat(FERRY, "h1")}<hr>{flat(MILL, "h1")}</div>'), FERRY.lines),
    Page("german_next_article", document(DAMM, f'<main>{article(DAMM, "h1", "artikel")}<p class="weiter">Nächster Artikel</p>{article(MARKT, "h2", "artikel")}</main>', "de"), DAMM.lines),
    Page("story_is_second", document(OWLS, f"<main>{article(BRIDGE)}{article(OWLS)}{article(MILL)}</main>"), OWLS.lines),
    Page("live_blog", document(TOUR, f'<main><h1>{TOUR.title}</h1><p class="byline">{TOUR.author}</p>{LIVE}</main>'), LIVE_LINES, True),
    Page(
        "sections_with_authors",
        document(TOUR, f"<main><article><h1>{TOUR.title}</h1><time>{TOUR.date}</time>"
                 + "".join(f"<h2>{s.title}</h2><p><em>{s.author}</em></p>{paragraphs(s)}" for s in (FERRY, MILL)) + "</article></main>"),
        FERRY.lines + MILL.lines,
        True,
    ),
)  # fmt: skip

UNSEEN = (
    Page("scroll_of_wrappers", document(BRIDGE, "<div>" + "".join(
        f'<div class="story-wrapper" data-url="/{n}"><h2 class="hed">{s.title}</h2><span class="by">{s.author}</span> <span>{s.date}</span>'
        f'<div class="txt">{paragraphs(s)}</div></div>' for n, s in enumerate((BRIDGE, FERRY, MILL))) + "</div>"), BRIDGE.lines),
    Page("chinese_next_article", document(LOVE, f'<div class="main">{article(LOVE, "h1", "news")}<div class="next">下一篇</div>{article(CHA, "h1", "news")}</div>', "zh"), LOVE.lines),
    Page("next_page_of_amp", document(MILL, f"{article(MILL)}<amp-next-page><div>{article(FERRY, 'h1', 'amp-story')}</div></amp-next-page>"), MILL.lines),
    Page("teasers_in_aside", document(OWLS, f'<main>{article(OWLS)}</main><aside><h2>Also in the region</h2>'
         + "".join(f"<section><h3>{s.title}</h3><small>{s.date}</small>{paragraphs(s)}</section>" for s in (MILL, FERRY)) + "</aside>"), OWLS.lines),
    Page("french_blog", document(GARE, f'<div id="page">{post(8, GARE, "h1")}<p>Article suivant</p>{post(7, PONT, "h2")}</div>', "fr"), GARE.lines),
    Page("comments_in_table", document(PUERTO, f"<div>{article(PUERTO)}" + comments(
        '<h3>Comentarios (3)</h3><table class="respuestas">', "<tr><td>{name}<br>{date}</td><td><p>{text}</p><a href='#'>Responder</a></td></tr>", "</table></div>"), "es"), PUERTO.lines),
    Page("flat_comments", document(MILL, f'<main>{flat(MILL, "h1")}' + comments(
        "<h3>Readers write</h3>", "<p><strong>{name}</strong>, {date}</p><p>{text}</p>", "</main>")), MILL.lines),
    Page("interview", document(TOUR, f"<main><article><h1>Thirty years behind the counter</h1><p>{TOUR.author}</p>"
         + "".join(f"<p>{line}</p>" for line in TALK) + "</article></main>"), TALK),
    Page("round_up_of_posts", document(TOUR, f"<main><article><h1>{TOUR.title}</h1><p>{TOUR.author}</p>"
         + "".join(f'<section><h2>{s.title}</h2><time>{s.date}</time>{paragraphs(s)}</section>' for s in (FERRY, MILL, OWLS)) + "</article></main>"),
         FERRY.lines + MILL.lines + OWLS.lines, True),
    Page("comments_quote_the_story", document(FERRY, f"<main>{article(FERRY)}<section class='discussion'><h2>Discussion</h2>"
         f"<article><h4>Wanda P.</h4><time>March 4, 2026</time><blockquote>{FERRY.lines[3]}</blockquote><p>Fares should fall, not stay.</p></article>"
         "<article><h4>Bertil</h4><time>March 5, 2026</time><p>They rose twice last year, as every passenger knows too well.</p></article></section></main>"), FERRY.lines),
)  # fmt: skip
