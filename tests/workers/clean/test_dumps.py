"""Page dumps: invented pages in many languages, header fields, and the features and network that read their lines."""

from collections import Counter
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from workers.clean.blocks import Block, text_blocks
from workers.clean.cleaner import CleanedContent, clean
from workers.clean.dump_fields import byline_names, date_in_line, is_person
from workers.clean.line_types import is_feed_tail, is_notice
from workers.clean.metadata import NO_KNOWN_TEXT
from workers.clean.model.block_features import base_features
from workers.clean.model.context_features import columns
from workers.clean.model.line_features import LINE_COLUMNS, SHAPES
from workers.clean.model.line_network import StoredNetwork, load_networks
from workers.clean.model.model import load_default

DUMPS = Path(__file__).with_name("invented_dumps.txt")
MIN_CORRECT, MAX_LOST_LINES = (
    29,
    1,
)  # of 30 dumps and 187 lines, of which variants are in the training set; the figures stand in tests/tools/bench/README.md


class Dump(NamedTuple):
    """An invented dump: its kind, and its lines with a label each."""

    kind: str
    lines: list[tuple[str, str]]

    def labelled(self, label: str) -> list[str]:
        """Return the lines with a label."""
        return [text for own, text in self.lines if own == label]


def read_dumps() -> list[Dump]:
    """Return the invented dumps."""
    dumps: list[Dump] = []
    for line in DUMPS.read_text(encoding="utf8").splitlines():
        if line.startswith("= "):
            dumps.append(Dump(line[2:], []))
        elif line and not line.startswith("#"):
            dumps[-1].lines.append((line[0], line[2:]))
    return dumps


@lru_cache
def cleaned() -> list[tuple[Dump, CleanedContent]]:
    """Return the invented dumps with their cleaned content."""
    return [(dump, clean("\n".join(text for _, text in dump.lines), "text")) for dump in read_dumps()]


def test_invented_dumps_are_mostly_exact() -> None:
    correct = lost = 0
    for dump, content in cleaned():
        missing = Counter(dump.labelled("A")) - Counter(content.paragraphs)
        extra = set(content.paragraphs) & set(dump.labelled("C"))
        lost += missing.total()
        correct += not missing and not extra and content.title in dump.labelled("T")
    assert lost <= MAX_LOST_LINES
    assert correct >= MIN_CORRECT


def test_invented_dumps_keep_paragraphs_in_order() -> None:
    for dump, content in cleaned():
        rest = iter(text for _, text in dump.lines)
        assert all(paragraph in rest for paragraph in content.paragraphs), dump.kind


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("Por: Irene Balaguer | Corresponsal", ("Irene Balaguer",)), ("한소라 기자", ("한소라",)), ("记者 林夏", ("林夏",)),
        ("كتب: سامر النجار", ("سامر النجار",)), ("Haber: Selin Aktaş", ("Selin Aktaş",)), ("रिपोर्ट: मीरा जोशी", ("मीरा जोशी",)),
        ("By Ida Marrow and Joe Orr", ("Ida Marrow", "Joe Orr")), ("The bridge is closed.", ()),
    ],
)  # fmt: skip
def test_byline_names_many_languages_are_found(line: str, names: tuple[str, ...]) -> None:
    assert byline_names(line) == names


