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
