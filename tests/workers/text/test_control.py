"""Control characters in long texts."""

import pytest

from workers.text.normalise import CONTROL, LONG_CHARS, without_control

CHARACTERS = [chr(n) for n in (*range(0xA2), 0xAD, 0x7FF, 0xC290, 0xD800, 0xFFFD, 0xFFFE, 0xFFFF, 0x1F600)]


@pytest.mark.parametrize("character", CHARACTERS, ids=lambda c: f"{ord(c):04x}")
def test_without_control_is_equal_for_long_text(character: str) -> None:
    short, padding = f"é{character}b", "é" * LONG_CHARS
    assert without_control(short + padding) == without_control(short) + padding
    assert (CONTROL.search(short) is None) == (without_control(short) == short)
