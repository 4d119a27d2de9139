"""Decisions about lines of a dump by their neighbours: where a story resumes below a list of headlines."""

import pytest

from workers.clean.blocks import Block
from workers.clean.cleaner import clean
from workers.clean.dump_decisions import (
    drop_final_headlines,
    drop_final_list,
    drop_stamped_headlines,
    is_statement,
    keep_between_lines,
    keep_likely,
    resume_below_list,
    vote_by_run,
)
from workers.clean.labeller import label_blocks
from workers.clean.labelling import Prediction
from workers.clean.model.model import load_default

KEPT, REMOVED, UNLIKELY = Prediction(0.99, True), Prediction(0.25, False), Prediction(0.001, False)
STORY = "The board closed the north pier on Tuesday after a storm moved four of its piles."


def kept_lines(*lines: tuple[str, Prediction]) -> list[str]:
    """Return the lines that are kept afterwards."""
    blocks = [Block(text, "line") for text, _ in lines]
    predictions = [prediction for _, prediction in lines]
    resume_below_list(blocks, predictions)
    return [block.text for block, prediction in zip(blocks, predictions, strict=True) if prediction.keep]


def test_resume_below_headlines_keeps_statement() -> None:
    lines = (STORY, KEPT), ("Related", REMOVED), ("Harbour dues to rise again", REMOVED), ("Nobody was hurt.", REMOVED)
    assert kept_lines(*lines) == [STORY, "Nobody was hurt."]


def test_resume_below_advertisement_keeps_statement() -> None:
    assert kept_lines((STORY, KEPT), ("Anzeige", REMOVED), ("Niemand kam zu Schaden.", REMOVED)) == [
        STORY,
        "Niemand kam zu Schaden.",
    ]


@pytest.mark.parametrize(
    "lines",
    [
        (("Related", REMOVED), ("Harbour dues to rise again", REMOVED), ("Nobody was hurt.", REMOVED)),  # no story above
        ((STORY, KEPT), ("Related", REMOVED), ("Harbour dues to rise again", REMOVED), ("Nobody was hurt.", UNLIKELY)),
        ((STORY, KEPT), ("Related", REMOVED), ("Dues rise.", REMOVED), ("Pier shut", REMOVED), ("No one hurt.", REMOVED)),
        ((STORY, KEPT), ("Harbour dues to rise", REMOVED), ("They rose in May.", REMOVED), ("Pier five stays shut", REMOVED), ("It is old.", REMOVED)),
        ((STORY, KEPT), ("Harbour dues to rise again", REMOVED), ("Share this article.", REMOVED)),
        ((STORY, KEPT), ("Harbour dues to rise again", REMOVED), ("Is your dog happy?", REMOVED)),
    ],
)  # fmt: skip
def test_resume_below_other_lines_keeps_nothing_more(lines: tuple[tuple[str, Prediction], ...]) -> None:
    assert kept_lines(*lines) == [text for text, prediction in lines if prediction.keep]


def test_resume_below_lead_keeps_less_likely_statement() -> None:
    lead, doubtful = ("Read more: Harbour dues to rise again", REMOVED), Prediction(0.15, False)
    assert kept_lines((STORY, KEPT), lead, ("Nobody was hurt.", doubtful)) == [STORY, "Nobody was hurt."]
    assert kept_lines((STORY, KEPT), ("Harbour dues to rise again", REMOVED), ("Nobody was hurt.", doubtful)) == [STORY]


@pytest.mark.parametrize("line", ["Reklama", "Les også: Geit stengte butikk i helga"])
def test_resume_below_lead_drops_offer(line: str) -> None:
    """An advertisement in a full sentence: four of 80 unseen dumps kept one of a probability of .02 to .03."""
    offer = ("Apply online today and pay in eighteen instalments.", Prediction(0.03, False))
    assert kept_lines((STORY, KEPT), (line, REMOVED), offer, (STORY, KEPT)) == [STORY, STORY]


def test_resume_above_notices_keeps_statement() -> None:
    lines = (STORY, KEPT), ("Harbour dues to rise again", REMOVED), ("Nobody was hurt.", REMOVED)
    below = ("Únete a nuestro canal de WhatsApp", REMOVED), ("Ajude a manter o jornalismo independente.", REMOVED)
    assert kept_lines(*lines, *below) == [STORY, "Nobody was hurt."]


