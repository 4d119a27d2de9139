"""Repeated text of a source, series within one source, titles of short items: rows in order on a real Valkey."""

from typing import Any

import pytest

from streams.config.settings import Settings
from tests.support.duplicates import CHANNEL, classify_duplicates, row, words
from tests.support.stories import NOW_S, story
from workers.dedupe.near_duplicates.model import load_default
from workers.dedupe.near_duplicates.signature import signature_of
from workers.dedupe.near_duplicates.titles import is_other_article, read_title

HOUR_S = 3600.0
TITLE = "Harbour board orders repair of all seven lamps"


def later(seconds: float, fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"time": NOW_S + seconds}


@pytest.mark.parametrize("in_one_batch", [True, False])
async def test_repeated_sentences_of_source_do_not_count(in_one_batch: bool, settings: Settings) -> None:
    """After three articles with the description, an article of another channel with it shares nothing."""
    padding = 0 if in_one_batch else 100
    rows = [row(f"f{n}", story(n)[0], f"{CHANNEL} {words(n, 30)[1]}") for n in range(4)]
    rows += [row(f"x{n}", *story(500 + n), "Other", "o") for n in range(padding)]
    rows += [row("f9", story(9)[0], f"{CHANNEL} {words(9, 30)[1]}")]
    rows += [row("g9", "Quay engineers look back", f"{CHANNEL} {words(11, 30)[1]}", "Odd Quay World", "g")]
    duplicate_of = await classify_duplicates(settings, rows)
    assert duplicate_of["f9"] == ""
    assert duplicate_of["g9"] in ("", "f0", "f1", "f2")  # early articles of the first channel still have the text


async def test_copies_of_own_source_count_no_sentences(settings: Settings) -> None:
    """A text that is sent five times is a duplicate each time."""
    title, text = words(1, 80)
    rows = [later(60 * n, row(str(n), title, text)) for n in range(5)]
    assert list((await classify_duplicates(settings, rows)).values())[1:] != [""] * 4
    assert all(list((await classify_duplicates(settings, [r | {"id": f"b{r['id']}"} for r in rows])).values())[1:])


def test_text_edited_after_weeks_is_separate() -> None:
    """Another publisher's verbatim text is a copy weeks later, an edited one is not."""
    title, text = words(1, 120)
    one, verbatim, edited = (
        signature_of(title, body, publisher, NOW_S, publisher, NOW_S + day * 24 * HOUR_S).signature
        for body, publisher, day in (
            (text, "Tidewire", 0),
            (text, "Courier", 30),
            (f"{text} Page 3 of 4.", "Courier", 30),
        )
    )
    assert [s.probability for s in load_default().compare(one, [verbatim, edited])] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("titles", "text", "hours"),
    [
        ("Evening update as trials start|Evening update", "Five things that you should know about the fever tonight.", 24),
        ("Photographs of the day|Photographs of the day", "The best pictures of the day, chosen by our editors at the quay, in one place for our readers.", 24),
        ("Quay talks, part one|Quay talks, part two", CHANNEL, 1),
        ("Episode 11: lamps|Episode 12: salt", CHANNEL, 1),
        ("Release 4.1|Release 4.2", "Fixes a crash when a file is dropped on the window, and makes the first start quicker on slow disks.", 1),
        ("The harbour in winter: a guide for walkers|The harbour in winter: a guide for walkers", words(5, 150)[1], 24 * 6.9 + 4),
    ],
)  # fmt: skip
async def test_series_within_source_is_separate(titles: str, text: str, hours: float, settings: Settings) -> None:
    one, _, other = titles.partition("|")
    rows = [row("a", one, text), later(hours * HOUR_S, row("b", other, text))]
    assert (await classify_duplicates(settings, rows))["b"] == ""


async def test_text_about_its_title_is_copy_under_new_title(settings: Settings) -> None:
    """The text of a channel is about no title, so CHANNEL under two titles is separate."""
    text = f"{TITLE}, it said on Monday. {words(1, 40)[1]}"
    rows = [row("a", TITLE, text), row("b", "Lamps will be mended before winter, says the board", text)]
    assert (await classify_duplicates(settings, rows))["b"] == "a"


async def test_running_story_is_copy_within_hours(settings: Settings) -> None:
    text = (
        "At least {} people slept in the hall after the flood in Odd Quay, and {} homes have no power. "
        + words(2, 50)[1]
    )
    rows = [row("a", "Flood in Odd Quay", text.format(12, 3400)), row("b", "Flood in Odd Quay", text.format(19, 2100))]
    assert (await classify_duplicates(settings, [rows[0], later(6 * HOUR_S, rows[1])]))["b"] == "a"
    next_day = [later(30 * HOUR_S, row("c", "Flood in Odd Quay", text.format(23, 900)))]
    assert (await classify_duplicates(settings, next_day))["c"] == ""


