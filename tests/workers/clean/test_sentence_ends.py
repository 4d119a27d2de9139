"""Sentence ends in many scripts and behind closing marks, and their use in dumps."""

import pytest

from workers.clean.blocks import Block
from workers.clean.dump_decisions import is_statement
from workers.clean.line_types import SENTENCE_END, ends_sentence, is_headline, is_sentence

ENDED = (
    "社長は「音で分かるんです。煮えたかどうかは釜の前にいれば分かる。」", "彼は『もう十年になるが、まだ誰も来ない。』", "（写真は昨年の祭りの様子。）", "「夢みたいです！」",
    "„Die Pumpen laufen seit gestern wieder, und das Wasser sinkt.“", "»Wir haben drei Wochen lang auf den Regen gewartet.«",
    "گاؤں کے بچوں نے اپنا ریڈیو اسٹیشن شروع کیا ہے۔", "Վարչապետը երեկ այցելեց քաղաքի նոր գրադարանը։", "ከተማው ዛሬ አዲስ ድልድይ ከፈተ።",
    "ရွာသားများသည် တံတားအသစ်ကို ဖွင့်လှစ်ခဲ့သည်။", "អ្នកភូមិបានបើកស្ពានថ្មីកាលពីម្សិលមិញ។", "驛の時計が三分遅れている｡", "大雨の影響で橋は通れない．",
)  # fmt: skip
OPEN = ("駅長「まだ続けたい」", "The bridge is closed", "„Warum ich bleibe“", "Explore", "")


@pytest.mark.parametrize("line", ENDED)
def test_sentence_ends_behind_closing_marks_are_found(line: str) -> None:
    assert SENTENCE_END.search(line)
    assert ends_sentence(line)


@pytest.mark.parametrize("line", [ENDED[0], ENDED[1], ENDED[4], ENDED[6]])
def test_is_statement_accepts_closing_marks(line: str) -> None:
    assert is_statement(Block(line, "line"))


@pytest.mark.parametrize("line", OPEN)
def test_lines_without_stop_end_no_sentence(line: str) -> None:
    assert SENTENCE_END.search(line) is None
    assert not ends_sentence(line)


def test_quotation_with_stop_is_no_headline() -> None:
    assert is_sentence("„Die Pumpen laufen seit gestern wieder, und das Wasser sinkt.“")
    assert not is_headline("「釜の音で煮えたかどうかが分かるんです。」")
    assert is_headline("駅長「まだ続けたい、乗客がいる限り」")
