"""Rules that decide pairs of texts before the trees. Pure.

Rules are stricter within one source (feed or publisher) than between sources. A source repeats descriptions, numbered
parts and dated forms; two sources share only copies. Each limit was measured on `rw_series` of
../shared/corpus/feeds.tar.xz and on ../shared/corpus/judge.
"""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from workers.clean.model.oblivious_trees import Matrix
from workers.dedupe.near_duplicates.pair_features import COLUMNS, have_own_words, other_title_numbers
from workers.dedupe.near_duplicates.signature import ADDRESS, MIN_TITLE_WORDS, MIN_WORDS, PART, REPEATS, UPDATE
from workers.dedupe.near_duplicates.titles import SIMILAR

HOUR_S = 3600
NEAR_IDENTICAL = 0.9  # share of the longer text's shingles that are in the shorter text
CERTAIN, OTHER_TITLE, EQUAL_TITLE, RUNNING = 1.0, 0.99, 0.98, 0.9
MIN_TEXT_WORDS = 15  # shorter texts with different titles are phrases that many outlets use
# Within a source, a text under another title is a copy if it is about either title. A text is about a title if it has
# MIN_ABOUT of the words that the other title lacks. The text of a series or a channel is about neither. Below 20 words,
# standfirsts of series pass.
MIN_ABOUT, MIN_ABOUT_WORDS = 0.5, 20
DESCRIPTION_ABOUT = 0.6  # with a web address or repeated sentences
# Of ../shared/corpus/judge, 1 in 100 texts of 45 words is about no word of its title. A source that sends its
# description has an address or repeated sentences in it, or sends it on another day.
MIN_UNRELATED_WORDS, RESENT_S = 45, 6 * HOUR_S
RELATED_TITLE = 0.3  # share of title words in common, from which other numbers mean another part
DESCRIBED_ABOUT = 0.4  # a text that a feed has under several titles with fewer words in it describes the feed
SERIES_S, SERIES_WORDS = 22 * HOUR_S, 60  # a daily form has the same short text every day
PHRASE_S, PHRASE_WORDS = 10 * HOUR_S, 20  # a live blog has the same phrase in each part of a day
# Updates of a running story with other numbers: shares of the longer text in common, and of long runs beside it. An
# update keeps most sentences; a form has a slot in most of them.
RUNNING_LONGER, RUNNING_RUNS = 0.6, 0.6
# Edited copies under another title within a source: shares of the longer text and of both titles in common.
EDITED_LONGER, EDITED_TITLE, REWORKED_LONGER, REWORKED_TITLE = 0.4, 0.3, 0.5, 0.15
# The trees decide under any title from these shares of the longer text, and of a title's words in the text.
RETITLED_LONGER, RETITLED_ABOUT = 0.8, 0.75
# A copied summary has a run of twelve words, a report of the event in other words has none. The limits: share of the
# shorter text, of both titles, runs of ten words. Of 7,702 pairs of summaries in ../shared/corpus/judge, 90 are below
# them.
EVENT_WORDS, EVENT_SHORTER, EVENT_TITLE, EVENT_RUNS = 60, 0.65, 0.8, 3
UNLIKE_TITLE, UNLIKE_RUNS = 0.3, 8  # share of the shorter title, below which more runs are needed
# A source that publishes a text again after a week means a new article. Another source's copy may be late, but then it
# is verbatim.
REPOST_S = 7 * 24 * HOUR_S
# Shares of the longer text in common, and of the words without capitals beyond that, in filled-in forms. Of 15,100
# pairs of invented edits and summaries, 18 have these shares and none of several numbers in common.
FORM_LONGER, FORM_EXCESS, FORM_NUMBERS, FORM_NAMES = 0.5, 0.05, 2, 4
# Forms of one length, with a slot in most sentences. Limits: shares of the shorter text and of long runs, difference of
# the shares of both texts, numbers and names in common. Of 15,800 pairs of invented edits and summaries, 10 are such
# forms.
SLOTS_SHORTER, SLOTS_LONG, SLOTS_LENGTH, SLOTS_NUMBERS, SLOTS_NAMES = 0.85, 0.5, 0.12, 1, 3
FEW_NUMBERS, FEW_NAMES = 0.5, 0.75  # shares of the text with fewer
# Forms of any length, whose long runs the slots interrupt. Limits: share of the shorter text, of its long runs beside
# it, of its numbers; numbers missing and in common; names in common. If the titles have other numbers, only the limits
# of numbers count.
BROKEN_SHORTER, BROKEN_RUNS, BROKEN_NUMBERS, BROKEN_MISSED, BROKEN_COMMON, BROKEN_NAMES = 0.5, 0.8, 0.34, 2, 1, 4
# Numbers that separate forms of any share: so many missed and none in common; fewer beside words without capitals in
# common; or other numbers in both titles and at most this share of the text's. Of 16,200 invented copies in
# ../shared/corpus/judge, the three limits reject 12, 6 and 21, and none of the real copies. Decision 137.
ALL_OTHER, OTHER_IN_FORM, FORM_EXCESS_SHORTER, TITLED_NUMBERS = 4, 3, 0.1, 0.5
# Probability of the trees below which articles of one source are no copies: MIN_WITHIN. MIN_PART applies to those with
# ALIKE_LONGER of the longer text in common, and to articles of two sources with less than PART_SHORTER of the shorter
# one. Decisions 123 and 137.
MIN_WITHIN, MIN_PART, ALIKE_LONGER, PART_SHORTER = 0.95, 0.75, 0.9, 0.65
TITLE_S = 48 * HOUR_S
SUMMARY_WORDS = 45  # longer texts decide themselves
SAME_NAMES = 0.3  # share of names in common, below which equal titles belong to forms


