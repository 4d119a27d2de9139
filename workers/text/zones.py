"""Time zones in dates: numeric offsets, abbreviations, names of the tz database, general names of North America."""

import pkgutil
import re
from datetime import datetime, timedelta
from functools import lru_cache
from io import BytesIO
from zoneinfo import ZoneInfo

# Abbreviation → hours east of Greenwich. Sources: RFC 5322 §4.3 (North America), the tz database for the others,
# Unicode CLDR for the French names of Canada (HNE) and the German ones.
# Military letters are omitted because RFC 5322 §4.3 calls them unreliable.
# An abbreviation of several zones has the offset of AMBIGUOUS_ZONES.
ZONE_HOURS = {
    "": 0, "z": 0, "ut": 0, "utc": 0, "gmt": 0, "zulu": 0,
    "00:00": 0,  # a "+" decoded as a space
    "nst": -3.5, "ndt": -2.5, "ast": -4, "adt": -3, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6,
    "pst": -8, "pdt": -7, "akst": -9, "akdt": -8, "hst": -10,
    "wet": 0, "west": 1, "bst": 1, "cet": 1, "cest": 2, "met": 1, "mest": 2, "mez": 1, "mesz": 2, "eet": 2, "eest": 3,
    "trt": 3, "msk": 3, "мск": 3, "wat": 1, "cat": 2, "sast": 2, "eat": 3,
    "pkt": 5, "ist": 5.5, "npt": 5.75, "ict": 7, "wib": 7, "hkt": 8, "myt": 8, "pht": 8, "sgt": 8, "jst": 9, "kst": 9,
    "awst": 8, "acst": 9.5, "acdt": 10.5, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
    "hnt": -3.5, "hat": -2.5, "hna": -4, "haa": -3, "hne": -5, "hae": -4, "hnc": -6, "hac": -5, "hnr": -7, "har": -6,
    "hnp": -8, "hap": -7, "hast": -10, "hdt": -9, "chst": 10,
    "brt": -3, "brst": -2, "art": -3, "uyt": -3, "clt": -4, "clst": -3, "bot": -4, "vet": -4, "cot": -5, "pet": -5,
    "azot": -1, "idt": 3, "wast": 2, "irst": 3.5, "irdt": 4.5, "aft": 4.5, "mmt": 6.5, "wita": 8, "wit": 9, "bnt": 8,
    "ulat": 8, "uzt": 5, "tjt": 5, "tmt": 5, "mvt": 5, "slst": 5.5, "btt": 6, "fjt": 12, "pgt": 10,
    "msd": 4, "samt": 4, "yekt": 5, "omst": 6, "novt": 7, "krat": 7, "irkt": 8, "yakt": 9, "vlat": 10, "magt": 11,
    "pett": 12,
}  # fmt: skip
# Abbreviation → the zones that share it. The first one counts: it has the most feeds in English. Publishers in the
# other zones write offsets or other names (IDT, UTC+6). RFC 5322 §4.3 fixes EST, CST, MST and PST.
AMBIGUOUS_ZONES = {
    "ist": ("Asia/Kolkata", "Europe/Dublin", "Asia/Jerusalem"),
    "bst": ("Europe/London", "Asia/Dhaka", "Pacific/Bougainville"),
    "cst": ("America/Chicago", "Asia/Shanghai", "America/Havana"),
    "ast": ("America/Halifax", "Asia/Riyadh"),
    "est": ("America/New_York", "Australia/Sydney"),
    "mst": ("America/Denver", "Asia/Kuala_Lumpur"),
    "pst": ("America/Los_Angeles", "Asia/Manila", "Asia/Karachi"),
    "gst": ("Asia/Dubai", "Pacific/Guam"),
    "sst": ("Pacific/Pago_Pago", "Asia/Singapore"),
    "wat": ("Africa/Lagos",),
    "ect": ("America/Guayaquil", "Europe/Paris"),
}
ZONE_HOURS |= {"gst": 4, "sst": -11, "ect": -5}
# English names. Source: Unicode CLDR, metazones in the locale en.
LONG_NAMES = {
    f"{region} {kind} time": f"{prefix}{letter}t"
    for region, prefix in (
        ("eastern", "e"), ("central", "c"), ("mountain", "m"), ("pacific", "p"), ("atlantic", "a"), ("alaska", "ak"),
        ("newfoundland", "n"), ("australian eastern", "ae"), ("australian central", "ac"), ("new zealand", "nz"),
    )
    for kind, letter in (("standard", "s"), ("daylight", "d"))
} | {
    "eastern time": "et", "central time": "ct", "mountain time": "mt", "pacific time": "pt",
    "coordinated universal time": "utc", "universal time": "utc", "greenwich mean time": "gmt",
    "british summer time": "bst", "central european time": "cet", "central european standard time": "cet",
    "central european summer time": "cest", "eastern european time": "eet", "eastern european standard time": "eet",
    "eastern european summer time": "eest", "western european time": "wet", "western european summer time": "west",
    "moscow time": "msk", "moscow standard time": "msk", "india standard time": "ist", "japan standard time": "jst",
    "korean standard time": "kst", "hong kong standard time": "hkt", "singapore standard time": "sgt",
    "hawaii-aleutian standard time": "hst", "australian western standard time": "awst",
    "south africa standard time": "sast", "east africa time": "eat", "west africa standard time": "wat",
    "central africa time": "cat", "gulf standard time": "gst", "pakistan standard time": "pkt",
    "mitteleuropäische zeit": "cet", "mitteleuropäische sommerzeit": "cest",
}  # fmt: skip
GENERAL_HOURS = {"et": -5, "ct": -6, "mt": -7, "pt": -8}  # standard time; daylight saving time adds an hour
RULE_NAMES = frozenset("est5edt cst6cdt mst7mdt pst8pdt".split())  # of the tz database, named after POSIX rules
MIN_HOURS, MAX_HOURS = -12, 14  # of the tz database
QUARTERS = ("", "0", "00", "15", "30", "45")  # minutes of an offset; the tz database has no other since 1972
SUNDAY = 6
_OFFSET = re.compile(r"(?:gmt|utc|ut)?([+-])(\d{1,2})(?::?(\d{2}|0))?")
_SPACED_OFFSET = re.compile(r"\b(gmt|utc|ut) (?=[+-])")
_COMMENT = re.compile(r" ?\(([^()]*)\)$")  # RFC 5322 §3.2.2
_MONOTONIC = re.compile(r" m=[+-][\d.]+\Z")  # Go's Time.String
_OFFSET_AND_Z = re.compile(r"\A([+-]\d\d:?\d\d)z\Z")  # a "Z" that was appended to a complete time
_SIGN = re.compile(r"(?<=[+-]) (?=\d\d)|(?<=^z)(?=[+-]\d)")  # "+ 0100" and "z+0000", two names that must agree
_BRACKETS = re.compile(r"\A([^\[]*)\[!?([^\]=]*)\](?:\[[^\]]*\])*\Z")  # RFC 9557 §4.1: +01:00[Europe/Paris]


