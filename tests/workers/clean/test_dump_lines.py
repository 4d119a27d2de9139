"""Lines of dumps that rules know although the model is sure of them: captions with a credit, lead-ins, required notices."""

import pytest

from workers.clean.blocks import Block
from workers.clean.credits import match_caption
from workers.clean.labeller import Prediction, label_blocks
from workers.clean.line_types import is_feed_tail, is_link_label, is_notice

STORY = "The ferry to Gannet Island was halted on Tuesday after a fire broke out in its engine room."


def label_of(line: str) -> str:
    """Return the label of a line between two sentences of a dump; the model is sure that it is body text."""
    blocks = [Block(text, "line") for text in (STORY, line, STORY.replace("Tuesday", "Friday"))]
    return label_blocks(blocks, [Prediction(0.99, True)] * 3, has_surroundings=True).labels[1].label


@pytest.mark.parametrize(
    "line",
    [
        "Moradores tiram foto com o semáforo — Foto: Ana Duarte/g7", "バスを待つかかし＝水森透撮影", "志愿者正在上楼。 记者 陈小河 摄", "Credit: Tideway Pictures",
        "(Image credit: Bench Press)", "Um zwei war alles dunkel: die Klinik am Berg. © Jost Kern/Archiv",
    ],
)  # fmt: skip
def test_caption_with_credit_is_found_anywhere(line: str) -> None:
    assert match_caption(line, in_head=False) is not None
    assert label_of(line) == "caption"


@pytest.mark.parametrize(
    "line",
    ["Er zahlte mit Foto: niemand merkte es.", "© 2025 Kelp Weekly", "The bank gave him credit: it was a mistake.", "彼は写真を撮影した。", "他说不想摄影。"],
)  # fmt: skip
def test_caption_patterns_reject_other_lines(line: str) -> None:
    assert match_caption(line, in_head=False) is None


@pytest.mark.parametrize(
    "line", ["طالع أيضاً: كم تبلغ كلفة الجسر البحري؟", "Les også: Geit stengte butikk i helga", "Czytaj również: Kot zdał egzamin na prawo"]
)  # fmt: skip
def test_long_lead_in_goes_although_model_is_sure(line: str) -> None:
    assert label_of(line) == "link"


@pytest.mark.parametrize("line", ["Related: the mayor spoke for an hour", "Opinion: nobody has one here"])
def test_lead_in_of_one_word_stays_if_model_is_sure(line: str) -> None:
    assert label_of(line) == "body"


@pytest.mark.parametrize(
    "line",
    [
        "Apostá con responsabilidad. Juego prohibido para menores de 18 años.", "Bono de 100 euros. +18. Juega con responsabilidad.", "18+. Please gamble responsibly.",
        "You can opt-out at any time.", "We apologize, but this video has failed to load.", "Gulir ke bawah untuk lanjut membaca", "Me gusta esto:", "応援クリックお願いします", "공감과 댓글은 큰 힘이 됩니다.", "Vous avez aimé cet article ? Partagez-le !",
        "Líbil se vám článek? Podpořte nás.", "更多精彩内容，请关注微信公众号“桥报”。", "Meld je aan voor de nieuwsbrief",
    ],
)  # fmt: skip
def test_required_and_asking_lines_are_notices(line: str) -> None:
    assert is_notice(line)


@pytest.mark.parametrize(
    "line",
    [
        "He said that people should gamble responsibly, or not at all.", "Did you like the soup? She asked everyone.", "Gostou do que viu e voltou para casa.",
        "Juega en el Kelp desde 2019.", "Hat dir der Arzt geholfen? Nein.",
    ],
)  # fmt: skip
def test_story_lines_are_no_such_notices(line: str) -> None:
    assert not is_notice(line)


@pytest.mark.parametrize(
    "line",
    ["Etiketler: martı, vapur", "الوسوم: تعليم كهرباء", "標籤：橋 鐘", "3 posts - 2 participants", "Reply via email"],
)
def test_tags_and_counts_are_feed_tails(line: str) -> None:
    assert is_feed_tail(line)


@pytest.mark.parametrize(
    "line", ["Weitere Artikel aus dem Ressort", "こちらの記事もどうぞ", "Похожие записи", "Skaitykite taip pat"]
)
def test_labels_in_more_languages_are_known(line: str) -> None:
    assert is_link_label(line)


@pytest.mark.parametrize(
    "line",
    ["Logg inn", "Logga ut", "Войти", "登录/注册", "ログイン", "Đăng nhập", "Giriş yap", "Bestill nå", "Hemen satın al", "Zum Angebot", "今すぐ購入"],
)  # fmt: skip
def test_account_and_shop_buttons_are_notices(line: str) -> None:
    assert is_notice(line)


@pytest.mark.parametrize("line", ["Buy now", "Регистрация", "Anmelden", "Acheter", "Masuk angin", "Logg inn på banken"])
def test_possible_subheadings_are_no_buttons(line: str) -> None:
    """A story about shopping or voting has such subheadings; "Buy now" is story text in the corpus."""
    assert not is_notice(line)
