"""Header lines of dumps: dates that the model keeps, fields below a standfirst, consent headings, and notices."""

from datetime import UTC, datetime, timedelta

import pytest

from workers.clean.blocks import Block
from workers.clean.cleaner import clean
from workers.clean.dump_fields import byline_names, date_in_line, is_date_line
from workers.clean.labeller import Prediction, label_blocks
from workers.clean.labelling import HeaderFields
from workers.clean.line_types import is_notice
from workers.clean.rules.dump_fields import BREADCRUMB

STORY = "The ferry to Gannet Island was halted on Tuesday after a fire broke out in its engine room."


def labels_of(lines: list[tuple[str, float, float]]) -> tuple[list[str], HeaderFields]:
    """Return the labels and the fields of a dump. *lines*: text, probability of body text, probability of the title."""
    blocks = [Block(text, "line") for text, _, _ in lines]
    labelling = label_blocks(blocks, [Prediction(p, p > 0.5, title) for _, p, title in lines], has_surroundings=True)
    return [label.label for label in labelling.labels], labelling.head


@pytest.mark.parametrize(
    "line",
    [
        "22 พ.ค. 2568 เวลา 10:40 น.", "Thứ tư, 11/6/2025, 07:30 (GMT+7)", "02.04.2025 – 11:20", "Wednesday, March 5, 2025, at 9:10 PM EST",
        "18.11.2025, 07:45 Uhr", "2025年7月19日 5時00分", "Selasa, 11 Feb 2025 15:20 WIB",
    ],
)  # fmt: skip
def test_is_date_line_accepts_weekday_and_zone(line: str) -> None:
    assert is_date_line(line)


@pytest.mark.parametrize(
    "line",
    ["She died on 3 May 2024.", "He was born on 3 May 1924 in Leeds", "3. Mai 2024: Erste Sitzung des Rates beginnt um zehn", "Explore", ""],
)  # fmt: skip
def test_is_date_line_rejects_other_words(line: str) -> None:
    assert not is_date_line(line)


@pytest.mark.parametrize(
    ("zone", "hours"),
    [
        ("EST", -5), (" CET", 1), (" (GMT+7)", 7), (" [IST]", 5.5), (" ET", -5), (" UTC", 0), (" МСК", 3), (" мск", 3),
        (" UTC-3 | World", -3), (" EST / Tarn News", -5), (" WIB — Ida Marrow", 7), (" IST, updated later", 5.5),
        (" GMT+5:30", 5.5),
        ("", 0), (" Uhr", 0), (", UK", 0), (" PG", 0), (" (МСК+7)", 0), (" GMT+700", 0), (" ART FAIR", 0), (" est ouvert", 0),
        (" - 11:30", 0), (" +0100", 0),
    ],
)  # fmt: skip
def test_known_zone_after_time_is_subtracted(zone: str, hours: float) -> None:
    """An unknown abbreviation, and one that may be a word, leave the time as UTC."""
    expected = datetime(2026, 3, 3, 10, 0, tzinfo=UTC) - timedelta(hours=hours)
    assert date_in_line(f"By Ann Reed | March 3, 2026 | 10:00{zone}") == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("By Ann Reed | March 3, 2026 | 10:00 AM EST", datetime(2026, 3, 3, 15, tzinfo=UTC)),
        ("Posted at 10:58 AM ET, 09/16/2026 by Ann Reed", datetime(2026, 9, 16, 14, 58, tzinfo=UTC)),
        ("By Ann Reed, 11:02 p.m. ET June 30, 2026", datetime(2026, 7, 1, 3, 2, tzinfo=UTC)),
        ("D Saturday, 25 January 2025, 02:06 EAT", datetime(2025, 1, 24, 23, 6, tzinfo=UTC)),
    ],
)
def test_zone_counts_within_other_words(line: str, expected: datetime) -> None:
    assert date_in_line(line) == expected


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("۲ مهر ۱۴۰۲ - ۰۹:۱۵", (2023, 9, 24)), ("۱ فروردین ۱۴۰۴", (2025, 3, 21)), ("۳۰ اسفند ۱۳۹۹", (2021, 3, 20)), ("1370/01/01", (1991, 3, 21)),
        ("تاریخ انتشار: ۱۴۰۱/۰۱/۰۱ ۱۲:۳۰", (2022, 3, 21)),
    ],
)  # fmt: skip
def test_persian_dates_are_converted(line: str, day: tuple[int, int, int]) -> None:
    moment = date_in_line(line)
    assert moment is not None
    assert (moment.year, moment.month, moment.day) == day


def test_date_that_model_keeps_is_field() -> None:
    labels, head = labels_of([("Ferry halted", 0.1, 0.9), ("22 พ.ค. 2568 เวลา 10:40 น.", 0.9, 0.0), (STORY, 1.0, 0.0)])
    assert labels == ["title", "date", "body"]
    assert head.published == datetime(2025, 5, 22, 10, 40, tzinfo=UTC)


def test_fields_below_kept_standfirst_are_read() -> None:
    labels, head = labels_of(
        [
            ("Ferry to Gannet Island halted", 0.1, 0.9), ("Synopsis", 0.05, 0.0), ("The last ferry was halted after a fire in its engine room.", 0.99, 0.0),
            ("Written by Ida Marrow", 0.02, 0.0), ("Updated: May 6, 2025 18:07 IST", 0.03, 0.0), (STORY, 1.0, 0.0),
        ]
    )  # fmt: skip
    assert labels[3:] == ["byline", "date", "body"]
    assert head.byline == ("Ida Marrow",)
    assert head.published is not None


