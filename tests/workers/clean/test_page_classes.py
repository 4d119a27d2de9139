"""Classes of errors on pages: controls of Chinese portals, rules for comments, paragraphs that link. All are invented."""

import pytest

from workers.clean.cleaner import clean
from workers.clean.line_types import is_notice
from workers.clean.rules.containers import COMMENT_HEADING

STORY = [
    "The harbour board reopened the salt canal on Monday, nine years after the flood closed it to all boats.",
    "Twelve boats passed the gate before noon, and a brass band played on the quay for an hour in light rain.",
    "The board expects four hundred boats a week in summer, which is twice the number before the flood.",
    "Engineers rebuilt both gates from oak because steel would rust within a few seasons in the brackish water.",
]
LINKED = (
    "In the year of the flood the board had promised to open the canal within two summers, but the money went to the "
    "sea wall, and the gates were sold for scrap."
)


@pytest.mark.unit
@pytest.mark.parametrize(
    "line",
    [
        "【大 中 小】 【打印本页】 【关闭窗口】",
        "【字体：大 中 小】 在线投稿 新闻热线：0791-12345678",
        "字号：大 中 小",
        "[字号 大 中 小] [打印] [收藏本页]",
        "本文共分1页 当前是第 1 页 首页 尾页",
        "本文共3页 下一页",
    ],
)
def test_notice_controls_of_chinese_page_are_notices(line: str) -> None:
    assert is_notice(line)


@pytest.mark.unit
@pytest.mark.parametrize(
    "line", ["大中小企业都受到影响，字体公司除外。", "打印机的销量在三月下降。", "本文共引用了三份报告。"]
)
def test_notice_chinese_sentence_is_no_notice(line: str) -> None:
    assert not is_notice(line)


@pytest.mark.unit
@pytest.mark.parametrize(
    "line",
    ["About comments", "About our comments", "What you should know about comments on Fenwater.com", "Comment policy", "Commenting guidelines"],
)  # fmt: skip
def test_comment_heading_rules_open_comments(line: str) -> None:
    assert COMMENT_HEADING.fullmatch(line)


@pytest.mark.unit
@pytest.mark.parametrize("line", ["About comments that moved markets", "Commentary", "The policy on comment periods"])
def test_comment_heading_other_heading_opens_none(line: str) -> None:
    assert not COMMENT_HEADING.fullmatch(line)


def _page(*more: str) -> str:
    body = "".join(f"<p>{line}</p>" for line in STORY[:3]) + "".join(more) + f"<p>{STORY[3]}</p>"
    return (
        f"<html><head><title>Salt canal</title></head><body><article><h1>Salt canal</h1>{body}</article></body></html>"
    )


def test_page_long_sentence_as_link_stays() -> None:
    html = _page(f'<p><a href="/2011/canal">{LINKED}</a></p>')
    assert clean(html, "page").paragraphs == (*STORY[:3], LINKED, STORY[3])


def test_page_bar_of_links_is_removed() -> None:
    names = (
        "Latest news of the canal",
        "Search for a boat",
        "Ranking of all ferries",
        "Table of the locks",
        "Times of tides",
    )
    links = " | ".join(f'<a href="/{n}">{name} in the harbour</a>' for n, name in enumerate(names))
    assert clean(_page(f"<p>{links}.</p>"), "page").paragraphs == tuple(STORY)


def test_page_headline_as_link_is_removed() -> None:
    html = _page('<p><a href="/2011/canal">Board sells the gates of the canal for scrap</a></p>')
    assert clean(html, "page").paragraphs == tuple(STORY)
