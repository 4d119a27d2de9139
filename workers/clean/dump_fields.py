"""Fields in the header lines of a text dump: names in a byline, the date in a line with other words. Pure."""

import re
from datetime import UTC, date, datetime, timedelta

from workers.clean.line_types import SENTENCE_END, word_count
from workers.clean.rules.dump_fields import (
    AUTHOR_IN_LINE,
    BYLINE_LINE,
    DAY_MONTH,
    EAST_ASIAN_DATE,
    MONTH_DAY,
    MORE_MONTHS,
    NAME_TAIL,
    NUMERIC_DATE,
    PERSIAN_YEARS,
    TIME_OF_DAY,
    ZONE_AFTER_TIME,
)
from workers.text.calendar_names import MORE_MONTHS as CALENDAR_MONTHS
from workers.text.date_lines import parse_date_line
from workers.text.dates import BUDDHIST_OFFSET, BUDDHIST_YEARS, MONTH_NUMBERS
from workers.text.zones import utc_offset

MAX_DATE_WORDS = 14
PERSIAN_OFFSET_YEARS, PERSIAN_OFFSET_DAYS = 1595, 356033  # so that 1 Farvardin 1403 is 20 March 2024
MAX_OTHER_WORDS, MAX_OTHER_CHARS = 3, 12  # besides the date in a line that is one
MAX_LINE_CHARS = 120
MAX_NAME_CHARS = 60
CENTURY = 2000  # of a year with two digits
MONTH_TABLES = (*CALENDAR_MONTHS.values(), *MORE_MONTHS.values())
MONTHS = MONTH_NUMBERS | {
    form: number
    for names in MONTH_TABLES
    for number, forms in enumerate(names.split(), 1)
    for form in forms.split("/")
    if form != "-"
}
# Vowel signs and other combining marks are no word characters in `re`. Source: Unicode 15, the blocks of the scripts.
MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u0652\u0900-\u0dff\u0e30-\u0e4e\u200c\u200d"
WORDS = re.compile(rf"[^\W\d_][^\W\d_{MARKS}]*+")
DATE_ENDS = ("น.", "m.", "M.", "г.", "р.", "h.")  # abbreviations of "o'clock", half of the day and "year"
SEPARATORS = re.compile(r"[,;&、，]|(?<!\s)\s++(?:and|und|et|y|e|i|en|og|och|ve|и|та|και|dan)(?=\s)")
WORD = rf"(?!\d)[^\W_][\w{MARKS}.'’-]*+"
PERSON = re.compile(rf"\A{WORD}(?:\s{WORD}){{1,3}}\Z")
CASELESS = re.compile(r"[\u0590-\u08ff\u0900-\u0dff\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
HAN_NAME = re.compile(r"\A[\u3400-\u9fff]{2,4}[\u3040-\u309f]{0,2}\Z")  # family and given name without a space
MAX_CASELESS_NAME_CHARS = 30
BARS = re.compile(r"\s[|·•]\s")


def byline_names(text: str) -> tuple[str, ...]:
    """Return the names in a byline with a role word; empty for any other line."""
    if len(text) > MAX_LINE_CHARS:
        return ()
    match = BYLINE_LINE.match(text)
    if match is None:
        return ()
    return _split_names(match["names"] or match["named"])


def author_in_line(text: str) -> tuple[str, ...]:
    """Return the names after "作者：" or a similar role in a line with date and source; empty without one.

    Between bars, a byline also counts: "By Ann Reed | 3 March 2026".
    """
    if len(text) > MAX_LINE_CHARS:
        return ()
    match = AUTHOR_IN_LINE.search(text)
    if match is not None:
        return _split_names(match["names"])
    return next(filter(None, map(byline_names, BARS.split(text))), ())


def is_person(text: str) -> bool:
    """Return whether all of *text* looks like the name of a person, perhaps with an outlet or a place after it.

    The first and the last word begin with a capital, and so does each longer word between them.
    """
    name = NAME_TAIL.sub("", text).strip()
    if PERSON.match(name) is None:
        return False
    first, *middle, last = name.split()
    return first[0].isupper() and last[0].isupper() and all(word[0].isupper() for word in middle if len(word) > 3)


def may_be_person(text: str) -> bool:
    """Return whether *text*, in a script without capitals, could be a name; only its place beside the date can tell."""
    name = NAME_TAIL.sub("", text).strip()
    if len(name) > MAX_CASELESS_NAME_CHARS or CASELESS.match(name) is None:
        return False
    return PERSON.match(name) is not None or HAN_NAME.match(name) is not None


def person_names(text: str) -> tuple[str, ...]:
    """Return the names of a line that `is_person`."""
    return _split_names(text)


def _split_names(text: str) -> tuple[str, ...]:
    names = (name.strip(" .:|【】[]") for name in SEPARATORS.split(NAME_TAIL.sub("", text)))
    return tuple(name for name in names if 1 < len(name) <= MAX_NAME_CHARS)


def date_in_line(text: str) -> datetime | None:
    """Return the first date in a short line, in UTC; None without one. A time without a known zone means UTC."""
    exact = parse_date_line(text)
    if exact is not None:
        return exact
    if len(text) > MAX_LINE_CHARS or word_count(text) > MAX_DATE_WORDS:
        return None
    return next((time for find in (_numeric, _east_asian, _written) if (time := find(text)) is not None), None)


def is_date_line(text: str) -> bool:
    """Return whether a line is a date with at most a time and MAX_OTHER_WORDS short words, such as weekday and zone."""
    if date_in_line(text) is None or (SENTENCE_END.search(text) is not None and not text.endswith(DATE_ENDS)):
        return False
    rest = text
    for pattern in (NUMERIC_DATE, EAST_ASIAN_DATE, DAY_MONTH, MONTH_DAY, TIME_OF_DAY):
        rest = pattern.sub(" ", rest, count=1)
    words = WORDS.findall(rest)
    return len(words) <= MAX_OTHER_WORDS and all(len(word) <= MAX_OTHER_CHARS for word in words)


def _numeric(text: str) -> datetime | None:
    match = NUMERIC_DATE.search(text)
    if match is None:
        return None
    a, b, c = (int(match[name]) for name in "abc")
    if len(match["a"]) == 4:
        return _moment(a, b, c, text)
    year = c if c > 99 else CENTURY + c
    half = TIME_OF_DAY.search(text, match.end())
    is_american = b > 12 or (a <= 12 and match["separator"] == "/" and half is not None and half["half"] is not None)
    return _moment(year, a, b, text) if is_american else _moment(year, b, a, text)


def _east_asian(text: str) -> datetime | None:
    match = EAST_ASIAN_DATE.search(text)
    return _moment(int(match["year"]), int(match["month"]), int(match["day"]), text) if match is not None else None


def _written(text: str) -> datetime | None:
    for pattern in (DAY_MONTH, MONTH_DAY):
        for match in pattern.finditer(text):
            month = MONTHS.get(match["month"].casefold().rstrip("."))
            if month is not None:
                return _moment(int(match["year"]), month, int(match["day"]), text)
    return None


def _moment(year: int, month: int, day: int, text: str) -> datetime | None:
    year = year - BUDDHIST_OFFSET if year in BUDDHIST_YEARS else year
    if year in PERSIAN_YEARS and 1 <= month <= 12 and 1 <= day <= 31:
        year, month, day = _from_persian(year, month, day)
    time = TIME_OF_DAY.search(text)
    hour, minute = (int(time["hour"]), int(time["minute"])) if time is not None else (0, 0)
    if time is not None and time["half"] and hour <= 12:
        hour = hour % 12 + (12 if time["half"][0] in "pP" else 0)
    try:
        local = datetime(year, month, day, hour, minute)  # noqa: DTZ001 - the zone is subtracted below
    except ValueError:
        return None
    offset = _offset_after(text, time, local) if time is not None else timedelta()
    return (local - offset).replace(tzinfo=UTC) if 1900 < year < 2200 else None


def _offset_after(text: str, time: re.Match[str], local: datetime) -> timedelta:
    """Return the offset of the zone after *time*. Without a known one the time means UTC.

    Capitals before other words may be a word themselves ("10:00 ART FAIR"). Months and punctuation may follow a zone.
    """
    zone = ZONE_AFTER_TIME.match(text, time.end())
    if zone is None or (zone["next"] and zone["next"].casefold() not in MONTHS):
        return timedelta()
    return utc_offset(zone["zone"].casefold(), local) or timedelta()


def _from_persian(year: int, month: int, day: int) -> tuple[int, int, int]:
    """Return the Gregorian year, month and day of a Persian date. Of 33 years in a row, eight are leap years."""
    cycles, rest = divmod(year + PERSIAN_OFFSET_YEARS, 33)
    before = (month - 1) * 31 if month < 7 else (month - 7) * 30 + 186
    days = 365 * (year + PERSIAN_OFFSET_YEARS) + 8 * cycles + (rest + 3) // 4 + before + day
    moment = date.fromordinal(days - PERSIAN_OFFSET_DAYS)
    return moment.year, moment.month, moment.day