@pytest.mark.parametrize("line", ["02.04.2025 – 11:20", "We value your privacy"])
def test_title_is_neither_date_nor_consent(line: str) -> None:
    _, head = labels_of([(line, 0.1, 0.9), ("Ferry to Gannet Island halted", 0.1, 0.4), (STORY, 1.0, 0.0)])
    assert head.title == "Ferry to Gannet Island halted"


def test_title_shares_words_with_story() -> None:
    lines = [
        ("Rail fares to rise from March", 0.01, 0.7),
        ("Fire halts ferry to Gannet Island", 0.2, 0.2),
        (STORY, 1.0, 0.0),
    ]
    assert labels_of(lines)[1].title == "Fire halts ferry to Gannet Island"


@pytest.mark.parametrize(
    ("line", "name"), [("حاورته: سلمى النجار", "سلمى النجار"), ("Аутор: Ивана Томић", "Ивана Томић"), ("Piše: Mirna Galić", "Mirna Galić")]
)  # fmt: skip
def test_byline_names_more_role_words_are_found(line: str, name: str) -> None:
    assert byline_names(line) == (name,)


@pytest.mark.parametrize(
    "line",
    [
        "As an Amazon Associate I earn from qualifying purchases.", "If you buy through our links, we may earn an affiliate commission. Learn more.",
        "We use your sign-up to provide content in ways you've consented to.", "By signing up you agree to our terms and our privacy policy.",
        "Mit der Anmeldung stimme ich den Datenschutzbestimmungen zu.", "Al registrarte aceptas las condiciones de uso.",
        "This article appears in the December 2025 print edition.", "Original-Content von: Wasserwerk Nord, übermittelt durch news aktuell",
        "Our Standards: The Trust Principles.", "Esta funcionalidad es exclusiva para registrados.", "Saken fortsetter under annonsen",
        "Want to save this recipe? Enter your email and we'll send it to you.", "Ihre Privatsphäre ist uns wichtig",
    ],
)  # fmt: skip
def test_disclosures_and_consents_are_notices(line: str) -> None:
    assert is_notice(line)


@pytest.mark.parametrize(
    "line",
    [
        "If you buy a house on this street, expect to earn little.", "By clicking his fingers the conductor stopped the choir.",
        "By submitting late, the team lost its place.", "This article appears in the report.", "When you subscribe to a theory, you pay for it.",
        "En cliquant sur le bouton, il a ouvert la porte.", "Provided by volunteers, the meals cost nothing.",
    ],
)  # fmt: skip
def test_story_with_words_of_disclosures_is_no_notice(line: str) -> None:
    assert not is_notice(line)


def test_byline_role_of_two_words_is_no_name() -> None:
    story = "A baker accused of blocking Tanner Row with a loaf of seven feet was cleared on Friday."
    content = clean(f"Baker is cleared\nBy Hesper Quill, courts correspondent\n27 Nov 2026\n{story}\n{story}", "text")
    assert content.byline == ("Hesper Quill",)


def test_button_above_title_is_no_kicker() -> None:
    story = "A baker accused of blocking Tanner Row with a loaf of seven feet was cleared on Friday."
    dump = "Saltby Blad\nNyheter\nLogg inn\nBaker frikjent etter brødsak\n27.11.2026\n"
    assert clean(f"{dump}{story}\n{story}", "text").kicker != "Logg inn"


@pytest.mark.parametrize(
    "line", ["Home » Education » Exams council releases results", "หน้าแรก / ทั่วไทย / ภาคอีสาน", "علم و فناوری » پژوهش", "Start > Lokales"]
)  # fmt: skip
def test_breadcrumb_is_no_title(line: str) -> None:
    _, head = labels_of([(line, 0.1, 0.9), ("Ferry to Gannet Island halted", 0.1, 0.04), (STORY, 1.0, 0.0)])
    assert head.title == "Ferry to Gannet Island halted"


@pytest.mark.parametrize(
    "line", ["Profit/loss account of the ferry published", "Ferry 2 / Harbour 1", "24/7 ferry: is it needed?"]
)
def test_headline_with_slash_is_no_breadcrumb(line: str) -> None:
    assert BREADCRUMB.match(line) is None


def test_editor_of_agency_report_is_byline() -> None:
    assert byline_names("Oprac. Bogumił Ratajczak") == ("Bogumił Ratajczak",)


def test_navigation_above_breadcrumb_is_no_kicker() -> None:
    lines = (
        "Fjordposten",
        "Sport",
        "Hjem / Nyheter / Samferdsel",
        "Baker frikjent etter brødsak",
        "27.11.2026",
        STORY,
        STORY,
    )
    assert clean("\n".join(lines), "text").kicker == ""


def test_author_beside_date_and_source_is_byline() -> None:
    story = "本报讯 白河市三家纺织厂昨日签署合并协议，新公司名为“白河联合纺织”。"
    head = "三家纺织厂宣布合并 年产能将达十二万吨\n2026-11-27 09:40 来源：河畔时报 作者：林若涵"
    content = clean(f"{head}\n{story}\n{story}\n协议仍需监管部门批准。", "text")
    assert content.byline == ("林若涵",)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("By Tom Vess | March 3, 2026 | 10:00 AM EST", ("Tom Vess",)),
        ("Von Ida Marrow · 3. März 2026", ("Ida Marrow",)),
        ("3 March 2026 | Harbour Post", ()),
        ("Updated | 3 March 2026 | 2 min read", ()),
    ],
)
def test_byline_between_bars_of_date_line_is_kept(line: str, names: tuple[str, ...]) -> None:
    lines = [
        ("Dunscar bakes the longest loaf", 0.1, 0.99),
        (line, 0.1, 0.0),
        (STORY, 0.99, 0.0),
        (STORY[:60] + " again.", 0.99, 0.0),
    ]
    labels, head = labels_of(lines)
    assert (labels[1], head.byline) == ("date", names)
