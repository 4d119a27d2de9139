"""Cheap tests before the patterns of lines: they must not change a result."""

import pytest

from workers.clean.credits import split_credit
from workers.clean.line_types import is_notice, word_count
from workers.clean.rules.notices import FLOATING_NOTICE, FLOATING_NOTICE_PARTS, Parts
from workers.text.normalise import INVISIBLE, match_key, may_have_invisible

FLOATING_LINES = (
    "© Harbour Gazette, all rights reserved", "© Hafenblatt, alle Rechte vorbehalten", "© Le Quai, tous droits réservés",
    "© El Muelle, todos los derechos reservados", "© Il Molo, tutti i diritti riservati", "© De Kade, alle rechten voorbehouden",
    "© Kajen, alla rättigheter förbehållna", "© Laituri, kaikki oikeudet pidätetään", "© Nabrzeże, wszelkie prawa zastrzeżone",
    "© Nábřeží, všechna práva vyhrazena", "© Móló, minden jog fenntartva", "© Chei, toate drepturile rezervate",
    "© Μόλος, με επιφύλαξη παντός δικαιώματος", "© Причал, все права защищены", "© İskele, tüm hakları saklıdır", "© İskele, TÜM HAKLARI SAKLIDIR",
    "© الرصيف، جميع الحقوق محفوظة", "© הרציף, כל הזכויות שמורות", "© 码头报 版权所有", "부두신문 무단전재 금지", "La suite est réservée aux abonnés",
    "Dit stuk is alleen voor abonnees", "Denne saken er for abonnenter", "Tekst dla prenumeratorów", "Článek pro předplatitele",
    "Материал по подписке", "Bu yazı ABONELER İÇİN", "残り 1200 文字",
)  # fmt: skip


@pytest.mark.parametrize("line", FLOATING_LINES)
def test_floating_notice_contains_a_part(line: str) -> None:
    assert FLOATING_NOTICE.fullmatch(line)
    assert FLOATING_NOTICE_PARTS.occur_in(line.lower())


def test_is_notice_in_report_returns_false() -> None:
    assert is_notice("All rights reserved by Harbour Gazette.")
    assert not is_notice("The harbour board reserved every berth for the ferry on Monday.")


def test_parts_in_ascii_line_leaves_others_out() -> None:
    parts = Parts.read("rights reserved|droits réservés")
    assert parts.ascii == ("rights reserved",)
    assert parts.occur_in("all rights reserved") and not parts.occur_in("droits reserves")


@pytest.mark.parametrize("char", [chr(n) for n in range(0x10000) if INVISIBLE.fullmatch(chr(n))])
def test_may_have_invisible_finds_each_character(char: str) -> None:
    assert may_have_invisible(f"bo{char}at") and may_have_invisible(f"bo{char}at\nhouse")


def test_match_key_of_ascii_equals_unicode_path() -> None:
    text = "".join(map(chr, range(128)))
    assert match_key(text + " é").split()[:-1] == match_key(text).split()


def test_word_count_counts_unspaced_scripts() -> None:
    assert (word_count("“Harbour” opens"), word_count("港の船 opens")) == (2, 3)


def test_split_credit_finds_credit_in_any_case() -> None:
    assert split_credit("The ferry in port. PHOTO: Ada Quay") == ("The ferry in port.", "Ada Quay")
    assert split_credit("The ferry in port (Reuters)") == ("The ferry in port", "Reuters")