@pytest.mark.parametrize(("line", "expected"), [("Rina Puspita - Kabar Sore", True), ("the old bridge", False)])
def test_is_person_needs_capital_letters(line: str, *, expected: bool) -> None:
    assert is_person(line) is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("14/02/2025 | 10:35 hrs", datetime(2025, 2, 14, 10, 35, tzinfo=UTC)),
        ("Stand: 03.02.2025, 11:40 Uhr", datetime(2025, 2, 3, 11, 40, tzinfo=UTC)),
        ("Selasa, 11 Feb 2025 15:20 WIB", datetime(2025, 2, 11, 8, 20, tzinfo=UTC)),
        ("입력 2025.03.05. 오전 8:10", datetime(2025, 3, 5, 8, 10, tzinfo=UTC)),
        ("12 ก.พ. 2568 10:20 น.", datetime(2025, 2, 12, 10, 20, tzinfo=UTC)),
        ("02/14/2025 4:12 PM", datetime(2025, 2, 14, 16, 12, tzinfo=UTC)),
        ("2025年2月14日 9時30分", datetime(2025, 2, 14, 9, 30, tzinfo=UTC)),
        ("17:30 on the bridge", None), ("40/40/2025", None), ("In 2025 the town voted.", None),
    ],
)  # fmt: skip
def test_date_in_line_finds_local_forms(line: str, expected: datetime | None) -> None:
    moment = date_in_line(line)
    assert (moment and moment.replace(minute=expected.minute if expected else 0)) == expected


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        ("12", "number"), ("14:20 Trains suspended", "time"), ("1. Tarn Rovers", "enumerated"), ("200 g barley", "quantity"),
        ("• One point", "bullet"), ("Revenue: $412 million", "key_value"), ("Tarn Rovers 2-1 Harle", "score"), ("Tarn 41", "table_row"),
        ("A quiet winter in the valley", ""),
    ],
)  # fmt: skip
def test_line_features_mark_the_shape(line: str, shape: str) -> None:
    row = rows_of([line, "A second line"])[0]
    marked = [name for n, (name, _) in enumerate(SHAPES) if row[LINE_COLUMNS.index(f"shape_{SHAPES[n][0]}")]]
    assert marked == ([shape] if shape else [])


def rows_of(lines: list[str]) -> np.ndarray:
    """Return the line features of a dump."""
    blocks = [Block(line, "line") for line in lines]
    base = base_features(blocks, NO_KNOWN_TEXT)
    return base[:, -len(LINE_COLUMNS) :]


def test_line_features_count_runs_of_short_lines() -> None:
    sentence = "The ferry to the island was halted on Tuesday after a fire broke out in its engine room."
    rows = rows_of([sentence, "One", "Two", "Three", sentence])
    assert np.allclose(np.expm1(rows[:, LINE_COLUMNS.index("run_length")]), [0, 3, 3, 3, 0])
    assert rows[2, LINE_COLUMNS.index("run_inside")] == 1
    assert np.isclose(np.expm1(rows[0, LINE_COLUMNS.index("next_run")]), 3)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_line_features_short_dumps_are_finite(count: int) -> None:
    lines = ["12:30", "Explore", "A line"][:count]
    blocks = text_blocks("\n".join(lines))
    assert np.isfinite(base_features(blocks, NO_KNOWN_TEXT)).all() if blocks else not blocks


def test_load_network_other_columns_are_rejected() -> None:
    with pytest.raises(ValueError, match="other columns"):
        load_networks([StoredNetwork(("a",), b"", b"", b"")], ("b",))


def test_text_model_scores_title_and_body() -> None:
    blocks = text_blocks("\n".join(text for _, text in read_dumps()[0].lines))
    scores = load_default("text").predict(blocks)
    assert len(scores.body) == len(scores.title) == len(blocks)
    assert all(0 <= p <= 1 for p in (*scores.body, *scores.title))
    assert set(LINE_COLUMNS) <= set(columns(html=False))


@pytest.mark.parametrize(
    "line",
    [
        "© 2025 Wexmoor Ledger. All rights reserved.", "Alle Rechte vorbehalten", "При перепечатке ссылка на сайт обязательна.",
        "We use cookies to show you relevant ads. You can change your choices at any time.", "Este sitio utiliza cookies propias.",
        "Comments are moderated before they appear.", "Die Kommentare werden vor der Freischaltung geprüft.",
        "Support independent journalism with a monthly donation.", "Soutenez une presse libre, faites un don.",
        "The views expressed in this column are those of the author.", "無断転載を禁じます",
        "Il vous reste 30 % de cet article à lire.", "Dieser Artikel ist nur für Abonnenten.", "残り820文字", "Już masz konto? Artykuł dla prenumeratorów",
        "Únete a nuestro canal de WhatsApp", "Подписывайтесь на наш Telegram-канал", "WhatsApp kanalımıza katılın", "关注我们的微信公众号", "LINEで友だち追加",
    ],
)  # fmt: skip
def test_notices_in_many_languages_are_recognised(line: str) -> None:
    assert is_notice(line)