class Decisions(NamedTuple):
    """Decisions for pairs. `probability`: set by a rule, NaN where the trees decide. `by_title`: only the titles agree.

    `rule`: number of the rule in `RULES`. `retitled`: the titles are not similar.
    `minimum`: the probability of the trees below which a pair is no copy.
    """

    probability: Matrix
    by_title: Any
    rule: Any
    retitled: Any
    minimum: Matrix


# Of the rules that apply, the last decides.
RULES = (
    "trees", "form with other numbers", "equal text, other source", "equal text and similar title",
    "update of a running story", "equal text about the title", "equal text under another title",
    "other title in one source", "text that describes a feed", "form that is filled in daily",
    "published again after a week", "one event in other words", "another numbered part", "too short",
)  # fmt: skip


def apply_rules(a: Any, b: Any, rows: Matrix, group: Any = 0) -> Decisions:
    """Return the decisions of the rules on the pairs of record *a* with the records *b*, which have features *rows*.

    *a* may also be one record for each of *b*. *group*: number of the text that each of *b* is compared with.
    """
    column = dict(zip(COLUMNS, rows.T, strict=True))
    within = (column["same_publisher"] > 0) | ((b["feed"] == a["feed"]) & (a["feed"] > 0))
    gap_s, words = _gap_s(a, b), np.minimum(b["words"], a["words"])
    similar, compared = _similar(a, b, column), _is_compared(a) & _is_compared(b)
    near = (column["of_longer"] >= NEAR_IDENTICAL) & (b["text_figures"] == a["text_figures"]) & compared
    other_figures = (b["title_figures"] != a["title_figures"]) & (column["title_shared"] >= RELATED_TITLE)
    titled_parts = other_title_numbers(a, b) & (column["title_shared"] >= RELATED_TITLE)
    min_about, own = np.where(_describes(a, b), DESCRIPTION_ABOUT, MIN_ABOUT), have_own_words(a, b)
    about = own & (column["about"] >= min_about) & (words >= MIN_ABOUT_WORDS) & ~titled_parts
    resent = _is_resent(a, b, words, gap_s, own & (column["about"] > 0)) & ~other_figures
    edited = about & (column["of_longer"] >= EDITED_LONGER) & (column["title_shared"] >= EDITED_TITLE)
    reworked = (column["of_longer"] >= REWORKED_LONGER) & (column["title_shared"] >= REWORKED_TITLE)
    retitled = (column["of_longer"] >= RETITLED_LONGER) & (column["about"] >= RETITLED_ABOUT)
    edited |= about & (reworked & ~_describes(a, b) | retitled)
    running = ~near & (column["of_longer"] >= RUNNING_LONGER) & (column["names_missed"] == 0) & (gap_s <= SERIES_S)
    running &= ~_differ_in_numbers(column) | (column["long_of_shorter"] >= RUNNING_RUNS * column["of_shorter"])
    running &= (column["numbers_common"] > 0) | (column["numbers_missed"] < ALL_OTHER)
    described = _describes_feed(b, near & ~similar & (column["about"] < DESCRIBED_ABOUT), group)
    rules = (
        (_is_filled_in(column, titled_parts), 0.0),
        (near & ~within & (words >= MIN_TEXT_WORDS), OTHER_TITLE), (near & similar, CERTAIN),
        (within & similar & running, RUNNING),
        (within & ~similar & near & (about | resent), OTHER_TITLE),
        (within & ~similar & near & ~(about | resent), 0.0), (within & ~similar & ~near & ~edited, 0.0),
        (near & ~similar & described, 0.0), (within & _is_form(a, b, words, gap_s, near), 0.0),
        ((within | ~near) & (gap_s > REPOST_S), 0.0), (_reports_event(words, column), 0.0),
        (_are_other_parts(a, b), 0.0), (~compared, 0.0),
    )  # fmt: skip
    probability, rule = np.full(len(b), np.nan, np.float32), np.zeros(len(b), np.intp)
    for number, (applies, value) in enumerate(rules, 1):
        probability[applies], rule[applies] = value, number
    by_title = _equal_titles(a, b, within, gap_s) & (column["names_of_fewer"] >= SAME_NAMES)
    return Decisions(probability, by_title, rule, ~similar, _minimum(column, within))


