"""Fingerprints: visible differences count, invisible ones do not."""

import sys
import unicodedata

import pytest

from workers.dedupe.fingerprint import fingerprint, normalise_visible, raw_fingerprint


@pytest.mark.parametrize(
    ("text", "other", "same"),
    [
        ("The tide is high.", "The  tide is high .", True),
        ("The tide is high.", "The ti\u200bde is high.", True),
        ("ﬁne", "fine", True),
        ("The tide is high.", "The tide is low.", False),
        ("The tide is high.", "the tide is high.", False),
        ("3 killed", "4 killed", False),
        ("दिन", "दान", False),  # vowel signs
        ("राम की", "राम का", False),
        ("กิน", "กัน", False),
        ("பாடல்", "பேடல்", False),
        ("ދިވެހި", "ދުވެހި", False),
        ("যে দিন।", "যে  দিন", True),  # punctuation
        ("बि\u200dजली", "बिजली", True),
    ],
)
def test_fingerprint_changes_with_visible_text_only(text: str, other: str, same: bool) -> None:
    assert (fingerprint([text]) == fingerprint([other])) is same


def test_raw_fingerprint_ignores_markup_and_entities() -> None:
    assert raw_fingerprint(["<p>Caf&eacute; <b>opens</b></p>"]) == raw_fingerprint(["<div>Café opens</div>"])


def test_normalise_visible_removes_unicode_format_characters() -> None:
    format_characters = [chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"]
    assert [c for c in format_characters if normalise_visible(c)] == []
    assert normalise_visible("a\u200bb\u00e9") == "ab\u00e9"
    assert fingerprint(["a b"]) == fingerprint(["a", "b"])


# Fingerprints of version 0.1.0. A change would make each stored article in these scripts a revision.
STORED = {
    "The tide is high – café, naïve, e\u0301te\u0301.": "8b9d6b7cd0606c50",
    "Вечером за\u0301мок закрыт, ёлка и чай.": "ba40fc87e5c1ff12",
    "مُحَمَّدٌ يَكْتُبُ رِسَالَةً، 12 مايو": "f934c3072d0e8284",
    "בְּרֵאשִׁית בָּרָא אֱלֹהִים": "6392ed22d9ef9002",
    "新しい橋が五月に開通する。ガギグ か\u3099": "5ededae0f8a510f0",
    "북쪽 강둑의 새 다리가 열렸다": "b437d710335d692c",
    "Το ποτάμι πλημμύρισε, ᾠδή": "898ead8d251638e9",
}


@pytest.mark.parametrize("text", STORED)
def test_fingerprint_without_vowel_signs_is_as_stored(text: str) -> None:
    assert fingerprint([text]).hex() == STORED[text]