@pytest.mark.parametrize(
    "line",
    [
        "The regulator fined the company for tracking readers with cookies.", "Comments by the minister caused outrage.",
        "Support for the bill is growing among independent voters.", "He said the rights of tenants were all he cared about.",
        "Der Verein sucht neue Abonnenten.", "The channel has 300 followers on Telegram.",
        "We understand that cookie-cutter approaches fail.",
    ],
)  # fmt: skip
def test_story_about_notices_is_no_notice(line: str) -> None:
    assert not is_notice(line)


def test_clean_page_without_visible_story_takes_article_body() -> None:
    body = "The ferry was halted on Tuesday after a fire.\\nNobody was hurt."
    page = (
        "<!doctype html><html><head><title>Ferry halted</title>"
        f'<script type="application/ld+json">{{"@type": "NewsArticle", "headline": "Ferry halted", "articleBody": "{body}"}}</script>'
        "</head><body><h1>Ferry halted</h1></body></html>"
    )
    content = clean(page, "page")
    assert content.paragraphs == ("The ferry was halted on Tuesday after a fire.", "Nobody was hurt.")


def test_clean_item_of_one_link_keeps_the_link() -> None:
    content = clean('<p><a href="https://a.example/x">The harbour council votes on new dues in May</a></p>', "html")
    assert content.paragraphs == ("The harbour council votes on new dues in May",)


def test_clean_dump_of_one_sentence_keeps_it_as_story() -> None:
    lines = [
        "WORLD",
        "Ferry to Gannet Island halted",
        "The last ferry to Gannet Island was halted after a fire broke out.",
        "By Ida Marrow",
        "6 May 2025",
    ]
    content = clean("\n".join(lines), "text")
    assert content.paragraphs == (lines[2],)


@pytest.mark.parametrize(
    "line",
    [
        "Posted by Ida Marrow at 09:12 3 comments:", "Postado por Ana Reis às 09:12 Nenhum comentário:", "Eingestellt von Jan Roth um 18:40",
        "Harbour dues was originally published in Tides on Inkwell, where people are continuing the conversation by responding.",
        "This episode is sponsored by Marrow Mattresses. Use the code FERRY.", "Subscribe on Apple Podcasts, Spotify or wherever you listen.",
        "Learn more about your ad choices. Visit host.example/adchoices", "한소라 기자 sora@a.example",
    ],
)  # fmt: skip
def test_feed_tails_of_builders_are_recognised(line: str) -> None:
    assert is_feed_tail(line)


@pytest.mark.parametrize(
    "line",
    [
        "No spam. Unsubscribe anytime.",
        "Share this:",
        "Siga o Jornal do Cais:",
        "Recibe cada viernes las noticias del campo.",
    ],
)
def test_pitches_of_sign_up_cards_are_notices(line: str) -> None:
    assert is_notice(line)


@pytest.mark.parametrize(
    "line",
    [
        "He said the share: nobody wanted it.",
        "The council meets every Monday.",
        "They follow the river to the sea.",
        "Siga estos pasos para el pan:",
        "Follow these steps:",
    ],
)
def test_sentences_with_words_of_pitches_are_no_notices(line: str) -> None:
    assert not is_notice(line)


def test_clean_item_removes_sign_up_box_without_links() -> None:
    story = "<p>The last ferry to Gannet Island was halted on Tuesday after a fire broke out in its engine room.</p>"
    box = '<div class="kg-card kg-signup-card"><h2>One long story</h2><p>Every other Thursday, by post.</p></div>'
    content = clean(story + box, "html")
    assert content.paragraphs == (
        "The last ferry to Gannet Island was halted on Tuesday after a fire broke out in its engine room.",
    )


def test_clean_item_keeps_story_in_container_named_newsletter() -> None:
    lines = [
        f"The ferry stopped {n} miles from the island, and its lights went out one after another." for n in range(8)
    ]
    content = clean(f'<div class="newsletter-body">{"".join(f"<p>{line}</p>" for line in lines)}</div>', "html")
    assert content.paragraphs == tuple(lines)