def _minimum(column: dict[str, Any], within: Any) -> Matrix:
    """Return the probability of the trees below which pairs are no copies."""
    in_source = np.where(column["of_longer"] < ALIKE_LONGER, MIN_WITHIN, MIN_PART)
    between = np.where(column["of_shorter"] < PART_SHORTER, MIN_PART, 0)
    minimum: Matrix = np.where(within, in_source, between).astype(np.float32)
    return minimum


def _are_other_parts(a: Any, b: Any) -> Any:
    """Return whether a title names a numbered part that the other title does not name."""
    part_a, part_b = a["marks"] & PART, b["marks"] & PART
    return (part_a != part_b) | ((part_a > 0) & (b["title_figures"] != a["title_figures"]))


def _is_compared(records: Any) -> Any:
    """Return whether texts are long enough to compare."""
    return records["words"].astype(np.int32) + records["title_words"] >= MIN_WORDS


def _gap_s(a: Any, b: Any) -> Any:
    """Return the time between publications; between arrivals where one is unknown."""
    published = np.abs(b["published_s"].astype(np.int64) - a["published_s"].astype(np.int64))
    arrived = np.abs(b["time_s"].astype(np.int64) - a["time_s"].astype(np.int64))
    return np.where((b["published_s"] > 0) & (a["published_s"] > 0), published, arrived)


def _is_resent(a: Any, b: Any, words: Any, gap_s: Any, about_title: Any) -> Any:
    """Return whether a source soon sent a text again, without a sign that the text describes the source."""
    return ~_describes(a, b) & (gap_s <= RESENT_S) & (about_title | (words < MIN_UNRELATED_WORDS))


def _describes(a: Any, b: Any) -> Any:
    """Return whether texts have a web address, or sentences that their source repeats."""
    return ((b["marks"] | a["marks"]) & (ADDRESS | REPEATS)) > 0


def _is_form(a: Any, b: Any, words: Any, gap_s: Any, near: Any) -> Any:
    """Return whether two texts of one source are a form: far apart, and short or with other numbers."""
    other_numbers = ~near & (b["text_figures"] != a["text_figures"])
    return ((gap_s > PHRASE_S) & (words < PHRASE_WORDS)) | (
        (gap_s > SERIES_S) & ((words < SERIES_WORDS) | other_numbers)
    )


