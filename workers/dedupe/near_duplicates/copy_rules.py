"""Rules that decide pairs of texts before the trees. Pure.

Rules are stricter within one source (feed or publisher) than between sources: a source repeats descriptions, numbered
parts and dated forms, another source repeats only copies. Each limit was measured on `rw_series` of
../shared/corpus/feeds.tar.xz and on ../shared/corpus/judge.
"""

from typing import Any, NamedTuple

import numpy as np

from workers.clean.model.oblivious_trees import Matrix
from workers.dedupe.near_duplicates.pair_features import COLUMNS
from workers.dedupe.near_duplicates.signature import MIN_TITLE_WORDS, MIN_WORDS, NO_FIGURES
from workers.dedupe.near_duplicates.titles import SIMILAR

HOUR_S = 3600
NEAR_IDENTICAL = 0.9  # share of the longer text's shingles that are in the shorter text
CERTAIN, OTHER_TITLE, EQUAL_TITLE, RUNNING = 1.0, 0.99, 0.98, 0.9
MIN_TEXT_WORDS = 15  # shorter texts with different titles are phrases that many outlets use
# Within a source, a text under another title is a copy if it is about either title: the title's words are in it. The
# text of a series or a channel is about neither. Below 20 words, standfirsts of series pass.
MIN_COVERED, MIN_COVERED_WORDS = 0.5, 20
RELATED_TITLE = 0.2  # share of title words in common, from which other numbers mean another part
DESCRIBED_COVERED = 0.4  # a text that a feed has under several titles with fewer words in it describes the feed
SERIES_S, SERIES_WORDS = 22 * HOUR_S, 60  # a daily form has the same short text every day
PHRASE_S, PHRASE_WORDS = 10 * HOUR_S, 20  # a live blog has the same phrase in each part of a day
RUNNING_LONGER = 0.6  # share of the longer text in common, in updates of a running story
# Shares of the longer text and of both titles in common, in an edited copy under another title within a source.
EDITED_LONGER, EDITED_TITLE = 0.4, 0.3
# Shares of both texts in common, below which summaries under unlike titles report one event in other words.
SHORT_SHORTER, SHORT_LONGER, SHORT_WORDS, SUMMARIES_WORDS, UNLIKE_TITLE = 0.5, 0.4, 60, 80, 0.5
# A source that publishes a text again after a week means a new article. Another source's copy may be late, but then it
# is verbatim.
REPOST_S = 7 * 24 * HOUR_S
TITLE_S = 48 * HOUR_S
SUMMARY_WORDS = 45  # longer texts decide themselves
SAME_NAMES = 0.3  # share of names in common, below which equal titles belong to forms


class Decisions(NamedTuple):
    """Decisions for pairs. `probability`: set by a rule, NaN where the trees decide. `by_title`: only the titles agree.

    `rule`: number of the rule in `RULES`.
    """

    probability: Matrix
    by_title: Any
    rule: Any


# Of the rules that apply, the last decides.
RULES = (
    "trees", "equal text, other source", "equal text and similar title", "update of a running story",
    "equal text about the title", "equal text under another title", "other title in one source",
    "text that describes a feed", "form that is filled in daily", "published again after a week",
    "one event in other words", "too short",
)  # fmt: skip


def apply_rules(a: Any, b: Any, rows: Matrix) -> Decisions:
    """Return the decisions of the rules on the pairs of record *a* with the records *b*, which have features *rows*."""
    column = dict(zip(COLUMNS, rows.T, strict=True))
    within = (column["same_publisher"] > 0) | ((b["feed"] == a["feed"]) & (a["feed"] > 0))
    gap_s, words = _gap_s(a, b), np.minimum(b["words"], a["words"])
    similar, compared = _similar(a, b, column), _is_compared(a) & _is_compared(b)
    near = (column["of_longer"] >= NEAR_IDENTICAL) & (b["text_figures"] == a["text_figures"]) & compared
    covered = (column["covered"] >= MIN_COVERED) & (words >= MIN_COVERED_WORDS) & ~_other_figures(a, b, column)
    edited = covered & (column["of_longer"] >= EDITED_LONGER) & (column["title_shared"] >= EDITED_TITLE)
    running = ~near & (column["of_longer"] >= RUNNING_LONGER) & (column["names_missed"] == 0) & (gap_s <= SERIES_S)
    described = _describes_feed(a, b, near & ~similar & (column["covered"] < DESCRIBED_COVERED))
    rules = (
        (near & ~within & (words >= MIN_TEXT_WORDS), OTHER_TITLE), (near & similar, CERTAIN),
        (within & similar & running, RUNNING), (within & ~similar & near & covered, OTHER_TITLE),
        (within & ~similar & near & ~covered, 0.0), (within & ~similar & ~near & ~edited, 0.0),
        (near & ~similar & described, 0.0), (within & _is_form(a, b, words, gap_s, near), 0.0),
        ((within | ~near) & (gap_s > REPOST_S), 0.0), (_reports_event(a, b, words, column), 0.0), (~compared, 0.0),
    )  # fmt: skip
    probability, rule = np.full(len(b), np.nan, np.float32), np.zeros(len(b), np.intp)
    for number, (applies, value) in enumerate(rules, 1):
        probability[applies], rule[applies] = value, number
    return Decisions(probability, _equal_titles(a, b, within, gap_s) & (column["names_of_fewer"] >= SAME_NAMES), rule)


