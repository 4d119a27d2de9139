"""Dates as bylines write them, to aware UTC times."""

import re
import warnings
from datetime import UTC, datetime

import dateutil.parser

from workers.clean.clutter import UPDATE_STAMP

warnings.filterwarnings("ignore", category=dateutil.parser.UnknownTimezoneWarning)  # such a time is taken as UTC

MAX_DATE_CHARS = 80
_MONTHS = r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
_DATE = re.compile(
    rf"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s+)?"
    rf"(?:(?:{_MONTHS})\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}|\d{{1,2}}(?:st|nd|rd|th)?\s+(?:{_MONTHS})\.?,?\s+\d{{4}}|"
    rf"\d{{4}}-\d{{2}}-\d{{2}})"
    r"(?:(?:,|\s|t|at|@|\||-|–|·|•)*\d{1,2}[:.]\d{2}(?::\d{2})?\s*(?:[ap]\.?m\.?)?\s*(?:z|utc|gmt|[a-z]{2,4}t|[+-]\d{2}:?\d{2})?)?\.?",
    re.IGNORECASE,
)
# Zones that outlets print; dateutil knows only UTC and the machine's own. Source: their UTC offsets in hours.
_ZONES = {"EST": -5, "EDT": -4, "ET": -5, "CST": -6, "CDT": -5, "CT": -6, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
          "PT": -8, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3, "IST": 5.5, "JST": 9, "AEST": 10,
          "AEDT": 11, "NZST": 12, "NZDT": 13, "HKT": 8, "SGT": 8, "PKT": 5, "TRT": 3}  # fmt: skip
_DEFAULT = datetime(2000, 1, 1, tzinfo=UTC)
_ZONE_SECONDS = {name: int(hours * 3600) for name, hours in _ZONES.items()}


def date_in(line: str) -> datetime | None:
    """Return the time that *line* gives if it gives nothing else, in UTC; without a zone, it is taken as UTC.

    "Published: February 26, 2017" is such a line; a sentence that mentions a date isn't.
    """
    if len(line) > MAX_DATE_CHARS:
        return None
    stamp = UPDATE_STAMP.match(line)
    found = _DATE.fullmatch(line[stamp.end() :] if stamp else line)
    return parse_date(found.group().strip(" .")) if found else None


def parse_date(text: str) -> datetime | None:
    """Return *text* as an aware UTC time, or None where it is no date in a possible year."""
    try:
        value = dateutil.parser.parse(re.sub(r"[|@·•]|\bat\b", " ", text), tzinfos=_ZONE_SECONDS, default=_DEFAULT)
        value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except (ValueError, OverflowError, TypeError):
        return None
    return value if 1900 < value.year < 2200 else None
