"""Lines of site builders in feed items: they go, and lines of a story with the same words stay."""

import pytest

from workers.clean.cleaner import clean
from workers.clean.document import to_blocks
from workers.clean.item_lines import is_shortcodes
from workers.clean.labeller import Prediction, label_blocks
from workers.clean.phrases import read_entries
from workers.clean.rules.item_lines import FILE

URL, TITLE = "https://oarblog.example/2025/oar", "The oar on the quay"
ABOVE = "<p>The oar was found near the old quay by two boys.</p>"
BELOW = "<p>It had no owner, so the town kept it for a while.</p>"


def paragraphs(html: str) -> list[str]:
    return list(clean(html, "html", title=TITLE, url=URL).paragraphs)


ANYWHERE = (
    "Reading Time: 7 minutes", "Reading Time: < 1 minute", "Lesezeit: 4 Minuten", "4 minuty čtení", "Czas czytania: 6 min", "5分で読めます", "阅读时间：3 分钟",
    "Post Views: 3,118", "Share on Bluesky | Mastodon | X", "Partilhar no LinkedIn", "Teilen auf Mastodon", "Condividi su Telegram (Si apre in una nuova finestra)",
    "You just read issue #204 of The Slow Tide.", "This email brought to you by Gullpost, the quiet way to write letters.", "Login or Subscribe to leave a vote.",
    "You currently have 2 referrals, only 4 away from a tea towel.", "Would you like to change how you receive these emails? Update your settings or unsubscribe.",
    "This letter is sponsored by Tarhouse, makers of slow rope.", "Diese Folge wird präsentiert von Seilerei Knoop, die Taue dreht.", "Avsnittet presenteras av Segelmakaren i Lurö.",
    "Please subscribe, rate & review!", "Like, follow and share the show.", "Thanks for listening! If you like this episode, please subscribe and leave a review.",
    "We are so grateful to our sponsors, who made the week possible.", "Instagram - HERE", "Tik Tok: @slowtide", "This episode of Slow Tide is sponsored by Tarhouse.",
    "Table of Contents", "Inhaltsverzeichnis", "Spis treści", "目次", "Email Address *", "Nombre *", "Napište komentář…", "Escribe un comentario...", "Оставьте комментарий",
    "Which oar would you have picked? Tell us in the comments below.", "Schreibt uns in den Kommentaren!", "Napiszcie w komentarzach!",
    "For more tales of the quay, download our app from the App Store or Google Play.", "Téléchargez notre appli sur l'App Store ou Google Play.",
    "Für 3 Euro im Monat die Hafenpost unterstützen", "Por 5 euros al mes ayuda a El Remo a seguir.", "Soutenez La Rame pour 4 € par mois.", "Quiero apoyar",
    "If you liked this tale, leave a few claps and follow me.", "Si te ha gustado esta historia, regálame unos aplausos y sígueme.",
    "► Merch: https://shop.oar.example/tee", "🔔 Subscribe for more oars: https://tube.example/oar ► Patreon: https://patron.example/oar",
    "See Privacy Policy at https://cast19.example/privacy and California Privacy Notice at https://cast19.example/privacy#ca.", "View fullsize View fullsize",
    "L'articolo Il remo sembra essere il primo su Il Molo.", "Your Content Goes Here",
    "The Slow Tide is a reader-supported publication. Consider a paid plan.", "Gehostet von Acast. Siehe acast.com/privacy für mehr.", "شارك هذا المقال",
)  # fmt: skip
EDGES = (
    "Views: 512", "Odsłony: 77", "Aufrufe: 1.204", "조회수 4,310", "浏览次数：88", "Reblogged 9 times · 31 notes", "18 likes, 2 comments", "Comments (12)", "Diskuse (4)",
    "Etichette: barche, remi", "Kategoria: Porty", "Catégorie : Bateaux", "Posted in: Boats, Oars", "كلمات مفتاحية: قوارب، ميناء", "关键词：船桨 码头",
    "（责任编辑：林舟）", "责编：林舟", "声明：本站文章，未经授权不得转载。", "При цитировании ссылка на «Весло» обязательна.", "Bu haber kaynak gösterilmeden kopyalanamaz.",
    "Last updated: 4 March 2025", "Posted on 07-19-2021", "Article suivant", "Без рубрики",
)  # fmt: skip
STORY = (
    "Like the tide and the moon, the two towns share a clock.", "Thanks for listening, said the judge, and closed the file.", "The stream was sponsored by no one, and so it stopped.",
    "The reading time of the trial was 3 minutes for each page.", "The mayor told us in the comments of the plan that it was late.", "Views: a hill, a quay and a mill.",
    "Categories of oars differ by wood, and nobody agrees on the best.", "Members support the choir for 4 euros a month and sing on Fridays.",
    "Users can download our app from the App Store, said the minister on Monday.", "She shared the photo on Facebook and waited.", "Category: it depends on the judge.",
    "编辑部说，这把桨会留在码头。", "Twelve likes were enough to stop the plan.", "Share on the day: 4.20 euros, up a tenth.", "The letter was sent by the mayor of Lurö.",
)  # fmt: skip


