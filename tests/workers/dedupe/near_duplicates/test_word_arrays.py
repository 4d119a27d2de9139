"""Words and sentences of texts as arrays."""

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from workers.dedupe.near_duplicates import word_arrays
from workers.dedupe.near_duplicates.word_arrays import (
    ADDRESS_PART,
    CHUNK_CHARS,
    NAME,
    NUMBER,
    PLAIN,
    TextWords,
    hash_words,
    read_words,
    sentence_texts,
)
from workers.dedupe.near_duplicates.words import tokenise

TEXT = "The quay opened on Monday. He said. Subscribe to the channel of the quay!\nA last line."


def words_of(text: str) -> TextWords:
    return read_words([text])[0]


def hashes_of(text: str) -> list[int]:
    hashes: list[int] = words_of(text).hashes.tolist()
    return hashes


def arrays(words: TextWords) -> list[list[int]]:
    return [words.hashes.tolist(), words.stems.tolist(), words.kinds.tolist(), words.sentence_of.tolist()]


def of_kind(text: str, kind: int) -> list[bytes]:
    """Return the words of a kind, as `tokenise` spells them."""
    words = tokenise(text)
    mask = (words_of(text).kinds & kind) > 0
    return [word for word, is_kind in zip(words, mask.tolist(), strict=True) if is_kind]


@pytest.mark.parametrize(
    "text",
    [
        TEXT, "", " ", "...", "Don\u2019t stop: it's 3.5 percent (of 12,000)_now", "塩の運河 canal 7", "กรุงเทพ",
        "Älteste Brücke schließt im März", "Ærlig talt, Þórður", "Øresund e\u0301lan", "Łódź İstanbul", "क्या हुआ",
        "soft\u00adhyphen zero\u200bwidth", "“Quay” — no… yes", "Israel queue poem aee oue", "ﬁne ½ ①", "\U0001f600 ok",
    ],
)  # fmt: skip
def test_read_words_equals_tokens_of_text(text: str) -> None:
    assert hashes_of(text) == hash_words(tokenise(text))[0].tolist()


@given(st.lists(st.text(max_size=120), max_size=5))
@hypothesis_settings(deadline=None)
def test_read_words_of_batch_equals_single_texts(texts: list[str]) -> None:
    texts = [*texts, TEXT, "塩の運河。 #quay", "x" * (CHUNK_CHARS + 5), TEXT]
    for words, text in zip(read_words(texts), texts, strict=True):
        single = words_of(text)
        assert words.keys == single.keys
        assert arrays(words) == arrays(single)


def test_sentences_end_at_stops_and_lines() -> None:
    assert sentence_texts(TEXT) == [
        "The quay opened on Monday.", "He said.", "Subscribe to the channel of the quay!", "A last line.",
    ]  # fmt: skip
    assert [bool(key) for key in words_of(TEXT).keys] == [True, False, True, True]  # a short line may be of a menu
    assert sentence_texts("運河は開いた。門は閉じた。") == ["運河は開いた。", "門は閉じた。"]
    assert len(sentence_texts('Prices rose 3.5 percent, "a lot." Others fell. www.quay.example is new.')) == 3


def test_equal_sentences_share_keys() -> None:
    one, other = words_of(f"{TEXT} And more."), words_of(f"Before. {TEXT.replace('quay!', 'QUAY .')}")
    assert set(filter(None, one.keys)) & set(filter(None, other.keys)) >= set(words_of(TEXT).keys[::2])


def test_text_without_sentences_keeps_other_words() -> None:
    words = words_of(TEXT)
    own = words.without({words.keys[2]})
    assert own.hashes.tolist() == hashes_of("The quay opened on Monday.\nHe said.\nA last line.")


def test_hashtags_are_no_sentence() -> None:
    assert hashes_of("The quay opened. #quay #news\n#Lamps\nNo #lamps tonight.") == hashes_of(
        "The quay opened.\nNo lamps tonight."
    )


def test_kinds_of_words_mark_names_and_numbers() -> None:
    text = (
        "Dana Quill met mayor Teo Marsh, Ida of Odd Quay on 12 May at www.quay.example and https://x.example. Then Bo"
    )
    assert of_kind(text, NAME) == [b"quill", b"teo", b"marsh", b"ida", b"odd", b"quay", b"bo"]
    assert of_kind(text, NUMBER) == [b"12"]
    assert of_kind(text, ADDRESS_PART) == [b"www", b"https"]
    assert b"met" in of_kind(text, PLAIN) and b"dana" not in of_kind(text, PLAIN)
    assert of_kind("Who. He asked: why", ADDRESS_PART) == []


def test_keys_of_middle_sentences_are_empty() -> None:
    text = "\n".join(f"Lamp number {n} burns tonight." for n in range(130))
    keys = words_of(text).keys
    assert [n for n, key in enumerate(keys) if not key] == list(range(50, 80))


def test_long_text_takes_no_cached_powers() -> None:
    before = word_arrays._cached_powers.cache_info().currsize
    assert len(hashes_of("word " * CHUNK_CHARS)) == CHUNK_CHARS
    assert word_arrays._cached_powers.cache_info().currsize <= max(2, before)
