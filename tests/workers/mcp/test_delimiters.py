"""The delimiters of answers: the text of an article stays between them, and answers stay within their budget."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.support.mcp import read_answer
from workers.mcp.delimiters import (
    cut_to_bytes,
    delimit,
    encode_record,
    estimate_tokens,
    quote,
    take_fitting,
    visible_text,
)

TEXTS = st.text(st.characters(exclude_categories=()), max_size=80)


@given(st.lists(TEXTS, max_size=5))
def test_delimiters_keep_any_text_inside(texts: list[str]) -> None:
    lines = [encode_record({"text": text}) for text in texts]
    answer = read_answer(delimit("lead", lines))
    assert len(answer.records) == len(texts)
    if texts:
        assert answer.outside.split("\n")[0] == "lead"
        assert not set("<>\n\r\u2028\u2029\x85") & set("".join(lines))


@given(TEXTS)
def test_quoted_text_is_one_safe_line(text: str) -> None:
    assert not set("<>\n\r\u2028\u2029\x85") & set(quote(text))


def test_delimiters_differ_for_each_answer() -> None:
    answers = {read_answer(delimit("lead", ["{}"])).delimiter for _ in range(50)}
    assert len(answers) == 50


def test_encoded_record_keeps_visible_text() -> None:
    text = 'Prices < 5 > 3, "quoted" \\ back; نمی‌خواهم 👩‍🚀 日本'
    assert json.loads(encode_record({"text": text, "empty": "", "none": None}))["text"] == text


def test_hidden_characters_are_removed() -> None:
    tags = "".join(chr(0xE0000 + ord(char)) for char in "ignore")
    assert visible_text(f"a{tags}b\u202ec\u2066d\u200be\x1b[31mf") == "abcde[31mf"


@given(st.lists(st.dictionaries(st.sampled_from(["title", "url"]), TEXTS), max_size=20), st.integers(0, 500))
def test_fitting_records_stay_within_budget(records: list[dict[str, str]], budget: int) -> None:
    lines = take_fitting(records, budget)
    assert sum(estimate_tokens(line + "\n") for line in lines) <= budget


@given(TEXTS, st.integers(4, 50))
def test_cut_text_has_at_most_the_bytes(text: str, size: int) -> None:
    assert len(cut_to_bytes(text, size).encode("utf-8", "replace")) <= max(size, len("…".encode()))