@pytest.mark.parametrize("line", ANYWHERE)
def test_builder_line_within_story_goes(line: str) -> None:
    assert paragraphs(f"{ABOVE}<p>{line.replace('<', '&lt;')}</p>{BELOW}") == paragraphs(ABOVE + BELOW)


def test_hashtags_one_below_the_other_go() -> None:
    tags = "".join(f"<p>#{tag}</p>" for tag in ("oars", "slowtide", "harbour2025"))
    assert paragraphs(f"{ABOVE}{tags}{BELOW}") == paragraphs(ABOVE + BELOW)
    assert "#oars" in paragraphs(f"{ABOVE}<p>#oars</p>{BELOW}")


def test_sponsors_of_an_episode_go() -> None:
    sponsors = (
        '<li><a href="https://rope.example/">Tarhouse</a>: Slow rope for every boat. Get 10% off with the code OAR.</li>'
        '<li><a href="https://sail.example/">Sailery</a> We sew sails, and nothing else.</li>'
    )
    html = f"{ABOVE}{BELOW}<p><b>This episode of <a href='https://cast.example/'>Slow Tide</a> is sponsored by:</b></p><ul>{sponsors}</ul>"
    assert paragraphs(html) == paragraphs(ABOVE + BELOW)


def test_line_with_a_url_above_removed_sponsors_stays() -> None:
    sponsor = "<p>This week's episode is brought to you by:</p><ul><li><a href='https://tar.example'>Tarhouse</a> makes oilskins.</li></ul>"
    source = "Map of the quay: https://maps.example/?p=4"
    assert paragraphs(f"{ABOVE}{BELOW}<p>{source}</p>{sponsor}")[-1] == source


def test_lines_with_urls_at_the_end_stay() -> None:
    rows = "".join(
        f'<li>{name}: <a href="https://{name}.example/">https://{name}.example/</a></li>'
        for name in ("map", "oar", "quay")
    )
    assert len(paragraphs(f"{ABOVE}{BELOW}<h3>All drawings of the new quay are online</h3><ul>{rows}</ul>")) == 6


@pytest.mark.parametrize("line", EDGES)
def test_edge_line_below_story_goes(line: str) -> None:
    assert len(paragraphs(f"{ABOVE}{BELOW}<p>{line}</p>")) == 2


@pytest.mark.parametrize("line", EDGES)
def test_edge_line_above_story_goes(line: str) -> None:
    assert len(paragraphs(f"<p>{line}</p>{ABOVE}{BELOW}")) == 2


@pytest.mark.parametrize("line", STORY)
def test_story_line_with_words_of_builders_stays(line: str) -> None:
    assert line in paragraphs(f"{ABOVE}<p>{line}</p>{BELOW}")
    assert line in paragraphs(f"{ABOVE}{BELOW}<p>{line}</p>")


@pytest.mark.parametrize("line", ["Category: Novels", "18 likes", "Views: 512", "Donate", "Next"])
def test_edge_line_within_story_stays(line: str) -> None:
    assert line in paragraphs(f"{ABOVE}<p>{line}</p>{BELOW}")


@pytest.mark.parametrize("line", ["Rate this article", "Spread the word", "Table of contents"])
def test_heading_of_section_stays(line: str) -> None:
    assert line in paragraphs(f"{ABOVE}<h3>{line}</h3>{BELOW}")


def test_list_of_facts_without_sentence_stays() -> None:
    facts = ["Category: Novels", "Views: 512", "Rope: tarred"]
    assert paragraphs("".join(f"<p>{fact}</p>" for fact in facts)) == facts


def test_details_of_joomla_go() -> None:
    details = "<dl><dt>Szczegóły</dt><dd>Kategoria: <a href='/porty'>Porty</a></dd><dd>Odsłony: 77</dd></dl>"
    assert len(paragraphs(details + ABOVE + BELOW)) == 2


def test_heading_details_above_text_stays() -> None:
    assert "Details" in paragraphs(f"{ABOVE}<h2>Details</h2>{BELOW}")