@pytest.mark.parametrize(
    ("one", "other", "publishers", "hours", "is_copy"),
    [
        (TITLE, TITLE, "Tidewire|The Courier", 1, True),
        (TITLE + " - The Courier", TITLE, "News search|The Courier", 1, True),
        (TITLE, TITLE, "Tidewire|The Courier", 49, False),
        (TITLE, TITLE, "Tidewire|Tidewire", 1, False),
        ("UPDATE 2-" + TITLE, TITLE, "Tidewire|Tidewire", 1, True),
        ("RPT-UPDATE 1-" + TITLE, "UPDATE 2-" + TITLE, "Tidewire|Tidewire", 1, True),
        ("Lamps at the quay", "Lamps at the quay", "Tidewire|The Courier", 1, False),
    ],
)
async def test_equal_title_without_text_is_copy(
    one: str, other: str, publishers: str, hours: float, is_copy: bool, settings: Settings
) -> None:
    first, _, second = publishers.partition("|")
    rows = [
        row("a", one, "", first, "f"),
        later(hours * HOUR_S, row("b", other, "", second, "g" if first != second else "f")),
    ]
    assert (await classify_duplicates(settings, rows))["b"] == ("a" if is_copy else "")


@pytest.mark.parametrize(
    ("one", "other"),
    [("Älteste Brücke schließt", "Aelteste Bruecke schliesst"), ("Älteste Brücke schließt", "Alteste Brucke schliesst"),
     ("Élan reçoit", "Elan recoit"), ("Øresund på færgen", "Oresund pa faergen"), ("Łódź", "Lodz"), ("Ďábel", "dabel")],
)  # fmt: skip
def test_words_fold_accents_and_umlauts(one: str, other: str) -> None:
    assert read_title(one, "").words == read_title(other, "").words


def test_signature_folds_umlauts() -> None:
    text = "Die Stadt schließt im März für elf Monate ihre älteste Brücke, wie der Rat nach dreistündiger Debatte beschloss."
    plain = text.replace("ä", "ae").replace("ü", "u" + "e").replace("ß", "ss")
    assert signature_of("", text, "p", 0.0) == signature_of("", plain, "p", 0.0)


@pytest.mark.parametrize(
    ("title", "is_update", "whole"),
    [
        ("UPDATE 1-Quay opens", True, b"quay opens"), ("RPT-UPDATE 3-Quay opens", True, b"quay opens"),
        ("CORRECTED-Quay opens", True, b"quay opens"), ("(2nd LD) Quay opens", True, b"quay opens"),
        ("Update on the quay", False, b"update on the quay"), ("Corrected: Quay opens", True, b"quay opens"),
    ],
)  # fmt: skip
def test_agency_prefix_is_removed(title: str, is_update: bool, whole: bytes) -> None:
    read = read_title(title, "Tidewire")
    assert (read.is_update, read.whole) == (is_update, whole)


def test_reused_link_shares_neither_title_nor_text() -> None:
    one, other = story(1), story(2)
    assert is_other_article(
        ("Salt canal reopens", "The board opened the gates."), ("Nine swans counted", "Volunteers saw birds.")
    )
    assert not is_other_article(one, (other[0], one[1]))
    assert not is_other_article(one, (one[0], other[1]))
    assert not is_other_article(("", ""), one)


@pytest.mark.parametrize("publisher", ["Tidewire", "The Courier"])
async def test_form_with_other_numbers_is_separate(publisher: str, settings: Settings) -> None:
    form = (
        "The salt works of {} sold {} sacks in the week to {}, after {} in the week before. A sack cost {} crowns on "
        "average. The store still holds {} sacks, and {} wagons left for the coast. The works expect {} sacks next week."
    )
    one = form.format("Vessmark", 412, "Friday", 388, 17, 2150, 36, 405)
    other = form.format("Dunscar", 297, "Tuesday", 341, 19, 1870, 22, 310)
    rows = [row("a", "Salt works report", one), row("b", "Salt works report", other, publisher, "g")]
    assert (await classify_duplicates(settings, rows))["b"] == ""


async def test_event_in_other_words_is_separate(settings: Settings) -> None:
    """Short reports of two outlets share names and phrases, but no run of twelve words."""
    one = "The harbour board has ended the toll on the salt canal for boats of fishermen, its chair said on Monday."
    other = "Fishermen no longer pay the toll on the salt canal, the harbour board said on Monday after a long dispute."
    rows = [
        row("a", "Harbour board ends toll on the salt canal", one),
        row("b", "Toll on the salt canal ends for fishermen", other, "The Courier", "g"),
    ]
    assert (await classify_duplicates(settings, rows))["b"] == ""