@pytest.mark.parametrize(("share", "probability", "keep"), [(0.4, 0.48, True), (1.5, 0.48, False), (50.0, 0.6, False)])
def test_vote_by_run_depends_on_length(share: float, probability: float, *, keep: bool) -> None:
    blocks = [
        Block(text, "line")
        for text in ("Two eggs", "One onion", "Salt and pepper", "A lemon, cut in half", "Four slices of bread")
    ]
    predictions = [Prediction(probability, False)] * len(blocks)
    vote_by_run(load_default("text"), blocks, predictions, share)
    assert [prediction.keep for prediction in predictions] == [keep] * len(blocks)


@pytest.mark.parametrize(
    ("line", "expected"), [("It shut.", True), ("Shut.", False), ("“It shut.”", True), ("Who pays?", False)]
)
def test_is_statement_needs_full_stop(line: str, *, expected: bool) -> None:
    assert is_statement(Block(line, "line")) is expected


@pytest.mark.parametrize("line", ["Lesezeit: 3 Min.", "Lecture 3 min", "Время чтения: 3 минуты", "阅读时间：3分钟"])
def test_reading_time_with_leading_label_is_field(line: str) -> None:
    content = clean(f"Pier closed after storm\n{line}\nMarch 3, 2025\n{STORY}\n{STORY} It opens in May.", "text")
    assert content.reading_minutes == 3
    assert line not in content.paragraphs


LIKELY = Prediction(0.45, False)


@pytest.mark.parametrize(
    ("lines", "is_kept"),
    [
        ((("North pier", KEPT), ("What comes next", LIKELY), (STORY, KEPT)), True),
        (((STORY, KEPT), ("What comes next", REMOVED), (STORY, KEPT)), False),
        (((STORY, KEPT), ("What comes next", LIKELY), ("Related", REMOVED)), False),
        (((STORY, KEPT), ("What comes next", LIKELY), ("Harbour dues to rise", LIKELY), (STORY, KEPT)), False),
        (((STORY, KEPT), ("Advertisement", LIKELY), (STORY, KEPT)), False),
        (((STORY, KEPT), ("Read more: Harbour dues to rise again", LIKELY), (STORY, KEPT)), False),
    ],
)  # fmt: skip
def test_keep_between_lines_keeps_single_likely_line(
    lines: tuple[tuple[str, Prediction], ...], *, is_kept: bool
) -> None:
    blocks, predictions = [Block(text, "line") for text, _ in lines], [prediction for _, prediction in lines]
    keep_between_lines(blocks, predictions)
    assert predictions[1].keep is is_kept


@pytest.mark.parametrize(
    ("text", "label"), [("Corrections", "clutter"), ("Correction: The pier has nine piles, not eight.", "note")]
)
def test_corrections_are_notes_unless_they_are_links(text: str, label: str) -> None:
    blocks = [Block(line, "line") for line in (STORY, text, STORY.replace("Tuesday", "Friday"))]
    labelling = label_blocks(blocks, [KEPT, REMOVED, KEPT], has_surroundings=True)
    assert labelling.labels[1].label == label


def test_resume_below_box_drops_its_unlikely_statement() -> None:
    pitch = ("Original reporting. Delivered to you.", Prediction(0.1, False))
    assert kept_lines((STORY, KEPT), ("Join our newsletter", REMOVED), pitch) == [STORY]


@pytest.mark.parametrize(
    ("text", "probability", "is_kept"),
    [
        ("What the law says", 0.75, True),
        ("What the law says", 0.65, False),
        ("Advertisement", 0.75, False),
        ("Read more: Harbour dues to rise again", 0.75, False),
    ],
)
def test_keep_likely_keeps_short_likely_line(text: str, probability: float, *, is_kept: bool) -> None:
    predictions = [Prediction(probability, False)]
    keep_likely([Block(text, "line")], predictions)
    assert predictions[0].keep is is_kept


STOPPED = ("The mill ran dry. Nobody asked.", "She rowed home at 80.", "What do eels eat?")
BARE = ("Harbour dues rise again in the spring", "Seven lifeboats named after dogs", "Why the ferry costs more here")