def test_head_of_drupal_goes() -> None:
    head = f"<span>{TITLE}</span> <span><a href='/user/3'>desk</a></span> <span>wo, 04/03/2025 - 09:30</span>"
    assert len(paragraphs(head + ABOVE + BELOW)) == 2


def test_line_with_colon_below_links_stays() -> None:
    links = "<div>Читайте также</div><ul><li><a href='/1'>Весло вернули на причал</a></li><li><a href='/2'>Канат снова пропал ночью</a></li></ul>"
    rest = "<p>Правил на причале три:</p><ol><li>грести тихо;</li><li>не петь громко;</li></ol>"
    assert paragraphs(ABOVE + links + rest + BELOW)[1:4] == [
        "Правил на причале три:",
        "грести тихо;",
        "не петь громко;",
    ]


def test_list_above_call_to_comment_stays() -> None:
    items = "".join(
        f"<p>A better way to tie {n} knots by <a href='https://rope.example/{n}'>Ruth</a></p>" for n in range(3)
    )
    assert (
        len(paragraphs(f"{ABOVE}{items}<p>Which knot do you like best of all? Let us know in the comments!</p>")) == 4
    )


def test_labels_of_recent_posts_go() -> None:
    posts = "<div>Posts récents</div><div>Une rame dans la mare</div><div>Le canot du maire</div>"
    assert len(paragraphs(ABOVE + BELOW + posts)) == 2


@pytest.mark.parametrize("line", ["Post Views: 3,118", "Etichette: barche, remi"])
def test_builder_line_of_whole_dump_is_left_to_model(line: str) -> None:
    dump = "\n".join(
        [TITLE, line, "The oar was found near the old quay by two boys.", "It had no owner, so the town kept it."]
    )
    assert not any("site builder" in block.reason for block in clean(dump, "text").removed)


def test_exact_lines_are_sorted_and_unique() -> None:
    entries = read_entries(FILE)
    assert list(entries) == sorted(set(entries))
    assert {entry.kind for entry in entries} == {"line", "edge"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[fusion_builder_row columns=”2″ class=””]", True),
        ("[/fusion_text][/fusion_builder_column] [fusion_text size=”1″]", True),
        ("[player-box id=”12″]", True),
        ("[sic]", False),
        ("[note to readers] The ferry is late.", False),
        ("[see the map below]", False),
    ],
)
def test_shortcodes_of_page_builder(text: str, *, expected: bool) -> None:
    assert is_shortcodes(text) is expected


def test_release_notes_at_the_end_stay() -> None:
    notes = (
        "Fix display of tide tables in the night view",
        "Better handling of damaged charts",
        "Faster start on old boats",
    )
    items = "".join(f"<li>{note}</li>" for note in notes)
    kept = paragraphs(
        f"<p>Version 4.2 of the chart viewer is out. It has these changes:</p><h3>Changes</h3><ul>{items}</ul>"
    )
    assert kept[-3:] == list(notes)


def test_entries_with_a_linked_reference_at_the_end_stay() -> None:
    entries = (
        "The tide table shows no moon on small screens", "Oars can be sorted by wood", "The harbour map forgets its zoom",
        "Two bells ring at noon after an update", "The list of boats ends at the letter T",
    )  # fmt: skip
    references = [
        f'<a href="https://oarblog.example/d/{n}">#{n}</a> <a href="https://oarblog.example/u/ada">@ada</a>'
        for n in range(311, 316)
    ]
    rows = "".join(f"<li>{entry} {reference}</li>" for entry, reference in zip(entries, references, strict=True))
    html = f"{ABOVE}{BELOW}<h3>Improvements and repairs</h3><ul>{rows}</ul>"
    kept = [line.partition(" #")[0] for line in paragraphs(html)]
    assert kept[-6:] == ["Improvements and repairs", *entries]


def test_heading_of_section_stays_though_labels_have_its_words() -> None:
    text = "<h3>Resources</h3><p>The museum lent us a saw, two planes and the drawings of the first boat of 1911.</p>"
    assert "Resources" in paragraphs(ABOVE + text + BELOW)


@pytest.mark.parametrize(("probability", "stays"), [(0.95, True), (0.3, False)])
def test_model_overrules_the_name_of_a_box(probability: float, *, stays: bool) -> None:
    slides = "<div class='cta'><p>In this talk the crew shows how the new boiler was built.</p></div>"
    blocks = to_blocks(ABOVE + slides + BELOW, "html", title=TITLE).blocks
    labels = label_blocks(blocks, [Prediction(probability, True, is_scored=True)] * len(blocks), TITLE).labels
    assert any("boiler" in b.text and not label.reason for b, label in zip(blocks, labels, strict=True)) is stays
