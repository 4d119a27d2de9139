"""Search expressions."""

import sqlite3

import pytest

from workers.search.query import match_expression, separated


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("harbour", '"harbour"*'),
        ("harbour board", '"harbour" "board"*'),
        ("harbour board ", '"harbour" "board"'),
        ('"harbour board"', '"harbour board"'),
        ("harb* opens", '"harb"* "opens"*'),
        ("harbour -canal", '"harbour" NOT "canal"'),
        ('a"b', '"a" "b"'),
        ("x", '"x"'),
        ('"harbour boa*"', '"harbour boa"*'),
        ("ＨＡＲ straße é", '"har" "strasse" "é"'),
        ("𠀀口", '"𠀀  口"*'),
        ("港", '"港"'),
        ("港口", '"港  口"*'),
        ("5＂ pipe", '"5" "pipe"*'),  # U+FF02
        ("a＂OR＂b", '"a or b"*'),
        ("-canal", ""),
        ("* - \" ' ()", ""),
        ("", ""),
    ],
)
def test_match_expression_quotes_every_word(text: str, expression: str) -> None:
    assert match_expression(text, is_typing=True) == expression


def test_match_expression_of_whole_words_has_no_prefix() -> None:
    assert match_expression("harbour board") == '"harbour" "board"'
    assert match_expression("harb*") == '"harb"*'


def test_separated_splits_unspaced_scripts() -> None:
    assert separated("Tor 港口 open").split() == ["tor", "港", "口", "open"]
    assert separated("plain") == "plain"


@pytest.mark.parametrize(
    "text",
    ['"', "AND", "a OR b", "NEAR(a b)", "title:x", "a^b", "{a b}", "a\x00b", "*a", "a" * 900, '""""', "a＂OR＂b"],
)
def test_any_text_is_a_valid_expression(text: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE t USING fts5 (text)")
    if expression := match_expression(text):
        connection.execute("SELECT * FROM t WHERE t MATCH ?", (expression,)).fetchall()
    connection.close()