def _is_filled_in(column: dict[str, Any], other_figures: Any) -> Any:
    """Return whether texts are filled-in copies of one form: common words, other numbers or names."""
    few = np.where(other_figures, 1, FORM_NUMBERS)  # titles with other numbers indicate a form, too
    numbers = (column["numbers_common"] == 0) & (column["numbers_missed"] >= few)
    names = (column["names_common"] == 0) & (column["names_missed"] >= FORM_NAMES)
    plain = (numbers | names) & (column["plain_excess"] > FORM_EXCESS)
    slots = (plain | _has_other_slots(column)) & (column["of_longer"] > FORM_LONGER)
    return slots | _has_other_numbers(column, other_figures) | _has_no_common_numbers(column, other_figures)


def _has_no_common_numbers(column: dict[str, Any], other_figures: Any) -> Any:
    """Return whether numbers alone separate texts that have any share in common."""
    few = np.where(column["plain_excess_of_shorter"] > FORM_EXCESS_SHORTER, OTHER_IN_FORM, ALL_OTHER)
    none = (column["numbers_common"] == 0) & (column["numbers_missed"] >= few)
    return none | (other_figures & (column["numbers_missed"] > 0) & (column["numbers_of_fewer"] <= TITLED_NUMBERS))


def _differ_in_numbers(column: dict[str, Any]) -> Any:
    """Return whether texts have few of their numbers in common, and miss several."""
    other = (column["numbers_of_fewer"] <= BROKEN_NUMBERS) & (column["numbers_missed"] >= BROKEN_MISSED)
    return other & (column["numbers_common"] <= BROKEN_COMMON)


def _has_other_numbers(column: dict[str, Any], other_figures: Any) -> Any:
    """Return whether texts have few numbers in common, where slots interrupt the text or the title."""
    broken = (column["of_shorter"] > BROKEN_SHORTER) & (column["names_of_fewer"] < 1)
    broken &= (column["long_of_shorter"] < BROKEN_RUNS * column["of_shorter"]) & (
        column["names_common"] <= BROKEN_NAMES
    )
    return _differ_in_numbers(column) & (broken | other_figures)


def _has_other_slots(column: dict[str, Any]) -> Any:
    """Return whether texts of one length have few numbers and names in common, and no long runs."""
    numbers = (column["numbers_of_fewer"] <= FEW_NUMBERS) & (column["numbers_missed"] > 0)
    numbers &= column["numbers_common"] <= SLOTS_NUMBERS
    names = (column["names_of_fewer"] <= FEW_NAMES) & (column["names_common"] <= SLOTS_NAMES)
    one_length = column["of_shorter"] - column["of_longer"] < SLOTS_LENGTH
    changed = (column["of_shorter"] < SLOTS_SHORTER) & (column["long_of_longer"] < SLOTS_LONG)
    return numbers & names & one_length & changed


def _reports_event(words: Any, column: dict[str, Any]) -> Any:
    """Return whether summaries report one event in other words."""
    few = (column["long_common"] < EVENT_RUNS) & (column["title_shared"] < EVENT_TITLE)
    few |= (column["long_common"] < UNLIKE_RUNS) & (column["title_of_shorter"] < UNLIKE_TITLE)
    return (words < EVENT_WORDS) & (column["of_shorter"] < EVENT_SHORTER) & few


def _similar(a: Any, b: Any, column: dict[str, Any]) -> Any:
    """Return whether titles are similar: equal numbers, and most words in common; or both empty."""
    similar = (b["title_figures"] == a["title_figures"]) & (column["title_shared"] >= SIMILAR)
    return similar & ((b["title"][..., 0] > 0) == (a["title"][..., 0] > 0))


def _describes_feed(b: Any, near: Any, group: Any) -> Any:
    """Return whether one feed has the text under several titles: then the text describes the feed."""
    groups = np.broadcast_to(group, b.shape)
    feeds = Counter(zip(groups[near].tolist(), b["feed"][near].tolist(), strict=True))
    described = [number for (number, feed), count in feeds.items() if feed and count > 1]
    return np.isin(groups, described)


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
    updated = whole & untexted & (((b["marks"] | a["marks"]) & UPDATE) > 0)
    return np.where(within, updated, equal) & long_enough & (gap_s <= TITLE_S)
