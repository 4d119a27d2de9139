"""Topic features of dumps: a line of the story shares rare word stems with the running text, other headlines do not."""

import numpy as np
import pytest

from workers.clean.model.topic_features import TOPIC_COLUMNS, topic_rows

STORY = (
    "The ferry to Gannet Island was halted on Tuesday after a fire broke out in its engine room.",
    "Passengers of the ferry spent the night on the island, where the school gave them blankets.",
)
HEADING, OTHER = "Ferries and passengers", "Bakery wins prize for rye"


def rows_of(lines: list[str], longs: int) -> dict[str, list[float]]:
    """Return the columns by name. The first *longs* lines are running text."""
    rows = topic_rows(lines, np.arange(len(lines)) < longs)
    return dict(zip(TOPIC_COLUMNS, rows.T.tolist(), strict=True))


def test_topic_rows_heading_shares_stems() -> None:
    rows = rows_of([*STORY, HEADING, OTHER], 2)
    assert rows["topic_share"][2] == pytest.approx(0.5)  # "passengers", but not the stem "ferri"
    assert rows["topic_weight"][2] > 0.3
    assert rows["topic_near"][2] == pytest.approx(0.5)
    assert rows["topic_share"][3] == rows["topic_weight"][3] == rows["topic_first"][3] == 0


def test_topic_rows_compare_line_with_other_lines_only() -> None:
    rows = rows_of([STORY[0], "Bakery wins a prize for its rye bread, which nobody else in town has."], 2)
    assert rows["topic_share"] == [0, 0]


def test_topic_rows_scripts_without_spaces_use_pairs() -> None:
    rows = rows_of(["島へ向かうフェリーが火曜日に運航を停止した。", "フェリー停止", "パン屋が受賞"], 1)
    assert rows["topic_share"][1] > 0.7
    assert rows["topic_share"][2] < 0.2


@pytest.mark.parametrize("count", [0, 1, 3])
def test_topic_rows_few_lines_are_finite(count: int) -> None:
    for longs in (0, count):
        rows = topic_rows(["Ferry", "—", "a"][:count], np.arange(count) < longs)
        assert rows.shape == (count, len(TOPIC_COLUMNS))
        assert np.isfinite(rows).all()
