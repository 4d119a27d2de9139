"""The publisher's name above the title of a dump is neither section label nor text."""

import pytest

from workers.clean.cleaner import clean
from workers.clean.publisher_names import is_publisher_name, ownership_keys

STORY = (
    "Kelp prices fall for a third week",
    "27 November 2026, 09:14 EET",
    "Prices of dried kelp fell for a third week on Friday as boats landed twice the usual catch.",
    "Traders in the harbour said that the stores were full and that many buyers had left.",
    "The next auction is on Monday.",
    "Most read",
    "Harbour crane gets a new coat of paint",
    "Ferry to Gannet Island halted",
)


@pytest.mark.parametrize(
    "name",
    [
        "Kelp Weekly", "The Pell Observer", "THE TANSY DAILY STAR", "Northmoor Gazette", "Kelpsheimer Tagblatt", "Le Journal de Kelpival",
        "L’Écho de Kelpival", "El Diario de Valdeoro", "Jornal de Kelpânia", "Il Corriere di Kelpia", "Kelpwijker Courant", "Kelpinsanomat",
        "Kurier Kelpiński", "Kelpovské noviny", "Кельпинский вестник", "صحيفة كلب اليوم", "ケルプ新聞", "海带日报", "켈프일보", "Агентство «Северный мост»",
    ],
)  # fmt: skip
def test_newspaper_name_above_title_is_removed(name: str) -> None:
    content = clean("\n".join((name, *STORY)), "text")
    assert (content.kicker, content.title) == ("", STORY[0])
    assert name not in content.paragraphs
    assert name in {block.text for block in content.removed}


def test_name_in_copyright_line_is_removed() -> None:
    content = clean("\n".join(("Fenwater Now", "Markets", *STORY, "© 2026 Fenwater Now. All rights reserved.")), "text")
    assert (content.kicker, content.title) == ("Markets", STORY[0])


@pytest.mark.parametrize(
    "label", ["Markets", "Book Review", "Local News", "Courrier des lecteurs", "Correo del lector", "Press", "新聞", "UK", "Wirtschaft"]
)  # fmt: skip
def test_section_label_above_title_is_kicker(label: str) -> None:
    assert not is_publisher_name(label, ())
    assert clean("\n".join((label, *STORY)), "text").kicker == label


def test_ownership_keys_need_words_of_ownership() -> None:
    lines = ["© Kelp Online 2026", "More from Kelp Online", "(c) 2026 Kelp Online", "x" * 300 + " ©"]
    assert ownership_keys(lines) == (" kelp online 2026 ", " c 2026 kelp online ")