def _is_compared(records: Any) -> Any:
    """Return whether texts are long enough to compare."""
    return records["words"].astype(np.int32) + records["title_words"] >= MIN_WORDS


def _gap_s(a: Any, b: Any) -> Any:
    """Return the time between publications; between arrivals where one is unknown."""
    published = np.abs(b["published_s"].astype(np.int64) - int(a["published_s"]))
    arrived = np.abs(b["time_s"].astype(np.int64) - int(a["time_s"]))
    return np.where((b["published_s"] > 0) & (a["published_s"] > 0), published, arrived)


def _is_form(a: Any, b: Any, words: Any, gap_s: Any, near: Any) -> Any:
    """Return whether two texts of one source are a form: far apart, and short or with other numbers."""
    other_numbers = ~near & (b["text_figures"] != a["text_figures"])
    return ((gap_s > PHRASE_S) & (words < PHRASE_WORDS)) | (
        (gap_s > SERIES_S) & ((words < SERIES_WORDS) | other_numbers)
    )


def _reports_event(a: Any, b: Any, words: Any, column: dict[str, Any]) -> Any:
    """Return whether summaries under unlike titles report one event in other words."""
    longer = np.maximum(b["words"], a["words"])
    weak = (column["of_shorter"] < SHORT_SHORTER) | ((longer < SUMMARIES_WORDS) & (column["of_longer"] < SHORT_LONGER))
    return (words < SHORT_WORDS) & weak & (column["title_of_shorter"] < UNLIKE_TITLE)


def _similar(a: Any, b: Any, column: dict[str, Any]) -> Any:
    """Return whether titles are similar: equal numbers, and most words in common; or both empty."""
    similar = (b["title_figures"] == a["title_figures"]) & (column["title_shared"] >= SIMILAR)
    return similar & ((b["titles"] > 0) == (a["titles"] > 0))


def _other_figures(a: Any, b: Any, column: dict[str, Any]) -> Any:
    """Return whether titles have words in common, and both have numbers, and different ones."""
    other = (b["title_figures"] != a["title_figures"]) & (column["title_shared"] >= RELATED_TITLE)
    return other & (b["title_figures"] != NO_FIGURES) & (a["title_figures"] != NO_FIGURES)


def _describes_feed(a: Any, b: Any, near: Any) -> bool:
    """Return whether one feed has the text under several titles: then the text describes the feed."""
    feeds = [a["feed"], *b["feed"][near & (b["feed"] > 0)]]
    return len(set(feeds)) < len(feeds)


def _equal_titles(a: Any, b: Any, within: Any, gap_s: Any) -> Any:
    """Return whether articles are copies by their titles.

    Titles of two publishers are equal if one has the other's outlet at its end. Within a publisher, only an agency's
    mark of an update makes a copy of an article without a text.
    """
    whole = b["whole_title"] == a["whole_title"]
    equal = whole | (b["base_title"] == a["whole_title"]) | (b["whole_title"] == a["base_title"])
    long_enough = np.minimum(b["title_words"], a["title_words"]) >= MIN_TITLE_WORDS
    long_enough &= np.minimum(b["words"], a["words"]) <= SUMMARY_WORDS
    untexted = (b["words"] == 0) & (a["words"] == 0)
    updated = whole & untexted & ((b["is_update"] > 0) | (a["is_update"] > 0))
    return np.where(within, updated, equal) & long_enough & (gap_s <= TITLE_S)