@pytest.mark.parametrize(
    ("lines", "is_kept"),
    [
        (("Explore", *STOPPED), False),
        (("Explore", "Harbour dues rise", "No hearing has been scheduled."), True),
        (("Explore", STOPPED[0], STORY), True),
        (STOPPED, True),
    ],
)
def test_drop_final_list_removes_stopped_headlines(lines: tuple[str, ...], *, is_kept: bool) -> None:
    blocks = [Block(text, "line") for text in (STORY, *lines)]
    predictions = [KEPT] * len(blocks)
    drop_final_list(blocks, predictions)
    assert predictions[-1].keep is is_kept
    assert predictions[0].keep


@pytest.mark.parametrize(
    ("lines", "is_kept"),
    [
        ((STORY, *BARE), False),
        (("The boats on show:", *BARE), True),
        ((STORY, *BARE[:2]), True),
        ((STORY, "Bow", "Stern", "Keel"), True),
        (
            (
                STORY,
                "By rail: to Skelby, then bus 12",
                "Rooms: from 88 euros at the Crab",
                "Season: from May until October",
            ),
            True,
        ),
        ((STORY, *(f"{n}. {text}" for n, text in enumerate(BARE, 1))), True),
    ],
)
def test_drop_final_headlines_removes_row(lines: tuple[str, ...], *, is_kept: bool) -> None:
    blocks = [Block(text, "line") for text in lines]
    predictions = [KEPT] * len(blocks)
    drop_final_headlines(blocks, predictions)
    assert predictions[-1].keep is is_kept


def test_quiz_keeps_options_and_drops_lists() -> None:
    lines = (
        "Orkla Valley Times", "Quiz: how well do you know the valley's bridges?", "27 November 2026",
        "1. Which bridge closed in May?", "a) Mill Bridge", "b) Salt Bridge", "Read also", "Ferry timetable changes on Monday",
        "2. How long is Salt Bridge?", "a) 40 metres", "b) 61 metres", "Answers: 1 b, 2 a.",
        "Explore", "Bakery wins prize for third year", "Council debates parking, again", "Why the river smells of onions",
    )  # fmt: skip
    assert clean("\n".join(lines), "text").paragraphs == (*lines[3:6], *lines[8:12])


STAMPED = (
    ("03/14 07:42 Two ferries collide off Skelby", "03/13 22:10Pilots of the north pier return to work"),
    ("2031-03-14 07:42:19 Mayor opens the new quay.", "2031-03-13 22:10:05 Storm takes the old one."),
    ("Harbour dues rise in May (14.03.31, 07:42)", "Who counts the gulls of Skelby? (13.03.31, 22:10)"),
    ("・春季渡轮恢复通航 2031-3-14 7:42:00", "・北码头修复工程启动 2031-3-13 22:10:00"),
)


@pytest.mark.parametrize("lines", STAMPED)
def test_headlines_with_date_and_time_in_a_row_go(lines: tuple[str, ...]) -> None:
    blocks = [Block(text, "line") for text in (STORY, *lines, STORY)]
    predictions = [KEPT] * len(blocks)
    drop_stamped_headlines(blocks, predictions)
    assert [prediction.keep for prediction in predictions] == [True, *(False for _ in lines), True]


@pytest.mark.parametrize(
    "lines",
    [
        ("03/14 07:42 Two ferries collide off Skelby",),
        ("07:42 Two ferries collide off Skelby", "07:50 The pilots of both are safe"),
        ("14.03.2031 07:42", "13.03.2031 22:10"),
        ("On 14.03.2031 at 07:42 the quay was open again.", "At 22:10 on 13.03.2031 it closed, as it had before."),
        ("Score 3-14 10:42 of the second half, said the umpire", "Score 3.15 1:20.5 in the last lap of the race"),
    ],
)
def test_lines_of_the_story_with_times_stay(lines: tuple[str, ...]) -> None:
    blocks = [Block(text, "line") for text in (STORY, *lines)]
    predictions = [KEPT] * len(blocks)
    drop_stamped_headlines(blocks, predictions)
    assert all(prediction.keep for prediction in predictions)