def utc_offset(zone: str, local: datetime) -> timedelta | None:
    """Return the offset of *zone* from UTC at *local*; None if any part of it is unknown.

    *zone* is in lower case, *local* is naive. Several names, as in `+0000 GMT`, must agree. No name means UTC.

    >>> utc_offset("gmt+7", datetime(2021, 9, 5))
    datetime.timedelta(seconds=25200)
    """
    zone = _OFFSET_AND_Z.sub(r"\1", _MONOTONIC.sub("", zone))
    if (fixed := _fixed_offset(zone)) is not None:
        return fixed
    zone = _SIGN.sub(lambda match: " " if zone[match.start() - 1] == "z" else "", zone)
    brackets = _BRACKETS.match(zone)
    if brackets:
        zone = brackets[1].strip() or brackets[2]
    comment = _COMMENT.search(zone)
    if comment:
        zone = zone[: comment.start()] or comment[1]
    names = [LONG_NAMES[zone]] if zone in LONG_NAMES else _SPACED_OFFSET.sub(r"\1", zone).split()
    offsets = {_offset(name.rstrip("."), local) for name in names}
    return offsets.pop() if len(offsets) == 1 else None


def _offset(name: str, local: datetime) -> timedelta | None:
    if name in GENERAL_HOURS:
        saving = _saves_daylight(local)
        return None if saving is None else timedelta(hours=GENERAL_HOURS[name] + saving)
    return _region_offset(name, local) if "/" in name or name in RULE_NAMES else _fixed_offset(name)


def _region_offset(name: str, local: datetime) -> timedelta | None:
    """Return the offset of a zone of the tz database, as `europe/berlin`."""
    zone = _region(name)
    return zone.utcoffset(local) if zone else None


@lru_cache(100)
def _region(name: str) -> ZoneInfo | None:
    data = load_regions().get(name)
    return ZoneInfo.from_file(BytesIO(data)) if data else None


@lru_cache(1)
def load_regions() -> dict[str, bytes]:
    """Return the files of the tz database by name in lower case.

    A parser process calls this before it drops the access to files.
    """
    names = (pkgutil.get_data("tzdata", "zones") or b"").decode().split()
    return {name.casefold(): pkgutil.get_data("tzdata", f"zoneinfo/{name}") or b"" for name in names}


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
