"""Time zones in dates: numeric offsets, abbreviations, and the general names of North America. Pure."""

import re
from datetime import datetime, timedelta
from functools import lru_cache

# Abbreviation → hours east of Greenwich. Sources: RFC 5322 §4.3 (North America), the tz database for the others.
# Military letters are omitted because RFC 5322 §4.3 calls them unreliable. IST means India's, as in most articles.
ZONE_HOURS = {
    "": 0, "z": 0, "ut": 0, "utc": 0, "gmt": 0, "etc/utc": 0, "etc/gmt": 0,
    "00:00": 0,  # a "+" decoded as a space
    "nst": -3.5, "ndt": -2.5, "ast": -4, "adt": -3, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6,
    "pst": -8, "pdt": -7, "akst": -9, "akdt": -8, "hst": -10,
    "wet": 0, "west": 1, "bst": 1, "cet": 1, "cest": 2, "met": 1, "mest": 2, "mez": 1, "mesz": 2, "eet": 2, "eest": 3,
    "trt": 3, "msk": 3, "wat": 1, "cat": 2, "sast": 2, "eat": 3,
    "pkt": 5, "ist": 5.5, "npt": 5.75, "ict": 7, "wib": 7, "hkt": 8, "myt": 8, "pht": 8, "sgt": 8, "jst": 9, "kst": 9,
    "awst": 8, "acst": 9.5, "acdt": 10.5, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
}  # fmt: skip
GENERAL_HOURS = {"et": -5, "ct": -6, "mt": -7, "pt": -8}  # standard time; daylight saving time adds an hour
MIN_HOURS, MAX_HOURS = -12, 14  # of the tz database
QUARTERS = ("", "0", "00", "15", "30", "45")  # minutes of an offset; the tz database has no other since 1972
SUNDAY = 6
_OFFSET = re.compile(r"(?:gmt|utc|ut)?([+-])(\d{1,2})(?::?(\d{2}|0))?")
_SPACED_OFFSET = re.compile(r"\b(gmt|utc|ut) (?=[+-])")
_COMMENT = re.compile(r" ?\(([^()]*)\)$")  # RFC 5322 §3.2.2


def utc_offset(zone: str, local: datetime) -> timedelta | None:
    """Return the offset of *zone* from UTC at *local*; None if any part of it is unknown.

    *zone* is in lower case, *local* is naive. Several names, as in `+0000 GMT`, must agree. No name means UTC.

    >>> utc_offset("gmt+7", datetime(2021, 9, 5))
    datetime.timedelta(seconds=25200)
    """
    if (fixed := _fixed_offset(zone)) is not None:
        return fixed
    comment = _COMMENT.search(zone)
    if comment:
        zone = zone[: comment.start()] or comment[1]
    names = _SPACED_OFFSET.sub(r"\1", zone).split()
    offsets = {_offset(name.rstrip("."), local) for name in names}
    return offsets.pop() if len(offsets) == 1 else None


def _offset(name: str, local: datetime) -> timedelta | None:
    if name in GENERAL_HOURS:
        saving = _saves_daylight(local)
        return None if saving is None else timedelta(hours=GENERAL_HOURS[name] + saving)
    return _fixed_offset(name)


@lru_cache(1_000)
def _fixed_offset(name: str) -> timedelta | None:
    if name in ZONE_HOURS:
        return timedelta(hours=ZONE_HOURS[name])
    match = _OFFSET.fullmatch(name)
    if match is None or (match[3] or "") not in QUARTERS:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0)) * (-1 if match[1] == "-" else 1)
    return offset if timedelta(hours=MIN_HOURS) <= offset <= timedelta(hours=MAX_HOURS) else None


def _saves_daylight(local: datetime) -> bool | None:
    """Return whether North America observes daylight saving time; None before 1987. Source: 15 U.S.C. §260a."""
    if local.year >= 2007:
        begin, end = _sunday(local.year, 3, 8), _sunday(local.year, 11, 1)
    elif local.year >= 1987:
        begin, end = _sunday(local.year, 4, 1), _sunday(local.year, 10, 25)
    else:
        return None
    return begin <= local < end


def _sunday(year: int, month: int, day: int) -> datetime:
    """Return 2 o'clock on the first Sunday on or after a day."""
    first = datetime(year, month, day, 2)  # noqa: DTZ001 - local time by definition
    return first + timedelta(days=SUNDAY - first.weekday())
