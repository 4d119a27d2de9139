"""Lines that consist of a date, in bylines and on pages. Pure."""

import re
from datetime import UTC, datetime

from workers.text.dates import MONTH_NUMBERS, parse_date

MAX_DATE_CHARS = 80
# Words before the date of a line such as "Updated on March 3, 2026".
UPDATE_STAMP = re.compile(r"(?:last )?(?:updated|update|published|posted|modified|first published|publicado|actualizado|"
                          r"publié|mis à jour|veröffentlicht|aktualisiert|aggiornato|güncelleme|опубликовано)\b[\s:]*+(?:on|at|le|am|el)?+\s*+", re.IGNORECASE)  # fmt: skip
_MONTH = "(?:" + "|".join(sorted(map(re.escape, MONTH_NUMBERS), key=len, reverse=True)) + ")"
_TIME = (
    r"(?:(?:,|\s|t|at|um|à|a las|klo|kl|@|\||-|–|·|•)*\d{1,2}[:.h]\d{2}(?::\d{2})?\s*+(?:uhr|hrs|h)?\s*+(?:[ap]\.?m\.?)?\s*+"
    r"(?:z|utc|gmt|[a-z]{2,4}t|[+-]\d{2}:?\d{2})?)?\.?"
)
_WEEKDAY = r"(?:[^\W\d_]{2,12}\.?,?\s+)?"  # in any language: a word before the date
_SECTION = re.compile(r"\A[^\W\d_]{2,12}\s+")  # "Sport 05.08.2024", on pages
_DAY = r"\d{1,2}(?:st|nd|rd|th|er|º|\.)?"
_DATE = re.compile(
    rf"{_WEEKDAY}(?:{_MONTH}\.?\s+{_DAY},?\s+\d{{4}}|{_DAY}\s+(?:de\s+)?{_MONTH}\.?,?\s+(?:de\s+|del\s+)?\d{{4}}|"
    rf"\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}\.\s?\d{{1,2}}\.\s?\d{{4}}|\d{{4}}\.\s?{_MONTH}\s\d{{1,2}}\.){_TIME}",
    re.IGNORECASE,
)
# East Asian dates: year, month and day, each followed by its sign. Source: CLDR date formats of zh, ja and ko.
_EAST_ASIAN = re.compile(
    r"(?P<year>\d{4})\s?[年년]\s?(?P<month>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日일]"
    r"(?:\s*+[（(]?[月火水木金土日一二三四五六]?[)）]?\s*+(?P<hour>\d{1,2})[:時时](?P<minute>\d{2})[分]?)?"
)
_DIGIT = re.compile(r"\d")


def parse_date_line(line: str) -> datetime | None:
    """Return the time of a line that consists of a date, in UTC; None for any other line.

    "Published: February 26, 2017" and "Sport 05.08.2024" are such lines; a sentence with a date is not. A time without
    a zone means UTC.
    """
    if len(line) > MAX_DATE_CHARS or _DIGIT.search(line) is None:
        return None
    stamp = UPDATE_STAMP.match(line)
    rest = line[stamp.end() :] if stamp else line
    east = _EAST_ASIAN.fullmatch(rest.strip())
    if east is not None:
        return _utc(*(int(east[name] or 0) for name in ("year", "month", "day", "hour", "minute")))
    match = _DATE.fullmatch(rest)
    if match is None:
        return None
    text = match.group().strip(" .")
    return parse_date(text) or parse_date(_SECTION.sub("", text))


def _utc(year: int, month: int, day: int, hour: int, minute: int) -> datetime | None:
    try:
        value = datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None
    return value if 1900 < year < 2200 else None
