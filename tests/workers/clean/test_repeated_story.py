"""Pages that hold their story a second time as one block, for example for speech or print. All pages are invented."""

import pytest

from workers.clean.cleaner import clean

STORY = [
    "The harbour board reopened the salt canal on Monday, nine years after the flood closed it to all boats.",
    "Twelve boats passed the gate before noon, and a brass band played on the quay for an hour in light rain.",
    "The board expects four hundred boats a week in summer, which is twice the number before the flood.",
    "Engineers rebuilt both gates from oak because steel would rust within a few seasons in the brackish water.",
    "Fishermen from the north quay had asked for wider locks, and the board promised a study by next spring.",
    "A ferry to the islands will use the canal from June, and the fare stays at two crowns for residents.",
]
OTHER = [
    "The mayor recalled how the first canal was dug by hand, mostly by farmers who were paid in salt and bread.",
    "Its banks collapsed twice before the second winter, and a stone wall was only added when a miller paid for it.",
    "In later years the water froze so hard that carts crossed it, and the gate keeper sold hot cider from a hut.",
    "When the flood came, the hut was the first thing that it took, and the wall the last thing that it left.",
]


def _page(*paragraphs: str, first: str = "") -> str:
    body = first + "".join(f"<p>{line}</p>" for line in paragraphs)
    return (
        f"<html><head><title>Salt canal</title></head><body><article><h1>Salt canal</h1>{body}</article></body></html>"
    )


@pytest.mark.parametrize("names", ["", "speech", "print-version"])
def test_page_story_repeated_in_one_block_is_once(names: str) -> None:
    whole = f"<div class='{names}'>{' '.join(STORY)}</div>"
    for html in (_page(*STORY, first=whole), _page(*STORY, " ".join(STORY))):
        assert clean(html, "page").paragraphs == tuple(STORY)


def test_page_long_block_with_own_text_stays() -> None:
    long = " ".join([*OTHER, *STORY[:2]])
    assert clean(_page(*STORY, long), "page").paragraphs == (*STORY, long)


def test_page_repeated_sentence_stays() -> None:
    assert clean(_page(*STORY, STORY[0]), "page").paragraphs == (*STORY, STORY[0])


def test_page_long_chinese_block_stays() -> None:
    lines = [
        f"港务局星期一重新开放了运河，第{n}艘船在中午之前通过了闸门，乐队在码头上演奏了一个小时。" for n in "一二三四五"
    ]
    long = (
        "工程师用橡木重建了两座闸门，因为钢材在咸水中几个季节内就会生锈，渔民们要求更宽的船闸，委员会承诺在明年春天之前完成研究。"
        * 2
    )
    assert long in clean(_page(*lines, long), "page").paragraphs
